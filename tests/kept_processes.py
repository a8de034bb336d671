"""Confined processes that one test has used wait for the next: to start one takes as long as several tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.imaging import child_process
from reconciler.imaging.child_process import ConfinedProcess, IdleProcesses

_AT_HOME = "import os\nos.chdir('/')\n"
"""The folder of the test that needs a process first is soon gone."""
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
    spawned = child_process._spawned
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child_process, "_spawned", lambda code, memory: spawned(f"{_AT_HOME}{code}", memory))
        patch.setattr(IdleProcesses, "take", _take)
        patch.setattr(IdleProcesses, "end", _keep)
        yield
    for processes in _KEPT.values():
        while processes:
            processes.pop().end()
