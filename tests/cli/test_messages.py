"""What is said, and that each hint says what helps just then."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.events import Published
from reconciler.core.lock.entry import read_entry
from reconciler.store.state.lock import exclusive, holder
from tests.cli.conftest import Scratch, picture

HINT = "run `reconciler apply`"


def test_check_points_to_apply_only_where_apply_can_do_something(project: Scratch) -> None:
    project.write("assets/hero.png", picture())
    assert HINT not in project.run("check").err
    project.edit("specs/mascot.yaml", "round", "square")
    assert HINT in project.run("check").err


def test_while_an_apply_runs_the_lockfile_is_not_called_cut_off(project: Scratch) -> None:
    entry = read_entry(project.lock["hero"] | {"content": f"sha256:{'0' * 64}"})
    project.journal(Published(AssetId("hero"), entry, "made"))
    side = project.root / ".reconciler/lock"
    assert "of an interrupted apply" in project.run("plan").out
    with exclusive(side):
        assert f"an apply is running here (process {os.getpid()}, " in project.run("plan").out
        assert "assets.lock lacks 1 asset so far" in project.run("check").out
    side.write_text("process 1, who was killed")
    assert "of an interrupted apply" in project.run("check").out


def test_to_ask_who_holds_a_lock_creates_nothing(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()


def test_a_plan_is_not_looked_for_in_a_pipe_or_a_device(project: Scratch) -> None:
    os.mkfifo(project.root / "pipe")
    for path in ("pipe", "/dev/zero"):
        said = project.run("plan", "-o", path)
        assert (said.code, "exists and is not a saved plan" in said.err) == (1, True)


def test_the_hint_of_gc_repeats_what_was_asked(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.done("apply", "--yes")
    assert "`reconciler store gc --forget-paid --yes`" in project.done("store", "gc", "--forget-paid").err
    assert "`reconciler store gc --yes`" in project.done("store", "gc").err


def test_usage_errors_read_like_ours_and_a_bare_command_is_a_question_for_help(scratch: Scratch) -> None:
    said = scratch.run("check", "--nope")
    assert (said.code, said.out) == (1, "")
    assert said.err == "reconciler: no such option '--nope'\n  hint: `reconciler check --help`\n"
    said = scratch.run("choose")
    assert said.err.startswith("reconciler: missing argument '")
    assert len(said.err.splitlines()) == 2
    for bare in ((), ("store",)):
        said = scratch.run(*bare)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith(" ".join(("Usage: reconciler", *bare)))


def test_no_costs_are_one_line_and_what_was_adopted_was_not_made(project: Scratch) -> None:
    project.write("assets/hero.png", picture())
    project.done("adopt", "hero")
    lines = project.done("show", "hero").out.splitlines()
    assert any(line.startswith("  adopted      on 20") for line in lines)
    assert not any("made" in line.split()[:1] for line in lines)
    (project.root / "assets.lock").unlink()
    for path in (project.root / ".reconciler/store").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.unlink()
    assert project.done("costs").out == "no image is locked, and none was paid for\n"
