"""What a plan needs to know of the world, as values that an adapter fills in."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.ports import StoredImage
from reconciler.core.value import field, value


@value
class Blocked:
    """What stands at an output's path and is no file (`a directory`)."""

    what: str


Found = ContentHash | Blocked | None
"""What is at a path: the content (a Git LFS pointer counts as the content it names), no file, or nothing."""


@value
class Observed:
    """The world as far as a plan needs it. Mappings may be lazy: what is not asked for is not looked up.

    `outputs` by path; absent is absent. `files` are the contents of reference files by path. `stored` gives for a
    recipe key what the store holds, oldest first. `sources` says, for a content that was locked for a path, where
    its bytes can be had for nothing. `in_doubt` are the requests of each asset that nothing ended, oldest first.
    """

    outputs: Mapping[str, ContentHash | Blocked] = field(default_factory=dict)
    files: Mapping[str, ContentHash] = field(default_factory=dict)
    stored: Mapping[RecipeKey, tuple[StoredImage, ...]] = field(default_factory=dict)
    sources: Mapping[tuple[ContentHash, str], str] = field(default_factory=dict)
    in_doubt: Mapping[AssetId, tuple[Requested, ...]] = field(default_factory=dict)
