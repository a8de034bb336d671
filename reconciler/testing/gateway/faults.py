"""The faults of a response by name, each with the class of its outcome."""

from __future__ import annotations

from collections.abc import Mapping

CONNECTION = {
    # Never a request. Not chosen per request: point the client at `gateway.origin_for(name)`.
    "refuse": "NotSent",
    "tls_garbage": "NotSent",
    "bad_certificate": "NotSent",
}
WIRE = {
    # Faults of the transport.
    "reset_before": "InDoubt",  # nothing was read, nothing billed; the client cannot know that
    "reset_after_request": "InDoubt",
    "reset_after_headers": "InDoubt",
    "reset_mid_body": "InDoubt",
    "close_before_answer": "InDoubt",
    "stall": "InDoubt",
    "stall_mid_body": "InDoubt",
    "slow": "InDoubt",
    "truncated": "InDoubt",
    "chunked_cut": "InDoubt",
    "bad_status_line": "InDoubt",
    "two_lengths": "InDoubt",
    "endless": "InDoubt",  # over the limit: the body is not complete
    "gzip_bomb": "BadOutput",  # a complete body in an encoding that was not requested
    "chunked": "Done",
    "no_length": "Done",
    "continue_first": "Done",
    "duplicate_headers": "Done",
}
STATUS = {
    # A definite response without an image.
    "400": "Rejected",
    "401": "Rejected",
    "402": "Rejected",
    "403": "Rejected",
    "403_quota": "Rejected",
    "403_pre_consume": "Rejected",
    "404": "Rejected",
    "404_html": "Rejected",
    "413": "Rejected",
    "415": "Rejected",
    "422": "Rejected",
    "429_quota": "Rejected",
    "redirect_307": "Rejected",  # a definite response: nothing was generated
    "moderation_blocked": "Refused",
    "prompt_blocked": "Refused",
    "429_seconds": "Throttled",
    "429_float": "Throttled",
    "429_date": "Throttled",
    "429_ms": "Throttled",
    "429_gemini": "Throttled",
    "429_garbage": "Throttled",
    "429_none": "Throttled",
    "429_empty": "Throttled",
    "429_long": "Throttled",
    "429_limit_0": "Throttled",
    "429_per_day": "Throttled",
    "503_json": "Throttled",
    "503_retry_after": "Throttled",
    "503_model_not_found": "Throttled",
    "408": "InDoubt",
    "409": "InDoubt",
    "500": "InDoubt",
    "500_text": "InDoubt",
    "502_json": "InDoubt",
    "502_html": "InDoubt",
    "503_html": "InDoubt",
    "504": "InDoubt",
    "524": "InDoubt",
    "502_empty_response": "BadOutput",
}
SHAPE = {
    # A 200 in the JSON of the API, but of another shape than documented.
    "empty_data": "BadOutput",
    "error_in_200": "BadOutput",
    "html_200": "BadOutput",
    "json_junk": "Done",
    "deep_json": "BadOutput",
    "stop_with_text": "Refused",
    "error_in_entry": "Refused",
    "event_stream": "Done",  # although nothing asked for one
    "data_url": "Done",
    "drafts": "Done",
    "lying_mime": "Done",  # only the native shape declares a type; the bytes decide
    "by_url": "Done",
    "by_relative_url": "Done",
    "url_dead": "BadOutput",
    "url_html": "BadOutput",
    "url_endless": "BadOutput",
    "url_redirect": "BadOutput",
    "url_foreign": "BadOutput",
}
NO_IMAGE = (
    "SAFETY",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "OTHER",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "IMAGE_RECITATION",
    "MALFORMED_RESPONSE",
    "NEVER_HEARD_OF",
)
"""Gemini's finish reasons without an image, as faults `finish_SAFETY` and so on."""
FINISH = {f"finish_{reason}": "Refused" for reason in NO_IMAGE}
IMAGE = {
    # A 200 whose image is not the requested one.
    "cut_base64": "BadOutput",
    "junk_in_base64": "BadOutput",
    "html_in_base64": "BadOutput",
    "wrong_format": "Done",  # converted, for nothing
    "gif": "BadOutput",
    "wrong_ratio": "Mismatched",
    "tiny_image": "Mismatched",
    "cut_image": "BadOutput",
    "damaged": "BadOutput",
    "trailing_junk": "Done",
    "opaque_alpha": "Done",  # an alpha channel that is opaque everywhere
    "turned": "Done",  # the orientation in its EXIF data turns it upright
    "broken_lines": "Done",
    "url_alphabet": "Done",
    "two_frames": "BadOutput",
    "big_png": "BadOutput",
    "wide_1408": "Done",  # 16:9 as 1408x768, which a model really sends: 3.1 % off the ratio
}
EXPECTED: Mapping[str, str] = {"ok": "Done", **CONNECTION, **WIRE, **STATUS, **SHAPE, **FINISH, **IMAGE}
"""Fault to outcome class. `expected` has the exceptions of a dialect."""

