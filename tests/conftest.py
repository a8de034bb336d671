"""What holds for every test."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from reconciler.imaging.child_process import IdleProcesses
from tests import kept_processes
from tests.crash.tree import in_memory
from tests.later import Later, moved_clock

pytest_plugins = ["reconciler.testing.plugin"]  # the fixture `gateway`

# Without deadlines: how long an example takes says how busy the machine is.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=25)  # every run has the same examples
settings.register_profile(  # `make properties`; each round of a test in a class has an instance of its own
    "random", deadline=None, max_examples=100, print_blob=True, suppress_health_check=[HealthCheck.differing_executors]
)
settings.load_profile("steady")


# The suite starts hundreds of interpreters: without compiled modules, each would compile the package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


ROOM = 2 << 30
"""Bytes that must be free for the folders of all tests."""


def pytest_configure() -> None:
    """Put the folders of tests into memory where it is roomy: hundreds of tests wait for a disk otherwise.

    A shell ignores Ctrl-C for what it runs in the background, and every process that a test starts would, too.
    """
    memory = in_memory(ROOM)
    if memory is not None:
        os.environ["TMPDIR"] = memory  # the workers of xdist inherit it
        tempfile.tempdir = None
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """The tests that were collected stay: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat the property tests RECONCILER_ROUNDS times, each time with another seed if the profile is random."""
    rounds = int(os.environ.get("RECONCILER_ROUNDS", "1"))
    if rounds > 1 and getattr(metafunc.function, "is_hypothesis_test", False):
        metafunc.fixturenames.append("property_round")
        metafunc.parametrize("property_round", range(rounds), indirect=True)


@pytest.fixture(scope="session")
def property_round(request: pytest.FixtureRequest) -> int:
    """The number of the repetition. It makes no difference to the test."""
    return int(request.param)


@pytest.fixture
def ending_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confined processes end as a command ends them."""
    monkeypatch.setattr(IdleProcesses, "take", kept_processes.START)
    monkeypatch.setattr(IdleProcesses, "end", kept_processes.END)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the clock of workspaces."""
    return moved_clock(monkeypatch)


@pytest.fixture(autouse=True, scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The variables that hold keys to the fakes are trusted, as a user says it. git makes no file that no test reads,
    and starts no process that tidies up."""
    settings_of_git = tmp_path_factory.mktemp("git") / "config"
    settings_of_git.write_text("[init]\n\ttemplateDir =\n[maintenance]\n\tauto = false\n")
    with kept_processes.kept_processes(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("GIT_CONFIG_SYSTEM", str(settings_of_git))
        environment.setenv("RECONCILER_TRUSTED_KEYS", "SHOP_KEY,MY_KEY,PEER_KEY,TEST_KEY")
        yield
