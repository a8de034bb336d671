"""Find the image in a JSON response of OpenAI's or Google's shape. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.digest import Json
from reconciler.core.value import value
from reconciler.providers.responses.reply import ImageReply

_FINISHED = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED"})
"""Finish reasons of a successful response. Any other one, known or not, is the reason that there is no image."""


@value
class NoImage:
    """A response without an image; `message` is the model's. `refused`: the model declined."""

    message: str
    refused: bool = False


def find_image(value: object) -> ImageReply | NoImage:
    """The last image of a response: earlier ones are drafts of it."""
    if not isinstance(value, Mapping):
        return NoImage("the answer is not an object")
    if "candidates" in value or "promptFeedback" in value:
        return _google(value)
    entries = [entry for entry in _list(value.get("data")) or _list(value.get("images")) if isinstance(entry, Mapping)]
    message = _words(value, entries)
    for entry in reversed(entries):
        base64, url = _string(entry.get("b64_json")), _string(entry.get("url"))
        if url.startswith(("data:", "\0")) and not base64:
            base64, url = url, ""
        if base64 or url:
            return ImageReply(
                base64=base64,
                url="" if base64 else url,
                model=_string(value.get("model")),
                message=message,
                usage=_mapping(value.get("usage")),
            )
    if message:
        return NoImage(message, refused=True)
    return NoImage("its list of pictures is empty" if "data" in value else "it has no list of pictures")


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
