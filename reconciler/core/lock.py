"""The lockfile as values: per asset what was asked for, what was got, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.images import ImageFacts


@dataclass(frozen=True, slots=True)
class Made:
    """Where a picture came from. `at` is UTC, ISO 8601 to the second; `provider` is `draft` for a placeholder."""

    provider: str
    at: str
    model: str = ""
    request: str = ""
    cost: str = ""
    usage: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One asset as it was last made or adopted. `recipe` is the manifest whose digest is `key`."""

    output: str
    content: ContentHash
    image: ImageFacts
    key: RecipeKey
    recipe: Mapping[str, Json]
    made: Made


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipe that the model would not draw, in the model's words."""

    key: RecipeKey
    words: str
    at: str


@dataclass(frozen=True, slots=True)
class Lock:
    """`assets.lock`, parsed."""

    entries: Mapping[AssetId, LockEntry] = field(default_factory=dict)
    refusals: Mapping[AssetId, Refusal] = field(default_factory=dict)
