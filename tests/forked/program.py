"""The path of a program that is `reconciler`, and starts in a few milliseconds instead of a tenth of a second.

It is a client of a server that each process of pytest starts when it first needs one. Tests of how a process starts and
ends use the real program.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.crash.native import Unavailable, compiled

HERE = Path(__file__).parent
REAL = Path(sys.executable).with_name("reconciler")


@functools.cache
def program() -> Path:
    """The file to run, which has the name `reconciler`; the real one where there is no compiler or no Linux."""
    if not sys.platform.startswith("linux"):
        return REAL
    try:
        client = compiled(HERE / "client.c", [f'-DPROGRAM="{REAL}"'])
    except Unavailable:
        return REAL
    folder = Path(tempfile.mkdtemp(prefix="forked-"))
    shutil.copy(client, folder / "reconciler")
    command = [sys.executable, "-I", *map(str, (HERE / "server.py", folder / "socket", HERE.parents[1]))]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/", text=True
    )
    atexit.register(_stop, server, folder)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return folder / "reconciler"


def _stop(server: subprocess.Popen[str], folder: Path) -> None:
    server.communicate()
    shutil.rmtree(folder)
