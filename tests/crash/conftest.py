"""The crash tools need a C compiler and ptrace; where they lack, tests say so and skip."""

from __future__ import annotations

import pytest

from tests.crash import native

SEED = "the suite"
"""What chooses the slices of the sweeps: a fault in another place is for the make targets, not for the next commit."""


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
