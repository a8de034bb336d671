"""The lines of a plan for people: every step, groups of steps that are alike, or only the totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum

from reconciler.core.plan.plan import Plan, Step
from reconciler.core.plan.shared import sharers
from reconciler.report.plan_text import FEW_ALIKE, Block, note_lines, step_block, totals_line

_NAME_WIDTH = 40


class Verbosity(Enum):
    """How much of a plan is shown."""

    QUIET = "only the totals"
    NORMAL = "steps that are alike in groups"
    VERBOSE = "every step"


def plan_lines(
    plan: Plan, now: datetime, *, elsewhere: int = 0, verbosity: Verbosity = Verbosity.NORMAL
) -> Iterator[str]:
    """A line for each step that is not a Keep, or for a group of them, its details below it; orphans; then the totals.

    `elsewhere` is the number of assets that are up to date and not in the plan.
    """
    if verbosity is not Verbosity.QUIET:
        shown = plan.drift
        if shown:
            yield from drift_lines(shown, now, verbosity)
            yield ""
        yield from note_lines(plan)
    yield totals_line(plan, elsewhere=elsewhere)


def drift_lines(steps: tuple[Step, ...], now: datetime, verbosity: Verbosity) -> Iterator[str]:
    """A line for each step, or for a group of them, with its details below it."""
    if steps:
        yield from _block_lines(_blocks(steps, now, verbosity))


def _blocks(steps: tuple[Step, ...], now: datetime, verbosity: Verbosity) -> list[Block]:
    shared = sharers(steps)
    if verbosity is Verbosity.VERBOSE or len(steps) <= FEW_ALIKE:
        return [step_block(step, now, shared) for step in steps]
    from reconciler.report.plan_groups import group_blocks  # noqa: PLC0415 - most plans have few steps

    return group_blocks(steps, now, shared)


def _block_lines(blocks: list[Block]) -> Iterator[str]:
    width = min(_NAME_WIDTH, max(len(block.name) for block in blocks))
    for block in blocks:
        line = f"{block.text.symbol} {block.name:<{width}}  {block.text.reason}"
        yield f"{line}  [{block.price}]" if block.price else line
        yield from (f"    {detail}" for detail in block.text.details)
        if block.text.hint:
            yield f"    hint: {block.text.hint}"
