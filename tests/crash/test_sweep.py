"""The sweeps find every known bug of a small apply, and none in the correct one; the rules by themselves."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash import native
from tests.crash.disksweep import disk_sweep
from tests.crash.native import Ran
from tests.crash.rules import AFTER_A_KILL, Bill, Look, Story, broken
from tests.crash.sweep import Slice, cut_sweep, kill_sweep
from tests.crash.toy_world import toy_world


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize("threads", [2])
def test_the_correct_toy_survives_every_kill(tmp_path: Path, threads: int) -> None:
    scenario = functools.partial(toy_world, threads=threads, count=1)
    swept = kill_sweep(scenario, tmp_path)
    assert swept.violations == ()
    with toy_world(tmp_path, threads=threads, count=1) as world:
        world.reset()
        assert swept.points + swept.missed >= native.count(world.command, root=world.root, env=world.env).count


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize("threads", [3])
def test_the_correct_toy_survives_power_cuts(tmp_path: Path, threads: int) -> None:
    swept = cut_sweep(functools.partial(toy_world, threads=threads, count=threads), tmp_path, limit=20)
    assert swept.violations == ()
    assert swept.points >= 20


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize("bug", ["write in place", "intent after send", "record before store"])
def test_a_kill_finds(tmp_path: Path, bug: str) -> None:
    assert kill_sweep(functools.partial(toy_world, bug=bug, count=1), tmp_path, enough=1).violations


@pytest.mark.usefixtures("killer")
@pytest.mark.parametrize(
    "bug",
    ["write in place", "intent after send", "record before store", "no fsync", "no folder fsync", "rename before fsync",
     "no checksum"],
)  # fmt: skip
def test_a_power_cut_finds(tmp_path: Path, bug: str) -> None:
    assert cut_sweep(functools.partial(toy_world, bug=bug, count=1), tmp_path, limit=300, enough=1).violations


@pytest.mark.usefixtures("shim")
@pytest.mark.parametrize(("error", "words"), [("ENOSPC", "it ended with 1: OSError"), ("SHORT", "nowhere")])
def test_a_disk_that_fails_is_simulated_and_what_it_does_is_noticed(tmp_path: Path, error: str, words: str) -> None:
    """The toy knows neither short writes nor what to do about an error."""
    swept = disk_sweep(functools.partial(toy_world, count=1), tmp_path, errors=(error,))
    assert any(words in text for violation in swept.violations for text in violation.words)


@pytest.mark.usefixtures("killer")
def test_one_thread_has_one_count(tmp_path: Path) -> None:
    counts = set()
    with toy_world(tmp_path) as world:
        for _ in range(3):
            world.reset()
            counts.add(native.count(world.command, root=world.root, env=world.env).count)
    assert len(counts) == 1


def test_slices_are_a_partition_that_the_seed_moves() -> None:
    slices = [Slice(number, 7, "a commit").choose(100) for number in range(7)]
    assert sorted(point for part in slices for point in part) == list(range(1, 101))
    assert slices[0] != Slice(0, 7, "the next commit").choose(100)


# A story in which one asset was done, one came in doubt by the kill, and the third was not reached.
DONE = Look(
    bills=(Bill("a", "1"), Bill("b", "2")), stored=frozenset({"1"}), locked={"a": "1"}, outputs={"a": "1"},
    recorded={"a": "1"}, in_doubt=frozenset({"b"}),
)  # fmt: skip
AFTER = replace(
    DONE, bills=(*DONE.bills, Bill("c", "3")), stored=frozenset("13"), locked={"a": "1", "c": "3"},
    outputs={"a": "1", "c": "3"}, recorded={"a": "1", "c": "3"},
)  # fmt: skip
STORY = Story(frozenset("abc"), 1, DONE, Ran(3, "", "b is in doubt"), AFTER)


def test_a_good_story_breaks_no_rule() -> None:
    assert broken(STORY, AFTER_A_KILL) == ()


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (replace(STORY, after=replace(AFTER, bills=(*AFTER.bills, Bill("a", "4")))), "a was billed 2 times"),
        (replace(STORY, after=replace(AFTER, stored=frozenset("3"))), "a: paid bytes left the store"),
        (replace(STORY, after=replace(AFTER, outputs={"a": "9", "c": "3"})), "a: was stored and recorded"),
        (replace(STORY, after=replace(AFTER, torn=("x is torn",))), "x is torn"),
        (replace(STORY, crashed=replace(DONE, torn=("x is torn",))), "right after the kill: x is torn"),
        (replace(STORY, flight=0), "1 in doubt, but only 0 requests"),
        (replace(STORY, after=replace(AFTER, in_doubt=frozenset("ab"))), "a is in doubt although it was stored"),
        (replace(STORY, after=replace(AFTER, in_doubt=frozenset("bc"))), "c came in doubt in a run without faults"),
        (
            replace(STORY, after=replace(AFTER, in_doubt=frozenset())),
            "b was billed, is not finished, not answered and not in doubt",
        ),
        (replace(STORY, after=replace(AFTER, locked={"a": "1"})), "c is not finished after the second run"),
        (replace(STORY, second=Ran(3, "", "something")), "b is in doubt, and the second run did not say so"),
        (replace(STORY, second=Ran(0, "", "")), "the second run ended with 0, not 3"),
        (replace(STORY, second=Ran(3, "", "Traceback (most recent call last):\n  x\nE: y")), "a traceback: E: y"),
    ],
)
def test_each_rule_notices(story: Story, words: str) -> None:
    assert any(found.startswith(words) for found in broken(story, AFTER_A_KILL))
