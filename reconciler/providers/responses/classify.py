"""Decide how an attempt ended, from status, headers and body facts alone. The whole table; read it top to bottom.

Status first, then code and type, then words: either of the later ones may be empty. What is not definite is in doubt.
"""

from __future__ import annotations

from reconciler.core.outcome import BadOutput, InDoubt, Outcome, Refused, Rejected, Stop, Throttled
from reconciler.core.value import replace
from reconciler.providers.responses.api_error import ApiError, api_error_in, api_error_of, retry_after
from reconciler.providers.responses.find_image import NoImage, find_image
from reconciler.providers.responses.reply import (
    Cut,
    ImageReply,
    JsonReply,
    Nothing,
    RawPicture,
    Reply,
    TextReply,
    TooLarge,
)

_MAYBE_DONE = frozenset({408, 409, 423, 424, 425, 499})
"""4xx after which the work may be under way or finished."""


def classify(reply: Reply) -> Outcome | ImageReply:
    """How it ended, or the picture that it says it brought. Words are as they came: make them presentable."""
    status, fault = reply.status, api_error_of(reply)
    message = f"{status} {fault}".strip()
    if isinstance(reply.body, Cut):
        return InDoubt(f"{status}, but the answer broke off")
    if 200 <= status < 300:
        return _answer(reply)
    if 300 <= status < 400:
        return _redirect(reply)
    if status == 401:
        return Rejected(message, Stop.BAD_KEY)
    if status == 402:
        return Rejected(message, Stop.OUT_OF_CREDIT)
    if status == 429:
        return _too_many(reply, fault, message)
    if status in _MAYBE_DONE:
        return InDoubt(message)
    if 400 <= status < 500:
        return _client_error(status, fault, message)
    if status == 502 and "empty_response" in fault.codes:
        return BadOutput(message)
    if status == 503 and fault.shaped:
        return Throttled(message, retry_after(reply))
    return InDoubt(message)


def _too_many(reply: Reply, fault: ApiError, message: str) -> Outcome:
    """A limit that passes, unless it is the money that has run out; a delay to wait says that it passes."""
    wait = retry_after(reply)
    if fault.credit and (wait is None or "insufficient_quota" in fault.codes):
        return Rejected(message, Stop.OUT_OF_CREDIT)
    return Throttled(message, wait)


def _client_error(status: int, fault: ApiError, message: str) -> Outcome:
    if fault.credit or (status == 403 and any("quota" in code.lower() for code in fault.codes)):
        return Rejected(message, Stop.OUT_OF_CREDIT)
    if fault.key:
        return Rejected(message, Stop.BAD_KEY)
    if fault.refusal and status in (400, 403, 422):
        return Refused(message)
    return Rejected(message)


def _redirect(reply: Reply) -> Outcome:
    """Never followed: the key and the pictures would go where the far side says. Only 303 says that it was done."""
    where = reply.headers.get("location", "nowhere")
    if reply.status == 303:
        return InDoubt(f"303 see {where}")
    return Rejected(f"{reply.status}: the server sends us to {where}; redirects are not followed")


def _answer(reply: Reply) -> Outcome | ImageReply:
    match reply.body:
        case _ if reply.status == 202:
            return InDoubt("202: accepted, but not answered")
        case JsonReply(value):
            return _said(reply, value)
        case RawPicture():
            return ImageReply(request=request_id(reply))
        case TextReply(text, why):
            return BadOutput(f"{reply.status}, but the answer is {why}: {api_error_of(reply).message or text}")
        case Nothing():
            return BadOutput(f"{reply.status}, but the answer is empty")
        case TooLarge(limit):
            return InDoubt(f"{reply.status}, but the answer goes on after {limit} bytes")
        case _:
            return InDoubt(f"{reply.status}, but the answer broke off")


def _said(reply: Reply, value: object) -> Outcome | ImageReply:
    """JSON with 200: an error all the same, a picture, or words instead of one."""
    body = reply.body
    fault = api_error_in(body.value) if isinstance(body, JsonReply) else None
    if fault is not None and fault.shaped:
        message = f"{reply.status} with an error inside: {fault}"
        if fault.refusal:
            return Refused(message)
        return Rejected(message, Stop.OUT_OF_CREDIT) if fault.credit else BadOutput(message)
    found = find_image(value)
    match found:
        case ImageReply():
            return replace(found, request=found.request or request_id(reply))
        case NoImage(message, refused=True):
            return Refused(message)
        case NoImage(message):
            return BadOutput(f"{reply.status}, but no picture: {message}")


def request_id(reply: Reply) -> str:
    """The id by which the far side's support desk finds this call."""
    names = ("x-oneapi-request-id", "x-request-id", "request-id")
    return next((reply.headers[name] for name in names if reply.headers.get(name)), "")
