"""The contents of the lockfile as values; entries and answers to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.lock.json_shape import Shape, a_content, a_key, a_path, shallow, shaped
from reconciler.core.value import field, value

PLACEHOLDER = "draft"
"""`made.provider` of a placeholder, of any provider that draws one."""
VIA_BATCH = "batch"
"""`made.via` of an image that a batch gave: its provider may have given it the key of another request."""
ADOPTED = "adopted"
"""`made.provider` of an image that a person brought."""
IMPORTED = "imported"
"""`made.provider` of an image that a model made elsewhere, in a program that we know nothing of."""


@value
class Made:
    """The origin of an image. `at` is UTC, ISO 8601 to the second; `provider` is a name, PLACEHOLDER, ADOPTED or
    IMPORTED. `edited`: a person edited the image after it was made; the content of the response. `via` is the way of
    the request where that is not a request of its own: VIA_BATCH."""

    provider: str
    at: str
    model: str = ""
    request: str = ""
    cost: str = ""
    usage: Mapping[str, Json] = field(default_factory=dict)
    edited: ContentHash | None = None
    via: str = ""

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
    """One asset as it was last generated or adopted. `recipe` is the manifest whose digest is `key`.

    `original` is the content of the response, where the output was converted from it.
    """

    output: str
    content: ContentHash
    image: ImageFacts
    key: RecipeKey
    recipe: Mapping[str, Json]
    made: Made
    original: ContentHash | None = None

    @property
    def is_version_1(self) -> bool:
        """Whether version 1 of the lockfile can hold it."""
        return self.original is None and self.made.edited is None


class AnswerKind(Enum):
    """How a recipe was answered without an image to lock."""

    REFUSED = "refused"
    """The model declined."""
    MISMATCHED = "mismatched"
    """A whole image that is not as the spec says."""
    FAILED = "failed"
    """A response without a usable image."""


@value
class Answer:
    """The response to a recipe, where it was no image to lock. It is not requested again without consent.

    `message` is the model's, or says what is wrong with the image. `content` are the bytes that came, in the store of
    the checkout that requested them. `cost` is the price of the request, "" if unknown: it may have been charged.
    `attempt` is the beginning of its id; `earlier` are the costs of earlier requests for this recipe, by theirs.
    """

    key: RecipeKey
    message: str
    at: str
    kind: AnswerKind = AnswerKind.REFUSED
    content: ContentHash | None = None
    cost: str = ""
    attempt: str = ""
    earlier: Mapping[str, str] = field(default_factory=dict)

    @property
    def costs(self) -> tuple[str, ...]:
        """What each request for this recipe may have cost."""
        return (*self.earlier.values(), self.cost)

    @property
    def is_version_1(self) -> bool:
        """Whether version 1 of the lockfile can hold it."""
        return (
            self.kind is AnswerKind.REFUSED and self.content is None and not (self.cost or self.attempt or self.earlier)
        )


@value
class Lock:
    """`assets.lock`, parsed. `merged`: the file is what git left of a merge, and this is the merge per asset.
    `settled`: the assets that both sides changed, where the file on disk decided; the recipe of the other side."""

    entries: Mapping[AssetId, LockEntry] = field(default_factory=dict)
    answers: Mapping[AssetId, Answer] = field(default_factory=dict)
    merged: bool = field(default=False, compare=False)
    settled: Mapping[AssetId, RecipeKey] = field(default_factory=dict, compare=False)

    @property
    def version(self) -> int:
        """The oldest version of the format that can hold it: older versions of reconciler then read it, too."""
        if any(entry.made.via for entry in self.entries.values()):
            return 4
        plain = all(answer.is_version_1 for answer in self.answers.values())
        return 1 if plain and all(entry.is_version_1 for entry in self.entries.values()) else 2


def made_json(made: Made) -> dict[str, Json]:
    """The JSON that `read_made` reads."""
    optional: dict[str, Json] = {"cost": made.cost, "edited": made.edited, "model": made.model}
    optional |= {"request": made.request, "usage": made.usage, "via": made.via}
    return {"at": made.at, "provider": made.provider, **{name: value for name, value in optional.items() if value}}


def entry_json(entry: LockEntry) -> dict[str, Json]:
    """The JSON that `read_entry` reads, in the order of the lockfile."""
    image = entry.image
    original: dict[str, Json] = {"original": entry.original} if entry.original is not None else {}
    return {
        "output": entry.output,
        "content": entry.content,
        **original,
        "image": {"bytes": image.size, "format": image.format, "height": image.height, "width": image.width},
        "recipe": {"key": entry.key, **entry.recipe},
        "made": made_json(entry.made),
    }


def answer_json(answer: Answer) -> dict[str, Json]:
    """The JSON that `read_answer` reads."""
    optional: dict[str, Json] = {
        "attempt": answer.attempt,
        "content": answer.content,
        "cost": answer.cost,
        "earlier": answer.earlier,
    }
    return {
        **refusal_json(answer),
        "outcome": answer.kind.value,
        **{name: value for name, value in optional.items() if value},
    }


def refusal_json(answer: Answer) -> dict[str, Json]:
    """A refusal in the JSON of version 1, which `read_refusal` reads."""
    return {"at": answer.at, "key": answer.key, "words": answer.message}


_ENTRY = Shape({"output": str, "content": str, "image": dict, "recipe": dict, "made": dict}, {"original": str})
_IMAGE = Shape({"bytes": int, "format": str, "height": int, "width": int})
_MADE = Shape(
    {"at": str, "provider": str}, {"cost": str, "edited": str, "model": str, "request": str, "usage": dict, "via": str}
)
_REFUSAL = Shape({"at": str, "key": str, "words": str})
_ANSWER = Shape(
    {"at": str, "key": str, "outcome": str, "words": str},
    {"attempt": str, "content": str, "cost": str, "earlier": dict},
)
_KINDS = {kind.value: kind for kind in AnswerKind}


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
        a_content(entry["original"], "original") if "original" in entry else None,
    )


def read_refusal(value: Json) -> Answer:
    """One refusal from the JSON of `refusal_json`."""
    refusal = shaped(value, _REFUSAL)
    return Answer(a_key(refusal["key"], "key"), refusal["words"], refusal["at"])


def read_answer(value: Json) -> Answer:
    """One answer from the JSON of `answer_json`."""
    answer = shaped(value, _ANSWER)
    if answer["outcome"] not in _KINDS:
        raise LockfileError(f"outcome: {answer['outcome'][:80]!r} is none of {', '.join(_KINDS)}")
    return Answer(
        a_key(answer["key"], "key"),
        answer["words"],
        answer["at"],
        _KINDS[answer["outcome"]],
        a_content(answer["content"], "content") if "content" in answer else None,
        answer.get("cost", ""),
        answer.get("attempt", ""),
        _costs(answer.get("earlier", {})),
    )


def _costs(value: Mapping[str, Json]) -> dict[str, str]:
    if not all(isinstance(cost, str) for cost in value.values()):
        raise LockfileError("earlier: not a mapping of strings")
    return {attempt: str(cost) for attempt, cost in value.items()}
