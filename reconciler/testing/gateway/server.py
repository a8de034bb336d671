"""The server: a listener for each dialect on one event loop, a ledger entry for each request, faults on demand."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.testing.gateway.batch_job import BilledLine
from reconciler.testing.gateway.capabilities import DIALECTS
from reconciler.testing.gateway.ledger import Entry, Ledger
from reconciler.testing.gateway.parsed_request import parse_request
from reconciler.testing.gateway.rules import Rules
from reconciler.testing.gateway.service import OTHER_HOST, Decision, Options, Service
from reconciler.testing.gateway.wire import Pipe, Request, Unreadable, read_request

_SECRET_HEADER = re.compile(rb"(?im)^((?:proxy-)?authorization|x-goog-api-key|api-key|cookie):[^\r]*")
KEY_HEADERS = {"gemini": ("x-goog-api-key", "")}
CERTIFICATE = Path(__file__).with_name("untrusted.pem")


class Server:
    """Runs on one event loop. `urls` maps each dialect, and `other_host`, to its origin once started."""

    def __init__(self, options: Options, ledger: Ledger) -> None:
        self.options, self.ledger = options, ledger
        self.seed = int.from_bytes(os.urandom(6), "big") if options.seed is None else options.seed
        self.rules = Rules(self.seed)
        self.urls: dict[str, str] = {}
        self.in_flight = self.peak = 0
        """Paid requests without a complete response, and the most at once so far."""
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._service = Service(options, self.rules, self.urls, self.seed)
        self.batches = self._service.batches
        self._numbers = self._connections = 0
        self._listeners: dict[str, asyncio.Server] = {}
        self._holders: dict[str, socket.socket] = {}
        self._dialects = (*DIALECTS, *options.apis)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, *, port: int = 0, main: str = "gravitex") -> None:
        """Listen for every dialect, `main` on the given port."""
        for dialect in (*self._dialects, OTHER_HOST):
            await self._listen(dialect, port if dialect == main else 0)
        unserved = _held("127.0.0.1", 0)  # bound, not listening: it refuses, and no other process gets the port
        self._holders["refuse"] = unserved
        self.urls["refuse"] = f"http://127.0.0.1:{unserved.getsockname()[1]}"
        self.urls["tls_garbage"] = self.urls["gravitex"].replace("http:", "https:")

    async def _listen(self, dialect: str, port: int, context: ssl.SSLContext | None = None) -> None:
        if dialect not in self._holders:
            self._holders[dialect] = _held_elsewhere() if dialect == OTHER_HOST else _held("127.0.0.1", port)
        host, number = self._holders[dialect].getsockname()
        sock = _held(host, number)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected(dialect, reader, writer)

        self._listeners[dialect] = await asyncio.start_server(
            connected, sock=sock, backlog=512, limit=1 << 20, ssl=context
        )
        self.urls[dialect] = f"http{'s' if context else ''}://{host}:{number}"

    async def listen_untrusted(self) -> None:
        """Open the https listener with a self-signed certificate."""
        if "bad_certificate" not in self.urls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            await self._listen("bad_certificate", 0, context)

    async def pause(self) -> None:
        """Refuse new connections; open ones stay."""
        for dialect in self._dialects:
            self._listeners.pop(dialect).close()

    async def resume(self) -> None:
        """Listen again, on the same ports."""
        for dialect in self._dialects:
            await self._listen(dialect, 0)

    async def settle(self) -> None:
        """Return when no paid request is in flight, so that the ledger has the end of each response."""
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
            if dialect in self._dialects and self.rules.at_accept():
                self.ledger.receive(self._entry("reset", dialect, connection, fault="reset_before", complete=False))
                pipe.reset()
            while not pipe.finished and not pipe.client_left:
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
            self.in_flight += 1
            self._quiet.clear()
            self.peak = max(self.peak, self.in_flight)
            try:
                await self._serve_paid(facts, request, pipe)
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self._quiet.set()
        else:
            decision = self._service.free(dialect, request, key_ok=facts["key_ok"], request_id=f"{self._numbers:012}")
            entry = self._entry(decision.kind, **facts)
            for line in decision.lines:
                self.ledger.receive(self._entry("paid", **_of_batch(line, facts)))
            await self._answer(entry, decision, pipe)
        if request.header("connection").lower() == "close" or not request.complete:
            pipe.close()

    def _facts(self, dialect: str, connection: int, request: Request) -> dict[str, Any]:
        """The facts of a request for the ledger, without the key."""
        key, api = self.options.key, self.options.apis.get(dialect)
        name, prefix = (api.key_header if api else KEY_HEADERS.get(dialect)) or ("Authorization", "Bearer ")
        sent = request.header(name)
        others = "\n".join(value for header, value in request.headers if header.lower() != name.lower())
        redacted = _SECRET_HEADER.sub(rb"\1: ***", request.head)
        return {
            "dialect": dialect,
            "connection": connection,
            "method": request.method,
            "path": request.target.replace(key, "***"),
            "headers": tuple(name for name, _ in request.headers),
            "key_ok": (sent == prefix + key) if sent else None,
            "key_elsewhere": key in request.target or key in others or key.encode() in request.body,
            "complete": request.complete,
            "head": redacted.replace(key.encode(), b"***"),
            "body": request.body,
        }

    async def _serve_paid(self, facts: dict[str, Any], request: Request, pipe: Pipe) -> None:
        dialect = facts["dialect"]
        parsed = self.options.apis[dialect].parse(request) if dialect in self.options.apis else parse_request(request)
        entry = self._entry("paid", **facts, model=parsed.model, prompt=parsed.prompt, references=parsed.digests)
        if not request.complete:
            self.ledger.receive(entry)
            self.ledger.end_response(entry.number, sent=0, client_connected=False, took=0.0)
            return
        decision = self._service.paid(dialect, parsed, key_ok=facts["key_ok"], request_id=f"{self._numbers:012}")
        entry = replace(
            entry,
            wanted=decision.wanted,
            billed=decision.amount is not None,
            amount=decision.amount or "0",
            fault=decision.fault,
        )
        await self._answer(entry, decision, pipe, delay=self.options.delay)

    async def _answer(self, entry: Entry, decision: Decision, pipe: Pipe, *, delay: float = 0.0) -> None:
        """Write the ledger entry, then the response."""
        response, began = decision.response, time.monotonic()
        self.ledger.receive(replace(entry, status=response.status, images=response.images, planned=response.size))
        try:
            if delay:
                await asyncio.sleep(delay)
            await decision.send(pipe, response, self.options.pace)
        finally:
            took = time.monotonic() - began
            self.ledger.end_response(entry.number, sent=pipe.sent, client_connected=not pipe.client_left, took=took)


def _of_batch(line: BilledLine, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of one request in a batch for the ledger."""
    return {
        **{name: facts[name] for name in ("dialect", "connection", "key_ok")},
        "path": f"batch:{line.key}",
        "model": line.model,
        "prompt": line.prompt,
        "wanted": line.wanted,
        "billed": line.amount is not None,
        "amount": line.amount or "0",
        "status": line.status,
        "images": line.images,
    }


def _held(host: str, port: int) -> socket.socket:
    """A bound socket that shares its port with later ones of this process: the port stays reserved when one closes."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    return sock


def _held_elsewhere() -> socket.socket:
    """A socket on another address: only Linux has all of 127/8 on its loopback interface."""
    try:
        return _held("127.0.0.2", 0)
    except OSError:
        return _held("127.0.0.1", 0)
