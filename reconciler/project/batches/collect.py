"""Collect what batches have made: each line of the results ends its request, as a response of its own would.

It may be done again at any time: a request that has ended is passed over, and a download continues where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from reconciler.core.batches.jobs import BatchJob, JobState, NotAnswered, NotListed
from reconciler.core.batches.recipes import decode_recipes
from reconciler.core.digest import Json
from reconciler.core.events import BatchAccepted, BatchClosed, OpenBatch, Requested
from reconciler.core.money.cost import parse_cost
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.engine.clock import stamp
from reconciler.project.batches.landing import Landing
from reconciler.project.batches.state import batch_files, close_unsent, end_batch, open_requests, settled_batches
from reconciler.project.load import load_specs
from reconciler.project.workspace import Workspace
from reconciler.providers.batches.provider import BatchProvider
from reconciler.providers.connect import connect_batches
from reconciler.providers.decoding.children import CHILDREN
from reconciler.providers.models.table import model_table
from reconciler.report.batches import BatchLine, BatchOutcome

_AT_ONCE = 3
"""Batches that are collected at a time: one is downloaded, while the results of others are decoded."""
LISTED_AFTER = timedelta(minutes=5)
"""A job that is in no list this long after it was requested was not created."""


def collect_ready(workspace: Workspace, environ: Mapping[str, str]) -> tuple[BatchLine, ...]:
    """Collect what is ready into the store. Call it under the lock of the project."""
    settings = load_specs(workspace).project.settings
    collector = Collector(workspace, settings.providers, settings.models, environ=environ)
    try:
        return asyncio.run(collector.run())
    finally:
        CHILDREN.end()


class Collector:
    """Collects the open batches of a project, under its lock."""

    def __init__(
        self,
        workspace: Workspace,
        providers: Mapping[str, ProviderSettings],
        models: Mapping[str, Json],
        *,
        environ: Mapping[str, str],
    ) -> None:
        self._workspace = workspace
        self._providers = providers
        self._models = models
        self._environ = environ
        self._files = batch_files(workspace)
        self._downloads = asyncio.Semaphore(1)

    async def run(self) -> tuple[BatchLine, ...]:
        """A line for each batch. Raises DiskError; what was collected before it is safe."""
        unsent = close_unsent(self._workspace)
        lines = [
            replace(
                line_of_batch(batch, {}),
                outcome=BatchOutcome.NOT_SENT,
                message="it was not created: an earlier run ended before",
            )
            for batch in unsent
        ]
        settled = settled_batches(self._workspace)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(batch: OpenBatch) -> BatchLine:
            requests = open_requests(settled, batch)
            async with slots:
                return await self._collected(batch, requests, line_of_batch(batch, requests))

        ended = await asyncio.gather(*map(one, settled.batches), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error
            lines.append(error)
        self._files.keep_only({batch.prepared.batch for batch in settled_batches(self._workspace).batches})
        return tuple(lines)

    async def _collected(self, batch: OpenBatch, requests: Mapping[str, Requested], line: BatchLine) -> BatchLine:
        provider = provider_of_batch(batch, self._providers, self._models, self._environ, self._workspace)
        if isinstance(provider, str):
            return replace(line, outcome=BatchOutcome.UNREACHABLE, message=provider)
        if batch.accepted is None:
            found = await provider.jobs.find(batch.prepared.batch)
            if not isinstance(found, BatchJob):
                return await self._unlisted(batch, requests, line, _other_account(provider, batch) or found)
            accepted = BatchAccepted(batch.prepared.batch, found.job, stamp(self._workspace.utc()))
            await asyncio.to_thread(self._workspace.journal.record, accepted)
            batch = replace(batch, accepted=accepted)
        assert batch.accepted is not None
        line = replace(line, job=batch.accepted.job)
        job = await provider.jobs.look(batch.accepted.job)
        if isinstance(job, NotAnswered):
            return await self._unanswered(batch, line, _other_account(provider, batch) or job)
        unnamed = job.state is JobState.SUCCEEDED and not job.files  # what was made may be named a little later
        if job.state is JobState.WORKING or unnamed:
            return replace(line, outcome=BatchOutcome.WORKING, done=job.done, total=job.total)
        return await self._ended(batch, requests, replace(line, message=job.message), provider, job)

    async def _unlisted(
        self, batch: OpenBatch, requests: Mapping[str, Requested], line: BatchLine, found: NotListed | NotAnswered
    ) -> BatchLine:
        """A batch that may have been created, and is in no list."""
        if isinstance(found, NotAnswered):
            return replace(line, outcome=BatchOutcome.UNKNOWN, message=found.message)
        if not self._is_old(batch):
            why = "its provider does not list it yet; after five minutes it counts as not created"
            return replace(line, outcome=BatchOutcome.UNKNOWN, message=why)
        why = "the batch was not created: its provider does not list it"
        await asyncio.to_thread(end_batch, self._workspace, batch, requests.values(), why)
        return replace(line, outcome=BatchOutcome.NOT_SENT, message=why)

    async def _unanswered(self, batch: OpenBatch, line: BatchLine, job: NotAnswered) -> BatchLine:
        """A job of which nothing is known now. One that the provider does not know any more leaves its requests in
        doubt: they may have been charged."""
        if not job.gone or not self._is_old(batch):
            return replace(line, outcome=BatchOutcome.UNREACHABLE, message=job.message)
        closed = BatchClosed(batch.prepared.batch)
        await asyncio.to_thread(self._workspace.journal.record, closed)
        why = f"its provider does not know the job any more: its requests are in doubt ({job.message})"
        return replace(line, outcome=BatchOutcome.LOST, message=why)

    def _is_old(self, batch: OpenBatch) -> bool:
        """Whether a job that was created for this batch must be known to its provider by now."""
        assert batch.sending is not None or batch.accepted is not None  # others are closed without a question
        at = batch.sending.at if batch.sending is not None else batch.accepted.at if batch.accepted else ""
        try:
            sent = datetime.fromisoformat(at)
        except ValueError:
            return False
        return self._workspace.utc().astimezone(UTC) - sent > LISTED_AFTER

    async def _ended(
        self,
        batch: OpenBatch,
        requests: Mapping[str, Requested],
        line: BatchLine,
        provider: BatchProvider,
        job: BatchJob,
    ) -> BatchLine:
        """Land every result of a job that has ended, then close the batch."""
        name = batch.prepared.batch
        recipes = decode_recipes(self._files.recipes(name), {attempt: one.key for attempt, one in requests.items()})
        landing = Landing(self._workspace, provider, batch, requests, recipes, downloads=self._downloads)
        for file in job.files:
            why = await landing.land(file, self._files)
            if why:
                counted = replace(line, results=landing.counts, notes=tuple(landing.notes))
                return replace(counted, outcome=BatchOutcome.UNREACHABLE, message=why)
        left = [requests[attempt] for attempt in landing.left]
        if left and job.state is JobState.SUCCEEDED:
            landing.note(f"{len(left)} of its requests have no result: they are in doubt")
            closed = BatchClosed(name)
            await asyncio.to_thread(self._workspace.journal.record, closed)
        elif landing.broken:
            landing.note(f"{len(left)} of its results are cut off: their requests are in doubt")
            await asyncio.to_thread(self._workspace.journal.record, BatchClosed(name))
        else:
            why = f"the job {job.state.value} before it was made{f': {job.message}' if job.message else ''}"
            await asyncio.to_thread(end_batch, self._workspace, batch, left, why)
            landing.count("not sent", len(left))
        counts, notes = landing.counts, tuple(landing.notes)
        return replace(line, outcome=BatchOutcome.COLLECTED, results=counts, notes=notes)


def _other_account(provider: BatchProvider, batch: OpenBatch) -> NotAnswered | None:
    """With another key, or at another address, a provider says nothing about a batch: one account does not see the
    batches of another. None if it is asked as it was then."""
    account = batch.sending.account if batch.sending is not None else ""
    if account in ("", provider.jobs.account(batch.prepared.batch)):
        return None
    return NotAnswered("it was submitted with another key or base_url: collect it with those")


def provider_of_batch(
    batch: OpenBatch,
    providers: Mapping[str, ProviderSettings],
    models: Mapping[str, Json],
    environ: Mapping[str, str],
    workspace: Workspace,
) -> BatchProvider | str:
    """The provider that a batch was submitted to, or why it cannot be asked."""
    name = batch.prepared.provider
    settings = providers.get(name)
    if settings is None:
        return f"reconciler.yaml has no provider {name} any more: name it again to collect this batch"
    return connect_batches(settings, environ=environ, spool=workspace.store, models=model_table(models))


def line_of_batch(batch: OpenBatch, requests: Mapping[str, Requested]) -> BatchLine:
    listed = tuple(requests.values())
    return BatchLine(
        batch.prepared.batch,
        batch.prepared.provider,
        assets=tuple(one.asset for one in listed),
        costs=tuple(parse_cost(one.cost) for one in listed),
        at=listed[0].at if listed else "",
        job=batch.accepted.job if batch.accepted is not None else "",
    )
