"""`reconciler graph`: which images refer to which."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.plan.actions import Keep, NotSelected
from reconciler.core.specs.spec import FileReference
from reconciler.project.load import load_specs
from reconciler.project.options import PlanOptions
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from reconciler.report.graph import GraphFacts, graph_dot, graph_json, graph_mermaid

_FORMATS = {"mermaid": graph_mermaid, "dot": graph_dot, "json": graph_json}


@click.command(epilog="Example:  reconciler graph --format dot | dot -Tsvg > graph.svg")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="mermaid", show_default=True)
@click.option("--changed", is_flag=True, help="Show only assets with something to do, and their references.")
@options.selection_options
@click.pass_obj
def command(directory: str | None, /, *, form: str, changed: bool, **given: object) -> int:
    """Print which images refer to which, with the state and the price of each. Writes nothing."""
    workspace = open_workspace(directory, os.environ)
    chosen: PlanOptions = options.plan_options(given)
    planned = plan_project(workspace, load_specs(workspace), chosen.selection)
    steps = [step for step in planned.plan.asset_steps if not isinstance(step.action.reason, NotSelected)]
    if changed:
        due = {step.asset for step in steps if not isinstance(step.action, Keep)}
        due |= {up for step in steps if step.asset in due for up in step.spec.upstreams()}
        steps = [step for step in steps if step.asset in due]
    files = tuple(
        (one.path, step.asset) for step in steps for one in step.spec.pictures() if isinstance(one, FileReference)
    )
    for line in _FORMATS[form](GraphFacts(steps, tuple(dict.fromkeys(files)))).out:
        click.echo(line)
    return Exit.DONE
