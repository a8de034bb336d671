"""The port of receipts: signed records that an image answers a recipe."""

from __future__ import annotations

from typing import Protocol

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.ports import StoredImage
from reconciler.core.value import value


@value
class Disbelieved:
    """A receipt that counts for nothing: who signed it, and why it is not believed."""

    by: str
    why: str


class Receipts(Protocol):
    """Writes and reads receipts. Used by several threads at a time."""

    def sign(self, key: RecipeKey, stored: StoredImage) -> bytes:
        """The receipt of an image for this recipe."""
        ...

    def read(self, key: RecipeKey, content: ContentHash, data: bytes) -> StoredImage | Disbelieved:
        """The image that the receipt of this content for this recipe vouches for."""
        ...
