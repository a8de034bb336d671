"""The events of an apply, shared by the journal, the progress display, the report and recovery.

The first block is money and state: the journal holds these events, and `settle` reads them. The second is for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError
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
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry, Made
from reconciler.core.outcome import BadOutput, Mismatched, Refused
from reconciler.core.value import value

JOURNAL_VERSION = 1
"""The version of the journal's lines; tests/formats/journal-v1.jsonl has one of each kind."""


@value
class Requested:
    """Durable before the first byte is sent. `attempt` is unique; `cost` is the estimate ("" is unknown).

    `retry_of` are the attempts in doubt that the user consented to retry: a definite response ends them, too.
    """

    attempt: str
    asset: AssetId
    key: RecipeKey
    provider: str
    cost: str
    at: str
    retry_of: tuple[str, ...] = ()


@value
class Ended:
    """The attempt ended without a usable image, and its outcome is certain. `outcome` is the name of the class.

    `kept` is the content in the store of bytes that failed a check. An attempt that was answered (`Refused`,
    `Mismatched`, `BadOutput`) is recorded in the lockfile.
    """

    attempt: str
    asset: AssetId
    outcome: str
    message: str
    kept: ContentHash | None = None


@value
class Stored:
    """The attempt ended with these bytes; they are durable in the store under this recipe."""

    attempt: str
    asset: AssetId
    key: RecipeKey
    content: ContentHash
    made: Made


@value
class Published:
    """The output of an asset holds its content, and this is its new lock entry.

    `how`: made, restored, moved, adopted. `origin` is the id that it was moved from, or "".
    """

    asset: AssetId
    entry: LockEntry
    how: str
    origin: AssetId | None = None


@value
class Removed:
    """The asset has no lock entry any more; its bytes stay in the store."""

    asset: AssetId


@value
class AnswerRecorded:
    """The lockfile must record this answer, although no attempt of this asset got it."""

    asset: AssetId
    answer: Answer


@value
class Forgotten:
    """The user has settled this attempt in doubt: it is not reported any more."""

    attempt: str


Durable = Requested | Ended | Stored | Published | Removed | AnswerRecorded | Forgotten


@value
class Started:
    """Work on an asset began. `action` is the action's name in lower case."""

    asset: AssetId
    action: str


@value
class Failed:
    """An asset could not be finished; the run goes on. `outcome` is a class name or `DiskError`, `Blocked`."""

    asset: AssetId
    outcome: str
    message: str


@value
class Noted:
    """A notice to show at once, such as a retry or a paused lane. `asset` may be ""."""

    asset: AssetId
    text: str


Event = Durable | Started | Failed | Noted


@value
class Settled:
    """The state at the end of a journal. `in_doubt`: requests that may have been charged, oldest first."""

    lock: Lock
    in_doubt: tuple[Requested, ...]


def settle(lock: Lock, events: Iterable[Durable]) -> Settled:
    """The lock after these events, and those of their requests that no event ended.

    The last event of an asset wins, whatever preceded it, so settling is idempotent. A crash between saving the
    lockfile and closing the journal settles the same journal twice. So an answer stays under the asset that it was
    recorded for, even if another one takes over its image: answers are looked up by their recipes.
    """
    entries, answers, settled = dict(lock.entries), dict(lock.answers), dict(lock.settled)
    pending: dict[str, Requested] = {}
    for event in events:
        match event:
            case Requested():
                pending[event.attempt] = event
            case Forgotten():
                pending.pop(event.attempt, None)
            case Ended() | Stored():
                asked = pending.pop(event.attempt, None)
                for attempt in asked.retry_of if asked is not None and _is_answer(event) else ():
                    pending.pop(attempt, None)
                if asked is not None and isinstance(event, Ended) and event.outcome in _ANSWERS:
                    answers[asked.asset] = _answered(answers.get(asked.asset), asked, event)
            case Published():
                names = [asset for asset in (event.origin, event.asset) if asset is not None]
                for asset in names:
                    entries.pop(asset, None)
                for asset in [name for name, answer in answers.items() if _ends(event.entry, answer)]:
                    del answers[asset]
                entries[event.asset] = event.entry
                settled.pop(event.asset, None)
                if event.how == "adopted":  # the user chose the content of this asset, whatever became of the request
                    answered = (event.asset, event.entry.key)
                    pending = {name: asked for name, asked in pending.items() if (asked.asset, asked.key) != answered}
            case Removed():
                entries.pop(event.asset, None)
                answers.pop(event.asset, None)
            case AnswerRecorded():
                answers[event.asset] = event.answer
    return Settled(Lock(entries, answers, settled=settled), tuple(pending.values()))


