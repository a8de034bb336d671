"""Find the picture in a JSON answer: OpenAI's shape or Google's, whichever it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.digest import Json
from reconciler.core.value import value
from reconciler.providers.responses.reply import Picture

_FINISHED = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED"})
"""Finish reasons after which a picture should be there. Any other one, known or not, is why there is none."""


@value
class NoPicture:
    """An answer without a picture, in the model's words. `refused`: it would not draw."""

    words: str
    refused: bool = False


def find_picture(value: object) -> Picture | NoPicture:
    """The final picture of an answer: earlier ones are drafts of it."""
    if not isinstance(value, Mapping):
        return NoPicture("the answer is not an object")
    if "candidates" in value or "promptFeedback" in value:
        return _google(value)
    entries = [entry for entry in _list(value.get("data")) or _list(value.get("images")) if isinstance(entry, Mapping)]
    words = _words(value, entries)
    for entry in reversed(entries):
        base64, url = _string(entry.get("b64_json")), _string(entry.get("url"))
        if url.startswith(("data:", "\0")) and not base64:
            base64, url = url, ""
        if base64 or url:
            return Picture(
                base64=base64,
                url="" if base64 else url,
                model=_string(value.get("model")),
                words=words,
                usage=_mapping(value.get("usage")),
            )
    if words:
        return NoPicture(words, refused=True)
    return NoPicture("its list of pictures is empty" if "data" in value else "it has no list of pictures")


def _words(value: Mapping[str, Json], entries: list[Mapping[str, Json]]) -> str:
    said = (_string(_mapping(value.get("metadata")).get("text")), *(_string(e.get("revised_prompt")) for e in entries))
    return " ".join(filter(None, said))


def _google(value: Mapping[str, Json]) -> Picture | NoPicture:
    candidates = [entry for entry in _list(value.get("candidates")) if isinstance(entry, Mapping)]
    parts = [part for candidate in candidates for part in _parts(candidate)]
    words = " ".join(filter(None, (_string(part.get("text")) for part in parts if not part.get("thought"))))
    images = [data for part in parts if not part.get("thought") and (data := _inline(part))]
    if images:
        return Picture(
            base64=images[-1],
            model=_string(value.get("modelVersion")),
            request=_string(value.get("responseId")),
            words=words,
            usage=_mapping(value.get("usageMetadata")),
        )
    feedback = _mapping(value.get("promptFeedback"))
    blocked = _string(feedback.get("blockReason"))
    if blocked:
        return NoPicture(_sentence("the prompt was blocked", blocked, feedback.get("blockReasonMessage"), words), True)
    for candidate in candidates:
        reason = _string(candidate.get("finishReason"))
        if reason not in _FINISHED:
            return NoPicture(_sentence("no picture", reason, candidate.get("finishMessage"), words), refused=True)
    return NoPicture(words, refused=True) if words else NoPicture("the model gave neither picture nor words")


def _parts(candidate: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    parts = _list(_mapping(candidate.get("content")).get("parts"))
    yield from (part for part in parts if isinstance(part, Mapping))


def _inline(part: Mapping[str, Json]) -> str:
    return _string(_mapping(part.get("inlineData") or part.get("inline_data")).get("data"))


def _sentence(fact: str, reason: str, message: Json, words: str) -> str:
    return " ".join(filter(None, (f"{fact} ({reason})", _string(message), words)))


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
