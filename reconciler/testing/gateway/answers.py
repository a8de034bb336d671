"""What the services say when there is an image: the JSON of each dialect with its odd shapes, and images gone wrong."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.testing.gateway import faults, pictures, problems
from reconciler.testing.gateway.capabilities import Ask
from reconciler.testing.gateway.wire import Answer

PAGE = problems.HTML.format("Sign in to the network").encode()
WORDS = "I can't draw that \x1b[2J, but I can tell you about it."
URLS = ("by_url", "by_relative_url", "url_dead", "url_html", "url_endless", "url_redirect", "url_foreign")


@dataclass(frozen=True, slots=True)
class Setting:
    """What an answer needs besides the request. `mark` gives 16 new bytes; `publish` takes an image to a URL."""

    dialect: str
    request_id: str
    prompt: str
    size: int
    mark: Callable[[], bytes]
    publish: Callable[[str, str, bytes], str]


@dataclass(frozen=True, slots=True)
class _Shot:
    """One image on its way into an answer: base64 in pieces."""

    encoded: tuple[bytes, ...]
    sha256: str
    form: str

    @property
    def data(self) -> bytes:
        return base64.b64decode(b"".join(self.encoded))


def compose(ask: Ask, fault: str, setting: Setting) -> Answer:
    """The answer to a sound request, with its shape or its image spoiled where the fault says so."""
    if fault == "html_200":
        return _said(setting, PAGE, kind="text/html")
    if fault == "deep_json":
        return _said(setting, b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
    native = ask.route == "native"
    if fault == "stop_with_words" or ask.words_only or fault == "empty_data" or fault in faults.FINISH:
        empty = _no_candidate(ask, fault, setting) if native else _no_data(fault, setting)
        return _said(setting, json.dumps(empty).encode())
    if fault == "error_in_200":
        return _said(
            setting, b'{"created": 1767225600, "error": {"message": "upstream failed", "code": "bad_response"}}'
        )
    drafts = 2 if fault == "drafts" or (native and "gemini-3" in ask.model) else 0
    shots = [_shoot(ask, "ok", setting, "jpeg" if native else ask.form) for _ in range(drafts)]
    shots += [_shoot(ask, fault, setting, ask.form) for _ in range(ask.count)]
    if not native and (ask.answer == "url" or fault in URLS):
        payload, chunks = _by_url(ask, fault, shots, setting), []
    else:
        tokens = [f"@{setting.request_id}-{number}@" for number in range(len(shots))]
        payload = _native(ask, fault, tokens, shots, drafts) if native else _images(ask, tokens, setting)
        chunks = tokens
    text = json.dumps(payload)
    pieces: list[bytes] = []
    for token, shot in zip(chunks, shots, strict=False):
        before, _, text = text.partition(token)
        pieces += [before.encode(), *shot.encoded]
    pieces.append(text.encode())
    if fault == "json_junk":
        pieces.append(b"\n<!-- cached -->")
    told = (("Content-Type", "application/json"), *problems.identity(setting.dialect, setting.request_id))
    return Answer(200, told, pieces, tuple(shot.sha256 for shot in shots))


def blocked(setting: Setting, reason: str) -> Answer:
    """Gemini's own way to refuse a prompt."""
    feedback = {"promptFeedback": {"blockReason": reason, "blockReasonMessage": WORDS}, "usageMetadata": _tokens()}
    return _said(setting, json.dumps(feedback).encode())


def _said(setting: Setting, body: bytes, *, kind: str = "application/json") -> Answer:
    return Answer(200, (("Content-Type", kind), *problems.identity(setting.dialect, setting.request_id)), (body,))


