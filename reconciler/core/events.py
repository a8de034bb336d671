"""The events of an apply, shared by the journal, the progress display, the report and recovery.

The first block is money and state: the journal holds these events, and `settle` reads them. The second is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry, Made
from reconciler.core.outcome import BadOutput, Mismatched, Refused
from reconciler.core.value import field, replace, value


@value
class Requested:
    """Durable before the first byte is sent. `attempt` is unique; `cost` is the estimate ("" is unknown).

    `retry_of` are the attempts in doubt that the user consented to retry: a definite response ends them, too. `by` says
    who asked: another checkout or a colleague; "" is this checkout. `lost_job` is the job in which the provider had
    accepted it, and which it does not know any more: `settle` finds it, and no line of a journal has it.
    """

    attempt: str
    asset: AssetId
    key: RecipeKey
    provider: str
    cost: str
    at: str
    retry_of: tuple[str, ...] = ()
    by: str = ""
    lost_job: str = ""


@value
class Accepted:
    """The provider works on the attempt as this job, so its outcome can be looked up: the attempt is not in doubt.

    `url` is where the job is looked up, "" if its id is enough; `expires` is when its result is deleted, "" if unknown.
    `recipe` is the manifest of the recipe: the image is checked against it, whatever the spec says by then. `account`
    tells whether a later run has the same key, `at` when the provider accepted it; each "" if unknown.
    """

    attempt: str
    asset: AssetId
    job: str
    url: str = ""
    expires: str = ""
    recipe: Mapping[str, Json] = field(default_factory=dict)
    account: str = ""
    at: str = ""


@value
class JobLost:
    """The provider does not know the job of this attempt any more, and may have charged for it: it is in doubt. The
    event before it has the id of the job."""

    attempt: str


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


@value
class Prepared:
    """These attempts are one batch, which has not been sent. `sha256` is the hash of the file with its requests."""

    batch: str
    provider: str
    attempts: tuple[str, ...]
    sha256: str


@value
class BatchSending:
    """Durable just before the request that creates the batch: without it, the batch was certainly not created.

    `account` tells whether a provider is asked by the same key at the same address as then; "" is unknown.
    """

    batch: str
    at: str
    account: str = ""


@value
class BatchAccepted:
    """The provider works on the batch as this job."""

    batch: str
    job: str
    at: str


@value
class BatchClosed:
    """Nothing more will come of the batch: its attempts without an end are in doubt."""

    batch: str


Durable = (
    Requested | Accepted | Ended | Stored | Published | Removed | AnswerRecorded | Forgotten
    | JobLost | Prepared | BatchSending | BatchAccepted | BatchClosed
)  # fmt: skip


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
class Waiting:
    """A request that the provider has accepted, and that has no end yet. `batch` is the batch that it is part of, ""
    for a job of its own. The job of a batch is "" until it is known to be created."""

    requested: Requested
    accepted: Accepted
    batch: str = ""


@value
class OpenBatch:
    """A batch that is not closed."""

    prepared: Prepared
    sending: BatchSending | None = None
    accepted: BatchAccepted | None = None

    @property
    def events(self) -> tuple[Durable, ...]:
        """The events that say the same."""
        return tuple(event for event in (self.prepared, self.sending, self.accepted) if event is not None)


@value
class Settled:
    """The state at the end of a journal.

    - `in_doubt`: requests that may have been charged, oldest first.
    - `waiting`: requests without an end whose outcome can be looked up, oldest first: they are not in doubt.
    - `batches`: the batches that are not closed.
    - `unended`: the events that say the same about requests and batches. A closed journal keeps these.
    """

    lock: Lock
    in_doubt: tuple[Requested, ...]
    waiting: tuple[Waiting, ...] = ()
    batches: tuple[OpenBatch, ...] = ()
    unended: tuple[Durable, ...] = field(default=(), compare=False, repr=False)


class _Unended:
    """The requests and the batches without an end, while a journal is read."""

    def __init__(self) -> None:
        self.requests: dict[str, Requested] = {}
        self.accepted: dict[str, Accepted] = {}
        self.lost: dict[str, Accepted] = {}
        self.batches: dict[str, OpenBatch] = {}

    def end(self, attempt: str) -> Requested | None:
        """The request that ends here, if it has not ended before."""
        self.accepted.pop(attempt, None)
        self.lost.pop(attempt, None)
        return self.requests.pop(attempt, None)

    def waiting(self) -> dict[str, Waiting]:
        """The accepted requests, by attempt."""
        found: dict[str, Waiting] = {}
        for name, batch in self.batches.items():
            job = batch.accepted.job if batch.accepted is not None else ""
            for attempt in batch.prepared.attempts:
                if (asked := self.requests.get(attempt)) is not None:
                    found[attempt] = Waiting(asked, Accepted(attempt, asked.asset, job), name)
        for attempt, accepted in self.accepted.items():
            found[attempt] = Waiting(self.requests[attempt], accepted)
        return found

    def take(self, event: Accepted | JobLost | Prepared | BatchSending | BatchAccepted | BatchClosed) -> None:
        """An event about jobs. One about a request or a batch that has ended changes nothing."""
        match event:
            case Accepted():
                if event.attempt in self.requests:
                    self.accepted[event.attempt] = event
                    self.lost.pop(event.attempt, None)
            case JobLost():
                if (accepted := self.accepted.pop(event.attempt, None)) is not None:
                    self.lost[event.attempt] = accepted
            case Prepared():
                self.batches[event.batch] = OpenBatch(event)
            case BatchSending() | BatchAccepted():
                if (batch := self.batches.get(event.batch)) is not None:
                    name = "sending" if isinstance(event, BatchSending) else "accepted"
                    self.batches[event.batch] = replace(batch, **{name: event})
            case BatchClosed():
                self.batches.pop(event.batch, None)

    def _in_doubt(self, asked: Requested) -> Requested:
        lost = self.lost.get(asked.attempt)
        return replace(asked, lost_job=lost.job) if lost is not None else asked

    def settled(self, lock: Lock) -> Settled:
        """All of it, with the lock."""
        waiting = self.waiting()
        events: list[Durable] = []
        for attempt, asked in self.requests.items():
            events.append(asked)
            if attempt in self.accepted:
                events.append(self.accepted[attempt])
            if attempt in self.lost:
                events += (self.lost[attempt], JobLost(attempt))
        events.extend(event for batch in self.batches.values() for event in batch.events)
        return Settled(
            lock,
            tuple(self._in_doubt(asked) for attempt, asked in self.requests.items() if attempt not in waiting),
            tuple(waiting[attempt] for attempt in self.requests if attempt in waiting),
            tuple(self.batches.values()),
            tuple(events),
        )


def settle(lock: Lock, events: Iterable[Durable]) -> Settled:
    """The lock after these events, and those of their requests that no event ended.

    The last event of an asset wins, whatever preceded it, so settling is idempotent. A crash between saving the
    lockfile and closing the journal settles the same journal twice. So an answer stays under the asset that it was
    recorded for, even if another one takes over its image: answers are looked up by their recipes.
    """
    entries, answers, settled = dict(lock.entries), dict(lock.answers), dict(lock.settled)
    unended = _Unended()
    for event in events:
        match event:
            case Requested():
                unended.requests[event.attempt] = event
            case Accepted() | JobLost() | Prepared() | BatchSending() | BatchAccepted() | BatchClosed():
                unended.take(event)
            case Forgotten():
                unended.end(event.attempt)
            case Ended() | Stored():
                asked = unended.end(event.attempt)
                for attempt in asked.retry_of if asked is not None and _is_answer(event) else ():
                    unended.end(attempt)
                if asked is not None and isinstance(event, Ended) and event.outcome in _ANSWERS:
                    answers[asked.asset] = _answered(answers.get(asked.asset), asked, event)
            case Published():
                names = [asset for asset in (event.origin, event.asset) if asset is not None]
                known = entries.get(event.asset)
                for asset in names:
                    entries.pop(asset, None)
                for asset in [name for name, answer in answers.items() if _ends(event.entry, answer)]:
                    del answers[asset]
                entries[event.asset] = event.entry if event.entry != known else known  # an equal one, in memory once
                settled.pop(event.asset, None)
                if event.how == "adopted":  # the user chose the content of this asset, whatever became of the request
                    _end_doubts(unended, event.asset, event.entry.key)
            case Removed():
                entries.pop(event.asset, None)
                answers.pop(event.asset, None)
            case AnswerRecorded():
                answers[event.asset] = event.answer
    return unended.settled(Lock(entries, answers, settled=settled))


def of_requests(events: Iterable[Durable]) -> Iterator[Durable]:
    """The events by which `settle` tells which requests have no end. Entries of a lock are left out: they take most of
    the memory."""
    return (event for event in events if not isinstance(event, Published) or event.how == "adopted")


def _end_doubts(unended: _Unended, asset: AssetId, key: RecipeKey) -> None:
    """End the requests in doubt of an asset for a recipe. An accepted one stays: its image is on the way."""
    waiting = unended.waiting()
    for attempt, asked in tuple(unended.requests.items()):
        if (asked.asset, asked.key) == (asset, key) and attempt not in waiting:
            unended.end(attempt)


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
