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
    """A running fake. Everything here may be called from any thread."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self.key = server.options.key
        self.ledger: Ledger = server.ledger
        self.rules: Rules = server.rules

    def url(self, dialect: str = "gravitex") -> str:
        """The origin of a dialect: gravitex, gemini, openai, local; or of the `trap`, where no request should come."""
        return self._server.urls[dialect]

    def origin_for(self, fault: str, dialect: str = "gravitex") -> str:
        """Where a client must be sent to meet a fault: for refuse, tls_garbage, bad_certificate a place of its own."""
        if fault == "bad_certificate":
            self._do(self._server.listen_untrusted())
        return self._server.urls.get(fault, self._server.urls[dialect])

    def script(self, *names: str) -> None:
        """The next paid requests get these faults, one each."""
        self.rules.script(*names)

    def when(self, words: str, *names: str) -> None:
        """Requests with these words in the prompt get these faults in turn, the last one for good."""
        self.rules.when(words, *names)

    @property
    def peak(self) -> int:
        """The most paid requests at once."""
        return self._server.peak

    @property
    def flying(self) -> int:
        """Paid requests that are being answered now."""
        return self._server.flying

    def settle(self) -> None:
        """Wait until the ledger knows how each answer ended: a client may have all of it a moment earlier."""
        self._do(self._server.settle())

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Within, new connections are refused; after it, the same ports serve again."""
        self._do(self._server.deaf())
        try:
            yield
        finally:
            self._do(self._server.hear())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def running(*, ledger: Ledger | None = None, **options: Any) -> Iterator[Gateway]:
    """A fake in a thread of this process. Options: see `service.Options`."""
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
    """A fake in a process of its own. `ledger()` reads what it wrote so far."""

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
        told = json.loads(process.stdout.readline())
        try:
            yield Process(told["urls"], told["key"], ledger, process.pid)
        finally:
            process.stdin.close()
            process.wait(10)
