"""Decide about a recipe by the claims of a team: buy it, wait for another checkout, use its image, or hold it. Pure.

Claims are a journal. A checkout that is about to buy writes a claim, which nobody can overwrite, and later its end.
Without an end, the request may have been charged: it is in doubt, however old it is, and only consent or the owner's
own journal settles it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.errors import LockfileError
from reconciler.core.events import Forgotten
from reconciler.core.lock.json_shape import Shape, a_content, a_key, compact_json, shaped
from reconciler.core.outcome import BadOutput, Done, Mismatched, Refused
from reconciler.core.value import value

CLAIM_VERSION = 1
"""The version of claims and of their ends; tests/formats has one of each kind."""
CLAIM_BYTES = 64 * 1024
"""The most bytes of a claim or an end that are read."""
MOST_CLAIMS = 1_000
"""The most claims of one recipe that are read. Each stands for a request that may have been paid for."""
CLOCK_SKEW = timedelta(minutes=10)
"""The most that the clocks of two machines are expected to differ. A claim whose time is over is held, not bought."""
BATCH_TIME = timedelta(days=3)
"""How long the image of a batch is expected. Providers take a day, some of them two; then somebody collects it."""
_LONGEST_WAIT = timedelta(hours=6)
"""A claim that expects its answer later than this after it was made was not written by a clock of ours, unless it is
for a batch."""
GAVE_IMAGE = (Done.__name__, Mismatched.__name__)
"""The ends of requests that gave an image."""
_MESSAGE = 4_000
"""The most characters of a provider's message in an end."""
ANSWERED = (*GAVE_IMAGE, Refused.__name__, BadOutput.__name__)
"""The ends of requests that were answered. After any other end the request is free to be sent again."""


@value
class Claim:
    """A request that a checkout is about to send. `number` counts the claims of a recipe, from 1.

    `by` is the person, `run` the machine or the CI run, `checkout` the id of the checkout. `retry_of` are the attempts
    in doubt that it retries with consent. After `answers_by` the owner waits for no answer any more. `in_batch`: the
    answer takes a day, and nobody waits for it.
    """

    number: int
    attempt: str
    asset: AssetId
    key: RecipeKey
    provider: str
    cost: str
    at: str
    by: str = ""
    run: str = ""
    checkout: str = ""
    project: str = ""
    answers_by: str = ""
    retry_of: tuple[str, ...] = ()
    in_batch: bool = False

    @property
    def owner(self) -> str:
        """`ci-771 (ana@acme)`, for people."""
        names = (self.run, f"({self.by})" if self.run and self.by else self.by)
        return " ".join(name for name in names if name) or "another checkout"


@value
class ClaimEnd:
    """How a claimed request ended. `outcome` is the name of an outcome's class, or `Forgotten`; `by` is who said so, if
    it was not the owner. `content` is the image that it gave."""

    attempt: str
    outcome: str
    at: str
    content: ContentHash | None = None
    message: str = ""
    by: str = ""


@value
class Answered:
    """A claim whose request was answered."""

    claim: Claim
    end: ClaimEnd


@value
class KeyClaims:
    """The claims of one recipe. `open` have no end, `answered` were answered; both oldest first. `last` is the highest
    number that is taken."""

    open: tuple[Claim, ...] = ()
    answered: tuple[Answered, ...] = ()
    last: int = 0


@value
class Take:
    """Nobody has the image, and nobody has asked for it: claim this number, then buy."""

    number: int


@value
class WaitFor:
    """Another checkout has asked, and its answer is still expected."""

    claim: Claim


@value
class HeldInDoubt:
    """Other checkouts have asked, and their answers are overdue: they may have been charged."""

    claims: tuple[Claim, ...]


@value
class UseAnswer:
    """Another checkout was answered."""

    answered: Answered


ClaimDecision = Take | WaitFor | HeldInDoubt | UseAnswer


def settle_claims(claims: Iterable[Claim], ends: Mapping[int, ClaimEnd]) -> KeyClaims:
    """The state of a recipe after these claims and their ends, by number. As `events.settle` for a journal: an answer
    settles the attempts that its request retried, too. An end that names another attempt is none."""
    pending: dict[str, Claim] = {}
    answered: list[Answered] = []
    last = max(ends, default=0)
    for claim in sorted(claims, key=lambda claim: claim.number):
        last = max(last, claim.number)
        end = ends.get(claim.number)
        if end is None or end.attempt != claim.attempt:
            pending[claim.attempt] = claim
        elif end.outcome in ANSWERED:
            answered.append(Answered(claim, end))
            for attempt in claim.retry_of:
                pending.pop(attempt, None)
    return KeyClaims(tuple(pending.values()), tuple(answered), last)


def decide_claim(
    state: KeyClaims, *, own: Collection[str], consented: Collection[str], unusable: Collection[ContentHash],
    retried: Collection[str], now: datetime,
) -> ClaimDecision:  # fmt: skip
    """The whole decision. Read it top to bottom.

    `own` are attempts of this run; `consented` are attempts in doubt that the user lets it retry. `unusable` are images
    that this checkout has already or does not want; `retried` the outcomes that the user lets it buy again. No claim
    is passed over because of its age.
    """
    answer = _usable(state.answered, own=own, unusable=unusable, retried=retried)
    if answer is not None:
        return UseAnswer(answer)
    others = [claim for claim in state.open if claim.attempt not in own and claim.attempt not in consented]
    expected = [claim for claim in others if not is_overdue(claim, now)]
    if expected:
        return WaitFor(next((claim for claim in expected if claim.in_batch), expected[-1]))
    if others:
        return HeldInDoubt(tuple(others))
    return Take(state.last + 1)


