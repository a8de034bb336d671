"""Start the peers, as their own manuals say, and know what they were asked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers"
MUSE = PEERS / "bin/muse"
AIMOCK = PEERS / "node_modules/@copilotkit/aimock/dist/cli.js"
WANTED = "RECONCILER_PEERS"


def only_when_wanted() -> None:
    """Skip a whole module, and say why, unless the peers are installed and wanted."""
    if os.environ.get(WANTED) != "1":
        reason = f"the servers of others are not asked: `make test-peers` installs them and sets {WANTED}=1"
        pytest.skip(reason, allow_module_level=True)


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server. `log` is what it said so far."""

    url: str
    path: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, for the whole family."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def museq(folder: Path) -> Iterator[Peer]:
    """`muse serve`: its gateway, and a worker with the painter that is in `models/`. Nothing is queued: busy is 503."""
    entry = {
        "pulled_at": "2026-01-01T00:00:00+00:00",
        "hf_repo": "nobody/painter",
        "local_dir": str(folder),
        "venv_path": str(PEERS),
        "python_path": str(PEERS / "bin/python"),
        "enabled": True,
    }
    folder.mkdir(exist_ok=True)
    (folder / "catalog.json").write_text(json.dumps({"painter": entry}))
    environment = {
        "MUSE_CATALOG_DIR": str(folder),
        "MUSE_HOME": str(folder),
        "MUSE_MODELS_DIR": str(Path(__file__).with_name("models")),
        "MUSE_TELEMETRY_ENABLED": "false",
        "MUSE_QUEUE_TIMEOUT_SECONDS": "0",
    }
    port = _free_port()
    command = [str(MUSE), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with _running(command, port, folder / "log", environment) as peer:
        yield peer


@contextmanager
def aimock(folder: Path, fixtures: Sequence[Mapping[str, Any]]) -> Iterator[Peer]:
    """aimock's command line, answering by these fixtures."""
    folder.mkdir(exist_ok=True)
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": list(fixtures)}))
    port = _free_port()
    node = shutil.which("node") or "node"
    command = [node, str(AIMOCK), "--port", str(port), "--fixtures", str(folder / "fixtures.json")]
    with _running(command, port, folder / "log", {}) as peer:
        yield peer


def journal(peer: Peer) -> list[Any]:
    """What aimock was asked for."""
    with urllib.request.urlopen(f"{peer.url}/__aimock/journal", timeout=10) as answer:
        entries: list[Any] = json.load(answer)
    return [entry for entry in entries if entry["method"] == "POST"]


@contextmanager
def _running(command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[Peer]:
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **environment}, start_new_session=True
        ) as process,
    ):
        peer = Peer(f"http://127.0.0.1:{port}", log, process)
        try:
            _await_health(peer)
            yield peer
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    peer.kill()


def _await_health(peer: Peer) -> None:
    """A server of others tells nobody that it listens: ask until it answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{peer.url}/health", timeout=5):
                return
        except OSError:
            if peer.process.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"it does not serve:\n{peer.log[-2000:]}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
