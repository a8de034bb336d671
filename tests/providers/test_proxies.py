"""`trust_env`: the proxies of the environment are used for other machines, and never to reach this one."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from reconciler.core.outcome import NotSent
from reconciler.testing.memory_ports import MemorySpool
from tests.providers.builders import QUICK, a_provider, a_recipe, a_request, settings_for


@pytest.mark.parametrize(
    ("host", "connects"),
    [
        ("http://localhost", False), ("http://127.0.0.1", False), ("http://127.9.9.9", False), ("http://[::1]", False),
        ("https://a.localhost", False), ("https://A.LocalHost.", False), ("https://127.1", False),
        ("https://0x7f000001", False), ("https://[::ffff:127.0.0.1]", False), ("https://0.0.0.0", False),
        ("https://name.invalid", True), ("https://localhost.name.invalid", True), ("https://198.51.100.7", True),
    ],
)  # fmt: skip
def test_the_proxies_of_the_environment_are_for_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, connects: bool
) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        settings = settings_for("openai", f"{host}:{port}", trust_env=True, timeouts=QUICK)
        spool = MemorySpool(tmp_path / "spool")
        outcome = asyncio.run(a_provider(settings, spool, key="sk-secret-0123").generate(a_request(a_recipe())))
        assert isinstance(outcome, NotSent), outcome
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert bool(asked) == connects
    assert ("the proxy refused" in outcome.message) == connects
    assert all(head.startswith(b"CONNECT ") and b"sk-secret" not in head for head in asked)
