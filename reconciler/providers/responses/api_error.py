"""Parse the error in a response, in the shapes of several APIs, and the delay before a retry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reconciler.core.digest import Json
from reconciler.core.value import value
from reconciler.providers.responses.reply import JsonReply, Nothing, Reply, TextReply, TooLarge

_REFUSAL_CODE = re.compile(
    r"(?i)moderation|content_?policy|content_?filter|prompt_?blocked|sensitive|data_?inspection|safety|prohibited"
)
_REFUSAL_WORDS = re.compile(
    r"(?i)safety system|content polic|moderation|sensitive (?:content|information)|inappropriate"
)
_CREDIT_CODE = re.compile(
    r"(?i)insufficient_?(?:user_?)?(?:quota|balance|credit)|pre_consume|billing|arrear|payment_required"
)
_CREDIT_WORDS = re.compile(
    r"(?i)(?:insufficient|not enough|no) (?:\w+ )?(?:quota|balance|credits?|funds)"
    r"|(?:quota|balance|credits?) (?:\w+ )?(?:is|are|has been) (?:\w+ )?(?:insufficient|not enough|exhausted|used up)"
    r"|plan and billing|billing (?:hard )?limit"
)
_KEY_CODE = re.compile(r"(?i)api_?key_?invalid|invalid_?api_?key|api_?key_?expired|invalid_authentication")
_GENERAL = re.compile(
    r"(?i)[0-9]+|(?:bad|invalid)_(?:request|argument)(?:_error)?|permission_denied|resource_exhausted|forbidden"
    r"|(?:new_|one_)?api_error|(?:upstream|openai|server|unknown)_error"
)
"""Codes that add nothing to the status: the message decides then."""
_UNWANTED = re.compile(
    r"(?i)\bunknown|unsupported|unrecogni[sz]ed|unexpected|not (?:supported|allowed|permitted)|extra (?:inputs|fields)"
    r"|does not support|invalid.?parameter"
)
_LEFT_OUT = (
    "response_format",
    "output_format",
    "mime_type",
    "response_modalities",
    "image_size",
    "background",
    "quality",
)
"""Parameters that requests have and that a spec can leave out."""
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@value
class ApiError:
    """An error of an API. `codes` are its code, type, status and reasons, without the empty ones."""

    message: str = ""
    codes: tuple[str, ...] = ()
    shaped: bool = False
    """Whether it was the error object of an API."""

    @property
    def refusal(self) -> bool:
        """Whether the model or its content filter declined."""
        return self._tells(_REFUSAL_CODE, _REFUSAL_WORDS)

    @property
    def credit(self) -> bool:
        """Whether the account is out of credit."""
        return self._tells(_CREDIT_CODE, _CREDIT_WORDS)

    @property
    def key(self) -> bool:
        """Whether the key was rejected."""
        return any(map(_KEY_CODE.search, self.codes))

    @property
    def unwanted(self) -> str:
        """The parameter of ours that the server does not take, as far as it names it; else ""."""
        text = " ".join((*self.codes, self.message))
        if not _UNWANTED.search(text):
            return ""
        return next((name for name in _LEFT_OUT if re.search(rf"\b{name}\b", text)), "")

    def _tells(self, code: re.Pattern[str], message: re.Pattern[str]) -> bool:
        """Match the codes; match the message only if no code is specific, since a message may quote the prompt."""
        if any(map(code.search, self.codes)):
            return True
        return all(map(_GENERAL.fullmatch, self.codes)) and bool(message.search(self.message))

    def __str__(self) -> str:
        code = next((code for code in self.codes if not code.isdigit()), next(iter(self.codes), ""))
        return ": ".join(part for part in (code, self.message) if part)


def api_error_of(reply: Reply) -> ApiError:
    """The error in a response."""
    match reply.body:
        case JsonReply(value):
            return api_error_in(value) or ApiError()
        case TextReply(text):
            return ApiError(_without_markup(text))
        case TooLarge(limit):
            return ApiError(f"an answer of more than {limit} bytes")
        case Nothing():
            return ApiError("an empty answer")
        case _:
            return ApiError()


def api_error_in(value: Json) -> ApiError | None:
    """The error in a JSON response; None if there is none."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    error = value.get("error") or value.get("errors")
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, Mapping):
        codes = tuple(str(code) for code in _codes(error) if code not in (None, ""))
        return ApiError(_text(error.get("message")) or _text(error.get("detail")), codes, shaped=True)
    if isinstance(error, str) and error:
        return ApiError(error, tuple(str(c) for c in (value.get("code"),) if c), shaped=True)
    loose = _text(value.get("detail")) or _text(value.get("message"))
    return ApiError(loose, tuple(str(c) for c in (value.get("code"),) if c)) if loose else None


def _codes(error: Mapping[str, Json]) -> Iterator[Json]:
    yield from (error.get("code"), error.get("type"), error.get("status"))
    yield from (detail.get("reason") for detail in _details(error))


def _details(error: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    details = error.get("details")
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, Mapping))


def _text(value: Json) -> str:
    """Text, from a string or from the list of validation errors that some frameworks return."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(filter(None, (_text(item.get("msg")) for item in value if isinstance(item, Mapping))))
    return ""


def _without_markup(text: str) -> str:
    title = re.search(r"<title[^<>]*>([^<]*)</title>", text[:65536], re.IGNORECASE)
    return title[1] if title else re.sub(r"<[^<>]*>", " ", text[:65536])


def retry_after(reply: Reply) -> float | None:
    """The least delay in seconds: the longest of those in headers and body; None if none can be parsed."""
    headers = reply.headers
    said = [
        _seconds(headers.get("retry-after-ms", ""), 1000),
        _seconds(headers.get("retry-after", ""), 1),
        _until(headers.get("retry-after", ""), headers.get("date", "")),
        *_delays(reply),
    ]
    return max((seconds for seconds in said if seconds is not None and seconds >= 0), default=None)


def _seconds(text: str, unit: int) -> float | None:
    return float(text.strip()) / unit if _NUMBER.fullmatch(text.strip()) else None


def _until(when: str, now: str) -> float | None:
    """Seconds until a date, by the `Date` header of the response: the local clock may be wrong."""
    end, start = _moment(when), _moment(now)
    return (end - start).total_seconds() if end and start else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _delays(reply: Reply) -> Iterator[float | None]:
    for detail in details_of(reply.body.value) if isinstance(reply.body, JsonReply) else ():
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            yield _seconds(delay[:-1], 1)


def details_of(value: Json) -> Iterator[Mapping[str, Json]]:
    """The details of Google's error in a JSON response."""
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, Mapping) else None
    return _details(error) if isinstance(error, Mapping) else iter(())
