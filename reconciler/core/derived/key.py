"""The key of a derived file: what it is made from, and how. Not in it: its path, the rule's name, tools, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NewType

from reconciler.core.derived.operations import Encoding, Operation, form
from reconciler.core.digest import ContentHash, Json, canonical
from reconciler.core.value import replace, value

DerivedKey = NewType("DerivedKey", str)
"""`d1:` and 64 hex digits."""
KEY_PREFIX = "d1:"
NO_KEY = DerivedKey(f"{KEY_PREFIX}{'0' * 64}")
"""The key of nothing."""
_DOMAIN = b"reconciler derived d1\n"


@value
class FileRecipe:
    """How one file is made from one picture."""

    operations: tuple[Operation, ...]
    encoding: Encoding

    def manifest(self, content: ContentHash) -> dict[str, Json]:
        """What the key is the digest of. It feeds the explanation, too."""
        return {
            "from": [content],
            "ops": [form(each) for each in self.operations],
            "encode": form(self.encoding),
        }


class FileKeys:
    """The keys of the files of one recipe: all of the manifest but the content is written once."""

    def __init__(self, recipe: FileRecipe) -> None:
        self.recipe = recipe
        mark = ContentHash("sha256:-")
        head, _, tail = canonical(recipe.manifest(mark)).partition(mark.encode())
        self._begun = hashlib.sha256(_DOMAIN + head)
        self._tail = tail
        self._marked: dict[tuple[str, ...], FileKeys] = {}

    def marked(self, mark: tuple[str, ...]) -> FileKeys:
        """The keys of the same files with this mark in them."""
        if mark not in self._marked:
            recipe = self.recipe
            self._marked[mark] = (
                FileKeys(replace(recipe, encoding=replace(recipe.encoding, mark=mark))) if mark else self
            )
        return self._marked[mark]

    def of(self, content: ContentHash) -> DerivedKey:
        digest = self._begun.copy()
        digest.update(content.encode() + self._tail)
        return DerivedKey(KEY_PREFIX + digest.hexdigest())


def derived_key(manifest: Mapping[str, Json]) -> DerivedKey:
    """The key over a manifest."""
    return DerivedKey(KEY_PREFIX + hashlib.sha256(_DOMAIN + canonical(manifest)).hexdigest())


def bundle_manifest(kind: str, contents: Sequence[ContentHash], **how: Json) -> dict[str, Json]:
    """What the key of a bundle is the digest of; `how` as far as it goes into the files."""
    return {"bundle": kind, "from": list(contents), **how}
