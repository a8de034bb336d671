"""The contract suite of providers with jobs: subclass `JobProviderContract` in a test module.

class TestMine(JobProviderContract):
    provider_type = "mine"
    api = "fal"                # the API of the job server that it is connected to
    model = "owner/model"
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from reconciler.core.events import Accepted, Event
from reconciler.core.jobs import JobAccepted, Jobs
from reconciler.core.outcome import Done, Outcome, Running
from reconciler.core.ports import Provider, Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.engine.clock import Clock
from reconciler.engine.lane.jobs import JobProvider
from reconciler.providers.connect import connect_jobs
from reconciler.providers.keys import TRUSTED_KEYS
from reconciler.providers.models.table import model_table
from reconciler.testing.contract import KEY_VARIABLE, PATIENT, ProviderContract
from reconciler.testing.job_server import JobServer
from reconciler.testing.memory_ports import FunctionLog, MemorySpool
from reconciler.testing.outcomes import check_outcome
from reconciler.testing.requests import a_request, some_references

JOB_FAULTS: Mapping[str, str] = {
    "refused": "Rejected",
    "busy": "Throttled",
    "reply_lost": "InDoubt",
    "elsewhere": "InDoubt",
    "html": "Done",
    "redirect": "Done",
    "cut": "Done",
    "late_file": "Done",
    "gone": "InDoubt",
    "failed": "BadOutput",
    "moderated": "Refused",
    "free": "NotSent",
    "page": "BadOutput",
}
"""The faults of the job server, each with the class of its outcome."""


_START = datetime(2026, 11, 22, 16, tzinfo=UTC)


class JobProviderContract(ProviderContract):
    """The contract of a provider with jobs: what is accepted is looked up until it ends, and never asked for twice."""

    api: ClassVar[str]
    """The API of the job server: fal, replicate or bfl."""
    placed: ClassVar[Mapping[str, Any]] = {}
    """Parameters that place reference images, where the provider does not know where they go."""
    expected: ClassVar[Mapping[str, str]] = JOB_FAULTS
    """The class of the outcome of each fault."""

    server: JobServer
    """The running server; each test has its own."""
    events: list[Event]
    _open: ExitStack

    def setup_method(self) -> None:
        """Called by pytest before each test."""
        self._open, self.events = ExitStack(), []
        self.server = self._open.enter_context(JobServer(self.api))

    def teardown_method(self) -> None:
        """Called by pytest after each test."""
        self._open.close()

    def pytest_generate_tests(self, metafunc: Any) -> None:
        super().pytest_generate_tests(metafunc)
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", self.expected)

    def jobs(self, spool: Spool) -> Jobs:
        """A new provider at the server."""
        settings = ProviderSettings(
            self.provider_type,
            self.provider_type,
            base_url=self.server.url,
            api_key_env=KEY_VARIABLE,
            traits=self.declaration.traits,
            timeouts=PATIENT,
        )
        environ = {KEY_VARIABLE: self.server.key, TRUSTED_KEYS: KEY_VARIABLE}
        jobs = connect_jobs(settings, environ=environ, spool=spool, references=self.shared, models=model_table())
        assert jobs is not None
        return jobs

    def provider(self, spool: Spool) -> Provider:
        log = FunctionLog(self.events.append)
        return JobProvider(self.jobs(spool), journal=log, clock=_quick_clock(), patience=600.0)

    def test_each_fault_of_a_job_ends_in_its_outcome(self, tmp_path: Path, fault: str) -> None:
        outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe(f"a cat job:{fault}")))
        assert type(outcome).__name__ == self.expected[fault], outcome
        assert self.server.key not in repr(outcome)
        assert len(self.server.billed) <= 1, "one call is one job"
        assert self.server.with_key["files"] == 0, "an image's URL needs no key"

    def test_another_process_collects_an_accepted_job(self, tmp_path: Path) -> None:
        request = replace(a_request(self.recipe("a cat job:slow")), attempt="a1")
        job = asyncio.run(self.jobs(MemorySpool(tmp_path / "first")).submit(request))
        assert isinstance(job, JobAccepted), job
        spool = MemorySpool(tmp_path / "second")
        waits = asyncio.run(self.jobs(spool).collect(request, job))
        assert isinstance(waits, Running), waits
        assert spool.left() == set()
        self.server.jobs[0].looks = 2_000_000
        found = [asyncio.run(self.jobs(spool).collect(request, job)) for _ in range(2)]
        outcomes: list[Outcome] = [outcome for outcome in found if isinstance(outcome, Done)]
        assert len(outcomes) == 2, found
        check_outcome(outcomes[0], _Both(spool, outcomes))
        assert len(self.server.billed) == 1

    def test_a_job_is_recorded_before_the_first_look(self, tmp_path: Path) -> None:
        outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe()))
        assert isinstance(outcome, Done), outcome
        assert [type(event) for event in self.events] == [Accepted]
        posts = [method for method, _ in self.server.requests]
        assert posts[0] == "POST"
        assert posts.count("POST") == 1

    def test_a_request_holds_the_prompt_and_the_references_in_order(self, tmp_path: Path) -> None:
        contents = some_references(tmp_path, 2, self.shared)
        recipe = self.recipe(references=contents, params=dict(self.placed))
        outcome = self.generate(MemorySpool(tmp_path / "spool"), a_request(recipe))
        assert isinstance(outcome, Done), outcome
        sent = self.server.jobs[0].text
        first, second = (self.server.data_of(tmp_path / f"reference-{number}.png") for number in range(2))
        assert 0 <= sent.find(first) < sent.find(second)


def _quick_clock() -> Clock:
    """A clock that is put forward instead of being waited for."""
    slept = 0.0

    async def at_once(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        await asyncio.sleep(0)

    return Clock(lambda: slept, at_once, lambda: _START + timedelta(seconds=slept))


class _Both(MemorySpool):
    """A spool with the files of two outcomes, of which the first is checked."""

    def __init__(self, spool: MemorySpool, outcomes: list[Outcome]) -> None:
        super().__init__(spool.directory)
        self._others = {done.spooled.path for done in outcomes[1:] if isinstance(done, Done)}

    def left(self) -> set[Path]:
        return super().left() - self._others
