"""The origin of images as tables: CSV for spreadsheets, Markdown for a page or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.core.provenance.record import FileOrigin, ProvenanceFacts, SeenFile
from reconciler.core.text import printable
from reconciler.report.findings.markdown_text import Table, code, table_lines
from reconciler.report.formats import Printed
from reconciler.report.provenance.facts import maker_words, used_words
from reconciler.report.provenance.for_people import seen_words

_COLUMNS = (
    "path", "assets", "derived", "content", "generated", "digital_source_type", "provider", "model", "made_at",
    "recipe", "edited_from", "references", "license", "source", "credit", "alt", "vendor", "terms", "terms_read",
    "watermark", "review", "reviewers",
)  # fmt: skip
_SEEN_COLUMNS = ("file", "marks", "c2pa", "c2pa_issuer")
_FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is a formula to a spreadsheet."""
_UNPLAIN = re.compile(r'[^ -~]|"|##|::|,[=+\-@]')
"""What a row has if one of its cells may need more than to be written as it is."""
_ROOM = 900_000


def provenance_csv(facts: ProvenanceFacts) -> Printed:
    """RFC 4180 with one row for each file. Text that a spreadsheet would compute has an apostrophe before it."""
    head = (*_COLUMNS, *(_SEEN_COLUMNS if facts.seen is not None else ()))
    rows = ((*_cells(one), *_seen_cells(facts, one)) for one in facts.files)
    return Printed((_csv(head), *map(_csv, rows)))


def provenance_markdown(facts: ProvenanceFacts) -> Printed:
    """One table."""
    last = ("Bytes",) if facts.seen is not None else ()
    head = ("File", "Made by", "On", "Generated", "Licence", "Review", *last)
    rows = tuple(tuple(_row(facts, one)) for one in facts.files)
    return Printed(tuple(table_lines(Table(head, rows), noun="file", room=_ROOM, shown=len(rows))))


def _cells(one: FileOrigin) -> Iterator[str]:
    made, terms = one.made, one.terms
    yield from (one.path, " ".join(one.assets), one.set_name, one.content, "yes" if one.disclosure else "no", one.term)
    yield from (made.provider if made is not None else "", one.model, made.at if made is not None else "")
    yield from (one.key or "", (made.edited if made is not None else None) or "", "; ".join(map(used_words, one.used)))
    yield from (one.rights.license, one.rights.source, one.rights.credit, one.alt or "")
    yield from (terms.vendor, terms.url, terms.read, terms.watermark) if terms is not None else ("",) * 4
    yield from (one.standing.state.value, " ".join(each.by for each in one.standing.verdicts))


def _seen_cells(facts: ProvenanceFacts, one: FileOrigin) -> tuple[str, ...]:
    if facts.seen is None:
        return ()
    seen = facts.seen.get(one.path)
    if seen is None:
        return ("",) * len(_SEEN_COLUMNS)
    return (seen.state.value, _mark_names(seen), *_credential_cells(seen))


def _mark_names(seen: SeenFile) -> str:
    return " ".join(seen.marks.names) if seen.marks is not None else ""


def _credential_cells(seen: SeenFile) -> tuple[str, str]:
    found = seen.credentials
    return (found.state, found.issuer) if found is not None else ("", "")


def _csv(cells: Sequence[str]) -> str:
    row = ",".join(cells)
    plain = row.isascii() and row.count(",") == len(cells) - 1 and not _UNPLAIN.search(f",{row}")
    return row if plain else ",".join(map(_cell, cells))


def _cell(text: str) -> str:
    text = printable(text)
    if text.startswith(_FORMULA):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"') else text


def _row(facts: ProvenanceFacts, one: FileOrigin) -> Iterator[str]:
    made = one.made
    yield code(one.path)
    yield code(maker_words(one))
    yield made.at[:10] if made is not None and made.at[:10].replace("-", "").isdigit() else ""
    yield "yes" if one.disclosure else "no"
    yield code(one.rights.license)
    yield one.standing.state.value
    if facts.seen is not None:
        seen = facts.seen.get(one.path)
        yield code(seen_words(seen)) if seen is not None else ""
