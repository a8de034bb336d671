"""Make one image at a provider over the network: say it, send it, read the answer, check the picture.

One attempt, one outcome. Nothing here is retried, recorded or limited: that is for wrappers around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

from reconciler.core.digest import Json
from reconciler.core.errors import DiskError
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Spooled,
    Stop,
    Throttled,
)
from reconciler.core.ports import ImageRequest, Spool
from reconciler.core.pricing import Cost
from reconciler.core.settings import ProviderSettings
from reconciler.providers.abilities import price
from reconciler.providers.answers import Opened, as_it_came, open_answer, save_base64
from reconciler.providers.bodies import Build
from reconciler.providers.checks import check
from reconciler.providers.http import Answered, Http, Unfetched
from reconciler.providers.models import ModelTable, cost_of_usage
from reconciler.providers.origins import BadBase, Base, Key, NoKey, base_of
from reconciler.providers.outcomes import classify
from reconciler.providers.ready import make_ready
from reconciler.providers.reply import Picture
from reconciler.providers.spooling import put_off, unlink
from reconciler.providers.usage import plain_usage
from reconciler.providers.wire import WireRequest
from reconciler.providers.words import presentable

DECODERS = ThreadPoolExecutor(2, thread_name_prefix="decode")
"""Pictures are decoded two at a time, whatever number of providers: each may need 200 MB, and threads keep theirs."""
FETCHES = 3
"""Times that a picture is fetched from where it lies: it is paid for, and a GET costs nothing."""


class Remote:
    """A provider with its key, its way to the network, and its way of saying things."""

    build: Build
    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    """The header that carries the key, and what stands before it."""

    def __init__(
        self, settings: ProviderSettings, *, key: Key | NoKey, spool: Spool, http: Http, models: ModelTable
    ) -> None:
        self._settings = settings
        self._key = key
        self._spool = spool
        self._http = http
        self._models = models

    async def generate(self, request: ImageRequest) -> Outcome:
        """One image, or why not. A cancelled call may have been charged.

        DiskError where our own disk fails: Unsent before the request, else it names the file with the answer.
        """
        if isinstance(self._key, NoKey):
            return Rejected(str(self._key), Stop.BAD_KEY)
        base = base_of(self._settings)
        if isinstance(base, BadBase):
            return Rejected(f"providers.{self._settings.name}: {base.why}")
        ready = await asyncio.to_thread(make_ready, request)
        if isinstance(ready, Rejected):
            return ready
        wire = type(self).build(ready, self._settings, base, self._models)
        if isinstance(wire, Rejected):
            return wire
        answered = await self._http.send(wire, secret=self.secret(self._key), spool=self._spool)
        if isinstance(answered, NotSent):
            answered = replace(answered, words=f"{base.origin}: {answered.words}")
        if not isinstance(answered, Answered):
            return _fit(answered, self._key)
        if answered.status == 200:  # what else it says is to be learned before anything more is sent
            request.heard()
        files = {answered.path}
        try:
            opened = await put_off(None, open_answer, answered, self._spool, limit=self._settings.body_limit)
            files.add(opened.path)
            outcome = _fit(await self._read(request, wire, base, opened), self._key)
        except OSError as error:
            why = f"cannot read or write the answer: {error.strerror}"
            raise DiskError(f"{why}; what came is in {answered.path}") from error
        except DiskError as error:
            raise DiskError(f"{error.fact}; what came is in {answered.path}", hint=error.hint) from error
        for path in files - {_kept_file(outcome)}:  # only once it is certain: after any exception the answer stays
            unlink(path)
        return outcome

    @classmethod
    def secret(cls, key: Key) -> tuple[str, str] | None:
        """The header with the key; None where none is sent."""
        name, prefix = cls.key_header
        return (name, prefix + key.reveal()) if key.reveal() else None

    async def _read(self, request: ImageRequest, wire: WireRequest, base: Base, opened: Opened) -> Outcome:
        found = classify(opened.reply)
        match found:
            case Picture():
                return await self._land(request, wire, base, opened, found)
            case BadOutput(words):
                return BadOutput(words, await put_off(None, as_it_came, opened.path))
            case _:
                return found

    async def _land(
        self, request: ImageRequest, wire: WireRequest, base: Base, opened: Opened, picture: Picture
    ) -> Outcome:
        """The picture that an answer tells of, checked. What cannot be had is kept as it came."""
        spooled = await self._bytes(wire, base, opened, picture)
        if isinstance(spooled, str):
            return BadOutput(spooled, await put_off(None, as_it_came, opened.path))
        try:
            facts = await put_off(DECODERS, check, spooled.path, request.recipe, asked=wire.asked)
        except OSError as error:
            raise DiskError(f"cannot read the picture in {spooled.path}: {error.strerror}") from error
        if isinstance(facts, str):
            return BadOutput(facts, spooled)
        usage = plain_usage(picture.usage)
        return Done(
            spooled,
            facts,
            model=picture.model or request.recipe.model,
            request=picture.request,
            cost=self._cost(request, usage),
            usage=usage,
            words=picture.words,
        )

    async def _bytes(self, wire: WireRequest, base: Base, opened: Opened, picture: Picture) -> Spooled | str:
        """The picture's bytes in a file, wherever the answer has them; or why there are none."""
        if picture.base64:
            return await put_off(None, save_base64, opened, picture.base64, self._spool)
        if not picture.url:
            return await put_off(None, as_it_came, opened.path) or "the answer is empty"
        try:
            address, why = urljoin(wire.url, picture.url), ""
        except ValueError:
            return "the picture is paid for, but its address is none"
        for _ in range(FETCHES):
            got = await self._http.fetch(address, own=base, spool=self._spool)
            if isinstance(got, Unfetched):
                why = got.why
                continue
            if got.status == 200 and got.whole and got.size:
                return await put_off(None, as_it_came, got.path) or "the picture is empty"
            unlink(got.path)
            why = f"{got.status}" if got.whole else "it goes on beyond the limit"
            if not got.whole or 300 <= got.status < 500:
                break
        return f"the picture is paid for, but could not be fetched from its address: {why}"

    def _cost(self, request: ImageRequest, usage: Mapping[str, Json]) -> Cost | None:
        row = self._models.find(request.recipe.model)
        return cost_of_usage(row, usage) or price(request.recipe, self._models, provider_type=self._settings.type)


def _kept_file(outcome: Outcome) -> Path | None:
    match outcome:
        case Done(spooled) | BadOutput(kept=Spooled() as spooled):
            return spooled.path
        case _:
            return None


def _fit(outcome: Outcome, key: Key) -> Outcome:
    """The outcome with every foreign word made presentable."""
    match outcome:
        case Done():
            return replace(
                outcome,
                words=presentable(outcome.words, key=key),
                model=presentable(outcome.model, key=key),
                request=presentable(outcome.request, key=key),
            )
        case NotSent() | Throttled() | Rejected() | Refused() | BadOutput() | InDoubt():
            return replace(outcome, words=presentable(outcome.words, key=key))
