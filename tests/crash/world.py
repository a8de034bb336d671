"""What a sweep needs from the thing under test: a project, a billing gateway beside it, and a way to look at both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tests.crash.native import Fault, Faulted, Ran
from tests.crash.rules import Look
from tests.crash.tree import Tree


class World(Protocol):
    """One project folder and one gateway, used for many crashes, one after the other."""

    @property
    def root(self) -> Path:
        """The project's folder, a resolved path: only file syscalls below it count."""
        ...

    @property
    def command(self) -> Sequence[str]:
        """The apply that is crashed; run in `root`."""
        ...

    @property
    def env(self) -> Mapping[str, str]:
        """Its whole environment."""
        ...

    @property
    def ledger(self) -> Path:
        """The file that the gateway appends a bill to before it answers; outside `root`."""
        ...

    def is_bill(self, line: bytes) -> bool:
        """Whether this line of the ledger is one: it may tell more than that."""
        ...

    @property
    def assets(self) -> frozenset[str]:
        """Every asset's id."""
        ...

    @property
    def flight(self) -> int:
        """How many requests can be open at once."""
        ...

    @property
    def fine(self) -> tuple[int, ...]:
        """How a command without faults may end: 3 where the project came with something in doubt, 1 where the model
        refuses or fails."""
        ...

    def reset(self) -> None:
        """A fresh project that nothing was ever made in, and no bills."""
        ...

    def restore(self, tree: Tree, ledger: bytes) -> None:
        """The project as it was on some disk, and the bills as they were then."""
        ...

    def settle(self) -> None:
        """Return when the gateway has dealt with everything that was sent to it."""
        ...

    def again(self) -> Ran:
        """The same apply, without faults and without consent."""
        ...

    def disturb(self, fault: Fault) -> Faulted:
        """The same apply, on a disk that fails below `root`."""
        ...

    def look(self) -> Look:
        """What is there now."""
        ...


Scenario = Callable[[Path], AbstractContextManager[World]]
"""Makes a world in an empty folder, and takes its gateway down afterwards."""
