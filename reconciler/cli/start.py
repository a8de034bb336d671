"""Where the process starts: answer what all day long is asked without importing what it takes to answer the rest."""

from __future__ import annotations

import gc
import os
import sys

from reconciler import __version__

CHECK_HINT = "  hint: `reconciler apply` does what can be done"
_ASKED: dict[tuple[str, ...], str] = {("check",): "check", ("plan",): "plan"}
"""Command lines that an unchanged project answers from its index alone."""


def entry() -> None:
    """The console script."""
    gc.set_threshold(200_000, 20, 20)  # a project is a few hundred thousand values that all live to the end
    arguments = sys.argv[1:]
    code = _answered(arguments)
    if code is not None:
        raise SystemExit(code)
    from reconciler.cli.main import entry as whole_entry  # noqa: PLC0415 - click is for what is not known here

    whole_entry(arguments)


def _answered(arguments: list[str]) -> int | None:
    """Answer what can be answered without reading the project; the exit code, or None for the long way."""
    if arguments in (["--version"], ["-V"]):
        return _say(f"reconciler {__version__}\n")
    where = "."
    if len(arguments) > 2 and arguments[0] in ("-C", "--directory"):
        where, arguments = arguments[1], arguments[2:]
    command = _ASKED.get(tuple(arguments))
    root = _root(where) if command is not None else None
    if command is None or root is None or os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return None
    from reconciler.store.snapshot import compare  # noqa: PLC0415 - not for --version

    known = compare(root, command, index=".reconciler/index")
    if known is None or known.changed is None:
        return None
    if not known.changed:
        return _say(known.said)
    from reconciler.cli.narrow import told  # noqa: PLC0415 - only where something has changed

    lines = told(root, known.snapshot, known.changed)
    if lines is None:
        return None
    _say("".join(f"{line}\n" for line in lines))
    if command == "check":
        sys.stderr.write(f"{CHECK_HINT}\n")
    return 2 if command == "check" else 0


def _say(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _root(where: str) -> str | None:
    folder = os.path.abspath(where)
    while not os.path.isfile(f"{folder}/reconciler.yaml"):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
