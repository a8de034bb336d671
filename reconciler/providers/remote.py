"""Make one image at a provider over the network: build the request, send it, read the response, verify the image.

One attempt, one outcome. Retries, limits and the journal are wrapped around it by the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.aio import run_to_completion
from reconciler.core.digest import Json
from reconciler.core.errors import DiskError
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    Mismatched,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Running,
    Throttled,
)
from reconciler.core.ports import ImageRequest, OnResponse, References, Spool, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.providers.declaration import Dialect, price_of
from reconciler.providers.http.client import Http, HttpAnswer
from reconciler.providers.http.image_download import download_image
from reconciler.providers.models.table import ModelTable, cost_of_usage
from reconciler.providers.requests.sendable import SendableRequest, sendable
from reconciler.providers.responses.receive import Checked, Elsewhere, Expected, receive, receive_fetched
from reconciler.providers.responses.redact import redact, redact_counts
from reconciler.providers.responses.usage import plain_usage
from reconciler.providers.secret import Key, NoKey

DECODERS = ThreadPoolExecutor(2, thread_name_prefix="land")
"""Responses are decoded two at a time, for all providers together: each may need 200 MB, which a thread keeps."""


class Remote:
    """A core.ports.Provider that speaks a dialect over HTTP."""

    def __init__(
        self,
        dialect: Dialect,
        settings: ProviderSettings,
        *,
        key: Key | NoKey,
        spool: Spool,
        references: References,
        http: Http,
        models: ModelTable,
    ) -> None:
        self._dialect = dialect
        self._settings = settings
        self._key = key
        self._spool = spool
        self._references = references
        self._http = http
        self._models = models

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or why not. A cancelled call may have been charged.

        DiskError where our own disk fails: Unsent before the request, else it names the file with the answer.
        """
        ready = await asyncio.to_thread(
            sendable, request, self._dialect, self._settings, key=self._key, references=self._references,
            models=self._models,
        )  # fmt: skip
        if isinstance(ready, Rejected):
            return ready
        spool = self._spool.for_attempt(request.attempt) if request.attempt else self._spool
        answered = await self._http.send(ready.wire, secret=secret_header(self._dialect, ready.key), spool=spool)
        if isinstance(answered, NotSent):
            answered = replace(answered, message=f"{ready.base.origin}: {answered.message}")
        if not isinstance(answered, HttpAnswer):
            return fit_outcome(answered, ready.key)
        if answered.status == 200:  # what else it says is to be learned before anything more is sent
            on_response()
        try:
            return fit_outcome(await self._landed(request, ready, answered, spool), ready.key)
        except OSError as error:
            why = f"cannot read or write the response: {error.strerror}"
            raise DiskError(f"{why}; the response is in {answered.path}") from error
        except DiskError as error:
            raise DiskError(f"{error.fact}; the response is in {answered.path}", hint=error.hint) from error

    async def _landed(
        self, request: ImageRequest, sent: SendableRequest, answered: HttpAnswer, spool: Spool
    ) -> Outcome:
        """The outcome of a response; an image that it links to is downloaded."""
        wanted = Expected(request.recipe, sent.wire.asked, self._settings.body_limit, sent.key)
        found = await run_to_completion(DECODERS, receive, answered, spool, wanted)
        if isinstance(found, Elsewhere):
            got = await download_image(self._http, sent.wire.url, sent.base, found.picture.url, spool)
            found = await run_to_completion(DECODERS, receive_fetched, found, got, wanted)
        if not isinstance(found, Checked):
            return found
        usage = plain_usage(found.picture.usage)
        return outcome_of(found, request.recipe, cost=self._cost(request, usage), usage=usage)

    def _cost(self, request: ImageRequest, usage: Mapping[str, Json]) -> Cost | None:
        row = self._models.find(request.recipe.model)
        billed = None if self._dialect.traits.free else cost_of_usage(row, usage)
        return billed or price_of(self._dialect, request.recipe, self._models)


def outcome_of(found: Checked, recipe: Recipe, *, cost: Cost | None, usage: Mapping[str, Json]) -> Done | Mismatched:
    """The outcome of a response with a whole image."""
    picture = found.picture
    done = Done(
        found.spooled,
        found.facts,
        model=picture.model or recipe.model,
        request=picture.request,
        cost=cost,
        usage=usage,
        message=picture.message,
    )
    return done if found.misfit is None else Mismatched(found.misfit.message, found.misfit, done)


def secret_header(dialect: Dialect, key: Key) -> tuple[str, str] | None:
    """The header with the key; None if none is sent."""
    name, prefix = dialect.key_header
    return (name, prefix + key.reveal()) if key.reveal() else None


def redacted(done: Done, key: Key) -> Done:
    """The same, with all text of the server redacted."""
    return replace(
        done,
        message=redact(done.message, key=key),
        model=redact(done.model, key=key),
        request=redact(done.request, key=key),
        usage=redact_counts(done.usage, key=key),
    )


def fit_outcome(outcome: Outcome, key: Key) -> Outcome:
    """The outcome with all text of the server redacted, names in its usage included."""
    match outcome:
        case Done():
            return redacted(outcome, key)
        case Mismatched(done=done):
            return replace(outcome, done=redacted(done, key))
        case NotSent() | Throttled() | Rejected() | Refused() | BadOutput() | InDoubt() | Running():
            return replace(outcome, message=redact(outcome.message, key=key))
