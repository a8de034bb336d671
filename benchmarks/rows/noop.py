"""The no-op: nothing has changed, or one spec has."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import peers
from benchmarks.peers import DOIT, DVC, GIT, MAKE, MAKE_BARE, NINJA
from benchmarks.places import peer
from benchmarks.projects import project
from benchmarks.rows import ours
from benchmarks.table import Claim, Row, ratio
from benchmarks.timing import Figure, interleaved

_NO_DVC = "dvc is not installed: `make bench FULL=1` installs it"
_DVC_SET_UP = (
    "dvc.yaml and dvc.lock were written in one go; by `dvc stage add` and `dvc repro` the set-up takes half an hour"
)


def _measured(assets: int, quick: tuple[str, ...], slow: tuple[str, ...]) -> dict[str, Figure]:
    """The quick ones in 21 rounds, the slow ones in every third of them."""
    root = project(assets)
    rivals = peers.contestants(root, assets, quick)
    rivals += [replace(one, every=3) for one in peers.contestants(root, assets, slow)]
    return {one.name: one for one in interleaved([ours.warm_check(root), *rivals], runs=21)}


def thousand() -> Row:
    """Beside all of them, dvc too where it is installed."""
    figures = _measured(1_000, (NINJA, GIT), (MAKE, DOIT, DVC))
    check = figures["reconciler check"]
    claims = [Claim("check / ninja -n", check.wall / figures[NINJA].wall, kind="told")]
    if DVC in figures:
        claims.append(ratio("times faster than dvc status", check, figures[DVC], 100, kind="least"))
    note = _DVC_SET_UP if peer("dvc") else _NO_DVC
    return Row("`check`, warm index, 1,000 assets", tuple(figures.values()), claims, (note,))


def ten_thousand() -> Row:
    """The row that people feel."""
    figures = _measured(10_000, (NINJA, GIT), (MAKE, MAKE_BARE, DOIT))
    check = figures["reconciler check"]
    claims = (
        ratio("check / ninja -n", check, figures[NINJA], 2.5, aim="1.5"),
        Claim("check / git status", check.wall / figures[GIT].wall, kind="told"),
        ratio("times faster than doit", check, figures[DOIT], 8, kind="least"),
        ratio("times faster than make -q", check, figures[MAKE], 20, kind="least"),
        Claim("times faster than make without its built-in rules", figures[MAKE_BARE].wall / check.wall, kind="told"),
    )
    return Row("`check`, warm index, 10,000 assets", tuple(figures.values()), claims)


def hundred_thousand() -> Row:
    """Where the size of the index counts."""
    figures = _measured(100_000, (NINJA, GIT), ())
    check = figures["reconciler check"]
    claims = (
        ratio("check / ninja -n", check, figures[NINJA], 1.5, aim="1.0"),
        Claim("check / git status", check.wall / figures[GIT].wall, kind="told"),
        Claim("peak memory", check.rss, 250, unit=" MB"),
    )
    return Row("`check`, warm index, 100,000 assets", tuple(figures.values()), claims)


def plan_one() -> Row:
    """An author's loop: change the words, look at the plan."""
    check, plan = interleaved([ours.warm_check(project(10_000)), ours.plan_one(10_000)], runs=21)
    claims = (ratio("plan / warm check", plan, check, 1.5),)
    return Row("`plan` with 1 changed spec among 10,000", (check, plan), claims)
