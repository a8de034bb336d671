"""Processes that read images of strangers, started when the first is needed and reused for the next.

Pillow's decoders are C libraries that read bytes of anybody. In a process of its own, one that crashes, runs for ever
or takes all memory costs that process, and neither the run nor the images that it has paid for. See `confined.py` for
the limits.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

READY = b"r"
"""Sent once, when the process has loaded its libraries."""
START_SECONDS = 60
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""All that a decoder gets of the environment, which has keys in it: where the libraries of this Python are."""


class DecoderError(Exception):
    """A decoder died, or was ended; the text says why."""


class CpuTimeError(DecoderError):
    """The system ended it at its limit of CPU time."""


def program(module: str) -> str:
    """A program that calls `serve` of a module of ours with the limit of memory, in bytes."""
    return f"import sys\nsys.path += sys.argv[2:]\nfrom {module} import serve\nserve(int(sys.argv[1]))\n"


class ConfinedProcess:
    """One such process. Used by one thread at a time. After a DecoderError it is gone."""

    def __init__(self, code: str, memory: int) -> None:
        """OSError if it cannot be started. `memory` is in bytes, beside what the libraries take."""
        self._ending = threading.Lock()
        self._status: int | None = None
        self._pid, self._to, self._from = _spawned(code, memory)
        try:
            self.read(len(READY), time.monotonic() + START_SECONDS, most=START_SECONDS)
        except DecoderError as error:
            raise OSError(errno.ENOEXEC, f"the image decoder cannot be started: {error}") from error

    def write(self, data: bytes) -> None:
        """Send a request."""
        view = memoryview(data)
        with suppress(BrokenPipeError):  # it died: reading says how
            while view:
                view = view[os.write(self._to, view) :]

    def read(self, count: int, end: float, *, most: int) -> bytes:
        """So many bytes of an answer. Ends the process at this time, which is `most` seconds after the request."""
        data = bytearray()
        while len(data) < count:
            if not self._readable(max(0, end - time.monotonic())):
                self.end()
                raise DecoderError(f"it takes more than {most} s")
            piece = os.read(self._from, min(count - len(data), 1 << 20))
            if not piece:
                raise _death(self.end())
            data += piece
        return bytes(data)

    @property
    def idle(self) -> bool:
        """Whether it still lives, and waits: a dead one's output has ended, and can be read."""
        return not self._readable(0)

    def end(self) -> int:
        """Kill it, and return the status with which it ended; 0 if that is unknown.

        The status is that of its own end if that came first: a process closes its pipes after its status is fixed.
        """
        with self._ending:
            if self._status is None:
                self.close()
                self._kill()
                self._status = self._waited()
            return self._status

    def kill(self) -> None:
        """Kill it while another thread waits for its answer: that thread gets a DecoderError."""
        with self._ending:
            if self._status is None:
                self._kill()

    def close(self) -> None:
        """Close the pipes."""
        os.close(self._to)
        os.close(self._from)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _waited(self) -> int:
        try:
            return os.waitpid(self._pid, 0)[1]
        except ChildProcessError:  # SIGCHLD is ignored: the system has reaped it
            return 0

    def _readable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


P = TypeVar("P", bound=ConfinedProcess)


class IdleProcesses(Generic[P]):
    """Processes that wait for work. There are never more of them than threads that asked at once."""

    def __init__(self, start: Callable[[], P]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._idle: list[P] = []
        self._owner = os.getpid()

    def take(self) -> P:
        """An idle process, or a new one. OSError if none can be started."""
        return self._taken() or self._start()

    def give(self, process: P) -> None:
        """It waits for the next request."""
        with self._lock:
            self._idle.append(process)

    def end(self) -> None:
        """End those that are idle. Others are started when they are needed again."""
        while process := self._taken():
            process.end()

    def _taken(self) -> P | None:
        """An idle process; None if there is none."""
        with self._lock:
            if self._owner != os.getpid():  # a fork: they belong to the parent
                for process in self._idle:
                    process.close()
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                process = self._idle.pop()
                if process.idle:
                    return process
                process.end()
        return None


def _death(status: int) -> DecoderError:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return CpuTimeError("it takes too much CPU time")
    return DecoderError(f"the decoder crashed ({_signal(-code) if code < 0 else f'exit code {code}'})")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _spawned(code: str, memory: int) -> tuple[int, int, int]:
    """A new process, and the ends of the pipes to it and from it."""
    pillow = importlib.util.find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise OSError(errno.ENOENT, "the image decoder cannot be started: Pillow is missing")
    ours = str(Path(__file__).parents[2])
    command = [sys.executable, "-I", "-S", "-c", code, str(memory), ours, str(Path(pillow.origin).parents[1])]
    environ = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    their_in, to = os.pipe()
    back, their_out = os.pipe()
    try:
        pid = os.posix_spawn(
            sys.executable,
            command,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, their_in, 0),
                (os.POSIX_SPAWN_DUP2, their_out, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsigmask=[signal.SIGINT],
        )
    except OSError as error:
        os.close(to)
        os.close(back)
        raise OSError(error.errno, f"the image decoder cannot be started: {error.strerror}") from error
    finally:
        os.close(their_in)
        os.close(their_out)
    return pid, to, back
