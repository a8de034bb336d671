"""`reconciler provenance`: where each image comes from, and what its bytes say of that."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.core.errors import Exit
from reconciler.core.provenance.record import ProvenanceFacts
from reconciler.project.provenance import chosen_origins, project_origins, verified_origins
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler provenance --verify --format csv")
@id_arguments(required=False)
@options.format_option("provenance")
@click.option("--verify", is_flag=True, help="Open the files: compare them with the lockfile, and read their marks.")
@click.option(
    "--anchors",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Certificates of the authorities that you trust, in PEM; for C2PA, with --verify.",
)
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], *, format_: str, verify: bool, anchors: Path | None) -> int:
    """Show which model made each image, when, from what, and under which terms. Writes nothing, opens no socket.

    ID is an id, a glob, tag:NAME, a spec file, a folder, an output or the path of a derived file. With --verify, the
    exit code is 2 if a file is not as locked, or contradicts its own C2PA manifest.
    """
    if anchors is not None and not verify:
        raise click.UsageError("--anchors are for --verify")
    workspace = open_workspace(directory, os.environ)
    files = chosen_origins(project_origins(workspace), ids)
    facts = verified_origins(workspace, files, anchors) if verify else ProvenanceFacts(files)
    options.print_report("provenance", format_, facts)
    return Exit.DRIFT if facts.wrong else Exit.DONE
