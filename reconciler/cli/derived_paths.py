"""The paths of derived files among the arguments of adopt, restore, show and explain."""

from __future__ import annotations

from collections.abc import Sequence

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import confirm
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.text import printable
from reconciler.project.workspace import Workspace
from reconciler.store.documents.project import DERIVED_LOCK


def derived_arguments(workspace: Workspace, ids: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths of derived files among the arguments, and the other arguments."""
    if not (workspace.root / DERIVED_LOCK).exists():
        return (), ids
    from reconciler.project.derived_edits import split_derived  # noqa: PLC0415 - few projects derive files

    return split_derived(workspace, ids)


def adopt_paths(workspace: Workspace, paths: Sequence[str], *, yes: bool, wait: float) -> None:
    """Adopt derived files as they are."""
    from reconciler.project.derived_edits import adopt_derived  # noqa: PLC0415 - few projects derive files

    _ask(paths, f"record these {len(paths)} derived files as they are?", yes=yes)
    for line in adopt_derived(workspace, paths, wait=wait):
        click.echo(line)


def restore_paths(workspace: Workspace, paths: Sequence[str], *, yes: bool, wait: float) -> int:
    """Make derived files as they should be; the exit code."""
    from reconciler.cli.derive_progress import open_files  # noqa: PLC0415 - few projects derive files
    from reconciler.project.derive import DeriveCallbacks  # noqa: PLC0415 - few projects derive files
    from reconciler.project.derived_edits import restore_derived  # noqa: PLC0415 - few projects derive files
    from reconciler.report.derive_report import DeriveFacts, derive_text  # noqa: PLC0415 - few projects derive files

    _ask(paths, f"make these {len(paths)} derived files as they should be?", yes=yes)
    callbacks = DeriveCallbacks(
        lambda _, __: None,
        lambda total: open_files("text", total, quiet=False),
        lambda text: echo(text, err=True, prose=True),
    )
    ended = restore_derived(workspace, paths, callbacks, wait=wait)
    printed = derive_text(DeriveFacts(ended.state.facts, ended.report))
    for line in printed.err:
        echo(line, err=True, prose=True)
    for line in printed.out:
        echo(line, prose=True)
    return ended.exit_code or Exit.DONE


def _ask(paths: Sequence[str], question: str, *, yes: bool) -> None:
    for path in paths if len(paths) > 1 and not yes else ():
        click.echo(f"  {printable(path)}", err=True)
    confirm(len(paths), question, yes=yes)


def print_derived(workspace: Workspace, ids: tuple[str, ...], format_: str) -> bool:
    """Print what is known about derived files, if the arguments are such; False if they are not. ProjectError for a
    mixture of both."""
    paths, rest = derived_arguments(workspace, ids)
    if not paths:
        return False
    if rest:
        fact = f"{printable(paths[0])} is a derived file, and {printable(rest[0])} is none"
        raise ProjectError(fact, hint="name one kind at a time")
    from reconciler.project.derived_edits import described_files  # noqa: PLC0415 - few projects derive files

    options.print_report("derived file", format_, described_files(workspace, paths))
    return True
