"""The process that has imported the command line, and forks for each command. It runs nothing itself, so that no
command sees traces of an earlier one.

`python -I server.py SOCKET PACKAGE_FOLDER` is that process, until its stdin ends. See client.c for the other side.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LIBRARIES = (
    "PIL.ImageFont", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "asyncio", "email.message",
    "httpx", "jsonschema", "jsonschema_rs", "multiprocessing", "pybase64", "rich.live", "rich.progress", "yaml",
)  # fmt: skip
LEFT_OUT = ("reconciler.cli.", "reconciler.testing.", "reconciler.team.", "reconciler.imaging.credential_")
"""How a process ends depends on which commands are loaded; the others are of extras, and of tests."""
_HEAD = struct.Struct("=III")
_UTF8 = ("", "C", "POSIX")


@dataclass(frozen=True)
class Request:
    """What a client sends: the streams and the working directory as descriptors, arguments, environment, umask."""

    descriptors: tuple[int, ...]
    arguments: list[str]
    environ: dict[str, str]
    mask: int

    @property
    def locale(self) -> str:
        return next((self.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if self.environ.get(name)), "")

    def is_ordinary(self, own: Mapping[str, str]) -> bool:
        """Whether a fork is the same as a new process: its interpreter would not be started in another way."""
        names = [name for name in {*own, *self.environ} if name.startswith(("PYTHON", "LD_"))]
        same = all(own.get(name) == self.environ.get(name) for name in names if name not in _HARMLESS)
        return len(self.descriptors) == 4 and same and (self.locale in _UTF8 or self.locale.endswith(("UTF-8", "utf8")))


_HARMLESS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


def read_request(connection: socket.socket) -> Request:
    """The request of a client that has just connected."""
    head, descriptors, _, _ = socket.recv_fds(connection, _HEAD.size, 4)
    length, count, mask = _HEAD.unpack(head)
    body = bytearray()
    while len(body) < length:
        body += connection.recv(length - len(body))
    strings = [os.fsdecode(one) for one in bytes(body).split(b"\0")[:-1]]
    environ = dict(pair.split("=", 1) for pair in strings[count:] if "=" in pair)
    return Request(tuple(descriptors), strings[:count], environ, mask)


def become(request: Request) -> None:
    """Take the place of the client, in a child."""
    os.setpgid(0, 0)
    for number, descriptor in enumerate(request.descriptors[:3]):
        os.dup2(descriptor, number)
    os.fchdir(request.descriptors[3])
    os.closerange(3, max(request.descriptors) + 64)
    os.umask(request.mask)
    os.environ.clear()
    os.environ.update(request.environ)
    sys.argv[:] = request.arguments
    errors = "surrogateescape" if request.locale in (*_UTF8, "C.UTF-8", "C.utf8") else "strict"
    unbuffered = bool(request.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = _stream(0, "r", errors)
    sys.stdout = _stream(1, "w", errors, lines=os.isatty(1), through=unbuffered)
    sys.stderr = _stream(2, "w", "backslashreplace", lines=True, through=unbuffered)


def _stream(number: int, mode: str, errors: str, *, lines: bool = False, through: bool = False) -> io.TextIOWrapper:
    raw = io.FileIO(number, mode, closefd=False)
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=lines, write_through=through)


def run(function: Callable[[], object]) -> int:
    """The exit code of a program whose entry point is `function`; it ends as any Python does."""
    code: object = 1
    try:
        code = function()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the end of the interpreter does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    return code if isinstance(code, int) else 0 if code is None else 1


def _flush(stream: IO[str] | None) -> None:
    if stream is not None and not stream.closed:
        stream.flush()


class Server:
    """Serves clients until stdin ends. A client that ends before its child takes it along."""

    def __init__(self, listener: socket.socket, function: Callable[[], object]) -> None:
        self._listener = listener
        self._function = function
        self._own = dict(os.environ)
        self._poll = select.poll()
        self._clients: dict[int, tuple[int, socket.socket]] = {}
        """By the descriptor of its connection: the child and the connection."""
        self._ends: dict[int, int] = {}
        """By the descriptor of a child: that of the connection."""

    def serve(self) -> None:
        for number in (0, self._listener.fileno()):
            self._poll.register(number, select.POLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == 0:
                    return
                if number == self._listener.fileno():
                    self._accept()
                elif number in self._ends:
                    self._ended(number)
                elif number in self._clients and _has_ended(self._clients[number][1]):
                    self._poll.unregister(number)
                    os.kill(self._clients[number][0], signal.SIGKILL)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        request = read_request(connection)
        if not request.is_ordinary(self._own):
            connection.sendall(struct.pack("=i", 0))
            connection.close()
        else:
            child = os.fork()
            if child == 0:
                become(request)
                os._exit(run(self._function))
            connection.sendall(struct.pack("=i", child))
            end = os.pidfd_open(child)
            self._clients[connection.fileno()] = child, connection
            self._ends[end] = connection.fileno()
            for number in (connection.fileno(), end):
                self._poll.register(number, select.POLLIN)
        for descriptor in request.descriptors:
            os.close(descriptor)

    def _ended(self, end: int) -> None:
        self._poll.unregister(end)
        os.close(end)
        number = self._ends.pop(end)
        child, connection = self._clients.pop(number)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            self._poll.unregister(number)
            connection.sendall(struct.pack("=i", code))
        except (KeyError, BrokenPipeError):  # the client has ended
            pass
        connection.close()


def package_modules(folder: Path) -> Iterator[str]:
    """The names of the modules to load."""
    for file in sorted(folder.rglob("*.py")):
        name = ".".join(file.relative_to(folder.parent).with_suffix("").parts)
        if not name.startswith(LEFT_OUT) and not name.endswith(("worker", "ray_cluster", "__")):
            yield name


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side is closed. What a poll found may belong to an earlier connection of the same number."""
    try:
        return not connection.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


def main(path: str, package: str) -> None:
    sys.path.insert(0, package)
    for name in (*LIBRARIES, *package_modules(Path(package) / "reconciler")):
        importlib.import_module(name)
    for name in ("reconciler.cli.main", "tests.forked.warmed"):
        importlib.import_module(name)
    entry = importlib.import_module("reconciler.cli.entry_point").entry
    assert not any(name.startswith(("reconciler.cli.commands.", "reconciler.cli.reports")) for name in sys.modules)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page of what is shared
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        Server(listener, entry).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
