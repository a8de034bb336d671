"""Keep the lockfile up with the journal without letting its size be paid for by every image."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from reconciler.core.events import Durable, settle
from reconciler.core.lock import Lock
from reconciler.core.ports import LockFile

_SHARE = 20
"""Saving may take one part in so many of the run: the journal has every event already, durably."""


class Keeper:
    """The lock of a run: events in, a saved lockfile out; at the latest when the run ends."""

    def __init__(self, lock: Lock, file: LockFile, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = lock
        self._file = file
        self._clock = clock
        self._pending: list[Durable] = []
        self._saving = asyncio.Lock()
        self._next = 0.0

    async def add(self, event: Durable) -> None:
        """Take an event that the journal has; save if that costs no more than its share of the time."""
        self._pending.append(event)
        if not self._saving.locked() and self._clock() >= self._next:
            await self.save()

    async def save(self) -> None:
        """Everything that was added is in the lockfile once this returns. Raises DiskError."""
        async with self._saving:
            if not self._pending:
                return
            pending, self._pending = self._pending, []
            began = self._clock()
            self.lock = settle(self.lock, pending).lock
            await asyncio.to_thread(self._file.save, self.lock)
            took = self._clock() - began
            self._next = self._clock() + took * _SHARE
