"""One worker process, and its protocol: a JSON object on each line of its standard input and output.

The program asks `{"v": 1, "hello": {}}` and gets `{"v": 1, "ready": {…}}`, then asks for one image at a time and gets
`done`, `refused` or `failed` with the id of the request. `{"stop": {}}`, or the end of its input, ends the worker. All
other lines of its output, and its standard error, are for people: the last of them become part of an error.
Source: docs/local-models.md.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from reconciler.core.digest import Json
from reconciler.core.text import one_line
from reconciler.core.value import value

PROTOCOL = 1
MAX_LINE_BYTES = 1 << 20
MAX_NOISE_BYTES = 4 << 20
"""Bytes that a worker may print beside the protocol for one request."""
_TAIL_BYTES = 4_096
_SHOWN = 300
"""Characters of the worker's own words in an error."""
_GRACE = 3.0
"""Seconds for a worker to end by itself."""
_CHUNK = 1 << 16


class WorkerError(Exception):
    """The worker is gone: it died, took too long, or does not speak the protocol. `sent`: a request was under way."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


@value
class Ready:
    """What a worker says of itself. `models` empty: it takes any name."""

    name: str
    models: tuple[str, ...] = ()


class _Limit:
    """How long the worker may take for one answer, and how many bytes it has printed since it was asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.printed = 0


class Worker:
    """A started worker. Used by one thread at a time. After a WorkerError it is gone."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process; `greet` comes next. WorkerError if it cannot be started.

        It runs in a directory of its own, so that no file of the project can take the place of one of its modules, and
        in a session of its own, so that Ctrl-C reaches this program alone.
        """
        self._ready: Ready | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="reconciler-worker-")
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._noise = b""
        self._ending = threading.Lock()
        self._ended = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a list of arguments that the user trusts, no shell
                list(command),
                cwd=self._folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except FileNotFoundError as error:
            self._folder.cleanup()
            hint = "put it on the PATH, or write an absolute path"
            raise WorkerError(f"there is no program {command[0]}: {hint}") from error
        except OSError as error:
            self._folder.cleanup()
            raise WorkerError(f"{command[0]}: {(error.strerror or '').lower()}") from error
        os.set_blocking(self._stdin, False)

    def greet(self, *, seconds: float) -> Ready:
        """What the worker says of itself, awaited if it is new. WorkerError after so many seconds, or if another
        thread has ended it."""
        if self._ready is None:
            limit = _Limit(seconds)
            try:
                self._write({"v": PROTOCOL, "hello": {}}, limit)
                self._ready = _ready(self._read(lambda found: "ready" in found, limit))
            except WorkerError:
                self.end(grace=0)
                raise
        return self._ready

    def draw(self, request: Mapping[str, Json], *, seconds: float) -> Mapping[str, Any]:
        """The reply to a request, with the same id. WorkerError after so many seconds, or if the worker dies."""
        limit = _Limit(seconds)
        try:
            self._write(request, limit)
            return self._read(lambda found: found.get("id") == request["id"], limit)
        except WorkerError as error:
            self.end(grace=0)
            error.sent = True
            raise

    def end(self, *, grace: float = _GRACE) -> None:
        """Ask it to stop, and kill it and its children after the grace, in seconds. Any thread may call this."""
        with self._ending:
            if self._ended:  # the number of the process may belong to another one by now
                return
            self._ended = True
        process = self._process
        if grace and process.poll() is None:
            with suppress(WorkerError):
                self._write({"stop": {}}, _Limit(grace))
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # it was opened as a pipe
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # all three were opened as pipes
        self._folder.cleanup()

    @property
    def _stdin(self) -> int:
        return self._process.stdin.fileno()  # type: ignore[union-attr]  # it was opened as a pipe

    def _write(self, message: Mapping[str, Json], limit: _Limit) -> None:
        """Send a message, and take what the worker prints meanwhile: it may read the rest only after that."""
        data = memoryview(f"{json.dumps(message)}\n".encode())
        try:
            while data:
                if self._receive(limit, sending=True):
                    with suppress(BlockingIOError):
                        data = data[os.write(self._stdin, data) :]
        except (OSError, ValueError):
            raise WorkerError(self._why_it_died()) from None

    def _read(self, wanted: Any, limit: _Limit) -> Mapping[str, Any]:
        """The next object on a line that is wanted; all other lines are noise."""
        while True:
            while self._lines:
                line = self._lines.popleft()
                message = _message(line)
                if message is not None and wanted(message):
                    return message
                if message is None:
                    self._noise = (self._noise + line + b"\n")[-_TAIL_BYTES:]
            try:
                self._receive(limit)
            except (OSError, ValueError):  # another thread has ended the worker, and closed its streams
                raise WorkerError(self._why_it_died()) from None

    def _receive(self, limit: _Limit, *, sending: bool = False) -> bool:
        """Wait for output, and take some of it; whether input can be written, which is awaited, too, if `sending`."""
        streams = [stream for stream in (self._process.stdout, self._process.stderr) if stream and not stream.closed]
        inputs = [self._stdin] if sending else []
        left = max(0.0, limit.end - time.monotonic())
        readable, writable, _ = select.select(streams, inputs, [], left)
        if not readable and not writable:
            verb = "read no request" if sending else "gave no answer"
            raise WorkerError(f"it {verb} within {limit.seconds:g} s{self._words(' (it last said: {})')}")
        for stream in readable:
            data = os.read(stream.fileno(), _CHUNK)
            limit.printed += len(data)
            if not data and stream is self._process.stdout:
                raise WorkerError(self._why_it_died())
            if not data:
                stream.close()
            elif stream is self._process.stdout:
                *lines, self._rest = (self._rest + data).split(b"\n")
                self._lines.extend(lines)
            else:
                self._noise = (self._noise + data)[-_TAIL_BYTES:]
        if len(self._rest) > MAX_LINE_BYTES:
            raise WorkerError(f"it printed a line of over {MAX_LINE_BYTES >> 20} MiB")
        if limit.printed > MAX_NOISE_BYTES + MAX_LINE_BYTES:
            raise WorkerError(f"it printed over {MAX_NOISE_BYTES >> 20} MiB and no answer: {self._words()}")
        return bool(writable)

    def _why_it_died(self) -> str:
        """How the process ended, and its last words."""
        stderr = self._process.stderr
        with suppress(OSError, ValueError):
            while stderr and select.select([stderr], [], [], 0.2)[0] and (data := os.read(stderr.fileno(), _CHUNK)):
                self._noise = (self._noise + data)[-_TAIL_BYTES:]
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return f"it closed its output{self._words(': {}')}"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"it {how}{self._words(': {}')}"

    def _words(self, form: str = "{}") -> str:
        """The last words of the worker that are not of the protocol, on one line; "" if there were none."""
        said = one_line(self._noise.decode("utf-8", "replace").strip()[-_SHOWN:], _SHOWN)
        return form.replace("{}", said) if said else ""


def _message(line: bytes) -> Mapping[str, Any] | None:
    """The object on a line; None for anything else."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _ready(message: Mapping[str, Any]) -> Ready:
    version, told = message.get("v"), message["ready"]
    if version != PROTOCOL:
        raise WorkerError(f"it speaks version {version!r} of the protocol, not {PROTOCOL}"[:_SHOWN])
    told = told if isinstance(told, dict) else {}
    models = told.get("models", [])
    names = [name for name in models if isinstance(name, str)] if isinstance(models, list) else []
    return Ready(str(told.get("name", ""))[:_SHOWN], tuple(names))
