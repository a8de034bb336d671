"""One verdict of a person on an image, and its line in `reviews/*.jsonl`.

The line is JSON with sorted keys: `asset`, `at`, `by`, `content`, `note`, `v` (the version, 1) and `verdict`; `recipe`,
except of a derived file; `original` if the image was converted; and `sig` if the line is signed. The content decides;
`asset` is for people. An unknown key is an error: an older version would take a line for less than it says.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import Enum
from typing import NoReturn

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError, Place
from reconciler.core.lock.json_shape import UPGRADE, Shape, a_content, a_key, compact_json, shaped
from reconciler.core.text import is_hidden
from reconciler.core.value import field, replace, value

VERDICT_VERSION = 1
MAX_VERDICT_BYTES = 16 << 10
"""The most bytes of one line."""
MAX_NOTE = 2_000
"""The most characters of a note."""
_MAX_ID = 1_000
_MAX_PERSON = 320
_MAX_SIGNATURE = 8_000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/=]+")
_REQUIRED = {"asset": str, "at": str, "by": str, "content": str, "v": int, "verdict": str}
_SHAPE = Shape(_REQUIRED, {"note": str, "original": str, "recipe": str, "sig": str})
_MEND = "restore the file from version control; if the line never was a verdict, delete it"


class Judgement(Enum):
    """The kinds of verdicts. A withdrawal takes back the earlier verdict of the same person; a note changes nothing."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    NOTE = "note"


@value
class Verdict:
    """What a person said about an image.

    `at` is UTC, to the second (`2026-11-27T12:00:00Z`); `by` identifies the person, usually by an e-mail address.
    `recipe` is the one that the image was made for; None of a derived file, whose `asset` is its set (`hero~web`).
    `original` is the image that it was converted from. `signature` is the body of an SSH signature over `signed_text`,
    or "". `place` is the line that was read.
    """

    asset: AssetId
    content: ContentHash
    recipe: RecipeKey | None
    by: str
    at: str
    judgement: Judgement
    note: str = ""
    original: ContentHash | None = None
    signature: str = ""
    place: Place = field(default=Place(""), compare=False)


@value
class UnreadableVerdict:
    """Why a line is no verdict."""

    fact: str
    hint: str = ""


def verdict_line(verdict: Verdict) -> str:
    """The line of a verdict, without a line break."""
    line: dict[str, Json] = {
        "asset": verdict.asset,
        "at": verdict.at,
        "by": verdict.by,
        "content": verdict.content,
        "note": verdict.note,
        "v": VERDICT_VERSION,
        "verdict": verdict.judgement.value,
    }
    if verdict.recipe is not None:
        line["recipe"] = verdict.recipe
    if verdict.original is not None:
        line["original"] = verdict.original
    if verdict.signature:
        line["sig"] = verdict.signature
    return compact_json(line)


def signed_text(verdict: Verdict) -> bytes:
    """The bytes that a signature is made over: the line without the signature."""
    return verdict_line(replace(verdict, signature="")).encode()


def read_verdict(line: str, place: Place) -> Verdict | UnreadableVerdict:
    """The verdict of one line, or the reason why there is none."""
    try:
        shape = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        fact = str(error) if isinstance(error, _Refused) else "is not JSON"
        return UnreadableVerdict(fact, _MEND)
    version = shape.get("v") if isinstance(shape, dict) else None
    if type(version) is int and version > VERDICT_VERSION:
        return UnreadableVerdict(f"verdict version {version} is newer than {VERDICT_VERSION}", UPGRADE)
    try:
        given = shaped(shape, _SHAPE)
        verdict = Verdict(
            AssetId(_short(given["asset"], "asset", most=_MAX_ID)),
            a_content(given["content"], "content"),
            a_key(given["recipe"], "recipe") if "recipe" in given else None,
            _person(given["by"]),
            _time(given["at"]),
            _judgement(given["verdict"]),
            _short(given.get("note", ""), "note", most=MAX_NOTE),
            a_content(given["original"], "original") if "original" in given else None,
            _signature(given["sig"]) if "sig" in given else "",
            place,
        )
    except LockfileError as error:
        return UnreadableVerdict(error.fact, error.hint or _MEND)
    if given["v"] != VERDICT_VERSION:
        return UnreadableVerdict(f"v: {given['v']} is not a version of verdicts", _MEND)
    return verdict


def person_problem(by: str) -> str:
    """Why this cannot identify a reviewer; "" if it can."""
    if not by or len(by) > _MAX_PERSON:
        return f"is empty or over {_MAX_PERSON} characters long"
    if any(char.isspace() or is_hidden(char) for char in by) or by.startswith("-"):
        return "has spaces or invisible characters, or begins with a dash"
    return ""


class _Refused(ValueError):
    """JSON that no verdict has."""


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("has a key twice")
    return made


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def _short(text: str, name: str, *, most: int) -> str:
    if len(text) > most:
        raise LockfileError(f"{name}: over {most:,} characters long")
    return text


def _person(by: str) -> str:
    problem = person_problem(by)
    if problem:
        raise LockfileError(f"by: {problem}")
    return by


def _time(at: str) -> str:
    try:
        if _TIME.fullmatch(at):
            datetime.fromisoformat(at[:-1])
            return at
    except ValueError:
        pass
    raise LockfileError(f"at: {at[:80]!r} is not a time as 2026-11-27T12:00:00Z")


def _judgement(word: str) -> Judgement:
    try:
        return Judgement(word)
    except ValueError:
        raise LockfileError(f"verdict: {word[:80]!r} is not approve, reject, withdraw or note") from None


def _signature(text: str) -> str:
    if len(text) > _MAX_SIGNATURE or not _SIGNATURE.fullmatch(text):
        raise LockfileError("sig: is not a signature")
    return text
