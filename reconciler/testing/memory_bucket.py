"""A bucket in memory: the ports of the team's store, for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from reconciler.core.errors import BucketError
from reconciler.core.team.bucket import BucketObject


class MemoryBucket:
    """A Bucket and a BucketCleaner; `clock` gives the time of the server.

    `objects` may be read by a test. `fail`, if it is set, is called with the name of the method and its first argument
    before each call, and may raise a BucketError.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.objects: dict[str, bytes] = {}
        self.fail: Callable[[str, str], None] | None = None
        self._times: dict[str, datetime] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def put_new(self, name: str, source: Path | bytes) -> bool:
        data = source if isinstance(source, bytes) else source.read_bytes()
        self._call("put_new", name)
        with self._lock:
            if name in self.objects:
                return False
            self.objects[name] = data
            self._times[name] = self._clock()
        return True

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        self._call("get", name)
        data = self.objects.get(name)
        if data is None:
            return False
        if len(data) > most:
            raise BucketError(f"{name} is larger than {most:,} bytes")
        sink.write(data)
        return True

    def names(self, prefix: str) -> tuple[str, ...]:
        self._call("names", prefix)
        with self._lock:
            return tuple(sorted(name for name in self.objects if name.startswith(prefix)))

    def stat(self, name: str) -> BucketObject | None:
        self._call("stat", name)
        with self._lock:
            data = self.objects.get(name)
            return None if data is None else BucketObject(len(data), self._times[name])

    def replace(self, name: str, data: bytes) -> None:
        self._call("replace", name)
        with self._lock:
            self.objects[name] = data
            self._times[name] = self._clock()

    def delete(self, name: str) -> None:
        self._call("delete", name)
        with self._lock:
            self.objects.pop(name, None)
            self._times.pop(name, None)

    def _call(self, method: str, name: str) -> None:
        if self.fail is not None:
            self.fail(method, name)
