"""Keep the lockfile up with the journal without letting its size be paid for by every image."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from reconciler.core.errors import LockfileError
from reconciler.core.events import Durable
from reconciler.core.ports import LockFile

_SHARE = 20
"""Saving may take one part in so many of the run: the journal has every event already, durably."""


class LockfileSaver:
    """The lockfile of a run: events in, a saved file out; at the latest when the run ends."""

    def __init__(self, file: LockFile, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._pending: list[Durable] = []
        self._saving = asyncio.Lock()
        self._next = 0.0

    async def add(self, event: Durable) -> None:
        """Take an event that the journal has; save if that costs no more than its share of the time.

        A lockfile that a person is merging is left to them: the journal has the event, and the end of the run asks.
        """
        self._pending.append(event)
        if not self._saving.locked() and self._clock() >= self._next:
            with suppress(LockfileError):
                await self.save()

    async def save(self) -> None:
        """Everything that was added is in the lockfile once this returns. Raises DiskError or LockfileError."""
        async with self._saving:
            if not self._pending:
                return
            pending, self._pending = self._pending, []
            began = self._clock()
            try:
                await asyncio.to_thread(self._file.update, pending)
            except BaseException:
                self._pending = pending + self._pending
                raise
            finally:
                ended = self._clock()
                self._next = ended + (ended - began) * _SHARE
