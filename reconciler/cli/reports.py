"""`--report FORMAT=FILE`: write reports to files beside what a command prints."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli.quick_reports import is_device, own_descriptor
from reconciler.core.errors import DiskError
from reconciler.core.text import printable
from reconciler.project.surroundings import COMMENT_ROOM, SUMMARY_ROOM, surroundings
from reconciler.report.formats import FINDING_FORMATS, Printed, formats_of, render
from reconciler.store import disk

F = TypeVar("F", bound=Callable[..., Any])
_FILES = "reconciler.report_files"
_SUMMARY = "GITHUB_STEP_SUMMARY"
_SUMMARY_BYTES = 1 << 20


def report_option(report: str) -> Callable[[F], F]:
    """`--report`, with the formats of this report."""
    names = formats_of(report)

    def noted(ctx: click.Context, _: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
        ctx.meta[_FILES] = tuple(_parsed(each, names) for each in given)
        return given

    return click.option(
        "--report",
        multiple=True,
        metavar="FORMAT=FILE",
        help=f"Also write the report to a file. FORMAT: {', '.join(names)}. May be repeated.",
        callback=noted,
        is_eager=True,
        expose_value=False,
    )


def write_reports(ctx: click.Context, report: str, facts: object) -> None:
    """Write the files that the command line asks for."""
    for format_, path in ctx.meta.get(_FILES, ()):
        summary = str(path) == os.environ.get(_SUMMARY)
        room = SUMMARY_ROOM if summary else COMMENT_ROOM
        around = surroundings(ctx.obj, os.environ, room=room) if format_ in FINDING_FORMATS else None
        data = _text(render(report, format_, facts, around)).encode("utf-8", "backslashreplace")
        _write(path, (_before(path) + data) if summary else data)


def _parsed(given: str, names: tuple[str, ...]) -> tuple[str, Path]:
    format_, equals, path = given.partition("=")
    if not equals or not path or format_ not in names:
        raise click.BadParameter(f"write FORMAT=FILE with one of the formats {', '.join(names)}")
    return format_, Path(path)


def _text(printed: Printed) -> str:
    lines = (*printed.err, *printed.out, *((printed.hint,) if printed.hint else ()))
    return "".join(f"{line}\n" for line in lines)


def _before(path: Path) -> bytes:
    """What earlier commands of the same step have put into its summary."""
    return disk.plain_bytes(path, most=_SUMMARY_BYTES) if path.exists() else b""


def _write(path: Path, data: bytes) -> None:
    """Replace a file atomically. A pipe or a device is written to; a link is replaced, not followed.

    A descriptor of this process is written to itself: opened anew by its name, a file would be written from another
    place than that of what is printed.
    """
    own = own_descriptor(str(path))
    if own is not None:
        _write_own(own, path, data)
        return
    with disk.naming_errors("write", path):
        try:
            kind = os.stat(path).st_mode
        except FileNotFoundError:
            kind = stat.S_IFREG
        if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) or is_device(str(path)):
            with disk.opened(path, os.O_WRONLY | os.O_APPEND) as fd:
                disk.write_all(fd, data)
            return
    if not stat.S_ISREG(kind):
        raise DiskError(f"cannot write {printable(str(path))}: it is not a file")
    disk.write_cache(path, data)


def _write_own(descriptor: int, path: Path, data: bytes) -> None:
    """Write to a descriptor that this process was given, after all that was printed so far."""
    with disk.naming_errors("write", path):
        if not os.get_inheritable(descriptor):  # one that we have opened ourselves
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        disk.write_all(descriptor, data)
