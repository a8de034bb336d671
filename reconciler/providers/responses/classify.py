"""Classify a response by its status, headers and body. The whole table; read it top to bottom.

The status decides first, then the code and the type of the error, then its message. A response that is not definite is
in doubt.
"""

from __future__ import annotations

from reconciler.core.digest import Json
from reconciler.core.outcome import BadOutput, InDoubt, Outcome, Refused, Rejected, Stop, Throttled
from reconciler.core.value import replace
from reconciler.providers.responses.api_error import ApiError, api_error_in, api_error_of, retry_after
from reconciler.providers.responses.find_image import NoImage, find_image
from reconciler.providers.responses.quota import limit_of
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
"""4xx statuses after which the image may still be made, and charged."""


def classify(reply: Reply) -> Outcome | ImageReply:
    """The outcome, or the image in the response. Messages are as received: redact them before they are shown."""
    status, fault = reply.status, api_error_of(reply)
    message = f"{status} {fault}".strip()
    if isinstance(reply.body, Cut):
        return InDoubt(f"{status}, but the response ended early")
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
    """Throttled, unless the credit has run out. A delay in the response means that it has not."""
    wait = retry_after(reply)
    if fault.credit and (wait is None or "insufficient_quota" in fault.codes):
        return Rejected(message, Stop.OUT_OF_CREDIT)
    limit = limit_of(reply, fault)
    return Throttled(message, wait, limit.later, limit.of_model) if limit else Throttled(message, wait)


def _client_error(status: int, fault: ApiError, message: str) -> Outcome:
    if fault.credit or (status == 403 and any("quota" in code.lower() for code in fault.codes)):
        return Rejected(message, Stop.OUT_OF_CREDIT)
    if fault.key:
        return Rejected(message, Stop.BAD_KEY)
    if fault.refusal and status in (400, 403, 422):
        return Refused(message)
    if fault.unwanted and status in (400, 422):
        return Rejected(f"{message} (params: {{{fault.unwanted}: null}} in the spec leaves it out)")
    return Rejected(message)


def _redirect(reply: Reply) -> Outcome:
    """Redirects are not followed: they would send the key and the images elsewhere. 303 means that work was done."""
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
            return BadOutput(f"{reply.status}, but the response is {why}: {api_error_of(reply).message or text}")
        case Nothing():
            return BadOutput(f"{reply.status}, but the response is empty")
        case TooLarge(limit):
            return InDoubt(f"{reply.status}, but the response goes on after {limit} bytes")
        case _:
            return InDoubt(f"{reply.status}, but the response ended early")


def _said(reply: Reply, value: Json) -> Outcome | ImageReply:
    """A 2xx response with JSON: it may hold an error, an image, or a text instead of one."""
    fault = api_error_in(value)
    found = find_image(value)
    if isinstance(found, ImageReply):  # an error beside an image does not take the image back
        return replace(found, request=found.request or request_id(reply))
    if fault is not None and fault.shaped:
        message = f"{reply.status} with an error inside: {fault}"
        if fault.refusal:
            return Refused(message)
        return Rejected(message, Stop.OUT_OF_CREDIT) if fault.credit else BadOutput(message)
    match found:
        case NoImage(message, refused=True):
            return Refused(message)
        case NoImage(message):
            return BadOutput(f"{reply.status}, but no picture: {message}")


def request_id(reply: Reply) -> str:
    """The id of the request, for the provider's support."""
    names = ("x-oneapi-request-id", "x-request-id", "request-id")
    return next((reply.headers[name] for name in names if reply.headers.get(name)), "")
