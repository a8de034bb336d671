"""Write the report of an internal error: a traceback without values, since a value may be a secret."""

from __future__ import annotations

import platform
import tempfile
import traceback

from reconciler import __version__
from reconciler.core.text import printable


def crash_report(error: BaseException, arguments: list[str]) -> str:
    """Write the report; the message for the user."""
    command = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    lines = [
        f"reconciler {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"command: {command}",
        *_chain(error),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="reconciler-bug-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write("\n".join(lines) + "\n")
    except OSError:
        return f"reconciler: a bug ({type(error).__name__}); no report could be written\n" + "\n".join(lines[2:])
    return (
        f"reconciler: this is a bug in reconciler ({type(error).__name__}), not in your project\n"
        f"  hint: no paid image is lost; please report it with the file {printable(file.name)}"
    )


def _chain(error: BaseException) -> list[str]:
    """The frames, innermost last: files, lines, functions and the type of the error, but no messages or values."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    lines.append(type(error).__name__)
    if error.__cause__ is not None:
        lines += ["caused by:", *_chain(error.__cause__)]
    return lines
