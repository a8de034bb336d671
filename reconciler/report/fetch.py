"""What a fetch learned of the team's store, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.team.receipts import Disbelieved
from reconciler.core.text import one_line, printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document

_WIDTH = 200
_SHOWN = 5


@value
class FetchFacts:
    """`asked` counts recipes and contents that are missing here, `images` those of them that the store has. `open` are
    recipes that another checkout has asked for without an end."""

    url: str
    asked: int
    images: int
    open: int
    disbelieved: tuple[Disbelieved, ...] = ()


def fetch_text(facts: FetchFacts) -> Printed:
    """One line for people, and the receipts that count for nothing."""
    if not facts.asked:
        return Printed((f"nothing is missing here that {printable(facts.url)} could have",))
    parts = [f"{printable(facts.url)} has {facts.images:,} of {counted(facts.asked, 'missing image')}"]
    if facts.open:
        parts.append(f"{facts.open:,} of them asked for by other checkouts, without an answer yet")
    hint = "  hint: `reconciler apply` or `reconciler pull` brings them" if facts.images else ""
    return Printed(("; ".join(parts),), tuple(disbelieved_lines(facts.disbelieved)), hint=hint)


def fetch_json(facts: FetchFacts) -> Printed:
    """The same for programs."""
    disbelieved = [{"by": one.by, "why": one.why} for one in facts.disbelieved]
    counts = {"asked": facts.asked, "images": facts.images, "open": facts.open}
    return document({"url": facts.url, **counts, "disbelieved": disbelieved})


def disbelieved_lines(disbelieved: Sequence[Disbelieved]) -> Iterator[str]:
    """One line for each reason: `3 receipts were not believed: …`."""
    reasons: dict[str, int] = {}
    for one in disbelieved:
        text = f"{one.why}{f' ({one.by})' if one.by else ''}"
        reasons[text] = reasons.get(text, 0) + 1
    for text, count in list(reasons.items())[:_SHOWN]:
        verb = "was" if count == 1 else "were"
        yield f"{counted(count, 'receipt')} {verb} not believed: {one_line(text, _WIDTH)}"
    if len(reasons) > _SHOWN:
        yield f"and receipts with {len(reasons) - _SHOWN} other faults"
