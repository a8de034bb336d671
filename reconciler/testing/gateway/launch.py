"""Start the gateway: in a thread of this process, or as a process of its own for tests that kill their clients."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reconciler.testing.gateway.ledger import Ledger
from reconciler.testing.gateway.rules import Rules
from reconciler.testing.gateway.server import Server
from reconciler.testing.gateway.service import Options

T = TypeVar("T")


class Gateway:
    """A running gateway. All methods may be called from any thread."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self.key = server.options.key
        self.ledger: Ledger = server.ledger
        self.rules: Rules = server.rules

    def url(self, dialect: str = "gravitex") -> str:
        """The origin of a dialect: gravitex, gemini, openai, local; or `other_host`, for misdirected requests."""
        return self._server.urls[dialect]

    def origin_for(self, fault: str, dialect: str = "gravitex") -> str:
        """The origin at which a client meets a fault: refuse, tls_garbage and bad_certificate have their own."""
        if fault == "bad_certificate":
            self._do(self._server.listen_untrusted())
        return self._server.urls.get(fault, self._server.urls[dialect])

    def script(self, *names: str) -> None:
        """The next paid requests get these faults, one each."""
        self.rules.script(*names)

    def script_batches(self, dialect: str, *names: str) -> None:
        """The next batches get these faults of `batches.BATCH_FAULTS`, one each."""
        self._server.batches[dialect].scripted.extend(names)

    def forget_batches(self) -> None:
        """Remove all jobs and files of batches."""
        for desk in self._server.batches.values():
            desk.jobs.clear()
            desk.files.clear()

    def when(self, prompt_part: str, *names: str) -> None:
        """Requests with these prompt_part in the prompt get these faults in turn, the last one for good."""
        self.rules.when(prompt_part, *names)

    @property
    def peak(self) -> int:
        """The most paid requests at once."""
        return self._server.peak

    @property
    def in_flight(self) -> int:
        """Paid requests without a complete response."""
        return self._server.in_flight

    def settle(self) -> None:
        """Wait until the ledger has the end of each response: a client may have it a moment earlier."""
        self._do(self._server.settle())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Within, new connections are refused; after it, the same ports serve again."""
        self._do(self._server.pause())
        try:
            yield
        finally:
            self._do(self._server.resume())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def running(*, ledger: Ledger | None = None, **options: Any) -> Iterator[Gateway]:
    """A gateway in a thread of this process. Options: see `service.Options`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway", daemon=True)
    thread.start()
    server = Server(Options(**options), ledger or Ledger())
    gateway = Gateway(server, loop)
    gateway._do(server.start())
    try:
        yield gateway
    finally:
        gateway._do(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, slots=True)
class Process:
    """A gateway in a process of its own. `ledger()` reads the entries that it wrote so far."""

    urls: dict[str, str]
    key: str
    path: Path
    pid: int

    def url(self, dialect: str = "gravitex") -> str:
        return self.urls[dialect]

    def ledger(self) -> Ledger:
        return Ledger.read(self.path)


@contextmanager
def spawned(ledger: Path, *arguments: str) -> Iterator[Process]:
    """Run `python -m reconciler.testing.gateway` with these arguments until the block, or the calling process, ends."""
    command = [sys.executable, "-m", "reconciler.testing.gateway", "--ledger", str(ledger), "--until-stdin-closes"]
    with subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        started = json.loads(process.stdout.readline())
        try:
            yield Process(started["urls"], started["key"], ledger, process.pid)
        finally:
            process.stdin.close()
            process.wait(10)