def _shoot(ask: Ask, fault: str, setting: Setting, form: str) -> _Shot:
    width, height, look, mark = ask.width, ask.height, ask.look, setting.mark()
    match fault:
        case "wrong_format":
            form = {"png": "jpeg"}.get(form, "png")
        case "gif":
            form = "gif"
        case "wrong_ratio":
            width, height = (height, width) if abs(width - height) * 20 > width else (width, height // 2)
        case "tiny_image":
            width, height = width * 32 // min(width, height), height * 32 // min(width, height)
        case "wide_1408" if abs(width / height - 16 / 9) < 0.09:
            width, height = 1408, 768
        case "two_frames":
            form, look = form if form in {"png", "webp"} else "webp", "frames"
    drawn = pictures.picture(form, width, height, mark, size=setting.size, look=look)
    altered = _spoil(fault, drawn, form, mark)
    if altered is not None:
        return _Shot((base64.b64encode(altered),), hashlib.sha256(altered).hexdigest(), form)
    whole = b"".join(drawn.encoded)
    cut = len(whole) // 8 * 4
    match fault:
        case "cut_base64":
            return _Shot((whole[: cut + 1],), "", form)
        case "junk_in_base64":
            return _Shot((whole[:cut], b"!!!!", whole[cut:]), "", form)
    return _Shot(drawn.encoded, drawn.sha256, form)


def _spoil(fault: str, drawn: pictures.Picture, form: str, mark: bytes) -> bytes | None:
    match fault:
        case "html_in_base64":
            return PAGE + mark
        case "cut_image":
            return drawn.data[: len(drawn.data) * 2 // 3]
        case "damaged":
            return pictures.damaged(drawn.data, form)
        case "trailing_junk":
            return drawn.data + b"\n<script>" + mark
        case "big_png":
            return pictures.huge_png()
    return None


def _tokens() -> dict[str, Any]:
    return {"promptTokenCount": 12, "candidatesTokenCount": 1290, "totalTokenCount": 1302}


def _images(ask: Ask, tokens: list[str], setting: Setting) -> dict[str, Any]:
    data: list[dict[str, Any]] = [{"b64_json": token} for token in tokens]
    usage = {"total_tokens": 1302, "input_tokens": 12, "output_tokens": 1290}
    details = {"input_tokens_details": {"text_tokens": 12, "image_tokens": 0}}
    answer: dict[str, Any] = {"created": 1767225600, "data": data, "usage": usage | details}
    if setting.dialect == "gravitex":
        answer["data"] = [{"url": "", **entry, "revised_prompt": f"As wished: {setting.prompt}"} for entry in data]
        answer["metadata"] = {"text": "Here is your image."}
    elif setting.dialect == "openai":
        answer |= {
            "background": ask.look,
            "output_format": ask.form,
            "quality": "high",
            "size": f"{ask.width}x{ask.height}",
        }
    return answer


def _by_url(ask: Ask, fault: str, shots: list[_Shot], setting: Setting) -> dict[str, Any]:
    how = fault if fault in URLS else "by_url"
    if setting.dialect == "local" and fault not in URLS:
        how = "by_relative_url"
    both: Mapping[str, str] = {"b64_json": ""} if setting.dialect == "gravitex" else {}
    data = [{"url": setting.publish(how, shot.form, shot.data), **both} for shot in shots]
    return {"model": ask.model, "created": 1767225600, "data": data, "usage": {"generated_images": len(data)}}


def _no_data(fault: str, setting: Setting) -> dict[str, Any]:
    worded = fault == "stop_with_words" and setting.dialect == "gravitex"
    return {"created": 1767225600, "data": [], **({"metadata": {"text": WORDS}} if worded else {})}


def _no_candidate(ask: Ask, fault: str, setting: Setting) -> dict[str, Any]:
    told = {"usageMetadata": _tokens(), "modelVersion": ask.model, "responseId": setting.request_id}
    if fault == "empty_data":
        return {"candidates": [], **told}
    if fault in faults.FINISH:
        reason = {"finishReason": fault.removeprefix("finish_"), "finishMessage": WORDS, "index": 0}
        return {"candidates": [reason], **told}
    content = {"role": "model", "parts": [{"text": WORDS}]}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], **told}


def _native(ask: Ask, fault: str, tokens: list[str], shots: list[_Shot], drafts: int) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for number, (token, shot) in enumerate(zip(tokens, shots, strict=True)):
        kind = "webp" if fault == "lying_mime" else shot.form
        inline = {"inlineData": {"mimeType": f"image/{kind}", "data": token}}
        if number < drafts:
            parts += [{"text": "Thinking about the composition.", "thought": True}, {**inline, "thought": True}]
        else:
            parts += [{"text": "Here is your image."}, {**inline, "thoughtSignature": "c2lnbmF0dXJl"}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": _tokens(), "modelVersion": ask.model, "responseId": "r-1"}
