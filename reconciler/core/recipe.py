"""The recipe, which determines the pixels: its manifest, its key, and the differences of two manifests.

The key and the explanation use one manifest, so that the explanation cannot differ from the decision.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, cast

from reconciler.core.digest import ContentHash, Json, RecipeKey, canonical, plain, recipe_key
from reconciler.core.value import field, fields, value


@value
class TextPart:
    """Text in a turn, as written."""

    text: str


@value
class ImagePart:
    """A picture in a turn, by its content."""

    content: ContentHash


@value
class Turn:
    """One turn of a conversation. `role` is `user` or `model`."""

    role: str
    parts: tuple[TextPart | ImagePart, ...]


@value
class Recipe:
    """A complete request: defaults, styles and variables are filled in, references are contents.

    An empty string is an absent field: the provider's default holds. `workflow` is the digest of a workflow's template.
    The fields of this class are the one list of recipe fields; the manifest, the readers of specs, `explain` and the
    tables below derive theirs from it.
    """

    prompt: str
    model: str = ""
    size: str = ""
    image_size: str = ""
    quality: str = ""
    format: str = "png"
    background: str = ""
    references: tuple[ContentHash, ...] = ()
    mask: ContentHash | None = None
    turns: tuple[Turn, ...] = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    take: int = 1
    workflow: str = ""
    _key: RecipeKey = field(default=RecipeKey(""), init=False, repr=False, compare=False)

    def manifest(self) -> dict[str, Json]:
        """The fields that the key digests. Defaults are left out; the prompt is in its normal form."""
        said = zip(_MANIFEST.items(), _values(self), _UNSAID, strict=True)
        return {
            name: shown
            for (name, show), value, (unsaid, absent) in said
            if value != unsaid and (shown := show(value)) != absent
        }

    def key(self) -> RecipeKey:
        """The digest of the manifest."""
        if not self._key:
            object.__setattr__(self, "_key", recipe_key(self.manifest()))  # computed once; the value is frozen
        return self._key

    def images(self) -> tuple[ContentHash, ...]:
        """Every image that a request for this recipe needs, in order, with repeats."""
        in_turns = (part.content for turn in self.turns for part in turn.parts if isinstance(part, ImagePart))
        return (*self.references, *((self.mask,) if self.mask else ()), *in_turns)


def comparable(text: str) -> str:
    """The normal form of a prompt: Unicode NFC, runs of white space as one space, none at the ends."""
    text = text.strip()
    if text.isascii() and text.isprintable() and "  " not in text:
        return text  # the common case
    return " ".join(unicodedata.normalize("NFC", text).split())


def _turn(turn: Turn) -> Json:
    parts: list[Json] = [
        {"text": comparable(part.text)} if isinstance(part, TextPart) else {"image": part.content}
        for part in turn.parts
    ]
    return {"role": turn.role, "parts": parts}


def _same(value: Json) -> Json:
    return value


_NORMAL: dict[str, Callable[[Any], Json]] = {
    "prompt": comparable,
    "image_size": str.upper,
    "references": list,
    "turns": lambda turns: [_turn(turn) for turn in turns],
}
"""The form in which a field is compared, where it is neither the value itself nor its plain JSON."""
_DEFAULTS: dict[str, Any] = {each.name: getattr(Recipe(""), each.name) for each in fields(Recipe) if each.init}
_MANIFEST = {
    name: _NORMAL.get(name, plain if isinstance(default, float | Mapping) else _same)
    for name, default in _DEFAULTS.items()
}
_values = attrgetter(*_MANIFEST)
_UNSAID = [(default, _MANIFEST[name](default)) for name, default in _DEFAULTS.items()]
"""Every field that is absent, as in the recipe and as in the manifest."""

RECIPE_FIELDS = tuple(_DEFAULTS)
SINGLE_FIELDS: Mapping[str, str | int | float] = {
    name: default for name, default in _DEFAULTS.items() if isinstance(default, str | int | float)
}
"""The fields with one value, a text, a number or a truth value, and their defaults."""
KEYED_FIELDS = tuple(name for name, default in _DEFAULTS.items() if isinstance(default, Mapping))
"""The fields with a value for each key, which layers merge key by key."""
PICTURE_FIELDS = tuple(name for name in RECIPE_FIELDS if name not in SINGLE_FIELDS and name not in KEYED_FIELDS)
"""The other fields, which refer to pictures."""
IGNORABLE_FIELDS = tuple(name for name in RECIPE_FIELDS if name != "format")
"""The fields that `ignore_changes` takes. Another format is another file, which cannot be ignored."""


def manifest_images(manifest: Mapping[str, Json]) -> tuple[ContentHash, ...]:
    """The pictures of a manifest in the order of `Recipe.images()`."""
    turns = cast("list[dict[str, list[dict[str, str]]]]", manifest.get("turns", []))
    mask = cast("ContentHash | None", manifest.get("mask"))
    return (
        *cast("list[ContentHash]", manifest.get("references", [])),
        *((mask,) if mask else ()),
        *(ContentHash(part["image"]) for turn in turns for part in turn["parts"] if "image" in part),
    )


@value
class Change:
    """One field of the manifest before and after; None is absent."""

    field: str
    before: Json
    after: Json


def changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Change, ...]:
    """The fields in which two manifests differ, by name."""
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if canonical(before.get(name)) != canonical(after.get(name))  # in Python, True == 1
    )
