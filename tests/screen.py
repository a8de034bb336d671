"""A terminal as tests and pictures see it: a pseudo-terminal of some width, and the rows that it shows."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.cli.terminal import char_columns

Run = tuple[str, str]
"""Characters that follow each other in one style, and the parameters of that style (`1;31`, "" for none)."""
_PART = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|([\r\n\b])|([^\x1b\r\n\b]+)")
_ROWS = 60
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_ON_TERMINAL = (sys.executable, "-c", _TAKE_TERMINAL)
"""Runs a program whose Ctrl-C is that of its terminal."""


class Screen:
    """The rows of a terminal, fed with what a program writes. Knows the sequences that our output and rich's use."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._rows: list[list[Run]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def feed(self, text: str) -> None:
        """Write to the terminal."""
        for parameters, command, control, plain in _PART.findall(text):
            if command:
                self._command(parameters, command)
            elif control == "\n":
                self._down()
            elif control:
                self._column = 0 if control == "\r" else max(0, self._column - 1)
            for char in plain:
                self._put(char)

    def rows(self) -> list[list[Run]]:
        """The rows, each as runs of one style; empty ones at the end are left out."""
        found = [_runs(row) for row in self._rows]
        while found and not "".join(text for text, _ in found[-1]).strip():
            found.pop()
        return found

    @property
    def text(self) -> str:
        """The rows without their styles."""
        return "\n".join("".join(text for text, _ in row).rstrip() for row in self.rows())

    def _command(self, parameters: str, command: str) -> None:
        if command == "m":
            self._style = "" if parameters in ("", "0") else parameters
        elif command == "A":
            self._row = max(0, self._row - int(parameters or 1))
        elif command == "K":
            self._rows[self._row] = [] if parameters == "2" else self._rows[self._row][: self._column]

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])

    def _put(self, char: str) -> None:
        wide = char_columns(char)
        if self._column + wide > self.columns:
            self._down()
            self._column = 0
        row = self._rows[self._row]
        row += [(" ", "")] * (self._column + wide - len(row))
        row[self._column] = (char, self._style)
        if wide == 2:
            row[self._column + 1] = ("", self._style)
        self._column += wide


class Session:
    """A program on a pseudo-terminal."""

    def __init__(self, command: Sequence[str], cwd: Path, columns: int, environ: Mapping[str, str]) -> None:
        self.screen = Screen(columns)
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
        environ = {"TERM": "xterm-256color", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environ}
        self._program = subprocess.Popen(
            [*_ON_TERMINAL, *command],
            cwd=cwd,
            env=environ,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Read until the screen shows a text."""
        end = time.monotonic() + seconds
        while text not in self.screen.text:
            assert time.monotonic() < end and self._read(0.5) is not None, f"no {text!r} in:\n{self.screen.text}"

    def read_for(self, seconds: float) -> None:
        """Read for some time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(left) is not None:
            pass

    def press(self, keys: str) -> None:
        """Type; Ctrl-C is \\x03."""
        os.write(self._terminal, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, as often as a person would: Python loses one that comes just before it waits for a key."""
        for _ in range(10):
            self.press("\x03")
            while (text := self._read(2.0)) != "":
                if text is None:
                    return

    def end(self) -> int:
        """Read to the end of the program; its exit code."""
        while self._read(60.0) is not None:
            pass
        os.close(self._terminal)
        return self._program.wait()

    def _read(self, seconds: float) -> str | None:
        """The next output; "" if there is none in this time, None at the end."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return ""
        try:
            data = os.read(self._terminal, 1 << 16)
        except OSError as error:
            if error.errno == errno.EIO:  # Linux: the program has closed the terminal
                return None
            raise
        text = data.decode(errors="replace")
        self.screen.feed(text)
        return text if data else None


def shown(command: Sequence[str], cwd: Path, columns: int, **environ: str) -> Screen:
    """The screen after a command."""
    session = Session(command, cwd, columns, environ)
    session.end()
    return session.screen


def _runs(row: list[Run]) -> list[Run]:
    found: list[Run] = []
    for char, style in row:
        if found and found[-1][1] == style:
            found[-1] = (found[-1][0] + char, style)
        else:
            found.append((char, style))
    return found
