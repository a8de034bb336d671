"""Worker programs for `type: command`."""

import sys
from pathlib import Path


def stripes_command(*options: str) -> tuple[str, ...]:
    """The command of `stripes_worker.py`."""
    return (sys.executable, str(Path(__file__).parent / "stripes_worker.py"), *options)
