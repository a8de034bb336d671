"""The journal of paid requests: an append-only file of durable events that survives a crash at any byte.

A record is `<length> <crc32> <payload>\\n`: the payload's length in decimal, its checksum as 8 hex digits, and one
encoded event, or several with a newline between them, which then count all or not at all.

A crash leaves at most a torn last record, which was never acknowledged: readers ignore it, and the next writer
truncates it. No crash damages a record *before* a sound one. Then every command stops and the file stays as it is: it
is the best record of payments there is.
"""

from __future__ import annotations

import re
import threading
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reconciler.core.errors import DiskError
from reconciler.core.events import Durable, Event
from reconciler.core.journal_lines import decode_event, encode_event
from reconciler.store import disk

_HEAD = re.compile(rb"(0|[1-9][0-9]{0,9}) ([0-9a-f]{8}) ")
_TORN = re.compile(rb"(0|[1-9][0-9]{0,9})( ([0-9a-f]{0,7}|[0-9a-f]{8}( .*)?))?", re.DOTALL)
_MOST = 512 << 20
"""Bytes. A run of 100,000 images writes half of that."""
_SECTOR = 512
"""Bytes that a disk may leave as zeros if it allocated them and lost power before it wrote them."""
_NEXT = re.compile(rb"(?=" + _HEAD.pattern + rb")")


class _Batch:
    """Records that share one fsync. `error` is its error, for all of them."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.written = False
        self.error: BaseException | None = None


class Journal:
    """A Log of Durable events. Threads may use it; writers hold the apply lock.

    Records that arrive during an fsync wait together: the next fsync is for all of them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.Lock()
        self._door = threading.Lock()
        self._next = _Batch()
        self._open: disk.Appender | None = None

    def record(self, event: Event) -> None:
        """Durable once this returns. Events that are not Durable are ignored."""
        self.record_all((event,))

    def record_all(self, events: Iterable[Event]) -> None:
        """Several events with one fsync: after a crash either all of them are there, or none."""
        frame = _frame(_durable(events))
        if not frame:
            return
        with self._door:
            batch = self._next
            batch.frames.append(frame)
        with self._mutex:
            if not batch.written:
                self._write(batch)
                return
        if batch.error is not None:
            raise DiskError(
                f"cannot append to {disk.display_path(self.path)}: an earlier write failed"
            ) from batch.error

    def _write(self, batch: _Batch) -> None:
        with self._door:
            self._next = _Batch()  # later records start a new batch
        batch.written = True
        try:
            if self._open is None:
                self._open = self._appender()
            self._open.append(b"".join(batch.frames))
        except BaseException as error:
            batch.error = error
            raise

    def read(self) -> tuple[Durable, ...]:
        """Every acknowledged event, in order. Creates and changes nothing.

        DiskError if a record inside is damaged, LockfileError if a newer version wrote an event.
        """
        return tuple(self.replay())

    def replay(self) -> Iterable[Durable]:
        """The same for a long journal: each event is decoded when it is its turn, as often as they are iterated.

        DiskError at once, LockfileError at its event.
        """
        data = self._bytes()
        spans, _ = _scan(data, self.path)
        return _Replay(data, spans)

    def close_with(self, events: Iterable[Event]) -> None:
        """Replace the journal by these events, those of requests without an end: the lockfile has all others."""
        kept = b"".join(_frame((event,)) for event in _durable(events))
        with self._mutex:
            self._release()
            now = self._bytes()
            _scan(now, self.path)  # DiskError for a damaged journal, which is not overwritten
            if now != kept:
                disk.make_dirs(self.path.parent)
                disk.write_atomic(self.path, kept)

    def close(self) -> None:
        """Close the descriptor; the next record opens it again."""
        with self._mutex:
            self._release()

    def _release(self) -> None:
        appender, self._open = self._open, None
        if appender is not None:
            appender.close()

    def _appender(self) -> disk.Appender:
        data = self._bytes()
        _, sound = _scan(data, self.path)
        disk.make_dirs(self.path.parent)
        return disk.Appender(self.path, keep=sound)

    def _bytes(self) -> bytes:
        try:
            return disk.plain_bytes(self.path, most=_MOST)
        except FileNotFoundError:
            return b""


class _Replay:
    """The events of a journal. An event takes several times the memory of its bytes. `spans` has the beginning and the
    end of each payload."""

    def __init__(self, data: bytes, spans: Sequence[int]) -> None:
        self._data = data
        self._spans = spans

    def __iter__(self) -> Iterator[Durable]:
        for start, end in zip(self._spans[::2], self._spans[1::2], strict=True):
            yield from map(decode_event, self._data[start:end].split(b"\n"))


def _durable(events: Iterable[Event]) -> tuple[Durable, ...]:
    return tuple(event for event in events if isinstance(event, Durable))


def _frame(events: tuple[Durable, ...]) -> bytes:
    payload = b"\n".join(encode_event(event) for event in events)
    return b"%d %08x %b\n" % (len(payload), zlib.crc32(payload), payload) if events else b""


def _scan(data: bytes, path: Path) -> tuple[Sequence[int], int]:
    """The beginning and the end of the payload of every record, one after the other, and the length of the sound part;
    the rest is a torn record."""
    spans = array("Q")
    at = 0
    while at < len(data):
        record = _record_at(data, at)
        if record is None:
            _refuse_damage(data, at, path)
            break
        payload, at = record
        spans.extend((at - 1 - len(payload), at - 1))
    if data and not at and not _TORN.fullmatch(data) and data[:_SECTOR].strip(b"\0"):
        raise DiskError(
            f"{disk.display_path(path)} is no journal of reconciler",
            hint="it is left as it is: look at it, and move it away",
        )
    return spans, at


def _record_at(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The payload of the sound record that starts here, and where it ends; None if there is none."""
    head = _HEAD.match(data, at)
    if head is None:
        return None
    end = head.end() + int(head[1])
    if data[end : end + 1] != b"\n":
        return None
    payload = data[head.end() : end]
    sound = zlib.crc32(payload) == int(head[2], 16)
    return (payload, end + 1) if sound else None


def _refuse_damage(data: bytes, at: int, path: Path) -> None:
    """DiskError if a sound record follows: a torn record is the last one, so acknowledged bytes have changed."""
    effort = 4 * len(data)
    for head in _NEXT.finditer(data, at):
        start = head.start()
        length = int(head[1])
        effort -= length if start + length < len(data) else 0
        if effort < 0 or _record_at(data, start) is not None:  # no torn record holds so many that look like records
            raise DiskError(
                f"{disk.display_path(path)} is damaged between bytes {at} and {start}",
                hint="it says which paid requests are open: restore it from a backup; or move it away, and look at "
                "your provider's bill before the next apply, which then knows nothing of requests in flight",
            )
