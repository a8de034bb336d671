"""The fake itself: listeners for each dialect on one event loop, a bill for each request, and faults on demand."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.testing.gateway.capabilities import DIALECTS
from reconciler.testing.gateway.ledger import Entry, Ledger
from reconciler.testing.gateway.parsed_request import parse_request
from reconciler.testing.gateway.rules import Rules
from reconciler.testing.gateway.service import TRAP, Decision, Options, Service
from reconciler.testing.gateway.wire import Pipe, Request, Unreadable, read_request

SECRET = re.compile(rb"(?im)^((?:proxy-)?authorization|x-goog-api-key|api-key|cookie):[^\r]*")
CERTIFICATE = Path(__file__).with_name("untrusted.pem")


class Server:
    """Runs on one event loop. `urls` maps each dialect, and `trap`, to its origin once started."""

    def __init__(self, options: Options, ledger: Ledger) -> None:
        self.options, self.ledger = options, ledger
        self.seed = int.from_bytes(os.urandom(6), "big") if options.seed is None else options.seed
        self.rules = Rules(self.seed)
        self.urls: dict[str, str] = {}
        self.flying = self.peak = 0
        """Paid requests being answered now, and the most at once so far."""
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._service = Service(options, self.rules, self.urls, self.seed)
        self._numbers = self._connections = 0
        self._listeners: dict[str, asyncio.Server] = {}
        self._holders: dict[str, socket.socket] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, *, port: int = 0, main: str = "gravitex") -> None:
        """Listen for every dialect, `main` on the port that is asked for."""
        for dialect in (*DIALECTS, TRAP):
            await self._listen(dialect, port if dialect == main else 0)
        dead = _held("127.0.0.1", 0)  # bound and not listening: connections are refused, and nobody else gets the port
        self._holders["refuse"] = dead
        self.urls["refuse"] = f"http://127.0.0.1:{dead.getsockname()[1]}"
        self.urls["tls_garbage"] = self.urls["gravitex"].replace("http:", "https:")

    async def _listen(self, dialect: str, port: int, context: ssl.SSLContext | None = None) -> None:
        if dialect not in self._holders:
            self._holders[dialect] = _held_elsewhere() if dialect == TRAP else _held("127.0.0.1", port)
        host, number = self._holders[dialect].getsockname()
        sock = _held(host, number)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected(dialect, reader, writer)

        self._listeners[dialect] = await asyncio.start_server(
            connected, sock=sock, backlog=512, limit=1 << 20, ssl=context
        )
        self.urls[dialect] = f"http{'s' if context else ''}://{host}:{number}"

    async def listen_untrusted(self) -> None:
        """Open the https listener whose certificate nobody trusts."""
        if "bad_certificate" not in self.urls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            await self._listen("bad_certificate", 0, context)

    async def deaf(self) -> None:
        """Refuse new connections; those that stand go on."""
        for dialect in DIALECTS:
            self._listeners.pop(dialect).close()

    async def hear(self) -> None:
        """Listen again, on the same ports."""
        for dialect in DIALECTS:
            await self._listen(dialect, 0)

    async def settle(self) -> None:
        """Return when nothing paid is being answered, so that the ledger knows how each answer ended."""
        await self._quiet.wait()

    async def stop(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for holder in self._holders.values():
            holder.close()
        self.ledger.close()

    async def _connected(self, dialect: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        pipe, connection = Pipe(reader, writer), self._connections
        try:
            if dialect in DIALECTS and self.rules.at_accept():
                self.ledger.receive(self._entry("reset", dialect, connection, fault="reset_before", complete=False))
                pipe.reset()
            while not pipe.finished and not pipe.left:
                request = await read_request(reader, writer)
                if request is None:
                    break
                await self._serve(dialect, connection, request, pipe)
        except (Unreadable, ValueError, ConnectionError):
            pass  # not HTTP: never a request
        except asyncio.CancelledError:
            pipe.reset()
        finally:
            self._tasks.discard(task)
            writer.close()

    def _entry(self, kind: str, dialect: str, connection: int, **facts: Any) -> Entry:
        self._numbers += 1
        return Entry(self._numbers, time.time(), kind, dialect, connection, **facts)

    async def _serve(self, dialect: str, connection: int, request: Request, pipe: Pipe) -> None:
        pipe.sent = 0
        facts = self._facts(dialect, connection, request)
        if self._service.is_paid(dialect, request):
            self.flying += 1
            self._quiet.clear()
            self.peak = max(self.peak, self.flying)
            try:
                await self._serve_paid(facts, request, pipe)
            finally:
                self.flying -= 1
                if not self.flying:
                    self._quiet.set()
        else:
            decision = self._service.free(dialect, request, key_ok=facts["key_ok"], request_id=f"{self._numbers:012}")
            await self._answer(self._entry(decision.kind, **facts), decision, pipe)
        if request.header("connection").lower() == "close" or not request.complete:
            pipe.close()

    def _facts(self, dialect: str, connection: int, request: Request) -> dict[str, Any]:
        """What the ledger keeps of any request. The key itself goes no further than here."""
        key = self.options.key
        sent = request.header("x-goog-api-key" if dialect == "gemini" else "authorization")
        other = request.header("authorization" if dialect == "gemini" else "x-goog-api-key")
        right = key if dialect == "gemini" else f"Bearer {key}"
        told = SECRET.sub(rb"\1: ***", request.head)
        return {
            "dialect": dialect,
            "connection": connection,
            "method": request.method,
            "path": request.target.replace(key, "***"),
            "headers": tuple(name for name, _ in request.headers),
            "key_ok": (sent == right) if sent else None,
            "key_elsewhere": key in request.target or key in other or key.encode() in request.body,
            "complete": request.complete,
            "head": told.replace(key.encode(), b"***"),
            "body": request.body,
        }

    async def _serve_paid(self, facts: dict[str, Any], request: Request, pipe: Pipe) -> None:
        dialect, question = facts["dialect"], parse_request(request)
        entry = self._entry("paid", **facts, model=question.model, prompt=question.prompt, references=question.digests)
        if not request.complete:
            self.ledger.receive(entry)
            self.ledger.answered(entry.number, sent=0, client_there=False, took=0.0)
            return
        decision = self._service.paid(dialect, question, key_ok=facts["key_ok"], request_id=f"{self._numbers:012}")
        entry = replace(
            entry,
            wanted=decision.wanted,
            billed=decision.amount is not None,
            amount=decision.amount or "0",
            fault=decision.fault,
        )
        await self._answer(entry, decision, pipe, delay=self.options.delay)

    async def _answer(self, entry: Entry, decision: Decision, pipe: Pipe, *, delay: float = 0.0) -> None:
        """The bill first, then the answer."""
        answer, began = decision.answer, time.monotonic()
        self.ledger.receive(replace(entry, status=answer.status, images=answer.images, planned=answer.size))
        try:
            if delay:
                await asyncio.sleep(delay)
            await decision.send(pipe, answer, self.options.pace)
        finally:
            took = time.monotonic() - began
            self.ledger.answered(entry.number, sent=pipe.sent, client_there=not pipe.left, took=took)


def _held(host: str, port: int) -> socket.socket:
    """A bound socket that shares its port with later ones of this process, so that closing one keeps the port ours."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    return sock


def _held_elsewhere() -> socket.socket:
    """Another host, as far as this machine has one: only Linux answers on all of 127/8."""
    try:
        return _held("127.0.0.2", 0)
    except OSError:
        return _held("127.0.0.1", 0)
