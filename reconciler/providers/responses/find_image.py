"""Find the image in a JSON response of OpenAI's or Google's shape. Pure."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Mapping

from reconciler.core.digest import Json
from reconciler.core.images.magic import image_format
from reconciler.core.value import value
from reconciler.providers.responses.api_error import api_error_in
from reconciler.providers.responses.reply import ImageReply

_FINISHED = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED"})
"""Finish reasons of a successful response. Any other one, known or not, is the reason that there is no image."""


@value
class NoImage:
    """A response without an image; `message` is the model's. `refused`: the model declined."""

    message: str
    refused: bool = False


def find_image(value: object) -> ImageReply | NoImage:
    """The last image of a response: earlier ones are drafts of it. A list holds the parts of a streamed response."""
    if isinstance(value, list):
        return _streamed(value)
    if not isinstance(value, Mapping):
        return NoImage("the answer is not an object")
    if "candidates" in value or "promptFeedback" in value:
        return _google(value)
    entries = [entry for name in _LISTS for entry in _entries(value.get(name))] or [value]
    message = _words(value, entries)
    for entry in reversed(entries):
        base64, url = _image_of(entry)
        if base64 or url:
            return ImageReply(
                base64=base64,
                url=url,
                model=_string(value.get("model")),
                message=message,
                usage=_mapping(value.get("usage")),
            )
    if fault := next((fault for entry in entries if entry is not value and (fault := api_error_in(entry))), None):
        return NoImage(str(fault), refused=fault.refusal)
    if message:
        return NoImage(message, refused=True)
    return NoImage("its list of pictures is empty" if "data" in value else "it has no list of pictures")


_LISTS = ("data", "images", "artifacts", "output", "result")
_BASE64 = ("b64_json", "b64", "base64", "image_base64", "result")
_URL = ("url", "image_url", "image", "sample")
_BEGINNING = 64
"""Characters of base64 that show which image it is: whole groups of four."""


def _streamed(parts: list[Json]) -> ImageReply | NoImage:
    found = [find_image(part) for part in parts if not isinstance(part, list)]
    images = [one for one in found if isinstance(one, ImageReply)]
    refusals = [one for one in found if isinstance(one, NoImage) and one.refused]
    told = images[-1:] or refusals[-1:] or found[-1:]
    return told[0] if told else NoImage("the answer is an empty list")


def _entries(listed: Json) -> list[Mapping[str, Json]]:
    """The entries of a list of images. A bare string is an image, as base64 or by its URL."""
    entries = listed if isinstance(listed, list) else [listed]
    named = [
        {"base64" if _begins_as_base64(entry) else "url": entry} if isinstance(entry, str) else entry
        for entry in entries
    ]
    return [entry for entry in named if isinstance(entry, Mapping)]


def _begins_as_base64(text: str) -> bool:
    """Whether a text begins as the base64 of an image. That of a JPEG, `/9j/`, could be the path of a URL."""
    try:
        return bool(image_format(a2b_base64(text[:_BEGINNING], strict_mode=True)))
    except ValueError:
        return False


def _image_of(entry: Mapping[str, Json]) -> tuple[str, str]:
    """The base64 and the URL of an entry, one of them empty. A `data:` URL, and text too long for one, is base64."""
    base64 = next(filter(None, (_string(entry.get(name)) for name in _BASE64)), "")
    if base64:
        return base64, ""
    for name in _URL:
        url = (_string(_mapping(entry.get(name)).get("url")) or _string(entry.get(name))).strip(" \t\r\n")
        if url:
            return (url, "") if url[:5].lower() == "data:" or url.startswith("\0") else ("", url)
    return "", ""


def _words(value: Mapping[str, Json], entries: list[Mapping[str, Json]]) -> str:
    said = (_string(_mapping(value.get("metadata")).get("text")), *(_string(e.get("revised_prompt")) for e in entries))
    return " ".join(filter(None, said))


def _google(value: Mapping[str, Json]) -> ImageReply | NoImage:
    candidates = [entry for entry in _list(value.get("candidates")) if isinstance(entry, Mapping)]
    parts = [part for candidate in candidates for part in _parts(candidate)]
    message = " ".join(filter(None, (_string(part.get("text")) for part in parts if not part.get("thought"))))
    images = [data for part in parts if not part.get("thought") and (data := _inline(part))]
    if images:
        return ImageReply(
            base64=images[-1],
            model=_string(value.get("modelVersion")),
            request=_string(value.get("responseId")),
            message=message,
            usage=_mapping(value.get("usageMetadata")),
        )
    feedback = _mapping(value.get("promptFeedback"))
    blocked = _string(feedback.get("blockReason"))
    if blocked:
        return NoImage(_sentence("the prompt was blocked", blocked, feedback.get("blockReasonMessage"), message), True)
    for candidate in candidates:
        reason = _string(candidate.get("finishReason"))
        if reason not in _FINISHED:
            return NoImage(_sentence("no picture", reason, candidate.get("finishMessage"), message), refused=True)
    return NoImage(message, refused=True) if message else NoImage("the model returned neither an image nor text")


def _parts(candidate: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    parts = _list(_mapping(candidate.get("content")).get("parts"))
    yield from (part for part in parts if isinstance(part, Mapping))


def _inline(part: Mapping[str, Json]) -> str:
    return _string(_mapping(part.get("inlineData") or part.get("inline_data")).get("data"))


def _sentence(fact: str, reason: str, detail: Json, text: str) -> str:
    return " ".join(filter(None, (f"{fact} ({reason})", _string(detail), text)))


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
