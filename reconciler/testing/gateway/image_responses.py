"""Responses with an image: the JSON of each dialect in all of its shapes, and images that are spoiled by a fault."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.testing.gateway import error_responses, faults, pictures
from reconciler.testing.gateway.capabilities import AcceptedRequest
from reconciler.testing.gateway.wire import Response

PAGE = error_responses.HTML.format("Sign in to the network").encode()
REFUSAL_TEXT = "I can't draw that \x1b[2J, but I can tell you about it."
URLS = ("by_url", "by_relative_url", "url_dead", "url_html", "url_endless", "url_redirect", "url_foreign")


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """The inputs of a response besides the request. `mark` gives 16 new bytes; `publish` gives the URL of an image.

    `payload` translates the JSON of OpenAI's images API.
    """

    dialect: str
    request_id: str
    prompt: str
    size: int
    mark: Callable[[], bytes]
    publish: Callable[[str, str, bytes], str]
    payload: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _EncodedImage:
    """One image of a response: base64 in pieces."""

    encoded: tuple[bytes, ...]
    sha256: str
    form: str

    @property
    def data(self) -> bytes:
        return base64.b64decode(b"".join(self.encoded))


def compose(request: AcceptedRequest, fault: str, context: ResponseContext) -> Response:
    """The response to a valid request, with its shape or its image spoiled by the fault."""
    if fault == "html_200":
        return _response(context, PAGE, kind="text/html")
    if fault == "deep_json":
        return _response(context, b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
    native = request.route == "native"
    if fault == "stop_with_text" or request.text_only or fault == "empty_data" or fault in faults.FINISH:
        empty = _no_candidate(request, fault, context) if native else context.payload(_no_data(fault, context))
        return _response(context, json.dumps(empty).encode())
    if fault == "error_in_200":
        return _response(
            context, b'{"created": 1767225600, "error": {"message": "upstream failed", "code": "bad_response"}}'
        )
    if fault == "error_in_entry":
        told = {"data": [{"error": {"message": "rejected by the safety system", "code": "moderation_blocked"}}]}
        return _response(context, json.dumps(told if native else context.payload(told)).encode())
    drafts = 2 if fault == "drafts" or (native and "gemini-3" in request.model) else 0
    images = [_encoded_image(request, "ok", context, "jpeg" if native else request.form) for _ in range(drafts)]
    images += [_encoded_image(request, fault, context, request.form) for _ in range(request.count)]
    if not native and (request.answer == "url" or fault in URLS):
        payload, chunks = context.payload(_by_url(request, fault, images, context)), []
    else:
        tokens = [f"@{context.request_id}-{number}@" for number in range(len(images))]
        chunks = tokens
        if native:
            payload = _native(request, fault, tokens, images, drafts)
        else:
            payload = context.payload(_images(request, fault, tokens, context))
    text = json.dumps(payload)
    pieces: list[bytes] = []
    for token, image in zip(chunks, images, strict=False):
        before, _, text = text.partition(token)
        pieces += [before.encode(), *image.encoded]
    pieces.append(text.encode())
    if fault == "json_junk":
        pieces.append(b"\n<!-- cached -->")
    kind = "application/json"
    if fault == "event_stream":
        pieces = [b": keep-alive\n\nevent: completed\ndata: ", *pieces, b"\n\ndata: [DONE]\n\n"]
        kind = "text/event-stream"
    headers = (("Content-Type", kind), *error_responses.identity(context.dialect, context.request_id))
    return Response(200, headers, pieces, tuple(image.sha256 for image in images))


def blocked(context: ResponseContext, reason: str) -> Response:
    """A blocked prompt, as Gemini reports it."""
    feedback = {"blockReason": reason, "blockReasonMessage": REFUSAL_TEXT}
    return _response(context, json.dumps({"promptFeedback": feedback, "usageMetadata": _tokens()}).encode())


def _response(context: ResponseContext, body: bytes, *, kind: str = "application/json") -> Response:
    return Response(
        200, (("Content-Type", kind), *error_responses.identity(context.dialect, context.request_id)), (body,)
    )


def _encoded_image(request: AcceptedRequest, fault: str, context: ResponseContext, form: str) -> _EncodedImage:
    width, height, variant, mark = request.width, request.height, request.variant, context.mark()
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
        case "turned":
            width, height, variant = height, width, "turned"
        case "opaque_alpha":
            variant = "opaque" if form == "jpeg" else "opaque alpha"
        case "two_frames":
            form, variant = form if form in {"png", "webp"} else "webp", "frames"
    drawn = pictures.picture(form, width, height, mark, size=context.size, variant=variant)
    altered = _spoil(fault, drawn, form, mark)
    if altered is not None:
        return _EncodedImage((base64.b64encode(altered),), hashlib.sha256(altered).hexdigest(), form)
    whole = b"".join(drawn.encoded)
    cut = len(whole) // 8 * 4
    match fault:
        case "broken_lines":  # as MIME has it
            return _EncodedImage((_json_text(base64.encodebytes(drawn.data)),), drawn.sha256, form)
        case "url_alphabet":
            return _EncodedImage((base64.urlsafe_b64encode(drawn.data).rstrip(b"="),), drawn.sha256, form)
        case "cut_base64":
            return _EncodedImage((whole[: cut + 1],), "", form)
        case "junk_in_base64":
            return _EncodedImage((whole[:cut], b"!!!!", whole[cut:]), "", form)
    return _EncodedImage(drawn.encoded, drawn.sha256, form)


def _json_text(text: bytes) -> bytes:
    """Text in a string of JSON, without the quotes."""
    return json.dumps(text.decode()).encode()[1:-1]


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


def _images(request: AcceptedRequest, fault: str, tokens: list[str], context: ResponseContext) -> dict[str, Any]:
    data: list[dict[str, Any]] = [{"b64_json": token} for token in tokens]
    if fault == "data_url":
        data = [{"url": f"data:text/plain;base64,{token}"} for token in tokens]
    usage = {"total_tokens": 1302, "input_tokens": 12, "output_tokens": 1290}
    details = {"input_tokens_details": {"text_tokens": 12, "image_tokens": 0}}
    answer: dict[str, Any] = {"created": 1767225600, "data": data, "usage": usage | details}
    if context.dialect == "gravitex":
        answer["data"] = [{"url": "", **entry, "revised_prompt": f"As wished: {context.prompt}"} for entry in data]
        answer["metadata"] = {"text": "Here is your image."}
    elif context.dialect == "openai":
        answer |= {
            "background": request.variant,
            "output_format": request.form,
            "quality": "high",
            "size": f"{request.width}x{request.height}",
        }
    return answer


def _by_url(
    request: AcceptedRequest, fault: str, images: list[_EncodedImage], context: ResponseContext
) -> dict[str, Any]:
    how = fault if fault in URLS else "by_url"
    if context.dialect == "local" and fault not in URLS:
        how = "by_relative_url"
    both: Mapping[str, str] = {"b64_json": ""} if context.dialect == "gravitex" else {}
    data = [{"url": context.publish(how, image.form, image.data), **both} for image in images]
    return {"model": request.model, "created": 1767225600, "data": data, "usage": {"generated_images": len(data)}}


def _no_data(fault: str, context: ResponseContext) -> dict[str, Any]:
    worded = fault == "stop_with_text" and context.dialect == "gravitex"
    return {"created": 1767225600, "data": [], **({"metadata": {"text": REFUSAL_TEXT}} if worded else {})}


def _no_candidate(request: AcceptedRequest, fault: str, context: ResponseContext) -> dict[str, Any]:
    headers = {"usageMetadata": _tokens(), "modelVersion": request.model, "responseId": context.request_id}
    if fault == "empty_data":
        return {"candidates": [], **headers}
    if fault in faults.FINISH:
        reason = {"finishReason": fault.removeprefix("finish_"), "finishMessage": REFUSAL_TEXT, "index": 0}
        return {"candidates": [reason], **headers}
    content = {"role": "model", "parts": [{"text": REFUSAL_TEXT}]}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], **headers}


def _native(
    request: AcceptedRequest, fault: str, tokens: list[str], images: list[_EncodedImage], drafts: int
) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for number, (token, image) in enumerate(zip(tokens, images, strict=True)):
        kind = "webp" if fault == "lying_mime" else image.form
        inline = {"inlineData": {"mimeType": f"image/{kind}", "data": token}}
        if number < drafts:
            parts += [{"text": "Thinking about the composition.", "thought": True}, {**inline, "thought": True}]
        else:
            parts += [{"text": "Here is your image."}, {**inline, "thoughtSignature": "c2lnbmF0dXJl"}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": _tokens(), "modelVersion": request.model, "responseId": "r-1"}
