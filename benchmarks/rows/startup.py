"""Starting: what every command line costs before it does anything."""

from __future__ import annotations

from benchmarks import peers
from benchmarks.places import HOME, RECONCILER
from benchmarks.table import Claim, Row, ratio
from benchmarks.timing import Contestant, interleaved

_TAB = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": "reconciler pl", "COMP_CWORD": "1"}


def startup() -> Row:
    """Beside the interpreter that imports click and does nothing."""
    import_click = peers.python(HOME, "import click")
    commands = (
        Contestant("reconciler --version", (RECONCILER, "--version"), HOME),
        Contestant("reconciler --help", (RECONCILER, "--help"), HOME),
        Contestant("reconciler completion bash", (RECONCILER, "completion", "bash"), HOME),
        Contestant("reconciler pl<TAB>", (RECONCILER,), HOME, environment=_TAB),
        Contestant("reconciler check --help", (RECONCILER, "check", "--help"), HOME),
    )
    figures = interleaved([peers.python(HOME, "pass"), import_click, *commands], runs=21)
    by_name = {one.name: one for one in figures}
    click = by_name[import_click.name]
    bounded = [ratio(f"{one.name} / import click", by_name[one.name], click, 1.3) for one in commands[:4]]
    other = commands[4].name
    told = Claim(f"{other} / import click", by_name[other].wall / click.wall, kind="told")
    return Row("Start-up", figures, [*bounded, told])
