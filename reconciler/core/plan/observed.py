"""The observed state of the project, as values that an adapter fills in."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.ports import SourceFailure, StoredImage
from reconciler.core.value import field, value


@value
class Blocked:
    """An output path that is not a regular file; `what` describes it (`a directory`)."""

    what: str


Found = ContentHash | Blocked | None
"""The content at a path (a Git LFS pointer counts as the content that it names), `Blocked`, or None if absent."""


@value
class Observed:
    """The state that a plan needs. Mappings may be lazy: a key is looked up when it is read.

    `outputs` is by path, without absent files. `files` are the contents of reference files by path. `stored` gives the
    images of a recipe key in the store, oldest first. `sources` gives a place with the bytes of a content that was
    locked for a path. `in_doubt` are the requests of each asset without an outcome, oldest first. `failures` gives, by
    path, why a place that may have its bytes could not be asked.
    """

    outputs: Mapping[str, ContentHash | Blocked] = field(default_factory=dict)
    files: Mapping[str, ContentHash] = field(default_factory=dict)
    stored: Mapping[RecipeKey, tuple[StoredImage, ...]] = field(default_factory=dict)
    sources: Mapping[tuple[ContentHash, str], str] = field(default_factory=dict)
    in_doubt: Mapping[AssetId, tuple[Requested, ...]] = field(default_factory=dict)
    failures: Mapping[str, SourceFailure] = field(default_factory=dict)
