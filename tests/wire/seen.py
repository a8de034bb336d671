"""A request as the far side saw it, small enough to keep: pictures by their digest, and no key."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reconciler.testing.gateway.ledger import Entry
from reconciler.testing.gateway.wire import FormPart

SHORTEST = 48
"""Characters from which a string of base64 is a picture."""
_BASE64 = re.compile(r"(data:[^,]*,)?([A-Za-z0-9+/_-]+)(=*)")


def seen(entry: Entry) -> dict[str, Any]:
    """Method, path, query, which header had the key, and the body: JSON, or the parts of a form."""
    target = urlsplit(entry.path)
    told = {
        "method": entry.method,
        "path": target.path,
        "query": dict(parse_qsl(target.query)),
        "key": sorted({name.lower() for name in entry.headers} & {"authorization", "x-goog-api-key"}),
        "type": entry.content_type.partition(";")[0],
    }
    if entry.content_type.startswith("multipart/"):
        return {**told, "parts": [_part(part) for part in entry.parts]}
    return {**told, "json": _without_pictures(entry.json)}


def _part(part: FormPart) -> dict[str, str]:
    told = {"name": part.name, "type": part.content_type}
    if not part.filename:
        return {**told, "value": part.data.decode()}
    return {**told, "filename": part.filename, "sha256": hashlib.sha256(part.data).hexdigest()}


def _without_pictures(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_pictures(item) for name, item in value.items()}
        case list():
            return [_without_pictures(item) for item in value]
        case str() if len(value) >= SHORTEST and (found := _BASE64.fullmatch(value)):
            prefix, digits, padding = found.groups()
            data = base64.b64decode(digits.translate({ord("-"): "+", ord("_"): "/"}) + padding, validate=True)
            alphabet = "url-safe" if {"-", "_"} & set(digits) else "standard"
            return {"prefix": prefix or "", "sha256": hashlib.sha256(data).hexdigest(), "base64": alphabet}
        case _:
            return value


def flat(told: dict[str, Any]) -> dict[str, Any]:
    """Every field by its path: `json.contents[0].role`, `part.model`, `file.image[].0.sha256`."""
    fields = {name: told[name] for name in ("method", "path", "key", "type")}
    fields |= {f"query.{name}": value for name, value in told["query"].items()}
    if "parts" not in told:
        return {**fields, **dict(_leaves("json", told["json"]))}
    counts: dict[str, int] = {}
    for part in told["parts"]:
        if "value" in part:
            fields[f"part.{part['name']}"] = part["value"]
            fields[f"part.{part['name']}.type"] = part["type"]
            continue
        number = counts[part["name"]] = counts.get(part["name"], -1) + 1
        fields |= {f"file.{part['name']}.{number}.{fact}": part[fact] for fact in ("filename", "type", "sha256")}
    return fields


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}", item)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item)
    else:
        yield path, value