def _usable(
    known: Sequence[Answered],
    *,
    own: Collection[str],
    unusable: Collection[ContentHash],
    retried: Collection[str],
) -> Answered | None:
    """The newest image that this checkout can use; else the newest answer, if it was no image."""
    others = [one for one in reversed(known) if one.claim.attempt not in own and one.end.outcome not in retried]
    images = [one for one in others if one.end.content is not None and one.end.outcome in GAVE_IMAGE]
    usable = next((one for one in images if one.end.content not in unusable), None)
    newest = others[0] if others and others[0].end.outcome not in GAVE_IMAGE else None
    return usable or newest


def is_overdue(claim: Claim, now: datetime) -> bool:
    """Whether no answer is expected any more, by this machine's clock. A time that cannot be read is over. So is one
    that is hours ahead: until that clock is right, nobody else could settle the claim."""
    at, answers_by = _moment(claim.at), _moment(claim.answers_by)
    longest = BATCH_TIME if claim.in_batch else _LONGEST_WAIT
    if at is None or answers_by is None or answers_by - at > longest or at - now > _LONGEST_WAIT:
        return True
    return now - CLOCK_SKEW > answers_by


def patience(claim: Claim) -> float:
    """The seconds that the owner of a claim waits for its answer: nobody else waits longer, whatever the clocks say."""
    at, answers_by = _moment(claim.at), _moment(claim.answers_by)
    if at is None or answers_by is None:
        return 0.0
    return min(max((answers_by - at).total_seconds(), 0.0), _LONGEST_WAIT.total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def encode_claim(claim: Claim) -> bytes:
    """The bytes of a claim. Its key and number are in its name."""
    fields: dict[str, Json] = {
        "v": CLAIM_VERSION,
        "attempt": claim.attempt,
        "asset": claim.asset,
        "provider": claim.provider,
        "cost": claim.cost,
        "at": claim.at,
        "by": claim.by,
        "run": claim.run,
        "checkout": claim.checkout,
        "project": claim.project,
        "answers_by": claim.answers_by,
        "again": list(claim.retry_of),
        **({"batch": True} if claim.in_batch else {}),
    }
    return compact_json(fields).encode() + b"\n"


def encode_claim_end(end: ClaimEnd) -> bytes:
    """The bytes of an end."""
    fields: dict[str, Json] = {"v": CLAIM_VERSION, "attempt": end.attempt, "outcome": end.outcome, "at": end.at}
    fields |= {"content": end.content} if end.content is not None else {}
    fields |= {"words": end.message[:_MESSAGE]} if end.message else {}
    fields |= {"by": end.by} if end.by else {}
    return compact_json(fields).encode() + b"\n"


_CLAIM = Shape(
    {"v": int, "attempt": str, "asset": str, "provider": str, "cost": str, "at": str},
    {"by": str, "run": str, "checkout": str, "project": str, "answers_by": str, "again": list, "batch": bool},
)
_END = Shape({"v": int, "attempt": str, "outcome": str, "at": str}, {"content": str, "words": str, "by": str})


def decode_claim(key: RecipeKey, number: int, data: bytes) -> Claim:
    """The claim with this number. One that cannot be read, or that a newer version wrote, is a claim all the same: its
    request may have been charged, and nobody knows more about it."""
    try:
        fields = shaped(_versioned(data), _CLAIM)
        again = _attempts(fields.get("again", []))
    except LockfileError:
        return Claim(number, f"unreadable claim {number}", AssetId(""), key, "", "", "")
    named = {name: fields.get(name, "") for name in ("by", "run", "checkout", "project", "answers_by")}
    asset, attempt = AssetId(fields["asset"]), fields["attempt"]
    asked = (number, attempt, asset, key, fields["provider"], fields["cost"], fields["at"])
    return Claim(*asked, **named, retry_of=again, in_batch=fields.get("batch", False))


def _attempts(again: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(attempt, str) for attempt in again):
        raise LockfileError("again: not a list of strings")
    return tuple(again)


def decode_claim_end(data: bytes) -> ClaimEnd | None:
    """The end; None for one that cannot be read, after which the request stays in doubt."""
    try:
        fields = shaped(_versioned(data), _END)
        content = a_content(fields["content"], "content") if "content" in fields else None
    except LockfileError:
        return None
    if fields["outcome"] in GAVE_IMAGE and content is None:
        return None
    named = (fields["attempt"], fields["outcome"], fields["at"])
    return ClaimEnd(*named, content, fields.get("words", ""), fields.get("by", ""))


def _versioned(data: bytes) -> Any:
    if len(data) > CLAIM_BYTES:
        raise LockfileError("too large for a claim")
    try:
        fields = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"not a claim: {error}") from error
    if not isinstance(fields, dict) or fields.get("v") != CLAIM_VERSION:
        raise LockfileError("a claim of another version")
    return fields


FORGOTTEN = Forgotten.__name__
"""The outcome of a claim that a person has settled."""


def claim_json(claim: Claim) -> Json:
    """A claim with its key and number, for the catalogue."""
    return {"key": claim.key, "number": claim.number, "claim": json.loads(encode_claim(claim))}


def claim_of_json(fields: Mapping[str, Any]) -> Claim:
    """The claim that `claim_json` wrote. LockfileError for anything else."""
    known = shaped(fields, Shape({"key": str, "number": int, "claim": dict}))
    return decode_claim(a_key(known["key"], "key"), known["number"], json.dumps(known["claim"]).encode())
