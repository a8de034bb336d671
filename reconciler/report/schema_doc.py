"""A JSON Schema as a list of fields for people. Pure: a schema in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 80
_INDENT = "    "


def schema_lines(schema: Mapping[str, Any]) -> Iterator[str]:
    """Each field with its type on one line, its meaning below, at most 80 columns wide."""
    yield str(schema.get("title") or schema.get("description") or "")
    defs = schema.get("$defs", {})
    asset = defs.get("asset", {}).get("properties", {})
    yield from _fields({**asset, **schema.get("properties", {})}, defs)


def _fields(fields: Mapping[str, Any], defs: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, field in fields.items():
        if field is False or "not" in field:  # not allowed here
            continue
        yield ""
        yield from textwrap.wrap(f"{above}{name}: {_type(field, defs)}", _WIDTH, subsequent_indent=_INDENT)
        text = field.get("description", "")
        yield from textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        each = field.get("additionalProperties")
        if isinstance(each, Mapping):
            yield from _fields(each.get("properties", {}), defs, f"{above}{name}.NAME.")
        elif "properties" in field:
            yield from _fields(field["properties"], defs, f"{above}{name}.")


def _type(field: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """`text`, `a list of text`, `one of a, b`, …"""
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return _type(defs[name], defs) if name in defs else _KINDS["object"]
    if "enum" in field:
        return "one of " + ", ".join(map(str, field["enum"]))
    kinds = field.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    choices = [_type(each, defs) for key in ("oneOf", "anyOf") for each in field.get(key, ())]
    said = [_KINDS.get(kind, kind) for kind in kinds]
    if kinds == ["array"] and isinstance(field.get("items"), Mapping) and field["items"]:
        said = [f"a list of {_type(field['items'], defs)}"]
    default = f", default {field['default']}" if "default" in field else ""
    return " or ".join(dict.fromkeys([*said, *choices])) + default or "any value"


_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
