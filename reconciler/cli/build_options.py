"""`--stamp` and `--depfile`: files for make and ninja, of a command that found or left everything up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.project.load import LoadedSpecs
from reconciler.project.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


def build_options(function: F) -> F:
    """The two options."""
    depfile = click.option(
        "--depfile",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write what the stamp depends on, for make and ninja.",
    )
    stamp = click.option(
        "--stamp",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="On success, write FILE; it changes only with the images.",
    )
    return stamp(depfile(function))


def check_build_options(stamp: Path | None, depfile: Path | None) -> None:
    """UsageError for a depfile without a target."""
    if depfile is not None and stamp is None:
        raise click.UsageError("--depfile needs --stamp, the file that it is about")


def write_stamp(workspace: Workspace, loaded: LoadedSpecs, stamp: Path | None, depfile: Path | None) -> None:
    """Write the files that were asked for."""
    if stamp is not None:
        from reconciler.project.build_files import write_build_files  # noqa: PLC0415 - only where it is asked for

        write_build_files(workspace, loaded, stamp=stamp, depfile=depfile)
