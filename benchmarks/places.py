"""Where the benchmark keeps what it makes (never in the repository), and where the programs are that it times."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("BENCH_DATA") or Path(tempfile.gettempdir()) / f"reconciler-bench-{os.getuid()}")
"""Projects of up to 2 GB. They are kept between runs; delete the folder at any time."""
HOME = DATA / "home"
"""The HOME of every program that is timed: no settings of a person's."""
RESULTS = DATA / "results"
PYTHON = sys.executable
PEERS = REPOSITORY / ".venv-bench" / "bin"
RECONCILER = str(PEERS / "reconciler")
"""As a person has it: installed from a wheel by today's pip, whose console scripts import nothing of their own."""


def peer(name: str) -> str | None:
    """A program that we are compared with, or None where it is not installed."""
    own = PEERS / name
    return str(own) if own.exists() else shutil.which(name)


def make_places() -> None:
    """The folders exist."""
    for folder in (HOME, RESULTS):
        folder.mkdir(parents=True, exist_ok=True)
