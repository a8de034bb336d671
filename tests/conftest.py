"""What holds for every test."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["reconciler.testing.plugin"]  # the fixture `gateway`

settings.register_profile("untimed", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("untimed")


def pytest_configure() -> None:
    """A shell ignores Ctrl-C for what it runs in the background, and every process that a test starts would, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """The tests that were collected stay: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def trusted_keys() -> Iterator[None]:
    """The variables that hold keys to the fakes are trusted, as a user says it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RECONCILER_TRUSTED_KEYS", "SHOP_KEY,MY_KEY,PEER_KEY,TEST_KEY")
        yield
