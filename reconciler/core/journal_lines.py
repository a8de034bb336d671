"""The lines of the journal: each durable event as one line of JSON, versioned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import LockfileError
from reconciler.core.events import (
    Accepted,
    AnswerRecorded,
    BatchAccepted,
    BatchClosed,
    BatchSending,
    Durable,
    Ended,
    Forgotten,
    JobLost,
    Prepared,
    Published,
    Removed,
    Requested,
    Stored,
)
from reconciler.core.lock.entry import (
    answer_json,
    entry_json,
    made_json,
    read_answer,
    read_entry,
    read_made,
    read_refusal,
    refusal_json,
)
from reconciler.core.lock.json_shape import UPGRADE, Shape, a_content, a_key, compact_json, shaped

JOURNAL_VERSION = 2
"""The version of the lines that are written. Those of version 1 are read: it has neither `by` nor jobs nor batches.

tests/formats/journal-v2.jsonl has one of each kind."""


def encode_event(event: Durable) -> bytes:
    """One line of JSON, without a newline. Raises LockfileError for an event that `decode_event` would reject: one such
    line would make the whole journal unreadable."""
    kind, fields = _fields(event)
    line = compact_json({"v": JOURNAL_VERSION, "kind": kind, **fields}).encode()
    try:
        decode_event(line)
    except LockfileError as error:
        raise LockfileError(f"not recorded, since it could not be read back: {error.fact}") from error
    return line


def _fields(event: Durable) -> tuple[str, dict[str, Json]]:
    match event:
        case Requested(attempt, asset, key, provider, cost, at, retry_of, by, _):
            named = {"attempt": attempt, "asset": asset, "key": key, "provider": provider, "cost": cost, "at": at}
            return "requested", {**named, **({"again": retry_of} if retry_of else {}), **({"by": by} if by else {})}
        case Accepted(attempt, asset, job, url, expires, recipe, account, at):
            named = {"attempt": attempt, "asset": asset, "job": job}
            given: dict[str, Json] = {
                "url": url, "expires": expires, "recipe": dict(recipe), "account": account, "at": at,
            }  # fmt: skip
            return "accepted", {**named, **{name: value for name, value in given.items() if value}}
        case JobLost(attempt):
            return "job_lost", {"attempt": attempt}
        case Ended(attempt, asset, outcome, message, kept):
            named = {"attempt": attempt, "asset": asset, "outcome": outcome, "words": message}
            return "ended", {**named, **({"kept": kept} if kept else {})}
        case Stored(attempt, asset, key, content, made):
            named = {"attempt": attempt, "asset": asset, "key": key, "content": content}
            return "stored", {**named, "made": made_json(made)}
        case Published(asset, entry, how, origin):
            moved: dict[str, Json] = {"origin": origin} if origin is not None else {}
            return "published", {"asset": asset, "entry": entry_json(entry), "how": how, **moved}
        case Removed(asset):
            return "removed", {"asset": asset}
        case AnswerRecorded(asset, answer) if answer.is_version_1:  # as older versions of reconciler read it
            return "refusal_recorded", {"asset": asset, "refusal": refusal_json(answer)}
        case AnswerRecorded(asset, answer):
            return "answer_recorded", {"asset": asset, "answer": answer_json(answer)}
        case Forgotten(attempt):
            return "forgotten", {"attempt": attempt}
        case Prepared(batch, provider, attempts, sha256):
            return "prepared", {"batch": batch, "provider": provider, "attempts": attempts, "sha256": sha256}
        case BatchSending(batch, at, account):
            return "batch_sending", {"batch": batch, "at": at, **({"account": account} if account else {})}
        case BatchAccepted(batch, job, at):
            return "batch_accepted", {"batch": batch, "job": job, "at": at}
        case BatchClosed(batch):
            return "batch_closed", {"batch": batch}


_TAGS = {"v": int, "kind": str}
_SHAPES: Mapping[str, Shape] = {
    "requested": Shape(
        {**_TAGS, "attempt": str, "asset": str, "key": str, "provider": str, "cost": str, "at": str},
        {"again": list, "by": str},
    ),
    "accepted": Shape(
        {**_TAGS, "attempt": str, "asset": str, "job": str},
        {"url": str, "expires": str, "recipe": dict, "account": str, "at": str},
    ),
    "ended": Shape({**_TAGS, "attempt": str, "asset": str, "outcome": str, "words": str}, {"kept": str}),
    "stored": Shape({**_TAGS, "attempt": str, "asset": str, "key": str, "content": str, "made": dict}),
    "published": Shape({**_TAGS, "asset": str, "entry": dict, "how": str}, {"origin": str}),
    "removed": Shape({**_TAGS, "asset": str}),
    "refusal_recorded": Shape({**_TAGS, "asset": str, "refusal": dict}),
    "answer_recorded": Shape({**_TAGS, "asset": str, "answer": dict}),
    "forgotten": Shape({**_TAGS, "attempt": str}),
    "job_lost": Shape({**_TAGS, "attempt": str}),
    "prepared": Shape({**_TAGS, "batch": str, "provider": str, "attempts": list, "sha256": str}),
    "batch_sending": Shape({**_TAGS, "batch": str, "at": str}, {"account": str}),
    "batch_accepted": Shape({**_TAGS, "batch": str, "job": str, "at": str}),
    "batch_closed": Shape({**_TAGS, "batch": str}),
}


def decode_event(line: bytes) -> Durable:
    """The event that `encode_event` wrote. LockfileError, without a place, for anything else."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"the journal: not an event: {error}", hint=_DAMAGED) from error
    kind, version = (value.get("kind"), value.get("v")) if isinstance(value, dict) else (None, None)
    if type(version) is not int or type(kind) is not str:
        raise LockfileError("the journal: not an event: it has no kind or no version", hint=_DAMAGED)
    if version > JOURNAL_VERSION or kind not in _SHAPES:
        raise LockfileError(f"the journal: unknown event {kind[:80]!r} (version {version})", hint=UPGRADE)
    try:
        return _event(kind, shaped(value, _SHAPES[kind]))
    except LockfileError as error:
        raise LockfileError(f"the journal: {kind}: {error.fact}", hint=error.hint or _DAMAGED) from None


