"""Watch the order of system calls: which came before which is what durability is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest


@contextmanager
def tracing(*names: str) -> Iterator[list[tuple[str, str]]]:
    """The calls in order, each with the path that its first descriptor or argument means."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("NOT TESTED, there is no /proc/self/fd here")
    trace: list[tuple[str, str]] = []

    def tracer(name: str) -> Any:
        real = getattr(os, name)

        def call(first: Any, *args: Any, **kwargs: Any) -> Any:
            where = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(first)
            trace.append((name, Path(where).suffix or Path(where).name))
            return real(first, *args, **kwargs)

        return call

    with ExitStack() as patches:
        for name in names:
            patches.enter_context(mock.patch.object(os, name, tracer(name)))
        yield trace
