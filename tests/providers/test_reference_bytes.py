"""A reference is sent from the bytes that were hashed, and from no others."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import threading
from pathlib import Path
from typing import IO

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.outcome import InDoubt, Rejected
from reconciler.testing.memory_ports import MemorySpool
from tests.providers.builders import a_picture, a_provider, a_recipe, a_request, settings_for


class Swapping(MemorySpool):
    """Replaces a file when the file for the answer is opened: after the request was prepared, before it is sent."""

    def __init__(self, root: Path, path: Path, data: bytes) -> None:
        super().__init__(root)
        self._path, self._data = path, data

    def open(self) -> tuple[Path, IO[bytes]]:
        self._path.unlink()
        self._path.write_bytes(self._data)
        return super().open()


@pytest.mark.parametrize("settings", [{}, {"reference_encoding": "image"}])
def test_no_byte_is_sent_that_was_not_hashed(tmp_path: Path, settings: dict[str, str]) -> None:
    """A reference swapped between hashing and sending, for a file of the same size that must not leave the machine."""
    red = a_picture(tmp_path / "red.png")
    secret = (b"the contents of a secret file " * 99)[: red.stat().st_size]
    recipe = a_recipe(model="sd", references=(content_hash(red.read_bytes()),))
    request = a_request(recipe, [red])
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    received.append(data)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        spool = Swapping(tmp_path / "spool", red, secret)
        outcome = asyncio.run(a_provider(settings_for("openai", url, **settings), spool, key="").generate(request))
        thread.join(10)
    assert outcome == InDoubt("a reference changed while it was sent, no response received")
    everything = b"".join(received)
    assert everything.startswith(b"POST /")
    assert secret[:12] not in everything
    assert base64.b64encode(secret)[:12] not in everything


def test_a_reference_that_became_a_pipe_is_refused(tmp_path: Path) -> None:
    red = a_picture(tmp_path / "red.png")
    request = a_request(a_recipe(references=(content_hash(red.read_bytes()),)), [red])
    red.unlink()
    os.mkfifo(red)
    spool = MemorySpool(tmp_path / "spool")
    outcome = asyncio.run(a_provider(settings_for("openai", "http://127.0.0.1:9"), spool, key="").generate(request))
    assert outcome == Rejected("cannot read the reference red.png: not a regular file")
