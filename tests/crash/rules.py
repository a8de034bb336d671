"""What must hold after a crash and one more run: the invariants, over what can be seen from outside.

A rule takes a Story and yields what it breaks, one sentence each. docs/durability.md says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.crash.native import Ran


@dataclass(frozen=True, slots=True)
class Bill:
    """One image that the gateway charged for. `content` is its hash (any fixed form), or "" if none was answered."""

    asset: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The world at rest: the gateway's ledger, and what the project's folder says.

    `stored`: hashes of store files whose bytes match their name. `torn`: what is broken (a store file whose bytes
    do not match, a lockfile that does not parse, an output that is neither whole nor what was there before).
    `recorded`: what the journal says was stored for whom. `in_doubt`: whose request the journal leaves without an end.
    `originals`: of converted images, the content that was answered. `answered`: whose request the lockfile or the
    journal says was answered without an image to lock.
    """

    bills: tuple[Bill, ...] = ()
    stored: frozenset[str] = frozenset()
    torn: tuple[str, ...] = ()
    locked: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    in_doubt: frozenset[str] = frozenset()
    originals: Mapping[str, str] = field(default_factory=dict)
    answered: frozenset[str] = frozenset()

    def finished(self, asset: str) -> bool:
        """Output, lock and store agree on a picture that was paid for."""
        content = self.outputs.get(asset, "")
        return bool(content) and content == self.locked.get(asset) and content in self.stored


@dataclass(frozen=True, slots=True)
class Story:
    """One crash: what was on disk after it, and after one more run without faults and without consent.

    `flight` is the most requests that can be open at once.
    """

    assets: frozenset[str]
    flight: int
    crashed: Look
    second: Ran
    after: Look


Rule = Callable[[Story], Iterable[str]]


def billed_once(story: Story) -> Iterator[str]:
    """Nobody pays twice who has not been asked."""
    for asset, times in sorted(Counter(bill.asset for bill in story.after.bills).items()):
        if times > 1:
            yield f"{asset} was billed {times} times"


def nothing_lost(story: Story) -> Iterator[str]:
    """What was answered completely and stored is still there, and is used without paying again."""
    owner = {bill.content: bill.asset for bill in story.crashed.bills if bill.content}
    for content in sorted(story.crashed.stored & owner.keys()):
        if content not in story.after.stored:
            yield f"{owner[content]}: paid bytes left the store"
    for asset, content in sorted(story.crashed.recorded.items()):
        locked = story.after.locked.get(asset)
        if story.after.outputs.get(asset) != locked or content not in (locked, story.after.originals.get(asset)):
            yield f"{asset}: was stored and recorded, and is not what was published"


def nothing_torn(story: Story) -> Iterator[str]:
    """After the second run every file is whole."""
    yield from story.after.torn


def nothing_torn_by_a_kill(story: Story) -> Iterator[str]:
    """A killed process leaves no half file under a name that anybody reads."""
    yield from (f"right after the kill: {torn}" for torn in story.crashed.torn)


def doubt_is_bounded(story: Story) -> Iterator[str]:
    """In doubt is at most what was in flight, and never what was stored."""
    doubted = story.after.in_doubt
    if len(doubted) > story.flight:
        yield f"{len(doubted)} in doubt, but only {story.flight} requests can be in flight"
    for asset in sorted(doubted & (story.crashed.recorded.keys() | story.crashed.locked.keys())):
        yield f"{asset} is in doubt although it was stored"
    for asset in sorted(doubted - story.crashed.in_doubt):
        yield f"{asset} came in doubt in a run without faults"


def doubt_is_shown(story: Story) -> Iterator[str]:
    """Billed and not finished means in doubt: an unknown outcome is never hidden."""
    for asset in sorted({bill.asset for bill in story.after.bills} - story.after.in_doubt - story.after.answered):
        if not story.after.finished(asset):
            yield f"{asset} was billed, is not finished, not answered and not in doubt"
    for asset in sorted(story.after.in_doubt):
        if asset not in story.second.stdout + story.second.stderr:
            yield f"{asset} is in doubt, and the second run did not say so"


def converges(story: Story) -> Iterator[str]:
    """The second run does all that needs no consent, and says so by its exit code."""
    for asset in sorted(story.assets - story.after.in_doubt - story.after.answered):
        if not story.after.finished(asset):
            yield f"{asset} is not finished after the second run"
    expected = 3 if story.after.in_doubt or story.after.answered else 0
    failed_now = story.second.exit == 1 and story.after.answered - story.crashed.answered
    if story.second.exit != expected and not failed_now:
        last = (story.second.stderr.strip().splitlines() or ["nothing"])[-1]
        yield f"the second run ended with {story.second.exit}, not {expected}: {last}"


def answers_are_remembered(story: Story) -> Iterator[str]:
    """What was answered without an image to lock is held in every later run, and is neither in doubt nor forgotten."""
    for asset in sorted(story.crashed.answered - story.after.answered):
        yield f"{asset} was answered, and the second run forgot it"
    for asset in sorted(story.after.answered & story.after.in_doubt):
        yield f"{asset} is in doubt although it was answered"


def no_traceback(story: Story) -> Iterator[str]:
    """A user never sees one."""
    if "Traceback (most recent call last)" in story.second.stderr:
        yield f"a traceback: {story.second.stderr.strip().splitlines()[-1]}"


AFTER_A_CUT: tuple[Rule, ...] = (
    billed_once, nothing_lost, nothing_torn, doubt_is_bounded, doubt_is_shown, answers_are_remembered, converges,
    no_traceback,
)  # fmt: skip
AFTER_A_KILL: tuple[Rule, ...] = (*AFTER_A_CUT, nothing_torn_by_a_kill)


def broken(story: Story, rules: Iterable[Rule]) -> tuple[str, ...]:
    """Everything that a story breaks."""
    return tuple(words for rule in rules for words in rule(story))