STOPS: Mapping[str, str] = {
    "401": "BAD_KEY",
    "402": "OUT_OF_CREDIT",
    "403_quota": "OUT_OF_CREDIT",
    "403_pre_consume": "OUT_OF_CREDIT",
    "429_quota": "OUT_OF_CREDIT",
}
"""Faults that must stop the whole lane, with the name in `core.outcome.Stop`."""

_ON_IMAGES = {
    **{("gravitex", fault): "BadOutput" for fault in FINISH},  # gravitex responds with 502 empty_response
}
_ON_NATIVE = {
    **{fault: "Done" for fault in SHAPE if "url" in fault},  # the native shape has no URLs
}
_UNCHARGED = frozenset({"reset_before", "moderation_blocked", "prompt_blocked", "redirect_307"})
_UNCHARGED_CLASSES = frozenset({"NotSent", "Rejected", "Throttled"})


def route_of(dialect: str) -> str:
    """The default route of a dialect."""
    return "native" if dialect == "gemini" else "images"


def expected(fault: str, dialect: str, route: str = "") -> str:
    """The outcome class of a fault in a dialect. `route`: images or native (gravitex has both)."""
    native = (route or route_of(dialect)) == "native"
    if dialect == "gemini" and fault == "429_quota":
        return "Throttled"  # Google sends the same message for a limit per minute
    if native:
        return _ON_NATIVE.get(fault, EXPECTED[fault])
    if fault == "stop_with_text" and dialect != "gravitex":
        return "BadOutput"  # OpenAI's images API has no place for a text
    return _ON_IMAGES.get((dialect, fault), EXPECTED[fault])


def charged(fault: str, dialect: str, route: str = "") -> bool:
    """Whether the gateway charges: on receipt, except where the table has no charge.

    "Maybe charged" is charged here. A blocked prompt is not; an openai response for a fault of
    Gemini's finish reasons is a `moderation_blocked`, which is not either.
    """
    blocked = fault in FINISH and dialect not in {"gravitex", "gemini"}
    return not blocked and fault not in _UNCHARGED and expected(fault, dialect, route) not in _UNCHARGED_CLASSES


def requested_delay(fault: str, base: float = 7.0) -> float | None:
    """The delay in seconds that a fault requests, in whatever form. `base` is the gateway's `retry_after`."""
    seconds: Mapping[str, float] = {
        "429_seconds": base,
        "429_float": base + 0.5,
        "429_date": base,
        "429_ms": base / 10,
        "429_gemini": base,
        "429_limit_0": base,  # though no wait helps
        "429_per_day": base,
        "429_long": 3600.0,
        "503_retry_after": base,
    }
    return seconds.get(fault)


def check(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, or ValueError for one that does not exist or cannot be chosen per request."""
    for name in names:
        if name not in EXPECTED:
            raise ValueError(f"there is no fault named {name!r}")
        if name in CONNECTION:
            raise ValueError(f"{name} is not a request's fault: use gateway.origin_for({name!r})")
    return names
