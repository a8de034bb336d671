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


class Worker:
    """A started worker. Used by one thread at a time. After a WorkerError it is gone."""

    def __init__(self, command: Sequence[str], *, seconds: float) -> None:
        """Start it, and wait until it is ready. WorkerError if it does not become ready within these seconds.

        It runs in a directory of its own, so that no file of the project can take the place of one of its modules, and
        in a session of its own, so that Ctrl-C reaches this program alone.
        """
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
        except OSError as error:
            self._folder.cleanup()
            raise WorkerError(f"{command[0]}: {(error.strerror or '').lower()}") from error
        try:
            self._write({"v": PROTOCOL, "hello": {}})
            self.ready = _ready(self._read(lambda found: "ready" in found, seconds))
        except WorkerError:
            self.end(grace=0)
            raise

    def draw(self, request: Mapping[str, Json], *, seconds: float) -> Mapping[str, Any]:
        """The reply to a request, with the same id. WorkerError after so many seconds, or if the worker dies."""
        try:
            self._write(request)
            return self._read(lambda found: found.get("id") == request["id"], seconds)
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
                self._write({"stop": {}})
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

    def _write(self, message: Mapping[str, Json]) -> None:
        try:
            data = memoryview(f"{json.dumps(message)}\n".encode())
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]  # type: ignore[union-attr]  # a pipe
        except (OSError, ValueError):
            raise WorkerError(self._why_it_died()) from None

    def _read(self, wanted: Any, seconds: float) -> Mapping[str, Any]:
        """The next object on a line that is wanted; all other lines are noise."""
        end, noise = time.monotonic() + seconds, 0
        while True:
            while self._lines:
                line = self._lines.popleft()
                message = _message(line)
                if message is not None and wanted(message):
                    return message
                noise += len(line) + 1
                if message is None:
                    self._noise = (self._noise + line + b"\n")[-_TAIL_BYTES:]
            if len(self._rest) > MAX_LINE_BYTES:
                raise WorkerError(f"it printed a line of over {MAX_LINE_BYTES >> 20} MiB")
            noise += self._receive(end, seconds)
            if noise > MAX_NOISE_BYTES:
                raise WorkerError(f"it printed over {MAX_NOISE_BYTES >> 20} MiB and no answer: {self._words()}")

    def _receive(self, end: float, seconds: float) -> int:
        """Wait for output, and take some of it; the bytes of standard error."""
        streams = [stream for stream in (self._process.stdout, self._process.stderr) if stream and not stream.closed]
        readable = select.select(streams, [], [], max(0.0, end - time.monotonic()))[0]
        if not readable:
            raise WorkerError(f"it gave no answer within {seconds:g} s{self._words(' (it last said: {})')}")
        noise = 0
        for stream in readable:
            data = os.read(stream.fileno(), _CHUNK)
            if not data and stream is self._process.stdout:
                raise WorkerError(self._why_it_died())
            if not data:
                stream.close()
            elif stream is self._process.stdout:
                *lines, self._rest = (self._rest + data).split(b"\n")
                self._lines.extend(lines)
            else:
                self._noise = (self._noise + data)[-_TAIL_BYTES:]
                noise += len(data)
        return noise

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