def _answered(before: Answer | None, asked: Requested, ended: Ended) -> Answer:
    """The answer, with the costs of the earlier ones to this recipe. The same one again changes nothing."""
    attempt, earlier = asked.attempt[:ATTEMPT_DIGITS], {}
    if before is not None and before.key == asked.key:
        if attempt in (before.attempt, *before.earlier):
            return before
        earlier = {**before.earlier, before.attempt: before.cost} if before.attempt else {}
    kind = _ANSWERS[ended.outcome]
    return Answer(asked.key, ended.message, asked.at, kind, ended.kept, asked.cost, attempt, earlier)


def _ends(entry: LockEntry, answer: Answer) -> bool:
    """Whether an image for the same recipe has come. A placeholder is not a response of the model."""
    return entry.key == answer.key and not entry.made.placeholder


def _is_answer(event: Ended | Stored) -> bool:
    """Whether the request has ended, so that the same image need not be requested again."""
    return isinstance(event, Stored) or event.outcome in _ANSWERS


ATTEMPT_DIGITS = 8
"""As much of an attempt's id as tells the attempts of one asset apart."""
_ANSWERS = {
    Refused.__name__: AnswerKind.REFUSED,
    Mismatched.__name__: AnswerKind.MISMATCHED,
    BadOutput.__name__: AnswerKind.FAILED,
}


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
        case Requested(attempt, asset, key, provider, cost, at, retry_of):
            named = {"attempt": attempt, "asset": asset, "key": key, "provider": provider, "cost": cost, "at": at}
            return "requested", {**named, **({"again": retry_of} if retry_of else {})}
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


_TAGS = {"v": int, "kind": str}
_SHAPES: Mapping[str, Shape] = {
    "requested": Shape(
        {**_TAGS, "attempt": str, "asset": str, "key": str, "provider": str, "cost": str, "at": str}, {"again": list}
    ),
    "ended": Shape({**_TAGS, "attempt": str, "asset": str, "outcome": str, "words": str}, {"kept": str}),
    "stored": Shape({**_TAGS, "attempt": str, "asset": str, "key": str, "content": str, "made": dict}),
    "published": Shape({**_TAGS, "asset": str, "entry": dict, "how": str}, {"origin": str}),
    "removed": Shape({**_TAGS, "asset": str}),
    "refusal_recorded": Shape({**_TAGS, "asset": str, "refusal": dict}),
    "answer_recorded": Shape({**_TAGS, "asset": str, "answer": dict}),
    "forgotten": Shape({**_TAGS, "attempt": str}),
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


def _attempts(value: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(attempt, str) for attempt in value):
        raise LockfileError("again: not a list of strings")
    return tuple(value)


def _event(kind: str, fields: Mapping[str, Any]) -> Durable:
    match kind:
        case "requested":
            key = a_key(fields["key"], "key")
            named = {name: fields[name] for name in ("attempt", "provider", "cost", "at")}
            retry_of = _attempts(fields.get("again", ()))
            return Requested(asset=AssetId(fields["asset"]), key=key, retry_of=retry_of, **named)
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
        case _:
            return Forgotten(fields["attempt"])
