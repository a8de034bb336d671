"""No command waits for a named pipe, wherever one stands in place of a file. `make hostile` has the other kinds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.hostile.case import ROOT


@pytest.mark.timeout(300)  # it runs 400 commands, which take as long as the machine is busy
def test_no_command_waits_for_a_pipe_or_replaces_it() -> None:
    command = [sys.executable, "-m", "tests.hostile.file_kinds", "--few", "pipe"]
    done = subprocess.run(  # noqa: PLW1510 - the exit code is asserted below
        command, cwd=ROOT, env={**os.environ, "CI": "true"}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
