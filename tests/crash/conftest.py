"""The crash tools need a C compiler and ptrace; where they lack, tests say so and skip."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.crash import native


@pytest.fixture(scope="session")
def killer() -> None:
    """Skips, with the reason, where nothing can be traced."""
    try:
        native.killer()
    except native.Unavailable as error:
        pytest.skip(f"NO CRASH TEST HERE: {error}")


@pytest.fixture(scope="session")
def shim() -> None:
    """Skips, with the reason, where the preload library cannot be built."""
    try:
        native.shim()
    except native.Unavailable as error:
        pytest.skip(f"NO DISK FAULT TEST HERE: {error}")


@pytest.fixture(scope="session")
def commit() -> str:
    """What the slices move with; "" outside git."""
    here = Path(__file__).parent
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
