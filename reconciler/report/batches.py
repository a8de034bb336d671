"""Batches as text and as JSON: what was submitted, what is worked on, what was collected. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.errors import Exit
from reconciler.core.money.cost import Cost, total
from reconciler.core.text import one_line, printable
from reconciler.core.value import field, value
from reconciler.report.formats import Printed, counted, document
from reconciler.report.in_doubt import age

ID_DIGITS = 8
"""As much of the id of a batch as tells the batches of a project apart."""
_LONG = 2000


class BatchOutcome(Enum):
    """What is known of a batch, or became of it."""

    SUBMITTED = "submitted"
    UNKNOWN = "perhaps created"
    NOT_SENT = "not sent"
    WAITING = "waiting"
    WORKING = "working"
    COLLECTED = "collected"
    CANCELLING = "being cancelled"
    UNREACHABLE = "no answer"
    LOST = "lost"


_OPEN = (BatchOutcome.UNKNOWN, BatchOutcome.WAITING, BatchOutcome.WORKING, BatchOutcome.CANCELLING)
_FAILURES = (BatchOutcome.NOT_SENT, BatchOutcome.UNREACHABLE, BatchOutcome.LOST)


@value
class BatchLine:
    """One batch: its id, and the id of the provider's job. `assets` are those whose requests it holds, `costs` what
    each may cost. `results` counts the ends of requests that were collected now; `notes` say what was unusual."""

    batch: str
    provider: str
    assets: tuple[AssetId, ...] = ()
    costs: tuple[Cost | None, ...] = ()
    at: str = ""
    job: str = ""
    outcome: BatchOutcome = BatchOutcome.WAITING
    message: str = ""
    done: int = 0
    total: int = 0
    results: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@value
class BatchFacts:
    """Some batches, at a point in time. `failed` are assets whose requests could not be built, with the reason;
    `published` is the summary of what was put in place."""

    batches: tuple[BatchLine, ...]
    now: datetime
    failed: Mapping[AssetId, str] = field(default_factory=dict)
    published: str = ""
    problems: tuple[str, ...] = ()
    empty: str = "no batch is open"


def batches_text(facts: BatchFacts) -> Printed:
    """A line for each batch; what went wrong on stderr."""
    lines = [batch_line(one, facts.now) for one in facts.batches]
    problems = [*_problems(facts), *facts.problems]
    if facts.published:
        lines.append(facts.published)
    return Printed(tuple(lines) or (() if facts.failed else (facts.empty,)), tuple(problems), _hint(facts), prose=True)


def batch_notes(batches: Sequence[BatchLine], now: datetime) -> Iterator[str]:
    """What an apply says of the batches that it has looked at."""
    for one in batches:
        yield batch_line(one, now)
    yield from _problems(BatchFacts(tuple(batches), now))


def batch_line(one: BatchLine, now: datetime) -> str:
    """`batch 1f0c22aa: submitted, 50 images at gemini as batches/123, 0.975 USD`."""
    images = counted(len(one.assets), "image")
    where = f" as {printable(one.job)}" if one.job else ""
    if one.outcome is BatchOutcome.COLLECTED:
        return f"batch {one.batch[:ID_DIGITS]}: collected from {printable(one.provider)}{where}: {_counts(one.results)}"
    line = f"batch {one.batch[:ID_DIGITS]}: {one.outcome.value}, {images} at {printable(one.provider)}{where}"
    if one.costs:
        line += f", {total(one.costs)}"
    if one.outcome is BatchOutcome.WORKING and one.total:
        line += f", {one.done} of {one.total} done"
    if one.at and one.outcome is not BatchOutcome.SUBMITTED:
        line += f", submitted {age(one.at, now)}"
    return line


def _counts(results: Mapping[str, int]) -> str:
    named = (f"{count} {'image' if (name, count) == ('images', 1) else name}" for name, count in results.items())
    return ", ".join(named) or "nothing new"


def _problems(facts: BatchFacts) -> Iterator[str]:
    for asset, why in facts.failed.items():
        yield f"not submitted: {printable(asset)}: {one_line(why, _LONG)}"
    for one in facts.batches:
        if one.message:
            yield f"batch {one.batch[:ID_DIGITS]}: {one_line(one.message, _LONG)}"
        for note in one.notes:
            yield f"batch {one.batch[:ID_DIGITS]}: {one_line(note, _LONG)}"


def _hint(facts: BatchFacts) -> str:
    if any(one.outcome in (*_OPEN, BatchOutcome.SUBMITTED) for one in facts.batches):
        return "  hint: `reconciler collect` fetches what is ready; `reconciler collect --wait` waits for all of it"
    return ""


def batches_json(facts: BatchFacts) -> Printed:
    """The batches for programs."""
    return document(
        {
            "batches": [_batch_json(one) for one in facts.batches],
            **(
                {"failed": [{"asset": name, "words": why} for name, why in facts.failed.items()]}
                if facts.failed
                else {}
            ),
            **({"published": facts.published} if facts.published else {}),
            **({"problems": list(facts.problems)} if facts.problems else {}),
        }
    )


def _batch_json(one: BatchLine) -> dict[str, Any]:
    return {
        "batch": one.batch,
        "provider": one.provider,
        "job": one.job or None,
        "state": one.outcome.name.lower(),
        "at": one.at or None,
        "assets": list(one.assets),
        "cost": str(total(one.costs)),
        **({"done": one.done, "total": one.total} if one.total else {}),
        **({"results": dict(one.results)} if one.results else {}),
        **({"words": one.message} if one.message else {}),
        **({"notes": list(one.notes)} if one.notes else {}),
    }


def batches_exit(batches: Sequence[BatchLine], *, failed: bool = False) -> Exit:
    """1 if something failed, 2 if a batch is still open, else 0."""
    if failed or any(one.outcome in _FAILURES for one in batches):
        return Exit.ERROR
    return Exit.DRIFT if any(one.outcome in _OPEN for one in batches) else Exit.DONE
