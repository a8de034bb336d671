"""Speak an API of jobs over HTTP: submit, look, fetch the result at once. One exchange at a time, never a retry."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from reconciler.aio import run_to_completion
from reconciler.core.errors import DiskError
from reconciler.core.jobs import Absent, JobAccepted, JobNotFound, Unknown
from reconciler.core.outcome import BadOutput, InDoubt, Mismatched, NotSent, Outcome, Rejected, Running
from reconciler.core.ports import ImageRequest, References, Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace, value
from reconciler.providers.declaration import Dialect, price_of
from reconciler.providers.http.client import Http, HttpAnswer
from reconciler.providers.http.image_download import download_image
from reconciler.providers.http.origins import BadBase, Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.jobs.api import JobApi, JobDone, JobResult, JobWorks, LookState, Sent, is_own_url
from reconciler.providers.keys import base_of
from reconciler.providers.models.table import ModelTable
from reconciler.providers.remote import DECODERS, fit_outcome, outcome_of, secret_header
from reconciler.providers.requests.sendable import sendable
from reconciler.providers.responses.body import open_answer
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.receive import Checked, Elsewhere, Expected, receive, receive_fetched
from reconciler.providers.responses.redact import redact
from reconciler.providers.responses.reply import ImageReply, JsonReply, Reply
from reconciler.providers.responses.usage import plain_usage
from reconciler.providers.secret import Key, NoKey

NO_USE = math.inf
"""The wait before another look where none can help in this run."""


@value
class _Sent:
    """A request without a response yet, and when it was sent."""

    body: Sent
    at: datetime


class RemoteJobs:
    """A core.jobs.Jobs that speaks a dialect with jobs."""

    def __init__(
        self,
        dialect: Dialect,
        api: JobApi,
        settings: ProviderSettings,
        *,
        key: Key | NoKey,
        spool: Spool,
        references: References,
        http: Http,
        models: ModelTable,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._dialect = dialect
        self._api = api
        self._settings = settings
        self._key = key
        self._spool = spool
        self._references = references
        self._http = http
        self._models = models
        self._utc = utc
        self._sent: dict[str, _Sent] = {}
        self._known: set[str] = set()

    async def submit(self, request: ImageRequest) -> JobAccepted | Outcome:
        """Ask for one image, once. DiskError where our own disk fails: Unsent before the request."""
        ready = await asyncio.to_thread(
            sendable, request, self._dialect, self._settings, key=self._key, references=self._references,
            models=self._models,
        )  # fmt: skip
        if isinstance(ready, Rejected):
            return ready
        self._sent[request.attempt] = _Sent(ready.wire.json, self._utc())
        outcome: JobAccepted | Outcome | None = None
        try:
            outcome = await self._send(ready.wire, ready.base, ready.key)
            return outcome
        finally:
            if not isinstance(outcome, InDoubt):
                del self._sent[request.attempt]

    async def _send(self, wire: WireRequest, base: Base, key: Key) -> JobAccepted | Outcome:
        answered = await self._http.send(wire, secret=secret_header(self._dialect, key), spool=self._spool)
        if isinstance(answered, NotSent):
            answered = replace(answered, message=f"{base.origin}: {answered.message}")
        if not isinstance(answered, HttpAnswer):
            return fit_outcome(answered, key)
        return self._submitted(await self._read(answered), base, key)

    def _submitted(self, reply: Reply, base: Base, key: Key) -> JobAccepted | Outcome:
        if not 200 <= reply.status < 300:
            found = classify(reply)
            return InDoubt(f"{reply.status}") if isinstance(found, ImageReply) else fit_outcome(found, key)
        job = self._api.accepted(reply.body.value) if isinstance(reply.body, JsonReply) else None
        if job is None:
            return InDoubt(f"{reply.status}, but the response names no job")
        if not is_own_url(job.url, base, self._api):
            return fit_outcome(InDoubt(f"accepted as job {job.job}, whose address is on another server"), key)
        self._known.add(job.job)
        job = replace(job, account=key.account_of(job.job))
        live = self._api.results_live
        until = self._utc() + timedelta(seconds=live)
        return replace(job, expires=until.strftime("%Y-%m-%dT%H:%M:%SZ")) if live else job

    async def collect(self, request: ImageRequest, job: JobAccepted) -> Outcome | JobNotFound:
        """The outcome of a job, its image fetched at once. An error that says nothing about the job is Running."""
        key, base = self._key, base_of(self._settings)
        if isinstance(key, NoKey):
            return Running(str(key), NO_USE)
        if isinstance(base, BadBase):
            return Running(f"providers.{self._settings.name}: {base.why}", NO_USE)
        if not is_own_url(job.url, base, self._api):
            return Running(f"the job was accepted by another server than {base.origin}", NO_USE)
        self._known.add(job.job)
        spool = self._spool.for_attempt(request.attempt) if request.attempt else self._spool
        answered = await self._get(job.url, key)
        state = await self._state(answered, self._api.state)
        if isinstance(state, JobResult) and isinstance(answered, HttpAnswer):
            unlink(answered.path)
            if not is_own_url(state.url, base, self._api):
                return Running("the address of the result is on another server", NO_USE)
            answered = await self._get(state.url, key)
            state = await self._state(answered, self._api.result)
        if isinstance(answered, HttpAnswer):
            if isinstance(state, JobDone):
                return fit_outcome(await self._landed(request, job, answered, base=base, spool=spool), key)
            unlink(answered.path)
        match state:
            case JobWorks(message=message):
                return fit_outcome(Running(message), key)
            case JobDone() | JobResult():
                return Running("the job has ended, and its result is not there yet")
            case JobNotFound() if job.account not in ("", key.account_of(job.job)):
                return Running("the job is not one of this account: it was accepted with another key", NO_USE)
            case JobNotFound(message=message):
                return JobNotFound(redact(message, key=key))
            case outcome:
                return fit_outcome(outcome, key)

    async def find(self, request: ImageRequest) -> JobAccepted | Absent | Unknown:
        """The only job in the listing that this request can have made. Never Absent: a job may be listed late."""
        sent = self._sent.pop(request.attempt, None)
        key, base = self._key, base_of(self._settings)
        if sent is None or isinstance(key, NoKey) or isinstance(base, BadBase) or not self._api.listing:
            return Unknown("the API has no list of jobs")
        if any(other.body == sent.body for other in self._sent.values()):
            return Unknown("the same request was sent more than once")
        answered = await self._get(base.url(self._api.listing), key)
        if not isinstance(answered, HttpAnswer):
            return Unknown(answered.message)
        reply = await self._read(answered)
        listed = reply.body.value if reply.status == 200 and isinstance(reply.body, JsonReply) else None
        jobs = [job for job in self._api.listed(listed, sent.body, sent.at) if job.job not in self._known]
        if len(jobs) != 1 or not is_own_url(jobs[0].url, base, self._api):
            return Unknown("no job in the list is certainly that of the request")
        self._known.add(jobs[0].job)
        return jobs[0]

    async def _get(self, url: str, key: Key) -> HttpAnswer | NotSent | InDoubt:
        wire = WireRequest("GET", url)
        return await self._http.send(wire, secret=secret_header(self._dialect, key), spool=self._spool)

    async def _state(self, answered: HttpAnswer | NotSent | InDoubt, read: Callable[[Reply], LookState]) -> LookState:
        if not isinstance(answered, HttpAnswer):
            return JobWorks(f"cannot look at the job: {answered.message}")
        return read(await self._read(answered, keep=True))

    async def _read(self, answered: HttpAnswer, *, keep: bool = False) -> Reply:
        """Parse a response, and delete its file unless it may hold the image."""
        try:
            opened = await run_to_completion(
                DECODERS, open_answer, answered, self._spool, limit=self._settings.body_limit
            )
        except OSError as error:
            raise DiskError(f"cannot read the response in {answered.path}: {error.strerror}") from error
        for path in {answered.path, opened.path} - ({answered.path} if keep else set()):
            unlink(path)
        return opened.reply

    async def _landed(
        self, request: ImageRequest, job: JobAccepted, answered: HttpAnswer, *, base: Base, spool: Spool
    ) -> Outcome:
        """The outcome of a response with an image. One that cannot be downloaded now is fetched later."""
        assert isinstance(self._key, Key)  # else nothing was sent
        key = self._key
        wanted = Expected(request.recipe, None, self._settings.body_limit, key)
        found = await run_to_completion(DECODERS, receive, answered, spool, wanted)
        if isinstance(found, Elsewhere):
            got = await download_image(self._http, job.url, base, found.picture.url, spool)
            if isinstance(got, str) and not self._is_deleted(job):
                unlink(found.answer)
                return Running(got)
            found = await run_to_completion(DECODERS, receive_fetched, found, got, wanted)
        if not isinstance(found, Checked):
            return found if isinstance(found, BadOutput) else BadOutput(found.message)
        usage = plain_usage(found.picture.usage)
        cost = price_of(self._dialect, request.recipe, self._models)
        outcome = outcome_of(found, request.recipe, cost=cost, usage=usage)
        return outcome if isinstance(outcome, Mismatched) else replace(outcome, request=outcome.request or job.job)

    def _is_deleted(self, job: JobAccepted) -> bool:
        """Whether the result is certainly deleted by now."""
        try:
            return bool(job.expires) and datetime.fromisoformat(job.expires) < self._utc()
        except (ValueError, TypeError):
            return False
