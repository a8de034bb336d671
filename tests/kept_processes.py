"""Confined processes that one test has used wait for the next: to start one takes as long as several tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.imaging.child_process import ConfinedProcess, IdleProcesses

START, END = IdleProcesses.take, IdleProcesses.end
"""As a command has them."""
_KEPT: dict[Callable[[], Any], list[ConfinedProcess]] = {}


def _take(self: IdleProcesses[Any]) -> Any:
    found = self._taken()
    kept = _KEPT.setdefault(self._start, [])
    while found is None and kept:
        process = kept.pop()
        if process.idle:
            found = process
        else:
            process.end()
    return found or self._start()


def _keep(self: IdleProcesses[Any]) -> None:
    while process := self._taken():
        _KEPT.setdefault(self._start, []).append(process)


@contextmanager
def kept_processes() -> Iterator[None]:
    """Let them wait; end them at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IdleProcesses, "take", _take)
        patch.setattr(IdleProcesses, "end", _keep)
        yield
    for processes in _KEPT.values():
        while processes:
            processes.pop().end()
