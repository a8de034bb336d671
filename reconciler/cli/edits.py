"""Print the outcomes of an edit command, and ask for confirmation if it changes several assets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from reconciler.cli.asset_ids import confirm
from reconciler.core.digest import AssetId
from reconciler.core.errors import Exit
from reconciler.core.plan.plan import Step
from reconciler.core.text import printable
from reconciler.project.edits import AlreadyDone, EditCallbacks, Edited, EditOutcome, EditResult, PassedOver, Skipped


def edit_callbacks(question: str, line: Callable[[Step], str], *, yes: bool) -> EditCallbacks:
    """Ask `question`, in which `{}` is the number of steps, below one `line` for each step."""

    def consent(work: Sequence[Step]) -> bool:
        for step in work if len(work) > 1 and not yes else ():
            click.echo(f"  {line(step)}", err=True)
        confirm(len(work), question.format(len(work)), yes=yes)
        return True

    return EditCallbacks(consent, print_outcome)


def print_outcome(asset: AssetId, outcome: EditOutcome, *, err: bool = False) -> None:
    """Results on stdout, or on stderr (`err`) if stdout has JSON; problems on stderr."""
    match outcome:
        case Edited(lines=lines):
            for line in lines:
                click.echo(line, err=err)
        case AlreadyDone(note=note):
            click.echo(f"{printable(asset)}: {note}", err=err)
        case PassedOver(why=why):
            click.echo(f"not applicable: {printable(asset)}: {printable(why)}", err=True)
        case Skipped(why=why, hint=hint):
            click.echo(f"skipped: {printable(asset)}: {printable(why)}", err=True)
            if hint:
                click.echo(f"  hint: {hint}", err=True)


def edit_exit_code(result: EditResult) -> Exit:
    """1 if an asset was skipped."""
    return Exit.ERROR if result.skipped else Exit.DONE
