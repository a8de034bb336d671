"""Where the process starts: answer what all day long is asked without importing what it takes to answer the rest."""

from __future__ import annotations

import gc
import os
import sys

from reconciler import __version__

_ASKED: dict[tuple[str, ...], str] = {("check",): "check", ("plan",): "plan"}
"""Command lines that an unchanged project answers from its index alone."""


def entry() -> None:
    """The console script."""
    gc.set_threshold(200_000, 20, 20)  # a project is a few hundred thousand values that all live to the end
    arguments = sys.argv[1:]
    said = _known(arguments)
    if said is not None:
        try:
            sys.stdout.write(said)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0)
    from reconciler.cli.main import entry as whole_entry  # noqa: PLC0415 - click is for what the index cannot answer

    whole_entry(arguments)


def _known(arguments: list[str]) -> str | None:
    """The answer, if it is known without loading anything; None sends the question the long way."""
    if arguments in (["--version"], ["-V"]):
        return f"reconciler {__version__}\n"
    where = "."
    if len(arguments) > 2 and arguments[0] in ("-C", "--directory"):
        where, arguments = arguments[1], arguments[2:]
    command = _ASKED.get(tuple(arguments))
    if command is None or os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return None
    root = _root(where)
    if root is None:
        return None
    from reconciler.store.snapshot import answer  # noqa: PLC0415 - not for --version

    return answer(root, command, index=".reconciler/index")


def _root(where: str) -> str | None:
    folder = os.path.abspath(where)
    while not os.path.isfile(f"{folder}/reconciler.yaml"):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
