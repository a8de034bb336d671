"""`reconciler ls`: list assets with their outputs and states."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.core.errors import Exit
from reconciler.core.plan.selection import selectable_spec, selectable_step
from reconciler.core.text import printable
from reconciler.project.asset_ids import select_assets
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from reconciler.report.asset_list import AssetListFacts


@click.command(epilog="Example:  reconciler ls icons --outputs")
@id_arguments(required=False)
@options.format_option("ls")
@click.option("--outputs", is_flag=True, help="Print only the paths of outputs and derived files, for make.")
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], format_: str, outputs: bool) -> int:
    """List assets with their outputs and states. Writes nothing, needs no key, opens no socket.

    ID is an id, a glob, tag:NAME, a spec file, a folder or an output; without one, all assets are listed.
    """
    workspace = open_workspace(directory, os.environ)
    loaded = load_specs(workspace)
    if outputs:
        specs = loaded.specs
        chosen = select_assets(ids, map(selectable_spec, specs.values())).assets if ids else tuple(specs)
        for name in chosen:
            click.echo(printable(specs[name].output))
        if loaded.derivation is not None:
            from reconciler.project.derived_edits import derived_outputs  # noqa: PLC0415 - few projects derive files

            for path in derived_outputs(workspace, frozenset(chosen)):
                click.echo(printable(path))
        return Exit.DONE
    planned = plan_project(workspace, loaded, Selection())
    steps = sorted(planned.plan.steps, key=lambda step: step.asset)
    if ids:
        names = set(select_assets(ids, map(selectable_step, steps)).assets)
        steps = [step for step in steps if step.asset in names]
    options.print_report("ls", format_, AssetListFacts(steps, datetime.now(UTC)))
    return Exit.DONE
