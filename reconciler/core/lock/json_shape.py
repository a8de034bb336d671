"""Write JSON on one line, and check the fields of JSON that was read.

The fact of an error begins with the field, relative to the checked value; the caller adds the file and place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.digest import ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError
from reconciler.core.specs.paths import BadPath, picture_path

UPGRADE = "it was written by a newer version of reconciler: upgrade, then try again"

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r"r1:[0-9a-f]{64}")
_NEWER_KEY = re.compile(r"r(?!1:)[0-9]+:[0-9a-f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES = {dict: "a mapping", list: "a list", str: "a string", int: "a whole number"}
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False, default=dict)


def compact_json(value: Json) -> str:
    """JSON on one line, keys sorted, as characters. NaN and infinities become null: only the usage that a
    provider reports can hold them, and they must not cost a paid image."""
    try:
        text = _ENCODER.encode(value)
    except ValueError:
        text = _ENCODER.encode(_finite(value))
    # a lone surrogate has no UTF-8, but an escape in JSON
    return text if text.isascii() else _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class Shape:
    """The fields of one mapping, by name and exact type. A field in neither table is refused."""

    __slots__ = ("kinds", "required")

    def __init__(self, required: Mapping[str, type], optional: Mapping[str, type] | None = None) -> None:
        self.required = required.keys()
        self.kinds = {**required, **(optional or {})}


def shaped(value: Json, shape: Shape, name: str = "") -> dict[str, Any]:
    """The mapping, its fields checked against the shape. `name` is the mapping's own field name."""
    if not isinstance(value, dict):
        raise LockfileError(f"{name}: not a mapping" if name else "not a mapping")
    for key, item in value.items():
        if type(item) is not shape.kinds.get(key):
            raise _wrong(key, shape.kinds.get(key), name)
    for key in shape.required:
        if key not in value:
            raise LockfileError(f"{_path(name, key)}: missing")
    return value


def _wrong(key: str, kind: type | None, name: str) -> LockfileError:
    if kind is not None:
        return LockfileError(f"{_path(name, key)}: not {_NAMES[kind]}")
    hint = f"take it out if somebody put it there; otherwise {UPGRADE}"
    return LockfileError(f"{_path(name, key)}: unknown key", hint=hint)


def _path(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def a_content(value: str, name: str) -> ContentHash:
    """A content hash. It names a file in the store, so any other text is an error."""
    if not _CONTENT.fullmatch(value):
        raise LockfileError(f"{name}: {value[:80]!r} is not sha256: and 64 hex digits")
    return ContentHash(value)


def a_key(value: str, name: str) -> RecipeKey:
    """A recipe key of the current version of canonical JSON."""
    if not _KEY.fullmatch(value):
        hint = UPGRADE if _NEWER_KEY.fullmatch(value) else ""
        raise LockfileError(f"{name}: {value[:80]!r} is not r1: and 64 hex digits", hint=hint)
    return RecipeKey(value)


def a_path(value: str, name: str) -> str:
    """The path of a picture below the project root: files there are read, written, moved and removed."""
    path = picture_path(value)
    if isinstance(path, BadPath):
        hint = "nothing is read or written there: take the entry out, or restore the file from version control"
        raise LockfileError(f"{name}: {path.fact[:300]}", hint=hint)
    return path


def shallow(value: Mapping[str, Json] | Sequence[Json], name: str, *, left: int = 64) -> None:
    """Raise for JSON so deeply nested that walking it could exhaust the stack."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (dict, list)):
            if not left:
                raise LockfileError(f"{name}: nested too deeply")
            shallow(item, name, left=left - 1)
