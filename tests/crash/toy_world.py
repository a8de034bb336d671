"""The world around the toy: a gateway in a thread that bills on receipt, and a look at the toy's files."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import socketserver
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import tree as trees
from tests.crash.native import Fault, Faulted, Ran, disturb, execute
from tests.crash.rules import Bill, Look

TOY = Path(__file__).with_name("toy.py")
IMAGE_BYTES = 1500


class _Gateway(socketserver.ThreadingTCPServer):
    """Bills when the request is in, then answers. The same request never gives the same image."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, ledger: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.ledger = ledger
        self.lock = threading.Condition()
        self.open = 0

    def process_request_thread(self, request: object, client_address: object) -> None:
        super().process_request_thread(request, client_address)  # type: ignore[arg-type]  # the stub names sockets
        with self.lock:
            self.open -= 1
            self.lock.notify_all()

    def process_request(self, request: object, client_address: object) -> None:
        with self.lock:
            self.open += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]  # the stub names sockets


class _Answer(socketserver.StreamRequestHandler):
    server: _Gateway

    def handle(self) -> None:
        asset = self.rfile.readline()
        if not asset.endswith(b"\n") or asset == b"\n":
            return
        data = os.urandom(IMAGE_BYTES)
        with self.server.lock, self.server.ledger.open("ab") as ledger:
            ledger.write(b"%s %s\n" % (asset.strip(), hashlib.sha256(data).hexdigest().encode()))
        try:
            self.wfile.write(data)
        except OSError:
            return


@dataclass
class ToyWorld:
    """Implements World for the toy."""

    folder: Path
    gateway: _Gateway
    bug: str
    threads: int
    count: int
    flight: int = field(init=False)

    def __post_init__(self) -> None:
        self.flight = self.threads

    @property
    def fine(self) -> tuple[int, ...]:
        return (0, 3)

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def ledger(self) -> Path:
        return self.gateway.ledger

    def is_bill(self, line: bytes) -> bool:
        return True

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(f"a{n}" for n in range(self.count))

    @property
    def command(self) -> Sequence[str]:
        port = str(self.gateway.server_address[1])
        numbers = [port, str(self.count), str(self.threads)]
        return [sys.executable, "-I", "-S", str(TOY), str(self.root), *numbers, self.bug]

    @property
    def env(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"]}

    def reset(self) -> None:
        folder = {"": trees.Folder(), "store": trees.Folder(), "out": trees.Folder()}
        self.restore({**folder, "journal": trees.File(b""), ".lock": trees.File(b"")}, b"")

    def restore(self, tree: trees.Tree, ledger: bytes) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        trees.materialise(tree, self.root)
        self.ledger.write_bytes(ledger)

    def settle(self) -> None:
        """An empty request goes through the same queue as those before it."""
        with socket.create_connection(self.gateway.server_address[:2]) as last:  # type: ignore[arg-type]  # an IPv4 pair
            last.sendall(b"\n")
            last.recv(1)
        with self.gateway.lock:
            self.gateway.lock.wait_for(lambda: self.gateway.open == 0, timeout=10)

    def again(self) -> Ran:
        return execute(self.command, env=self.env, cwd=self.root)

    def disturb(self, fault: Fault) -> Faulted:
        return disturb(
            fault, lambda told: execute(self.command, env={**self.env, **told}, cwd=self.root), paths=[self.root]
        )

    def look(self) -> Look:
        files = {name: node.data for name, node in trees.snapshot(self.root).items() if isinstance(node, trees.File)}
        whole = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if not name.endswith(".tmp")}
        bills = tuple(Bill(*line.split(" ")) for line in self.ledger.read_text().splitlines())
        known = {bill.content for bill in bills}
        store = {name.removeprefix("store/"): found for name, found in whole.items() if name.startswith("store/")}
        outputs = {name.removeprefix("out/"): found for name, found in whole.items() if name.startswith("out/")}
        lock = files.get("assets.lock", b"end\n").decode(errors="replace").splitlines()
        torn = [f"store/{name} is torn" for name, found in store.items() if name != found]
        torn += [f"out/{name} is torn" for name, found in outputs.items() if found not in known]
        torn += ["assets.lock is torn"] if lock[-1:] != ["end"] else []
        opened, recorded = _journal(files.get("journal", b""))
        return Look(
            bills, frozenset(store.values()) & frozenset(store), tuple(torn),
            {} if torn else dict(tuple(line.split(" ")) for line in lock[:-1]),  # type: ignore[misc]  # always two words
            outputs, recorded, frozenset(opened),
        )  # fmt: skip


def _journal(data: bytes) -> tuple[set[str], dict[str, str]]:
    opened: set[str] = set()
    recorded: dict[str, str] = {}
    for line in data.splitlines(keepends=True):
        head, _, body = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or head not in (b"-", b"%08x" % zlib.crc32(body)):
            break
        kind, asset, *content = body.decode(errors="replace").split(" ")
        if kind == "requested":
            opened.add(asset)
        else:
            opened.discard(asset)
            recorded[asset] = content[0]
    return opened, recorded


@contextmanager
def toy_world(folder: Path, *, bug: str = "", threads: int = 1, count: int = 2) -> Iterator[ToyWorld]:
    """A scenario (World) around the toy."""
    gateway = _Gateway(folder / "ledger")
    serving = threading.Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    try:
        yield ToyWorld(folder.resolve(), gateway, bug, threads, count)
    finally:
        gateway.shutdown()
        gateway.server_close()
        serving.join()
