"""Messages that a thread sends in their order: a pipe may be full, and a thread for each message takes longer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

M = TypeVar("M")


class Outbox(Generic[M]):
    """`send` writes one message. After an OSError the reader is gone: all others are dropped."""

    def __init__(self, send: Callable[[M], None], *, name: str) -> None:
        self._send = send
        self._messages: queue.SimpleQueue[M | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def put(self, message: M) -> None:
        """Have it sent. Does not block."""
        self._messages.put(message)

    def close(self, *, seconds: float | None = None) -> bool:
        """Wait until all of them are sent, at most so many seconds; whether they are, or the reader is gone."""
        self._messages.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(OSError, ValueError):  # the pipe was closed
            while (message := self._messages.get()) is not None:
                self._send(message)
