"""`reconciler submit` and `reconciler collect` of eight images under the sweeps.

After a kill the journal is made older, so that a job that no list has counts as not created; then everything is
collected, what was not sent is submitted, and that is collected, too.

With a team, nothing may be billed without a claim, and afterwards each claim must have an end that is true.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tests.crash import tree as trees
from tests.crash.native import Fault, Faulted, Ran
from tests.crash.rules import Look
from tests.crash.scenario import ENTRY, PaidApply, paid_apply

PROJECT = """\
provider: gemini
defaults: {{model: gemini-2.5-flash-image, size: "1:1"}}
providers:
  gemini: {{base_url: "{url}", api_key_env: GEMINI_API_KEY, batch_size: 3}}
"""
TEAM = """\
team: {{url: "file://{store}", receipts: any}}
"""
_HEAD = re.compile(rb"(\d+) ([0-9a-f]{8}) ")


@dataclass
class Batching(PaidApply):
    """Implements World. `submitted`: a fresh project waits for its batches, and `collect` is what is killed. `team`:
    the project has a team's store, in a folder."""

    submitted: bool = False
    team: bool = False
    recovered: bool = False

    @property
    def flight(self) -> int:
        """Nothing of a batch is ever in doubt."""
        return 0

    @property
    def command(self) -> Sequence[str]:
        arguments = ["collect"] if self.submitted else ["submit", "--yes"]
        return [sys.executable, "-I", "-c", ENTRY.format(str(self.package)), *arguments]

    @property
    def env(self) -> dict[str, str]:
        team = {
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "RECONCILER_TRUSTED_STORES": f"file://{self.store}",
        }
        return {**super().env, "GEMINI_API_KEY": self.gateway.key, **(team if self.team else {})}

    @property
    def store(self) -> Path:
        return self.root / "store"

    def restore(self, tree: trees.Tree, ledger: bytes) -> None:
        super().restore(tree, ledger)
        self.recovered = False
        project = PROJECT.format(url=self.gateway.url("gemini"))
        if self.team:
            self.store.mkdir(exist_ok=True)
            (self.folder / "gitconfig").write_text("[user]\n\temail = ana@acme\n")
            project += TEAM.format(store=self.store)
        (self.root / "reconciler.yaml").write_text(project)

    def reset(self) -> None:
        self.gateway.forget_batches()
        super().reset()
        if self.submitted and self._run("submit", "--yes").exit != 0:
            raise AssertionError("the batches are not submitted")

    def again(self) -> Ran:
        age(self.root / ".reconciler/journal")
        runs = [self._run("collect"), self._run("submit", "--yes"), self._run("collect")]
        told = "".join(run.stdout + run.stderr for run in runs)
        self.recovered = True
        return Ran(runs[-1].exit, runs[-1].stdout, told)

    def look(self) -> Look:
        seen = super().look()
        return replace(seen, torn=(*seen.torn, *self._untrue(seen))) if self.team else seen

    def _untrue(self, seen: Look) -> Iterator[str]:
        """What is wrong with the claims."""
        claims = {path: json.loads(path.read_bytes()) for path in self.store.glob("claims/*/*/*[0-9].json")}
        ends = {path: path.with_suffix(".end.json") for path in claims}
        outcomes = {path: json.loads(end.read_bytes())["outcome"] for path, end in ends.items() if end.exists()}
        claimed = {claim["asset"] for claim in claims.values()}
        yield from (f"{bill.asset} was billed without a claim" for bill in seen.bills if bill.asset not in claimed)
        images = {claim["asset"] for path, claim in claims.items() if outcomes.get(path) == "Done"}
        stored = {path.name for path in self.store.glob("objects/*/*")}
        answers = {bill.asset: bill.content for bill in seen.bills}
        yield from (f"the team's store has no image of {asset}" for asset in images if answers.get(asset) not in stored)
        if self.recovered:
            yield from (f"the claim of {claims[path]['asset']} has no end" for path in claims if path not in outcomes)
            yield from (
                f"no claim of {bill.asset} ended with its image" for bill in seen.bills if bill.asset not in images
            )

    def _run(self, *arguments: str) -> Ran:
        ended = self.second.run(["reconciler", *arguments], env=self.env, cwd=self.root)
        return Ran(ended.exit, ended.stdout, ended.stderr)

    def disturb(self, fault: Fault) -> Faulted:
        raise NotImplementedError("no sweep lets the disk fail under a batch")


def age(journal: Path) -> None:
    """Every batch in a journal was sent years ago. A torn record at its end stays as it is."""
    if not journal.exists():
        return
    data, at, written = journal.read_bytes(), 0, b""
    while head := _HEAD.match(data, at):
        payload = data[head.end() : head.end() + int(head[1])]
        if len(payload) < int(head[1]) or zlib.crc32(payload) != int(head[2], 16):
            break
        at = head.end() + len(payload) + 1
        if b'"kind":"batch_' in payload or b'"kind": "batch_' in payload:
            payload = re.sub(rb'("at":\s*)"[^"]*"', rb'\1"2020-01-01T00:00:00Z"', payload)
        written += b"%d %08x %b\n" % (len(payload), zlib.crc32(payload), payload)
    journal.write_bytes(written + data[at:])


@contextmanager
def submitting(folder: Path, **options: Any) -> Iterator[Batching]:
    """A submission is killed."""
    with paid_apply(folder, **options) as world:
        yield Batching(**{each.name: getattr(world, each.name) for each in fields(world)})


@contextmanager
def collecting(folder: Path, **options: Any) -> Iterator[Batching]:
    """The collection of three batches is killed."""
    with submitting(folder, **options) as world:
        world.submitted = True
        yield world


@contextmanager
def team_submitting(folder: Path, **options: Any) -> Iterator[Batching]:
    """A submission of a project with a team is killed."""
    with submitting(folder, **options) as world:
        world.team = True
        yield world


@contextmanager
def team_collecting(folder: Path, **options: Any) -> Iterator[Batching]:
    """A collection of a project with a team is killed."""
    with collecting(folder, **options) as world:
        world.team = True
        yield world
