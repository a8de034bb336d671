"""The origin of images as text: a block for each image, with the files that are derived from it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.provenance.credentials import UNVERIFIED
from reconciler.core.provenance.marks import MARK_NAMES
from reconciler.core.provenance.record import FileOrigin, FileState, ProvenanceFacts, SeenFile
from reconciler.core.text import one_line, printable
from reconciler.report.formats import Printed, counted
from reconciler.report.provenance.facts import maker_words, used_words
from reconciler.report.reviews import standing_words

_WIDTH = 140


def provenance_text(facts: ProvenanceFacts) -> Printed:
    """A block for each image, then the totals."""
    lines: list[str] = []
    derived: dict[tuple[str, ...], list[FileOrigin]] = {}
    images = {one.assets for one in facts.files if not one.derived}
    for one in facts.files:
        if one.derived:
            derived.setdefault(one.assets, []).append(one)
    for one in facts.files:
        if one.derived and one.assets in images:
            continue
        lines.append(printable(one.path))
        rows = [*_rows(one), *_seen_rows(facts, one)]
        rows += _derived_rows(facts, derived.get(one.assets, [])) if not one.derived else []
        lines += [f"  {name:<12} {one_line(text, _WIDTH)}" for name, text in rows]
        lines.append("")
    generated = sum(one.disclosure for one in facts.files)
    total = f"{counted(len(facts.files), 'file')}, {generated:,} of them generated"
    if facts.seen is not None:
        total += f"; {len(facts.wrong):,} not as recorded" if facts.wrong else "; all as recorded"
    return Printed((*lines, total if facts.files else "no images"), hint=_hint(facts))


def _rows(one: FileOrigin) -> Iterator[tuple[str, str]]:
    made = one.made
    yield "asset", ", ".join(one.assets)
    if one.derived:
        yield "derived", one.set_name
    yield "made", ", ".join(filter(None, (maker_words(one), made.at if made is not None else "")))
    yield "generated", f"yes: {one.term}" if one.term else "no"
    if one.key is not None:
        yield "recipe", one.key
    for each in one.used:
        yield "reference", used_words(each)
    rights = one.rights
    yield from ((name, text) for name, text in (("license", rights.license), ("source", rights.source)) if text)
    if rights.credit:
        yield "credit", rights.credit
    if one.alt is not None:
        yield "alt", one.alt or '"" (decoration)'
    if (terms := one.terms) is not None:
        read = f"read on {terms.read}" if terms.read else ""
        parts = (terms.says or terms.vendor, terms.url, read)
        yield "terms", ", ".join(filter(None, parts))
        if terms.watermark:
            yield "watermark", terms.watermark
    if words := standing_words(one.standing):
        yield "review", words
    if not one.has_spec:
        yield "spec", "none asks for it any more"


def _derived_rows(facts: ProvenanceFacts, files: list[FileOrigin]) -> list[tuple[str, str]]:
    found = []
    for each in files:
        seen = (facts.seen or {}).get(each.path)
        found.append(("derived", f"{each.path}: {seen_words(seen)}" if seen is not None else each.path))
    return found


def _seen_rows(facts: ProvenanceFacts, one: FileOrigin) -> Iterator[tuple[str, str]]:
    seen = (facts.seen or {}).get(one.path)
    if seen is not None:
        yield "file", seen_words(seen)


def seen_words(seen: SeenFile) -> str:
    """`as locked; C2PA trusted (Example Studio); IPTC trainedAlgorithmicMedia`."""
    parts = [seen.state.value]
    marks, credentials = seen.marks, seen.credentials
    if credentials is not None:
        issuer = f" ({credentials.issuer})" if credentials.issuer else ""
        because = f": {', '.join(credentials.problems)}" if credentials.problems else ""
        plain = "present, not verified" if credentials.state == UNVERIFIED else credentials.state
        parts.append(f"C2PA {plain}{issuer}{because}")
    if marks is not None:
        if marks.xmp.source_type:
            parts.append(f"IPTC {marks.xmp.source_type}")
        parts += [MARK_NAMES["cn"]] if marks.xmp.label else []
        parts += [f"credit {marks.xmp.credit}"] if marks.xmp.credit else []
        parts += [marks.problem] if marks.problem else []
        if not marks.names and seen.state is not FileState.MISSING:
            parts.append("no mark")
    return "; ".join(parts)


def _hint(facts: ProvenanceFacts) -> str:
    if facts.seen is None:
        return "`--verify` opens the files, and looks for marks in them"
    return "`reconciler check` says what to do with files that are not as locked" if facts.wrong else ""
