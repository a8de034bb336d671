"""The one way to use several cores: forked processes take numbered pieces of work from a queue, and so does the caller.

Processes, since threads of Python share one interpreter lock. A helper that dies loses its results; the caller then
does the missing pieces itself, as it does where no helper can be started. The module imports next to nothing: a warm
`plan` of a large project starts a pool, and is over in 40 ms.
"""

from __future__ import annotations

import marshal
import os
import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing and collections.abc take longer to import than a helper to start
    from collections.abc import Callable, Iterator
    from typing import Any

MAX_PIECES = 4096
"""The queue is a pipe that holds the numbers of all pieces at once."""
_NUMBER = 2


class ProcessPool:
    """Helpers that work on pieces 0, 1, …; results are values that `marshal` can write."""

    def __init__(self, work: Callable[[int], Any], pieces: int, *, helpers: int) -> None:
        self._work = work
        self._queue = _queue(pieces)
        self._helpers: list[tuple[int, int]] = []
        try:
            while len(self._helpers) < helpers:
                self._helpers.append(self._helper())
        except OSError:  # no room for another process
            pass

    def results(self) -> dict[int, Any]:
        """The results by the number of the piece. Works on the queue until it is empty, then waits for the helpers."""
        done = dict(self._taken())
        os.close(self._queue)
        for pid, read in self._helpers:
            with open(read, "rb") as pipe:
                answer = pipe.read()
            try:  # noqa: SIM105 - contextlib is not loaded for this
                os.waitpid(pid, 0)
            except ChildProcessError:  # SIGCHLD is ignored: the system has reaped it
                pass
            try:  # noqa: SIM105 - contextlib is not loaded for this
                done.update(marshal.loads(answer))  # noqa: S302 - written by our own code a moment ago
            except (EOFError, ValueError, TypeError):  # the helper died
                pass
        return done

    def _taken(self) -> Iterator[tuple[int, Any]]:
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
        """Work, write all results at once, and end without running the exit handlers of the parent."""
        status = 1
        try:
            _keep_only(self._queue, write)
            done: list[Any] = []
            for result in self._taken():
                done.append(result)
                if os.getppid() != parent:
                    return  # the parent is gone
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
    """Close all other descriptors: a helper may outlive its parent by one piece, and must not hold the apply lock or
    the output that a caller of the parent reads to its end."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    at = 3
    for fd in (*sorted(needed), os.sysconf("SC_OPEN_MAX")):
        os.closerange(at, fd)
        at = fd + 1


def start_pool(work: Callable[[int], Any], pieces: int) -> ProcessPool | None:
    """A pool, or None where no helper can be started: one core, no fork, or threads, which do not survive a fork."""
    helpers = min(_cores() - 1, pieces)
    threads = sys.modules.get("threading")
    threaded = threads is not None and threads.active_count() > 1
    if helpers < 1 or not 0 < pieces <= MAX_PIECES or not hasattr(os, "fork") or threaded:
        return None
    try:
        return ProcessPool(work, pieces, helpers=helpers)
    except OSError:  # not even a pipe
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
