"""The fixtures of the commands, for the tests of what runs them in CI."""

from tests.cli.conftest import applied, project, scratch
from tests.cli.test_against import branch, paid_branch

__all__ = ["applied", "branch", "paid_branch", "project", "scratch"]
