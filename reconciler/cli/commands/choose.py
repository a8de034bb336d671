"""`reconciler choose`: list the candidates of an asset, or lock another one of them."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds
from reconciler.cli.edits import edit_exit_code, print_outcome
from reconciler.core.errors import Exit
from reconciler.project.choose import AssetCandidates, choose, list_candidates
from reconciler.project.edits import EditCallbacks
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.candidates import CandidateFacts, offered


@click.command(epilog="Example:  reconciler choose hero 2")
@click.argument("asset", type=AssetIds(), metavar="ID")
@click.argument("candidate", default="", metavar="[NUMBER|HASH]")
@options.format_option("choose")
@options.wait_option
@click.pass_obj
def command(directory: str | None, /, asset: str, candidate: str, format_: str, wait: float) -> int:
    """Lock another of the images that were generated for an asset: one of `apply --candidates`, or one that does not
    fit its spec and is taken as it is. Costs nothing.

    Without a number or a content hash, list them; the locked one is marked.
    """
    workspace = open_workspace(directory, os.environ)
    if not candidate:
        return _list(workspace, list_candidates(workspace, asset), format_)
    callbacks = EditCallbacks(lambda _: True, partial(print_outcome, err=format_ == "json"))
    result = choose(workspace, asset, candidate, callbacks, wait=wait)
    if format_ == "json":
        reopened = open_workspace(directory, os.environ)
        _list(reopened, list_candidates(reopened, asset), format_)
    return edit_exit_code(result)


def _list(workspace: Workspace, its: AssetCandidates, format_: str) -> int:
    facts = CandidateFacts(its.step.asset, its.entry, its.found, workspace.root)
    options.print_report("choose", format_, facts)
    if format_ == "text" and sys.stdout is not None and sys.stdout.isatty():
        _show_pictures(facts)
    return Exit.DONE


def _show_pictures(facts: CandidateFacts) -> None:
    """The candidates as small pictures, each with its number, where the terminal can show them."""
    from reconciler.cli.pictures import (  # noqa: PLC0415 - rich and a decoder are for terminals
        PictureProtocol,
        picture_protocol,
        picture_text,
    )

    protocol = picture_protocol(sys.stdout, os.environ)
    for one in offered(facts.found) if protocol is not PictureProtocol.NONE else ():
        text = picture_text(one.path, protocol, os.environ)
        if text:
            click.echo(f"\n{one.number}:\n{text}", color=True)
