"""`reconciler lock`: merge the lockfiles of shards."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.lock_merge import merge_lock_files
from reconciler.project.workspace import open_workspace
from reconciler.report.formats import counted


@click.group(epilog="Example:  reconciler lock merge shards/*/assets.lock")
def command() -> None:
    """Merge the lockfiles of shards into one."""


@command.command("merge", epilog="Example:  reconciler lock merge shards/*/assets.lock")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write this file.")
@options.wait_option
@click.pass_obj
def merge_locks(directory: str | None, /, *, files: tuple[Path, ...], out: Path | None, wait: float) -> int:
    """Merge FILES into assets.lock, asset by asset.

    Run it in a checkout of the commit at which all of them began: an entry that equals the one there was not changed.
    Where two files changed one asset, the one wins whose image is at the output; if neither is, nothing is written.
    """
    workspace, here = open_workspace(directory, os.environ), Path(directory or ".")
    merged = merge_lock_files(workspace, [here / file for file in files], here / out if out else None, wait=wait)
    where = printable(str(out)) if out else "assets.lock"
    echo(
        f"merged {counted(len(files), 'lockfile')} into {where}: {counted(merged.assets, 'asset')}, "
        f"{len(merged.changed)} new or changed"
    )
    return Exit.DONE
