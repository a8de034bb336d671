"""The contents of the lockfile as values; entries and refusals to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.lock.json_shape import Shape, a_content, a_key, a_path, shallow, shaped
from reconciler.core.value import field, value

PLACEHOLDER = "draft"
"""`made.provider` of a placeholder, of any provider that draws one."""
ADOPTED = "adopted"
"""`made.provider` of an image that a person brought."""
IMPORTED = "imported"
"""`made.provider` of an image that a model made elsewhere, in a program that we know nothing of."""


@value
class Made:
    """The origin of an image. `at` is UTC, ISO 8601 to the second; `provider` is a name, PLACEHOLDER, ADOPTED or
    IMPORTED. `edited`: a person edited the image after it was made; the content that it had before."""

    provider: str
    at: str
    model: str = ""
    request: str = ""
    cost: str = ""
    usage: Mapping[str, Json] = field(default_factory=dict)
    edited: ContentHash | None = None

    @property
    def by_hand(self) -> bool:
        """Whether the image is a person's work: brought or edited."""
        return self.provider == ADOPTED or self.edited is not None

    @property
    def placeholder(self) -> bool:
        """Whether the image stands in for a real one."""
        return self.provider == PLACEHOLDER


@value
class LockEntry:
    """One asset as it was last generated or adopted. `recipe` is the manifest whose digest is `key`."""

    output: str
    content: ContentHash
    image: ImageFacts
    key: RecipeKey
    recipe: Mapping[str, Json]
    made: Made


@value
class Refusal:
    """A recipe that the model refused, with its message."""

    key: RecipeKey
    message: str
    at: str


@value
class Lock:
    """`assets.lock`, parsed. `merged`: the file is what git left of a merge, and this is the merge per asset.
    `settled`: the assets that both sides changed, where the file on disk decided; the recipe of the other side."""

    entries: Mapping[AssetId, LockEntry] = field(default_factory=dict)
    refusals: Mapping[AssetId, Refusal] = field(default_factory=dict)
    merged: bool = field(default=False, compare=False)
    settled: Mapping[AssetId, RecipeKey] = field(default_factory=dict, compare=False)


def made_json(made: Made) -> dict[str, Json]:
    """The JSON that `read_made` reads."""
    optional: dict[str, Json] = {"cost": made.cost, "edited": made.edited, "model": made.model}
    optional |= {"request": made.request, "usage": made.usage}
    return {"at": made.at, "provider": made.provider, **{name: value for name, value in optional.items() if value}}


def entry_json(entry: LockEntry) -> dict[str, Json]:
    """The JSON that `read_entry` reads, in the order of the lockfile."""
    image = entry.image
    return {
        "output": entry.output,
        "content": entry.content,
        "image": {"bytes": image.size, "format": image.format, "height": image.height, "width": image.width},
        "recipe": {"key": entry.key, **entry.recipe},
        "made": made_json(entry.made),
    }


def refusal_json(refusal: Refusal) -> dict[str, Json]:
    """The JSON that `read_refusal` reads."""
    return {"at": refusal.at, "key": refusal.key, "words": refusal.message}


_ENTRY = Shape({"output": str, "content": str, "image": dict, "recipe": dict, "made": dict})
_IMAGE = Shape({"bytes": int, "format": str, "height": int, "width": int})
_MADE = Shape({"at": str, "provider": str}, {"cost": str, "edited": str, "model": str, "request": str, "usage": dict})
_REFUSAL = Shape({"at": str, "key": str, "words": str})


def read_made(value: Json) -> Made:
    """The origin of an image from the JSON of `made_json`."""
    made = shaped(value, _MADE, "made")
    if "usage" in made:
        shallow(made["usage"], "made.usage")
    if "edited" in made:
        a_content(made["edited"], "made.edited")
    return Made(**made)


def read_entry(value: Json) -> LockEntry:
    """One asset from the JSON of `entry_json`."""
    entry = shaped(value, _ENTRY)
    image = shaped(entry["image"], _IMAGE, "image")
    if image["format"] not in FORMATS:
        raise LockfileError(f"image.format: {image['format'][:80]!r} is none of {', '.join(FORMATS)}")
    if min(image["bytes"], image["height"], image["width"]) < 1:
        raise LockfileError("image: a size is less than 1")
    recipe = dict(entry["recipe"])
    shallow(recipe, "recipe")
    key = recipe.pop("key", None)
    if not isinstance(key, str):
        raise LockfileError("recipe.key: missing, or not a string")
    return LockEntry(
        a_path(entry["output"], "output"),
        a_content(entry["content"], "content"),
        ImageFacts(image["format"], image["width"], image["height"], image["bytes"]),
        a_key(key, "recipe.key"),
        recipe,
        read_made(entry["made"]),
    )


def read_refusal(value: Json) -> Refusal:
    """One refusal from the JSON of `refusal_json`."""
    refusal = shaped(value, _REFUSAL)
    return Refusal(a_key(refusal["key"], "key"), refusal["words"], refusal["at"])
