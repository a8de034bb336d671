"""Our own commands as contestants, and projects in the state that a row wants."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks.places import RECONCILER
from benchmarks.projects import change, project, restore
from benchmarks.timing import Contestant, run_once

_waves: Iterator[int] = count()


def warm_check(root: Path, *, name: str = "reconciler check") -> Contestant:
    """`check` on an unchanged project whose index is up to date."""
    contestant = Contestant(name, (RECONCILER, "check"), root)
    run_once(contestant)
    return contestant


def cold_check(root: Path, *, name: str = "reconciler check, no index") -> Contestant:
    """`check` as after a fresh clone."""

    def forget() -> None:
        for cache in ("index", "parsed"):
            (root / ".reconciler" / cache).unlink(missing_ok=True)

    return Contestant(name, (RECONCILER, "check"), root, before=forget)


def plan_one(assets: int, *, name: str = "reconciler plan, 1 spec changed") -> Contestant:
    """`plan` where one spec has changed since the index was written; each run changes it again."""
    root = project(assets, kind="edited")
    restore(root)
    contestant = Contestant(name, (RECONCILER, "plan"), root, before=lambda: change(root, next(_waves)))
    run_once(Contestant("check", (RECONCILER, "check"), root))  # clean, or there is nothing to measure
    return contestant
