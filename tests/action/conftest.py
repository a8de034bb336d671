"""The fixtures of the commands, for the tests of what runs them in CI."""

from tests.cli.conftest import project, scratch
from tests.cli.test_against import branch

__all__ = ["branch", "project", "scratch"]
