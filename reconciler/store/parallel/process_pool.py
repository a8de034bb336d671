"""Do many pieces of work on all cores: processes of our own take them from one queue, and in the end so do we.

Processes, since Python's threads would wait for one another. A helper that dies takes its results along; so whoever
asks does what is missing by himself, as where there can be no helper at all.
"""

from __future__ import annotations

import marshal
import os
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

R = TypeVar("R")

MAX_PROCESSES: Final = 4096
"""Pieces: the queue is a pipe that holds all their numbers at once."""
_NUMBER: Final = 2


class ProcessPool(Generic[R]):
    """Helpers at work on pieces 0, 1, …; their results are what `marshal` can write."""

    def __init__(self, work: Callable[[int], R], pieces: int, *, helpers: int) -> None:
        self._work = work
        self._queue = _queue(pieces)
        self._helpers: list[tuple[int, int]] = []
        with suppress(OSError):  # no room for another process
            while len(self._helpers) < helpers:
                self._helpers.append(self._helper())

    def results(self) -> dict[int, R]:
        """What was worked out, by the number of the piece. Does its part first, then waits for the helpers."""
        done = dict(self._taken())
        os.close(self._queue)
        for pid, read in self._helpers:
            with open(read, "rb") as pipe:
                answer = pipe.read()
            with suppress(ChildProcessError):  # somebody lets the system do that
                os.waitpid(pid, 0)
            with suppress(EOFError, ValueError, TypeError):
                done.update(marshal.loads(answer))  # noqa: S302 - written by our own code a moment ago
        return done

    def _taken(self) -> Iterator[tuple[int, R]]:
        """Take pieces as long as there are any. A read takes a whole number or none."""
        while number := os.read(self._queue, _NUMBER):
            piece = int.from_bytes(number, sys.byteorder)
            yield piece, self._work(piece)

    def _helper(self) -> tuple[int, int]:
        """A process at work, and where it will answer."""
        ours = os.getpid()
        read, write = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(read)
            os.close(write)
            raise
        if not pid:
            self._help(write, ours)
        os.close(write)
        return pid, read

    def _help(self, write: int, parent: int) -> None:
        """Work, answer all at once, and leave without running anything that was set up for the parent's own end."""
        status = 1
        try:
            _keep_only(self._queue, write)
            done: list[Any] = []
            for result in self._taken():
                done.append(result)
                if os.getppid() != parent:
                    return  # nobody waits any more
            with open(write, "wb", closefd=False) as pipe:
                pipe.write(marshal.dumps(done))
            status = 0
        finally:
            os._exit(status)


def _queue(pieces: int) -> int:
    """A pipe with the numbers of all pieces in it. OSError where it has no room for them."""
    read, write = os.pipe()
    numbers = array("H", range(pieces)).tobytes()
    try:
        os.set_blocking(write, False)
        if os.write(write, numbers) < len(numbers):
            raise BlockingIOError
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    return read


def _keep_only(*needed: int) -> None:
    """A helper may outlive its parent by a piece. It must hold nothing that others wait for: the lock, what our caller
    reads, or the pipe it writes to itself, which nobody reads any more then."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    at = 3
    for fd in (*sorted(needed), os.sysconf("SC_OPEN_MAX")):
        os.closerange(at, fd)
        at = fd + 1


def start_pool(work: Callable[[int], R], pieces: int) -> ProcessPool[R] | None:
    """A crew, or None where no helper can be had: one core, no fork, or threads, which no fork may meet."""
    helpers = min(_cores() - 1, pieces)
    if helpers < 1 or not 0 < pieces <= MAX_PROCESSES or not hasattr(os, "fork") or threading.active_count() > 1:
        return None
    try:
        return ProcessPool(work, pieces, helpers=helpers)
    except OSError:  # not even a pipe
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
