"""`reconciler adopt`: make the file that is there the locked content of an asset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.asset_ids import agree, choose, naming
from reconciler.cli.options import editing_options
from reconciler.core.errors import Exit
from reconciler.core.plan.plan import Step
from reconciler.core.text import printable
from reconciler.project.adopt import Absent, Adopting, Needless
from reconciler.project.edits import Left, carry_out, scene, tell_left


@click.command(epilog="Example:  reconciler adopt hero 'icons/*'")
@naming(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float, **_: Any) -> int:
    """Take the file as it is: an image made elsewhere, one painted over, or the old one for changed words.

    Its bytes go to the store, and the asset is up to date from then on. A request in doubt for it is settled.
    """
    with scene(directory, wait=wait) as stage:
        chosen = choose(ids, stage.prospect.wanted.specs)
        adopting = Adopting(stage, utc=lambda: datetime.now(UTC))
        work: list[Step] = []
        refused = 0
        for step in stage.prospect.plan.steps:
            if step.asset not in chosen.assets:
                continue
            verdict = adopting.foresee(step)
            match verdict:
                case Needless(note=note):
                    click.echo(f"{printable(step.asset)}: {note}")
                case Absent() if step.asset not in chosen.exactly:
                    click.echo(f"passed over: {printable(step.asset)}: {printable(verdict.why)}", err=True)
                case Left():
                    tell_left(step.asset, verdict)
                    refused += 1
                case _:
                    work.append(step)
        for step in work if len(work) > 1 and not yes else ():
            click.echo(f"  {printable(step.asset)}  {printable(step.output)}", err=True)
        agree(len(work), f"lock these {len(work)} files as they are?", yes=yes)
        code = carry_out(stage, work, adopting.adopt)
    return Exit.ERROR if refused else code
