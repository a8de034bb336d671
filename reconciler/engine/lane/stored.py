"""Store the images of a free provider. They cost no money, so they need no journal and no lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from reconciler.aio import CallSlot
from reconciler.core.fit import Misfit
from reconciler.core.lock.lockfile import Made
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import Done, Mismatched, NotSent, Outcome, Stop
from reconciler.core.ports import ImageRequest, OnResponse, Provider, Store, StoredImage, ignore_response
from reconciler.core.seed import free_attempt
from reconciler.core.value import replace
from reconciler.engine.clock import stamp

MOST_LANDING = 8
"""Images that are being stored. More would be made than a slow disk can take."""


class StoredProvider:
    """A Provider that stores every image, and makes at most `parallel` of them at a time. Meanwhile, up to
    MOST_LANDING earlier ones are being stored: the place of an image is free once its response is complete.

    `made_by` is its name in the lockfile. The requests of a `resumable` one have ids (`free_attempt`): a run that was
    killed left its image at the server, and the next run asks for it by the same id.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        made_by: str,
        store: Store,
        utc: Callable[[], datetime],
        parallel: int,
        resumable: bool = False,
    ) -> None:
        self._made_by = made_by
        self._inner = inner
        self._store = store
        self._utc = utc
        self._places = asyncio.Semaphore(parallel)
        self._under_way = asyncio.Semaphore(parallel + MOST_LANDING)
        self._drained = False
        self._resumable = resumable

    def drain(self) -> None:
        """Start no more images; those in progress finish."""
        self._drained = True

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """The inner provider's outcome, with the image in the store. Raises DiskError."""
        async with self._under_way:
            outcome = await self._made(request, on_response)
            if isinstance(outcome, Done):
                return await asyncio.to_thread(self._kept, request, outcome)
            if isinstance(outcome, Mismatched):
                done = await asyncio.to_thread(self._kept, request, outcome.done, outcome.misfit)
                return replace(outcome, done=done)
            return outcome

    async def _made(self, request: ImageRequest, on_response: OnResponse) -> Outcome:
        await self._places.acquire()
        slot = CallSlot(self._places, on_response)
        try:
            if self._drained:
                return NotSent("not begun: interrupted", final=True, stop=Stop.INTERRUPTED)
            if self._resumable:
                had = await asyncio.to_thread(self._store.recall, request.key)
                request = replace(request, attempt=free_attempt(request.key, len(had)))
            return await self._inner.generate(request, on_response=slot.response_complete)
        finally:
            slot.release()

    def _kept(self, request: ImageRequest, done: Done, misfit: Misfit | None = None) -> Done:
        made = Made(provider=self._made_by, at=stamp(self._utc()), model=done.model, cost=str(FREE), usage=done.usage)
        called = "the draft is" if made.placeholder else "the free image is"
        path = self._store.put(replace(done.spooled, called=called))
        image = StoredImage(done.spooled.content, done.image, made, misfit=misfit)
        known = self._store.remember(request.key, image)
        return replace(done, spooled=replace(done.spooled, path=path), made=known.made)
