"""Marks of the tests that need a file which Linux has and macOS has not."""

from __future__ import annotations

from pathlib import Path

import pytest


def _needs(path: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not Path(path).exists(), reason=f"NOT TESTED, there is no {path} here")


needs_dev_full = _needs("/dev/full")
needs_proc = _needs("/proc/self/fd")
