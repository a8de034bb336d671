"""A slice of the corpus, one case of each kind; `make hostile` runs all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.fork_server import leased
from tests.crash.scenario import ENTRY_POINT, PRELOAD
from tests.hostile.case import CANARY, ROOT, Case, meet
from tests.hostile.corpus import CASES

SLICE = (
    "orphan, forced state: .git/config",
    "lock names: .git/HEAD",
    "the journal publishes .git/config",
    "a locked output is no picture",
    "parsed: deep specs",
    "10,000 combinations x 40,000 vars",
    "a lockfile of 99 MB",
    "file name: s\\n::error file=x::INJ",
    "plan file: \\u202egnp",
    "reference: a JPEG of 5,000 scans",
    "verdict: a key twice",
    "derived: the lock names an image of an asset",
    "derived: a linked folder of outputs",
    "metadata: 20,000 packets of XMP",
    "statement: a path outside",
    "team: other bytes",
    "team: pipes",
    "workflow: 9,999 nodes in a chain",
    "comfyui: an image elsewhere",
)


def test_the_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SLICE)
def test_a_hostile_pull_request_changes_nothing_and_takes_little(name: str, tmp_path: Path) -> None:
    (case,) = [case for case in CASES if case.name == name]
    with leased(ROOT, ENTRY_POINT, PRELOAD) as forking:
        outcome = meet(case, tmp_path, forking)
    assert not outcome.broken, "\n".join(outcome.broken)


def test_the_rules_see_what_they_forbid(tmp_path: Path) -> None:
    """A case that breaks the rules on exit code, message, memory, time, leaks and files that nobody may change."""

    def build(root: Path) -> None:
        (root / "reconciler.yaml").write_text("provider: draft\n")
        (root / "specs").mkdir()
        (root / "specs/a.yaml").write_text(f"prompt: {CANARY}\n")

    case = Case(
        "bad", build, ("apply --yes", "init"), says={"init": "0.0.0"}, codes=frozenset({9}), memory=1, cpu=0.001
    )
    broken = "\n".join(meet(case, tmp_path).broken)
    for fact in ("exit code 0", "does not say '0.0.0'", " MiB", " s of CPU", "the canary is in assets.lock"):
        assert fact in broken
