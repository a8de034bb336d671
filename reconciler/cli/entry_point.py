"""The entry point of the process: answer the most frequent commands without importing the rest of the package."""

from __future__ import annotations

import gc
import io
import os
import sys

from reconciler import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to import than all else here
    from typing import IO

    from reconciler.store.index.snapshot import Comparison

_FAST_COMMANDS: dict[tuple[str, ...], str] = {
    ("check",): "check",
    ("plan",): "plan",
    ("check", "--require-approved"): "check --require-approved",
}
"""Command lines that are answered from the index alone if the project is unchanged."""
_RUN_PROVIDERS = ("reconciler.cli.commands.apply", "reconciler.cli.commands.providers")
"""The modules of commands that run providers, which may be plug-ins."""


def entry() -> None:
    """The console script."""
    gc.disable()  # the values of a command live until it ends; only an apply turns the collector on
    try:
        _leave(_ended(sys.argv[1:]))
    except KeyboardInterrupt:  # a second Ctrl-C, while the output is being written
        os._exit(130)


def _ended(arguments: list[str]) -> int:
    try:
        code = _answered(arguments)
        if code is not None:
            return code
        from reconciler.cli.main import run_program  # noqa: PLC0415 - click is for all other commands

        return run_program(arguments)
    except KeyboardInterrupt:
        _warn("\ninterrupted" if sys.stderr is not None and sys.stderr.isatty() else "interrupted")
        return 130


def _leave(code: int) -> None:
    """End the process: like any Python program after a command that ran code of providers, otherwise at once.

    The immediate end skips the interpreter teardown, which would free value by value and take longer than a warm
    `check`. The regular end also runs the exit handlers of libraries and plug-ins, and waits for threads that write.
    """
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - loading contextlib takes longer than --version
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - closed, or without a reader: no stream is left to report it
            pass
    threads = sys.modules.get("threading")
    writing = threads is not None and threads.active_count() > 1
    if not writing and not any(command in sys.modules for command in _RUN_PROVIDERS):
        os._exit(code)
    import signal  # noqa: PLC0415 - a command with providers has loaded it

    signal.signal(signal.SIGINT, signal.SIG_IGN if writing else lambda *_: os._exit(130))
    gc.freeze()  # exempt all live values from a last collection
    raise SystemExit(code)


def _answered(arguments: list[str]) -> int | None:
    """Answer a command without reading the project; the exit code, or None if that is impossible."""
    if arguments in (["--version"], ["-V"]):
        return _say(f"reconciler {__version__}\n")
    where = "."
    if len(arguments) > 2 and arguments[0] in ("-C", "--directory"):
        where, arguments = arguments[1], arguments[2:]
    reports: list[tuple[str, str]] = []
    if len(arguments) > 1 and any(word.startswith("--report") for word in arguments):
        from reconciler.cli.quick_reports import split_reports  # noqa: PLC0415 - only where files are asked for

        arguments, reports = split_reports(arguments)
    command = _FAST_COMMANDS.get(tuple(arguments))
    root = _root(where) if command is not None else None
    if command is None or root is None or os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return None
    if os.environ.get("RECONCILER_FORMAT", "text") != "text":
        return None
    from reconciler.store.index.snapshot import compare  # noqa: PLC0415 - not for --version

    meanwhile = _load_incremental_plan if command == "plan" else None
    known = compare(root, command, index=".reconciler/index", meanwhile=meanwhile)
    if known is None or known.changed is None:
        return None
    if not known.changed and reports and " " not in command:
        return _reported(command, reports, known)
    if not known.changed and not reports:
        return _say(known.said)
    if reports or " " in command:
        return None
    from reconciler.project.incremental_plan import incremental_lines  # noqa: PLC0415 - only if something has changed

    found = incremental_lines(root, known.snapshot, known.changed, command=command)
    if found is None:
        return None
    lines, hint = found
    failed = _say("".join(f"{line}\n" for line in lines))
    if command == "check" and hint and not failed:
        _warn(hint)
    return failed or (2 if command == "check" else 0)


def _reported(command: str, reports: list[tuple[str, str]], known: Comparison) -> int | None:
    """Write the reports of a project without findings; None if there may be some, or a report takes the long way."""
    from reconciler.cli.quick_reports import clean_reports, write_files  # noqa: PLC0415 - as above

    if known.snapshot.says.get("plan") != known.snapshot.says.get("check"):  # a plan has lines about orphans
        return None
    files = clean_reports(command, reports, known.said)
    return _say(known.said) if files is not None and write_files(files) else None


def _load_incremental_plan() -> None:
    """Load the module while the snapshot is compared: most plans are of changed specs, and loading takes longest."""
    import reconciler.project.incremental_plan  # noqa: PLC0415, F401 - to load it early


def _say(text: str) -> int:
    """Print to stdout; the exit code, which is 1 if stdout cannot be written."""
    if sys.stdout is None:  # closed by the parent process
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(_shown(text, sys.stdout))
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # the reader closed the pipe: no error
            _warn(f"cannot write the output: {(error.strerror or '').lower()}")
            return 1
    return 0


def _warn(text: str) -> None:
    if sys.stderr is not None:  # closed by the parent process
        sys.stderr.write(f"{_shown(text, sys.stderr)}\n")


def _shown(text: str, stream: IO[str]) -> str:
    """The text as it is in a pipe, and for a terminal with line breaks and colours."""
    if not stream.isatty() and not (os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE")):
        return text
    from reconciler.cli.terminal import for_terminal  # noqa: PLC0415 - a pipe needs none

    return for_terminal(text, stream, os.environ)


def _root(where: str) -> str | None:
    folder = os.path.abspath(where)
    while not os.path.isfile(f"{folder}/reconciler.yaml"):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder
