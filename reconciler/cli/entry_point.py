"""Where the process starts: answer what all day long is asked without importing what it takes to answer the rest."""

from __future__ import annotations

import gc
import io
import os
import sys

from reconciler import __version__

_ASKED: dict[tuple[str, ...], str] = {("check",): "check", ("plan",): "plan"}
"""Command lines that an unchanged project answers from its index alone."""
_RUN_PROVIDERS = ("reconciler.cli.commands.apply", "reconciler.cli.commands.providers")
"""The modules of commands that run providers, which may be plug-ins."""


def entry() -> None:
    """The console script."""
    gc.disable()  # what a command reads lives to its end; only an apply goes on long enough to tidy up
    try:
        _leave(_ended(sys.argv[1:]))
    except KeyboardInterrupt:  # once more, while the last words wait for somebody to read them
        os._exit(130)


def _ended(arguments: list[str]) -> int:
    try:
        code = _answered(arguments)
        if code is not None:
            return code
        from reconciler.cli.main import run_program  # noqa: PLC0415 - click is for what is not known here

        return run_program(arguments)
    except KeyboardInterrupt:
        _warn("interrupted")
        return 130


def _leave(code: int) -> None:
    """End the process: as any Python program after a command that ran the code of providers, at once after others.

    The quick end leaves the memory to the system. Python would free value by value, which takes longer than a warm
    `check`; but it also runs the exit handlers of libraries and plug-ins, and waits for threads that still write.
    """
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib takes longer to load than --version to answer
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - closed, or without a reader: there is nowhere left to report it
            pass
    threads = sys.modules.get("threading")
    writing = threads is not None and threads.active_count() > 1
    if not writing and not any(command in sys.modules for command in _RUN_PROVIDERS):
        os._exit(code)
    import signal  # noqa: PLC0415 - such a command has loaded it

    signal.signal(signal.SIGINT, signal.SIG_IGN if writing else lambda *_: os._exit(130))
    gc.freeze()  # nothing that is alive now is looked at again
    raise SystemExit(code)


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
    from reconciler.store.index.snapshot import compare  # noqa: PLC0415 - not for --version

    known = compare(root, command, index=".reconciler/index", meanwhile=_load_narrow if command == "plan" else None)
    if known is None or known.changed is None:
        return None
    if not known.changed:
        return _say(known.said)
    from reconciler.project.incremental_plan import incremental_lines  # noqa: PLC0415 - only where something has changed

    found = incremental_lines(root, known.snapshot, known.changed, command=command)
    if found is None:
        return None
    lines, hint = found
    refused = _say("".join(f"{line}\n" for line in lines))
    if command == "check" and hint and not refused:
        _warn(hint)
    return refused or (2 if command == "check" else 0)


def _load_narrow() -> None:
    """Who asks for a plan has mostly changed something: loading what that takes is most of what it costs."""
    import reconciler.project.incremental_plan  # noqa: PLC0415, F401 - only to have it loaded


def _say(text: str) -> int:
    """The exit code: 1 if nobody can be told."""
    if sys.stdout is None:  # closed by whoever started us
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # else the reader has seen enough
            _warn(f"cannot write the output: {(error.strerror or '').lower()}")
            return 1
    return 0


def _warn(text: str) -> None:
    if sys.stderr is not None:  # closed by whoever started us
        sys.stderr.write(f"{text}\n")


def _root(where: str) -> str | None:
    folder = os.path.abspath(where)
    while not os.path.isfile(f"{folder}/reconciler.yaml"):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
