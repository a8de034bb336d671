"""The connections that this process opens while a block runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_watching: dict[int, list[str]] = {}


@contextmanager
def connections() -> Iterator[list[str]]:
    """A list that receives the address of each connection and each look-up of a name, in any thread of this process."""
    _install()
    opened: list[str] = []
    _watching[id(opened)] = opened
    try:
        yield opened
    finally:
        del _watching[id(opened)]


@cache
def _install() -> None:
    """Audit hooks cannot be removed, so there is one for the whole process."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _watching and event in _EVENTS:
            for opened in tuple(_watching.values()):
                opened.append(f"{event} {arguments[1] if event == 'socket.connect' else arguments[0]}")

    sys.addaudithook(hook)
