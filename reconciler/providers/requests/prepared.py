"""Prepare a request: check that each image it needs is there, has the hashed content, and has a known format."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reconciler.core.digest import ContentHash, RecipeKey, content_of_hex
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.outcome import Rejected
from reconciler.core.ports import ImageRequest, References
from reconciler.core.recipe import Recipe, TextPart
from reconciler.core.value import value
from reconciler.providers.http.request import READ_BYTES, Attachment
from reconciler.providers.http.spool_file import open_picture


@value
class PreparedTurn:
    """One turn of a conversation, with its images."""

    role: str
    parts: tuple[str | Attachment, ...]


@value
class PreparedRequest:
    """A recipe with the files of its images: references, mask, and those within turns."""

    recipe: Recipe
    key: RecipeKey
    references: tuple[Attachment, ...] = ()
    mask: Attachment | None = None
    turns: tuple[PreparedTurn, ...] = ()

    @property
    def boundary(self) -> str:
        """The boundary of a form. It holds the digest of the recipe, which covers the images: no image contains it."""
        return "reconciler-" + self.key.partition(":")[2][:40]

    @property
    def prompt(self) -> str:
        """The text for an API with a single prompt: the prompt, else the last text of the conversation."""
        said = (part for turn in reversed(self.turns) for part in reversed(turn.parts) if isinstance(part, str))
        return self.recipe.prompt or next(said, "")

    def files(self) -> tuple[Attachment, ...]:
        """Every image that is sent."""
        in_turns = (part for turn in self.turns for part in turn.parts if not isinstance(part, str))
        return (*self.references, *((self.mask,) if self.mask else ()), *in_turns)

    def conversation(self) -> tuple[PreparedTurn, ...]:
        """Everything as turns: the conversation so far, then the prompt with its references.

        A conversation without a prompt of its own ends in its last turn, which the references then join.
        """
        if self.recipe.prompt or not self.turns:
            return (*self.turns, PreparedTurn("user", (self.recipe.prompt, *self.references)))
        last = self.turns[-1]
        return (*self.turns[:-1], PreparedTurn(last.role, (*last.parts, *self.references)))


def prepare(request: ImageRequest, references: References) -> PreparedRequest | Rejected:
    """Read and hash every image once. Blocking. Rejected if one is missing, changed, or of an unknown format."""
    recipe = request.recipe
    found: dict[ContentHash, Attachment] = {}
    for content in recipe.images():
        attached = found.get(content) or _attach(content, references.fetch(content))
        if isinstance(attached, Rejected):
            return attached
        found[content] = attached
    turns = tuple(
        PreparedTurn(turn.role, tuple(p.text if isinstance(p, TextPart) else found[p.content] for p in turn.parts))
        for turn in recipe.turns
    )
    pictures = tuple(found[content] for content in recipe.references)
    return PreparedRequest(recipe, request.key, pictures, found[recipe.mask] if recipe.mask else None, turns)


def _attach(content: ContentHash, path: Path | None) -> Attachment | Rejected:
    if path is None:
        return Rejected(f"the reference {content} is not available")
    try:
        attached = attachment_of(path)
    except OSError as error:
        return Rejected(f"cannot read the reference {path.name}: {error.strerror}")
    if attached.content != content:
        return Rejected(f"the reference {path.name} has changed since it was hashed")
    if not attached.format:
        return Rejected(f"the reference {path.name} is not a PNG, JPEG, WebP, AVIF or GIF file")
    return attached


def attachment_of(path: Path) -> Attachment:
    """A file as it is sent: each piece of it is compared with what it was now. `format` is "" if it is no image.

    Raises OSError.
    """
    with open_picture(path) as stream:
        whole, checksums, head = hashlib.sha256(), [], b""
        while data := stream.read(READ_BYTES):
            head = head or data[:HEAD]
            whole.update(data)
            checksums.append(hashlib.sha256(data).digest())
        size = stream.tell()
    return Attachment(path, content_of_hex(whole.hexdigest()), size, image_format(head) or "", tuple(checksums))
