"""A provider with jobs in its layers, in virtual time: what is accepted has no end but its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace as of_dataclass

import pytest

from reconciler.core.errors import DiskError, JobGoesOn, Unsent
from reconciler.core.events import Accepted, Ended, JobLost, Requested, Stored, settle
from reconciler.core.jobs import Absent, JobAccepted, JobNotFound, Unknown
from reconciler.core.lock.lockfile import Lock
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Running, Throttled
from reconciler.core.ports import ImageRequest
from reconciler.core.value import replace
from reconciler.engine.lane.build import paid
from reconciler.engine.lane.jobs import LONGEST_WAIT, UNKNOWN_AT_FIRST, JobProvider
from tests.engine.clock import VIRTUAL, now, play
from tests.engine.paid import PRICE, Scripted, World, a_done, a_request

JOB = JobAccepted("job-7", "https://queue.example/job-7", "2026-11-22T17:00:00Z")
UNLISTED = Unknown("no list")
WORKS = Running("the job is in progress")
HERO = a_request("hero")


class ScriptedJobs:
    """Gives its answers in turn; an exception is raised. The last one is given for good."""

    def __init__(
        self,
        submits: Iterable[JobAccepted | Outcome | Exception] = (JOB,),
        collects: Iterable[Outcome | JobNotFound | Exception] = (a_done("hero"),),
        found: JobAccepted | Absent | Unknown | Exception = UNLISTED,
    ) -> None:
        self._submits, self._collects, self._found = list(submits), list(collects), found
        self.submitted: list[ImageRequest] = []
        self.looks: list[float] = []
        self.times: list[float] = []
        self.at_look: Callable[[], None] = lambda: None

    async def submit(self, request: ImageRequest) -> JobAccepted | Outcome:
        self.submitted.append(request)
        self.times.append(now())
        await asyncio.sleep(1.0)
        answer = self._submits.pop(0) if len(self._submits) > 1 else self._submits[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def collect(self, request: ImageRequest, job: JobAccepted) -> Outcome | JobNotFound:
        self.looks.append(now())
        self.at_look()
        answer = self._collects.pop(0) if len(self._collects) > 1 else self._collects[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, request: ImageRequest) -> JobAccepted | Absent | Unknown:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def world_of(jobs: ScriptedJobs, *, detached: bool = False, patience: float = 60.0) -> World:
    world = World(Scripted(), concurrency=2)
    run = of_dataclass(world.run, detached=detached)
    world.provider = paid(jobs, lane=world.lane, run=run, estimate=lambda _: PRICE, patience=patience)
    return world


def outcome_of(world: World) -> Outcome:
    return play(world.provider.generate(HERO))


def test_the_acceptance_is_durable_before_the_first_look() -> None:
    jobs = ScriptedJobs()
    world = world_of(jobs)
    seen: list[list[type]] = []
    jobs.at_look = lambda: seen.append([type(event) for event in world.journal.events])
    assert isinstance(outcome_of(world), Done)
    assert seen == [[Requested, Accepted]]
    requested, accepted, stored = world.journal.events
    assert isinstance(requested, Requested)
    assert isinstance(accepted, Accepted)
    assert isinstance(stored, Stored)
    sent = Accepted("a1", HERO.asset, JOB.job, JOB.url, JOB.expires, HERO.recipe.manifest(), at="2026-11-22T16:00:01Z")
    assert accepted == sent
    assert {requested.attempt, stored.attempt} == {"a1"}


def test_looks_are_less_and_less_frequent_and_the_provider_may_ask_for_more_time() -> None:
    jobs = ScriptedJobs(collects=[WORKS] * 6 + [replace(WORKS, wait=30.0), a_done("hero")])
    assert isinstance(outcome_of(world_of(jobs, patience=600.0)), Done)
    waits = [later - before for before, later in zip(jobs.looks, jobs.looks[1:], strict=False)]
    assert waits[:6] == pytest.approx([0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875])
    assert waits[6] == pytest.approx(30.0)


@pytest.mark.parametrize("last", [WORKS, Running("wrong key", float("inf"))])
def test_a_run_leaves_a_job_to_the_next_one_when_its_patience_ends(last: Outcome) -> None:
    world = world_of(ScriptedJobs(collects=[last]))
    outcome = outcome_of(world)
    assert isinstance(outcome, Running)
    assert "the next apply collects it" in outcome.message
    settled = settle(Lock(), world.journal.events)  # type: ignore[arg-type]  # all of them are durable
    assert settled.in_doubt == ()
    assert [one.accepted.job for one in settled.waiting] == ["job-7"]
    assert world.spending.images == 1, "it counts as spent"
    assert world.lane._limits.breaker.failures == 0, "the provider works"


def test_a_detached_run_looks_at_nothing() -> None:
    jobs = ScriptedJobs()
    world = world_of(jobs, detached=True)
    outcome = outcome_of(world)
    assert isinstance(outcome, Running)
    assert outcome.detached
    assert jobs.looks == []
    assert [type(event) for event in world.journal.events] == [Requested, Accepted]


def test_a_job_that_is_gone_is_in_doubt_again() -> None:
    world = world_of(ScriptedJobs(collects=[WORKS, InDoubt("the job is gone")]))
    assert isinstance(outcome_of(world), InDoubt)
    assert [type(event) for event in world.journal.events] == [Requested, Accepted, JobLost]
    settled = settle(Lock(), world.journal.events)  # type: ignore[arg-type]  # all of them are durable
    assert [one.attempt for one in settled.in_doubt] == ["a1"]


def test_a_job_may_be_unknown_just_after_its_acceptance() -> None:
    """Another server of the provider answers the first looks, and does not know the job yet."""
    jobs = ScriptedJobs(collects=[JobNotFound("404 not found")] * 5 + [WORKS, a_done("hero")])
    world = world_of(jobs, patience=600.0)
    assert isinstance(outcome_of(world), Done)
    assert [type(event) for event in world.journal.events] == [Requested, Accepted, Stored]
    waits = [later - before for before, later in zip(jobs.looks, jobs.looks[1:], strict=False)]
    assert waits[:4] == pytest.approx([0.5, 0.75, 1.125, 1.6875]), "it is asked again less and less frequently"


def test_a_job_that_stays_unknown_is_lost_and_its_id_is_kept() -> None:
    jobs = ScriptedJobs(collects=[JobNotFound("404 not found")])
    world = world_of(jobs, patience=600.0)
    outcome = outcome_of(world)
    assert outcome == InDoubt("job job-7 is gone, and may have been charged: 404 not found")
    assert UNKNOWN_AT_FIRST <= jobs.looks[-1] - jobs.looks[0] < UNKNOWN_AT_FIRST + 2 * LONGEST_WAIT
    journal = world.journal.events
    settled = settle(Lock(), journal)  # type: ignore[arg-type]  # all of them are durable
    assert [one.lost_job for one in settled.in_doubt] == ["job-7"]
    assert list(settled.unended) == journal, "a closed journal keeps the id"
    assert settle(Lock(), settled.unended) == settled


@pytest.mark.parametrize("at", ["2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z"])
def test_one_answer_does_not_lose_a_job_that_is_paid_for(at: str) -> None:
    """A server that is being replaced may know nothing for a moment. It is asked once more, unless the run ends."""
    unknown = JobNotFound("404 not found")
    jobs = ScriptedJobs(collects=[*[WORKS] * 20, unknown, WORKS, unknown, a_done("hero")])
    world = world_of(jobs)
    provider = JobProvider(jobs, journal=world.journal, clock=VIRTUAL, patience=600.0)
    assert isinstance(play(provider.finish(HERO, replace(JOB, at=at))), Done)
    assert JobLost not in map(type, world.journal.events)
    gone = ScriptedJobs(collects=[unknown])
    provider = JobProvider(gone, journal=world.journal, clock=VIRTUAL, patience=600.0)
    assert isinstance(play(provider.finish(HERO, replace(JOB, at="2026-11-22T15:00:00Z"))), InDoubt)
    assert gone.looks == pytest.approx([0.0, LONGEST_WAIT])


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        ("2026-11-22T16:00:00Z", Running),
        ("2026-11-22T15:59:01Z", Running),
        ("2026-11-22T15:59:00Z", InDoubt),
        ("2026-11-22T16:00:59Z", Running),
        ("2026-11-23T16:00:00Z", InDoubt),
        ("", InDoubt),
        ("then", InDoubt),
        ("2026-11-22T16:00:00", InDoubt),
    ],
)
def test_a_later_run_goes_by_the_time_in_the_journal(at: str, kind: type[Outcome]) -> None:
    jobs = ScriptedJobs(collects=[JobNotFound("404 not found")])
    world = world_of(jobs)
    provider = JobProvider(jobs, journal=world.journal, clock=VIRTUAL, patience=0.0)
    assert type(play(provider.finish(HERO, replace(JOB, at=at)))) is kind
    assert len(jobs.looks) == 1


@pytest.mark.parametrize("ends", [Refused("no"), BadOutput("html"), NotSent("free", final=True)])
def test_an_end_of_a_job_is_the_end_of_its_attempt(ends: Outcome) -> None:
    world = world_of(ScriptedJobs(collects=[ends]))
    assert outcome_of(world) == ends
    last = world.journal.events[-1]
    assert isinstance(last, Ended)
    assert (last.attempt, last.outcome) == ("a1", type(ends).__name__)


@pytest.mark.parametrize("error", [DiskError("full"), Unsent("no file can be opened")])
def test_a_full_disk_at_a_look_is_never_the_end_of_an_accepted_job(error: DiskError) -> None:
    """Unsent of a look must not be taken for that of the request: the job would be bought again."""
    world = world_of(ScriptedJobs(collects=[error]))
    with pytest.raises(JobGoesOn) as raised:
        outcome_of(world)
    assert "in doubt" not in raised.value.fact
    assert [type(event) for event in world.journal.events] == [Requested, Accepted]


def test_unsent_before_the_request_is_the_end_of_the_attempt() -> None:
    world = world_of(ScriptedJobs(submits=[Unsent("no file can be opened")]))
    with pytest.raises(Unsent):
        outcome_of(world)
    assert isinstance(world.journal.events[-1], Ended)


def test_a_cancelled_wait_leaves_the_job() -> None:
    world = world_of(ScriptedJobs(collects=[WORKS]))

    async def story() -> None:
        task = asyncio.create_task(world.provider.generate(HERO))
        await asyncio.sleep(10.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(story())
    assert [type(event) for event in world.journal.events] == [Requested, Accepted]


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        (JOB, [Requested, Accepted, Stored]),
        (Unknown("no list"), [Requested]),
        (DiskError("full"), [Requested]),
    ],
)
def test_a_lost_reply(found: JobAccepted | Unknown | Exception, kinds: list[type]) -> None:
    jobs = ScriptedJobs(submits=[InDoubt("reset")], found=found)
    world = world_of(jobs)
    outcome = outcome_of(world)
    assert isinstance(outcome, Done if isinstance(found, JobAccepted) else InDoubt)
    assert [type(event) for event in world.journal.events] == kinds
    assert len(jobs.submitted) == 1


def test_a_lost_reply_of_a_job_that_certainly_is_not_there_is_sent_again() -> None:
    jobs = ScriptedJobs(submits=[InDoubt("reset"), JOB], found=Absent())
    world = world_of(jobs)
    assert isinstance(outcome_of(world), Done)
    assert [one.attempt for one in jobs.submitted] == ["a1", "a2"]
    ends = [event for event in world.journal.events if isinstance(event, Ended)]
    assert [(end.attempt, end.outcome) for end in ends] == [("a1", "NotSent")]


def test_a_request_that_is_throttled_is_submitted_again() -> None:
    jobs = ScriptedJobs(submits=[Throttled("busy", 2.0), JOB])
    assert isinstance(outcome_of(world_of(jobs)), Done)
    assert len(jobs.submitted) == 2


def test_at_most_so_many_jobs_at_a_time_as_the_lane_has_slots() -> None:
    jobs = ScriptedJobs(collects=[WORKS])
    world = world_of(jobs, patience=20.0)

    async def story() -> None:
        await asyncio.gather(*(world.provider.generate(a_request(f"i{n}")) for n in range(6)))

    play(story())
    assert len(jobs.times) == 6
    assert [sum(time == start for time in jobs.times) for start in sorted(set(jobs.times))] == [2, 2, 2]
