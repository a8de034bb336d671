"""The confined processes of a Deriver, and the parts that they answer."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.core.value import value
from reconciler.derive.wire import (
    BROKEN,
    DISK,
    FRAMES,
    MEMORY,
    NO_HUE,
    NOT_FLAT,
    NOTHING,
    OK,
    PART,
    PREAMBLE,
    TOO_LARGE,
    TWO_SIZES,
    DeriveRequest,
)
from reconciler.imaging.child_process import (
    ConfinedProcess,
    CpuTimeError,
    DecoderError,
    IdleProcesses,
    program,
)

WORKER_MEMORY = 2 << 30
"""Bytes that a process may take beside its libraries. A picture of 17 megapixels, the most that models make, takes less
than half of it, with a colour key and as AVIF."""
_PROGRAM = program("reconciler.derive.worker")
_WALL = 20
"""Seconds of the clock for each second of CPU time, on a busy machine."""


class NotDerivedError(Exception):
    """Why a unit is not made: a fact and a hint."""

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.fact, self.hint = fact, hint


def invalid_answer() -> NotDerivedError:
    """A process was taken over, or has a fault."""
    return NotDerivedError("the decoder gave no valid answer")


@value
class AnswerPart:
    """One part of an answer, within its bounds but not to be trusted."""

    index: int
    width: int
    height: int
    source: tuple[int, int]
    left: int
    top: int
    data: bytes


class DerivingProcess(ConfinedProcess):
    """One process. After a DecoderError it is gone."""

    def __init__(self) -> None:
        super().__init__(_PROGRAM, WORKER_MEMORY)


class DerivingProcesses:
    """At most `jobs` processes at work at a time."""

    def __init__(self, jobs: int) -> None:
        self._places = threading.Semaphore(jobs)
        self._idle = IdleProcesses(DerivingProcess)
        self._lock = threading.Lock()
        self._busy: set[DerivingProcess] = set()
        self._closed = False

    def ask(
        self,
        request: DeriveRequest,
        *,
        parts: int,
        seconds: int,
        most: Callable[[AnswerPart], int],
        take: Callable[[AnswerPart], None],
    ) -> None:
        """Give so many parts to `take` as they come, each index below that number once. `seconds` is the limit of CPU
        time; `most` the most bytes of a part, whose size it gets.

        Raises NotDerivedError, and OSError if a picture cannot be read or no process can be started.
        """
        data = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
        with self._places, self._process() as process:
            wall = 60 + _WALL * seconds
            end = time.monotonic() + wall
            process.write(PREAMBLE.pack(seconds, len(data)) + data)
            missing = set(range(parts))
            while missing:
                part = _part(process, end, wall, most)
                if part.index not in missing:
                    raise invalid_answer()
                missing.remove(part.index)
                take(part)

    def close(self) -> None:
        """End all processes; those at work fail."""
        with self._lock:
            self._closed = True
            for process in self._busy:
                process.kill()
        self._idle.end()

    @contextmanager
    def _process(self) -> Iterator[DerivingProcess]:
        process = self._begun()
        good = False
        try:
            yield process
            good = True
        except CpuTimeError as error:
            raise NotDerivedError("it takes too much CPU time") from error
        except DecoderError as error:
            raise NotDerivedError("the work was cancelled" if self._closed else str(error)) from error
        finally:
            with self._lock:
                self._busy.discard(process)
                good = good and not self._closed
            if good:
                self._idle.give(process)
            else:
                process.end()

    def _begun(self) -> DerivingProcess:
        process = self._idle.take()
        with self._lock:
            if not self._closed:
                self._busy.add(process)
                return process
        process.end()
        raise NotDerivedError("the work was cancelled")


def _part(process: DerivingProcess, end: float, wall: int, most: Callable[[AnswerPart], int]) -> AnswerPart:
    head = PART.unpack(process.read(PART.size, end, most=wall))
    result, index, width, height, source_width, source_height, left, top, length, name = head
    if result != OK:
        raise _failure(result, width, height, name)
    empty = AnswerPart(index, width, height, (source_width, source_height), left, top, b"")
    if length > most(empty):
        raise invalid_answer()
    data = process.read(length, end, most=wall)
    return AnswerPart(index, width, height, empty.source, left, top, data)


def _failure(result: int, width: int, height: int, name: bytes) -> Exception:
    match result:
        case n if n == DISK:
            return OSError(width, os.strerror(width))
        case n if n == MEMORY:
            return NotDerivedError(f"it takes more than {WORKER_MEMORY >> 20} MiB of memory")
        case n if n == FRAMES:
            return NotDerivedError("the picture has several frames")
        case n if n == TWO_SIZES:
            return NotDerivedError("the picture states two sizes")
        case n if n == NOT_FLAT:
            fact = f"no flat background: {min(width, 100)} % of the border have one colour, a key needs 60 %"
            return NotDerivedError(fact, 'ask for a flat background in the prompt, or write the colour: "#00ff00"')
        case n if n == NO_HUE:
            fact = "the key colour is grey: it would remove every grey of the picture"
            return NotDerivedError(fact, "ask for a background of a strong colour in the prompt, such as flat green")
        case n if n == NOTHING:
            return NotDerivedError("nothing is left of the picture: every pixel is transparent")
        case n if n == TOO_LARGE:
            return NotDerivedError(f"{width}x{height} pixels are too many", "give the rule a smaller size")
    shown = name.rstrip(b"\0").decode("ascii", "replace")
    kind = shown if result == BROKEN and shown.isidentifier() else "Error"
    return NotDerivedError(f"the picture cannot be decoded: {kind}")
