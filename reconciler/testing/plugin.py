"""The pytest plug-in: `pytest_plugins = ["reconciler.testing.plugin"]` in a conftest.py gives the fixture `gateway`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.testing.gateway import Gateway, running

pytest.register_assert_rewrite("reconciler.testing.contract", "reconciler.testing.outcomes")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A billing gateway on the loopback interface, with an empty ledger."""
    with running() as started:
        yield started
