"""The two digests, which must never be mixed: the key of a recipe, and the hash of an image's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

AssetId = NewType("AssetId", str)
RecipeKey = NewType("RecipeKey", str)
"""`r1:` and 64 hex digits over the manifest of a recipe."""
ContentHash = NewType("ContentHash", str)
"""`sha256:` and 64 hex digits over the bytes of a file. The hex part equals the Git LFS oid."""

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

RECIPE_DOMAIN = b"reconciler recipe r1\n"
RECIPE_PREFIX = "r1:"
CONTENT_PREFIX = "sha256:"


def canonical(value: Json) -> bytes:
    """Canonical JSON: sorted keys, UTF-8, no spaces. Numbers are in the form of `plain`.

    Raises ValueError for NaN and infinities.
    """
    return _encode(value).encode("utf-8", "surrogatepass")


_encode = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


def plain(value: Json) -> Json:
    """The value with integral floats as integers, and tuples as lists."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value]


def recipe_key(manifest: Mapping[str, Json]) -> RecipeKey:
    """The key of a recipe: a domain tag and the canonical JSON of its manifest, digested."""
    return RecipeKey(RECIPE_PREFIX + hashlib.sha256(RECIPE_DOMAIN + canonical(manifest)).hexdigest())


def content_hash(data: bytes | bytearray | memoryview) -> ContentHash:
    """The hash of bytes that are in memory."""
    return ContentHash(CONTENT_PREFIX + hashlib.sha256(data).hexdigest())


def content_of_hex(hex_digest: str) -> ContentHash:
    """The content hash whose hex part is already known (a Git LFS oid, a file hashed elsewhere)."""
    return ContentHash(CONTENT_PREFIX + hex_digest)


def hex_of(digest: ContentHash | RecipeKey) -> str:
    """The 64 hex digits alone."""
    return digest.partition(":")[2]
