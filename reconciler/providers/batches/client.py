"""Create, find, look at and cancel batch jobs over HTTP, and download their results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TypeAlias

from reconciler.core.batches.jobs import BatchJob, NotAnswered, NotListed, RequestFile
from reconciler.core.digest import Json
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.ports import Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace, value
from reconciler.providers.batches.api import BatchApi, NewBatch
from reconciler.providers.http.client import Http, HttpAnswer
from reconciler.providers.http.origins import Base
from reconciler.providers.http.part_file import PartFile
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.requests.prepared import attachment_of
from reconciler.providers.responses.body import open_answer
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.redact import redact
from reconciler.providers.responses.reply import JsonReply, Reply
from reconciler.providers.secret import Key

PAGES = 1_000
"""The most pages of a listing that are read."""
RESULT_BYTES = 4_000_000_000
"""The most bytes of a file of results."""
TRANSFER_SECONDS = 3_600.0
"""The most seconds of one upload or download: a download continues in the next run."""


NotCreated: TypeAlias = NotSent | Throttled | Rejected
"""There certainly is no job."""
BeforeCreation = Callable[[], Awaitable[None]]
"""Called when the file is uploaded, just before the request that creates the job."""
OpenPart = Callable[[], tuple[Path, IO[bytes]]]
"""Opens a file at its end."""


@value
class _Answered:
    """The JSON of a response with status 2xx."""

    json: Json
    headers: dict[str, str]


class RemoteBatches:
    """The batch jobs of one provider. `header` carries the key."""

    def __init__(
        self,
        api: BatchApi,
        settings: ProviderSettings,
        *,
        base: Base,
        key: Key,
        header: tuple[str, str] | None,
        spool: Spool,
        http: Callable[[ProviderSettings], Http] = Http,
    ) -> None:
        patient = replace(settings.timeouts, total=max(TRANSFER_SECONDS, settings.timeouts.total))
        self._api = api
        self._base = base
        self._key = key
        self._header = header
        self._spool = spool
        self._limit = settings.body_limit
        self._http = http(settings)
        self._transfers = http(replace(settings, timeouts=patient, body_limit=RESULT_BYTES))

    def account(self, batch: str) -> str:
        """Tells whether a batch was sent to this address with this key, and nothing else about the key."""
        return self._key.account_of(f"{batch} {self._base.origin}{self._base.path}")

    async def create(self, file: RequestFile, *, before: BeforeCreation) -> BatchJob | NotCreated | InDoubt:
        """Upload the requests, then create the job. InDoubt: there may be a job, and `find` can tell.

        Raises DiskError before anything is created.
        """
        upload = await self._uploaded(file)
        if not isinstance(upload, str):
            return upload
        new = NewBatch(file.batch, upload, file.endpoint, file.model)
        await before()
        answered = await self._ask(self._api.create(self._base, new))
        if not isinstance(answered, _Answered):
            return _in_doubt_unless_definite(answered)
        job = self._api.job(answered.json)
        return job or InDoubt("the response to the creation of the batch names no job")

    async def _uploaded(self, file: RequestFile) -> str | NotCreated:
        """The id of the uploaded file. Whatever fails here, no job exists."""
        attached = await asyncio.to_thread(attachment_of, file.path)
        first = await self._sent(self._api.upload(self._base, file.batch, attached), self._transfers, self._header)
        if not isinstance(first, _Answered):
            return _not_created(first)
        rest = self._api.upload_rest(self._base, first.headers, attached)
        if isinstance(rest, Rejected):
            return rest
        if rest is not None:  # to an address that the server chose: without the key
            first = await self._sent(rest, self._transfers, None)
            if not isinstance(first, _Answered):
                return _not_created(first)
        return self._api.uploaded(first.json) or NotSent("the response to the upload names no file")

    async def find(self, batch: str) -> BatchJob | NotListed | NotAnswered:
        """The job that was created under our name. A listing that cannot be read to its end proves nothing."""
        token, seen = "", {""}
        for _ in range(PAGES):
            answered = await self._ask(self._api.listing(self._base, token))
            page = self._api.page(answered.json) if isinstance(answered, _Answered) else None
            if page is None:
                why = "not a list of batches" if isinstance(answered, _Answered) else _message(answered)
                return NotAnswered(f"the provider's list of batches cannot be read: {why}")
            jobs, token = page
            found = next((job for job in jobs if job.name == batch), None)
            if found is not None:
                return found
            if not token:
                return NotListed()
            if token in seen:
                break
            seen.add(token)
        return NotAnswered("the provider's list of batches has no end")

    async def cancel(self, job: str) -> BatchJob | NotAnswered:
        """Ask the provider to end a job. What is finished is charged, and can be collected."""
        answered = await self._ask(self._api.cancel(self._base, job))
        if not isinstance(answered, _Answered):
            return NotAnswered(_message(answered), gone=_is_gone(answered))
        return self._api.job(answered.json) or await self.look(job)

    async def look(self, job: str) -> BatchJob | NotAnswered:
        """The state of a job."""
        answered = await self._ask(self._api.look(self._base, job))
        if not isinstance(answered, _Answered):
            return NotAnswered(_message(answered), gone=_is_gone(answered))
        found = self._api.job(answered.json)
        if found is None:
            return NotAnswered("the response describes no batch")
        return replace(found, message=redact(found.message, key=self._key))

    async def download(self, file: str, opened: OpenPart) -> Path | NotAnswered:
        """A whole file of results. The download continues at the end of the file that `opened` opens."""
        part = PartFile(opened)
        had = part.had
        got = await self._transfers.resume(self._api.results(self._base, file), secret=self._header, file=part)
        if not isinstance(got, HttpAnswer):
            return NotAnswered(redact(f"{self._base.origin}: {got.message}", key=self._key))
        if got.status == 416 and had:  # nothing is left to send
            return got.path
        if got.status not in (200, 206):
            told = part.message.decode("utf-8", "replace")
            return NotAnswered(redact(f"the results: {got.status} {told}", key=self._key), gone=got.status == 404)
        if not got.whole or (part.total is not None and part.had + part.size != part.total):
            return NotAnswered("the results did not come whole")
        return got.path

    async def _ask(self, request: WireRequest) -> _Answered | Outcome:
        return await self._sent(request, self._http, self._header)

    async def _sent(self, request: WireRequest, http: Http, secret: tuple[str, str] | None) -> _Answered | Outcome:
        """The JSON of a response, or the outcome that it stands for, its text redacted."""
        answered = await http.send(request, secret=secret, spool=self._spool)
        if not isinstance(answered, HttpAnswer):
            return replace(answered, message=redact(f"{self._base.origin}: {answered.message}", key=self._key))
        reply = await asyncio.to_thread(self._read, answered)
        if 200 <= reply.status < 300:
            body = reply.body.value if isinstance(reply.body, JsonReply) else {}
            return _Answered(body, dict(answered.headers))
        outcome = classify(reply)
        if isinstance(outcome, Rejected | Throttled | Refused | InDoubt | BadOutput):
            return replace(outcome, message=redact(outcome.message, key=self._key))
        return InDoubt(f"{reply.status}")

    def _read(self, answered: HttpAnswer) -> Reply:
        paths = {answered.path}
        try:
            opened = open_answer(answered, self._spool, limit=self._limit)
            paths.add(opened.path)
            return opened.reply
        finally:
            for path in paths:
                unlink(path)


def _not_created(outcome: Outcome) -> NotCreated:
    """The outcome of an upload: a file costs nothing, so nothing is in doubt."""
    if isinstance(outcome, NotSent | Throttled | Rejected):
        return outcome
    return NotSent(f"the requests could not be uploaded: {_message(outcome)}")


def _in_doubt_unless_definite(outcome: Outcome) -> NotCreated | InDoubt:
    match outcome:
        case NotSent() | Throttled() | Rejected() | InDoubt():
            return outcome
        case Refused(message):
            return Rejected(message)
        case _:
            return InDoubt(_message(outcome))


def _message(outcome: Outcome) -> str:
    return str(getattr(outcome, "message", "")) or type(outcome).__name__


def _is_gone(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.stop is None and outcome.message.startswith("404")
