"""`type: command`: the contract of providers, and every way in which a worker misbehaves."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.core.seed import recipe_seed
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.core.value import replace
from reconciler.engine.references import LocalReferences
from reconciler.providers.command.declaration import COMMAND_WORKER, TRUSTED_COMMANDS
from reconciler.providers.command.provider import CommandProvider
from reconciler.providers.declaration import Resources
from reconciler.providers.keys import key_for
from reconciler.providers.secret import NO_KEY_SENT, NoKey
from reconciler.testing.memory_ports import MemorySpool
from reconciler.testing.requests import a_request
from tests.workers import stripes_command


def settings(*options: str, charges: bool = False, seconds: float = 20, concurrency: int = 1) -> ProviderSettings:
    traits = replace(COMMAND_WORKER.traits, free=False, local=False) if charges else COMMAND_WORKER.traits
    return ProviderSettings(
        "gpu", "command", command=stripes_command(*options), traits=traits, charges=charges, concurrency=concurrency,
        timeouts=Timeouts(total=seconds),
    )  # fmt: skip


class Drawing:
    """A provider, and what it leaves in its spool."""

    def __init__(self, folder: Path, given: ProviderSettings) -> None:
        self.spool = MemorySpool(folder)
        self.ends: list[Any] = []
        self.provider = CommandProvider(given, Resources(self.spool, LocalReferences(), NO_KEY_SENT, self.ends.append))

    def draw(self, *requests: ImageRequest) -> list[Outcome]:
        async def all_of_them() -> list[Outcome]:
            return list(await asyncio.gather(*map(self.provider.generate, requests)))

        return asyncio.run(all_of_them())

    def one(self, recipe: Recipe | None = None) -> Outcome:
        return self.draw(a_request(recipe or Recipe("a sword", size="320x200")))[0]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def drawing(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Drawing]:
    made = Drawing(tmp_path / "spool", settings(*getattr(request, "param", ())))
    yield made
    made.provider.end()


def asked(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_worker_gets_the_recipe_the_pixels_and_a_seed_and_is_kept_for_the_run(tmp_path: Path, log: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--log", str(log)))
    recipes = [
        Recipe(f"a  sword\n{number}", size="320x200", params={"seed": 7} if number else {}) for number in range(3)
    ]
    assert all(isinstance(each, Done) for each in made.draw(*map(a_request, recipes)))
    made.ends[0]()
    hello, *requests, stop = asked(log)
    assert (hello, stop) == ({"v": 1, "hello": {}}, {"stop": {}}), "one worker for three images"
    by_prompt = {each["recipe"]["prompt"]: each for each in requests}
    first = by_prompt["a  sword\n0"]
    assert (first["width"], first["height"], first["format"], first["references"]) == (320, 200, "png", [])
    assert first["seed"] == recipe_seed(recipes[0].key()) < 1 << 63
    assert by_prompt["a  sword\n1"]["seed"] == 7
    assert len({each["id"] for each in requests}) == 3


def test_the_same_recipe_has_the_same_seed_and_another_take_another_one() -> None:
    recipe = Recipe("a sword")
    assert recipe_seed(recipe.key()) == recipe_seed(Recipe("a  sword").key())
    assert recipe_seed(recipe.key()) != recipe_seed(replace(recipe, take=2).key())


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        ("refuse", Refused, "no\\x1b[2J swords"),
        ("fail", BadOutput, "out of memory"),
        ("neither", BadOutput, "neither done nor refused nor failed"),
        ("empty", BadOutput, "empty file"),
        ("text", BadOutput, ""),
        ("small", Mismatched, "200x100"),
        ("junk", Done, ""),
        ("die", NotSent, "ended with exit code 7: CUDA out of memory"),
        ("flood", NotSent, "a line of over 1 MiB"),
    ],
)
def test_each_mood_ends_in_its_outcome(tmp_path: Path, mood: str, kind: type, words: str) -> None:
    made = Drawing(tmp_path / "spool", settings("--mood", mood))
    outcome = made.one()
    made.provider.end()
    assert isinstance(outcome, kind), outcome
    assert words in getattr(outcome, "message", words)
    kept = {Done: 1, Mismatched: 1, BadOutput: int(mood == "text")}.get(kind, 0)
    assert len(made.spool.left()) == kept


def test_a_link_in_place_of_the_image_is_not_followed(tmp_path: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--mood", "link"))
    outcome = made.one()
    made.provider.end()
    assert isinstance(outcome, BadOutput)
    assert outcome.message == "the worker left no file: not a regular file"
    assert not made.spool.left()


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--mood", "hang", "--after", "1", seconds=1))
    assert isinstance(made.one(), Done)
    outcome = made.one()
    assert isinstance(outcome, NotSent)
    assert "no answer within 1 s" in outcome.message


_READS_LATE = """
import json, sys
print(json.dumps({"v": 1, "ready": {"name": "late"}}), flush=True)
sys.stdin.readline()
sys.stderr.write("x" * 300_000)
sys.stderr.flush()
asked = json.loads(sys.stdin.readline())
print(json.dumps({"id": asked["id"], "refused": f"read {len(asked['recipe']['prompt'])}"}), flush=True)
"""
_READS_NOTHING = """
import json, sys, time
print(json.dumps({"v": 1, "ready": {"name": "deaf"}}), flush=True)
time.sleep(60)
"""
_IS_NEVER_READY = "import time\ntime.sleep(60)\n"
_LONG = Recipe("x" * 90_000, size="64x64")
"""A request for it does not fit into a pipe."""


def worker_of(tmp_path: Path, program: str, seconds: float) -> Drawing:
    return Drawing(tmp_path / "spool", replace(settings(seconds=seconds), command=(sys.executable, "-c", program)))


def test_a_worker_that_prints_before_it_reads_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    made = worker_of(tmp_path, _READS_LATE, 20)
    assert made.one(_LONG) == Refused("read 90000")
    made.provider.end()


def test_a_worker_that_does_not_read_its_request_is_ended(tmp_path: Path) -> None:
    outcome = worker_of(tmp_path, _READS_NOTHING, 1).one(_LONG)
    assert isinstance(outcome, NotSent)
    assert "read no request within 1 s" in outcome.message


def test_a_dead_worker_is_replaced_and_three_in_a_row_are_the_end(tmp_path: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--mood", "die", "--after", "1"))
    kinds = [type(made.one()) for _ in range(5)]
    assert kinds == [Done, NotSent, Done, NotSent, Done]
    made.provider.end()
    always = Drawing(tmp_path / "other", settings("--mood", "die"))
    last = [always.one() for _ in range(4)][-1]
    assert isinstance(last, NotSent)
    assert last.final
    assert "3 workers died one after the other" in last.message


def test_a_dead_worker_that_charges_leaves_its_request_in_doubt(tmp_path: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--mood", "die", charges=True))
    assert isinstance(made.one(), InDoubt)


@pytest.mark.parametrize("program", ["/nowhere/at/all", "true", "yes"])
def test_a_program_that_is_no_worker_is_told_in_a_line(tmp_path: Path, program: str) -> None:
    made = Drawing(tmp_path / "spool", replace(settings(seconds=5), command=(program,)))
    outcome = made.one()
    assert isinstance(outcome, NotSent)
    assert outcome.final
    assert outcome.message.startswith("the worker of gpu: ")
    assert not made.spool.left()


def test_a_missing_program_is_told_with_what_to_do(tmp_path: Path) -> None:
    made = Drawing(tmp_path / "spool", replace(settings(), command=("./worker.py",)))
    outcome = made.one()
    assert isinstance(outcome, NotSent)
    assert "there is no program ./worker.py: put it on the PATH, or write an absolute path" in outcome.message


def test_a_model_that_the_worker_does_not_have_is_rejected(drawing: Drawing) -> None:
    outcome = drawing.one(Recipe("x", model="sdxl", size="64x64"))
    assert isinstance(outcome, Rejected)
    assert "no model sdxl; it has stripes-1" in outcome.message
    assert isinstance(drawing.one(), Done)


@pytest.mark.parametrize("program", ["", _IS_NEVER_READY, _READS_NOTHING])
def test_a_cancelled_call_ends_its_worker_at_once(tmp_path: Path, program: str) -> None:
    hangs = Drawing(tmp_path / "spool", settings("--mood", "hang", seconds=60))
    made = worker_of(tmp_path, program, 60) if program else hangs

    async def cancelled() -> None:
        call = asyncio.create_task(made.provider.generate(a_request(_LONG)))
        await asyncio.sleep(0.4)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    begun = time.monotonic()
    asyncio.run(cancelled())
    assert time.monotonic() - begun < 10
    assert not made.spool.left()


def test_several_workers_draw_at_once(tmp_path: Path, log: Path) -> None:
    made = Drawing(tmp_path / "spool", settings("--log", str(log), concurrency=2))
    requests = [a_request(Recipe(f"x {number}", size="64x64")) for number in range(6)]
    assert all(isinstance(each, Done) for each in made.draw(*requests))
    made.provider.end()
    assert 1 <= sum("hello" in each for each in asked(log)) <= 2


@pytest.mark.parametrize(
    ("listed", "trusted"),
    [
        ("{0}", True),
        ("other; {0}\nmore", True),
        ("", False),
        ("{0} --more", False),
        (sys.executable, False),
        ("'open", False),
    ],
)
def test_a_command_is_run_only_where_the_user_has_listed_all_of_it(listed: str, trusted: bool) -> None:
    environ = {TRUSTED_COMMANDS: listed.format(shlex.join(stripes_command()))}
    found = key_for(settings(), environ)
    assert isinstance(found, NoKey) is not trusted
    if isinstance(found, NoKey):
        assert shlex.quote(shlex.join(stripes_command())) in found.hint
