"""Marks of the tests that need a file which Linux has and macOS has not, or a program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


def _needs(path: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not Path(path).exists(), reason=f"NOT TESTED, there is no {path} here")


needs_dev_full = _needs("/dev/full")
needs_proc = _needs("/proc/self/fd")
needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="NOT TESTED, there is no ssh-keygen here (Debian: openssh-client)"
)
