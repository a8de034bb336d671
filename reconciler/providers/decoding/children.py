"""Processes that decode images of strangers, started when the first is needed and reused for the next.

Pillow's decoders are C libraries that read bytes of anybody. In a process of its own, one that crashes, runs for ever
or takes all memory costs that process, and neither the run nor the images that it has paid for. See `child.py` for
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
from contextlib import suppress
from pathlib import Path

from reconciler.core.value import value
from reconciler.providers.decoding.protocol import ANSWER, LENGTH, MEMORY, OK, READY, most_bytes

MEMORY_BYTES = 352 << 20
"""Bytes that a decoder may take beside its libraries. An image of 17 megapixels, the most that models make, takes
304 MiB as WebP, 160 as JPEG, 154 as AVIF."""
START_SECONDS = 60
WALL_SECONDS = 60
"""Seconds until an answer, on a busy machine too. The limit of CPU time ends a decoder long before."""
_PROGRAM = """
import sys
sys.path += sys.argv[2:]
from reconciler.providers.decoding.child import serve
serve(int(sys.argv[1]))
"""
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""All that a decoder gets of the environment, which has keys in it: where the libraries of this Python are."""


class DecoderError(Exception):
    """A decoder died, or was ended; the text says why."""


class CpuTimeError(DecoderError):
    """The system ended it at its limit of CPU time."""


@value
class DecoderAnswer:
    """A message of a decoder, in bounds but not to be trusted. `data` is a thumbnail, `width * height * 3` bytes of
    RGB, or an encoded image."""

    result: int
    transparent: bool
    width: int
    height: int
    name: str
    data: bytes = b""


class Child:
    """One such process. Used by one thread at a time. After a DecoderError it is gone."""

    def __init__(self) -> None:
        """OSError if it cannot be started."""
        self._pid, self._to, self._from = _spawned()
        try:
            self._read(len(READY), time.monotonic() + START_SECONDS)
        except DecoderError as error:
            raise OSError(errno.ENOEXEC, f"the image decoder cannot be started: {error}") from error

    def ask(self, request: bytes, *, thumbnail: int, encoded: int = 0) -> DecoderAnswer:
        """The answer to a request. `thumbnail` is the height of the one that it asks for, or 0; `encoded` the most
        bytes of an encoded image, or 0."""
        end = time.monotonic() + WALL_SECONDS
        with suppress(BrokenPipeError):  # it died: reading says how
            os.write(self._to, request)
        result, transparent, width, height, name = ANSWER.unpack(self._read(ANSWER.size, end))
        length = width * height * 3 if thumbnail and result == OK else 0
        if encoded and result == OK:
            (length,) = LENGTH.unpack(self._read(LENGTH.size, end))
        if length > max(most_bytes(thumbnail), encoded):
            self.end()
            raise DecoderError("the decoder gave no valid answer")
        shown = name.rstrip(b"\0").decode("ascii", "replace")
        data = self._read(length, end)
        return DecoderAnswer(result, bool(transparent), width, height, shown if shown.isidentifier() else "", data)

    @property
    def idle(self) -> bool:
        """Whether it still lives, and waits: a dead one's output has ended, and can be read."""
        return not self._readable(0)

    def end(self) -> int:
        """Kill it, and return the status with which it ended; 0 if that is unknown.

        The status is that of its own end if that came first: a process closes its pipes after its status is fixed.
        """
        self.close()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        try:
            return os.waitpid(self._pid, 0)[1]
        except ChildProcessError:  # SIGCHLD is ignored: the system has reaped it
            return 0

    def close(self) -> None:
        """Close the pipes."""
        os.close(self._to)
        os.close(self._from)

    def _read(self, count: int, end: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            if not self._readable(max(0, end - time.monotonic())):
                self.end()
                raise DecoderError(f"it takes more than {WALL_SECONDS} s")
            piece = os.read(self._from, count - len(data))
            if not piece:
                raise _death(self.end())
            data += piece
        return bytes(data)

    def _readable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


class Children:
    """Decoders that wait for work. There are never more of them than threads that asked at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._owner = os.getpid()

    def ask(self, request: bytes, *, thumbnail: int = 0, encoded: int = 0) -> DecoderAnswer:
        """The answer of a decoder. DecoderError if it died of the request, OSError if none can be started."""
        child = self._taken() or Child()
        answer = child.ask(request, thumbnail=thumbnail, encoded=encoded)
        if answer.result == MEMORY:  # its memory is in pieces
            child.end()
        else:
            with self._lock:
                self._idle.append(child)
        return answer

    def end(self) -> None:
        """End those that are idle. Others are started when they are needed again."""
        while child := self._taken():
            child.end()

    def _taken(self) -> Child | None:
        """An idle decoder; None if there is none."""
        with self._lock:
            if self._owner != os.getpid():  # a fork: they belong to the parent
                for child in self._idle:
                    child.close()
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                child = self._idle.pop()
                if child.idle:
                    return child
                child.end()
        return None


CHILDREN = Children()
"""Those of this process."""


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


def _spawned() -> tuple[int, int, int]:
    """A new process, and the ends of the pipes to it and from it."""
    pillow = importlib.util.find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise OSError(errno.ENOENT, "the image decoder cannot be started: Pillow is missing")
    ours = str(Path(__file__).parents[3])
    program = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(MEMORY_BYTES), ours, str(Path(pillow.origin).parents[1])]
    environ = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    their_in, to = os.pipe()
    back, their_out = os.pipe()
    try:
        pid = os.posix_spawn(
            sys.executable,
            program,
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
