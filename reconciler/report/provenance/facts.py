"""The origin of one file for programs and for the formats of people: names and plain values."""

from __future__ import annotations

from typing import Any

from reconciler.core.lock.entry import ADOPTED, IMPORTED
from reconciler.core.provenance.record import FileOrigin, SeenFile, UsedPicture
from reconciler.report.reviews import standing_json


def origin_json(one: FileOrigin) -> dict[str, Any]:
    """The record of a file."""
    made, terms = one.made, one.terms
    return {
        "path": one.path,
        "content": one.content,
        "bytes": one.size,
        "assets": list(one.assets),
        "derived": one.set_name or None,
        "generated": one.disclosure,
        "digital_source_type": one.term or None,
        "made": None
        if made is None
        else {"at": made.at, "provider": made.provider, "model": one.model, "request": made.request},
        "edited_from": made.edited if made is not None else None,
        "converted_from": one.original,
        "recipe": one.key,
        "references": [_used_json(each) for each in one.used],
        "license": one.rights.license,
        "source": one.rights.source,
        "credit": one.rights.credit,
        "alt": one.alt,
        "terms": None
        if terms is None
        else {"vendor": terms.vendor, "url": terms.url, "says": terms.says, "read": terms.read},
        "watermark": terms.watermark if terms is not None else "",
        "review": standing_json(one.standing),
        "has_spec": one.has_spec,
    }


def seen_json(seen: SeenFile) -> dict[str, Any]:
    """What the bytes of a file say."""
    marks, credentials = seen.marks, seen.credentials
    return {
        "file": seen.state.value,
        "marks": list(marks.names) if marks is not None else [],
        "digital_source_type": marks.xmp.source_type if marks is not None else "",
        "label": marks.xmp.label if marks is not None else "",
        "credit": marks.xmp.credit if marks is not None else "",
        "problem": marks.problem if marks is not None else "",
        "c2pa": None
        if credentials is None
        else {
            "state": credentials.state,
            "issuer": credentials.issuer,
            "problems": list(credentials.problems),
        },
    }


def maker_words(one: FileOrigin) -> str:
    """Who or what made a file: `gemini-3-pro-image by gravitex`, `a person`."""
    made = one.made
    if made is None:
        return one.model or ("several images" if one.assets else "unknown")
    if made.placeholder:
        return "a draft"
    if made.provider == ADOPTED:
        return "a person"
    elsewhere = made.provider == IMPORTED
    words = f"{one.model or 'a model'} {'in another program' if elsewhere else f'by {made.provider}'}"
    return f"{words}, edited by a person" if made.edited is not None else words


def used_words(each: UsedPicture) -> str:
    """A picture that a recipe used: `refs/coast.png (file)`, `mascot (asset, generated)`."""
    if each.asset is not None:
        return f"{each.asset} (asset{', generated' if each.term else ''})"
    return f"{each.path} (file)" if each.path else f"{each.content[:19]}… (unknown)"


def _used_json(each: UsedPicture) -> dict[str, Any]:
    origin = "asset" if each.asset is not None else "file" if each.path else "unknown"
    return {
        "content": each.content,
        "origin": origin,
        "asset": each.asset,
        "path": each.path or None,
        "digital_source_type": each.term or None,
    }