_DAMAGED = "the journal says what was paid for: keep a copy of it, and report how this came about"


def _attempts(name: str, value: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(attempt, str) for attempt in value):
        raise LockfileError(f"{name}: not a list of strings")
    return tuple(value)


def _event(kind: str, fields: Mapping[str, Any]) -> Durable:
    match kind:
        case "requested":
            key = a_key(fields["key"], "key")
            named = {name: fields[name] for name in ("attempt", "provider", "cost", "at")}
            retry_of, by = _attempts("again", fields.get("again", ())), fields.get("by", "")
            return Requested(asset=AssetId(fields["asset"]), key=key, retry_of=retry_of, by=by, **named)
        case "accepted":
            named = {
                name: fields[name]
                for name in ("attempt", "job", "url", "expires", "recipe", "account", "at")
                if name in fields
            }
            return Accepted(asset=AssetId(fields["asset"]), **named)
        case "ended":
            kept = a_content(fields["kept"], "kept") if "kept" in fields else None
            return Ended(fields["attempt"], AssetId(fields["asset"]), fields["outcome"], fields["words"], kept)
        case "stored":
            key, content = a_key(fields["key"], "key"), a_content(fields["content"], "content")
            return Stored(fields["attempt"], AssetId(fields["asset"]), key, content, read_made(fields["made"]))
        case "published":
            origin = AssetId(fields["origin"]) if "origin" in fields else None
            return Published(AssetId(fields["asset"]), read_entry(fields["entry"]), fields["how"], origin)
        case "removed":
            return Removed(AssetId(fields["asset"]))
        case "refusal_recorded":
            return AnswerRecorded(AssetId(fields["asset"]), read_refusal(fields["refusal"]))
        case "answer_recorded":
            return AnswerRecorded(AssetId(fields["asset"]), read_answer(fields["answer"]))
        case "job_lost":
            return JobLost(fields["attempt"])
        case "prepared":
            attempts = _attempts("attempts", fields["attempts"])
            return Prepared(fields["batch"], fields["provider"], attempts, fields["sha256"])
        case "batch_sending":
            return BatchSending(fields["batch"], fields["at"], fields.get("account", ""))
        case "batch_accepted":
            return BatchAccepted(fields["batch"], fields["job"], fields["at"])
        case "batch_closed":
            return BatchClosed(fields["batch"])
        case _:
            return Forgotten(fields["attempt"])
