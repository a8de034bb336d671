"""Bring the lockfile up to date with the journal periodically, since a save takes time in proportion to its size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from reconciler.core.errors import LockfileError
from reconciler.core.events import Durable
from reconciler.core.ports import LockFile

_SHARE = 20
"""After a save, wait this many times as long as it took: about 5 % of the run time. The journal is durable already."""


class LockfileSaver:
    """Writes the events of a run into the lockfile: periodically, and at the end of the run."""

    def __init__(self, file: LockFile, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._pending: list[Durable] = []
        self._saving = asyncio.Lock()
        self._next = 0.0

    async def add(self, event: Durable) -> None:
        """Take an event that is in the journal; save if the last save was long enough ago.

        A LockfileError (conflict markers appeared, for example) is ignored here: the journal has the event, and the
        save at the end of the run raises the error.
        """
        self._pending.append(event)
        if not self._saving.locked() and self._clock() >= self._next:
            with suppress(LockfileError):
                await self.save()

    async def save(self) -> None:
        """Every event added before the call is in the lockfile once this returns. Raises DiskError, LockfileError."""
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
