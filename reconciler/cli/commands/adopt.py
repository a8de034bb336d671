"""`reconciler adopt`: make the file that is there the locked content of an asset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.asset_ids import confirm, id_arguments, select_assets
from reconciler.cli.options import editing_options
from reconciler.core.errors import Exit
from reconciler.core.plan.plan import Step
from reconciler.core.text import printable
from reconciler.project.adopt import Adoption, AlreadyLocked, NoFile
from reconciler.project.edits import Skipped, apply_edits, edit_session, report_skipped


@click.command(epilog="Example:  reconciler adopt hero 'icons/*'")
@id_arguments(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float, **_: Any) -> int:
    """Take the file as it is: an image made elsewhere, one painted over, or the old one for changed words.

    Its bytes go to the store, and the asset is up to date from then on. A request in doubt for it is settled.
    """
    with edit_session(directory, wait=wait) as stage:
        chosen = select_assets(ids, stage.planned.loaded.specs)
        adopting = Adoption(stage, utc=lambda: datetime.now(UTC))
        work: list[Step] = []
        refused = 0
        for step in stage.planned.plan.steps:
            if step.asset not in chosen.assets:
                continue
            verdict = adopting.foresee(step)
            match verdict:
                case AlreadyLocked(note=note):
                    click.echo(f"{printable(step.asset)}: {note}")
                case NoFile() if step.asset not in chosen.exactly:
                    click.echo(f"passed over: {printable(step.asset)}: {printable(verdict.why)}", err=True)
                case Skipped():
                    report_skipped(step.asset, verdict)
                    refused += 1
                case _:
                    work.append(step)
        for step in work if len(work) > 1 and not yes else ():
            click.echo(f"  {printable(step.asset)}  {printable(step.output)}", err=True)
        confirm(len(work), f"lock these {len(work)} files as they are?", yes=yes)
        code = apply_edits(stage, work, adopting.adopt)
    return Exit.ERROR if refused else code
