"""Report files of a clean and unchanged project, without reading it. Those of other projects take the long way."""

from __future__ import annotations

import os
import stat

from reconciler.store.replace import replace_file

_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


def split_reports(arguments: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The arguments without `--report FORMAT=FILE`, and each format with its file."""
    rest: list[str] = []
    reports: list[tuple[str, str]] = []
    words = iter(arguments)
    for word in words:
        if word == "--report" or word.startswith("--report="):
            given = next(words, "") if word == "--report" else word.partition("=")[2]
            format_, _, path = given.partition("=")
            reports.append((format_, path))
        else:
            rest.append(word)
    return rest, reports


def clean_reports(command: str, reports: list[tuple[str, str]], said: str) -> list[tuple[str, bytes]] | None:
    """The files of these reports, where nothing was found; None if one of them takes the long way."""
    texts = {"text": said, "github": "", "gitlab": "[]\n", "markdown": f"### reconciler {command}: {said}"}
    files: list[tuple[str, bytes]] = []
    for format_, path in reports:
        if format_ not in texts or not path or path == os.environ.get("GITHUB_STEP_SUMMARY") or not _is_plain(path):
            return None
        files.append((path, texts[format_].encode("utf-8", "backslashreplace")))
    return files


def write_files(files: list[tuple[str, bytes]]) -> bool:
    """Write them; False if one cannot be written."""
    try:
        for path, data in files:
            replace_file(path, data)
    except OSError:
        return False
    return True


def is_device(path: str) -> bool:
    """Whether a path names a stream of a process, as /dev/stdout does: the name must not be given to a file."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    return folder == "/dev" or folder.startswith(("/dev/fd", "/proc/"))


def own_descriptor(path: str) -> int | None:
    """The descriptor of this process that a path names, as /dev/stdout does; None for any other path."""
    name = os.path.normpath(path)
    if name in _STREAMS:
        return _STREAMS[name]
    folder, _, number = name.rpartition("/")
    return int(number) if folder in ("/dev/fd", "/proc/self/fd") and number.isdecimal() and len(number) < 8 else None


def _is_plain(path: str) -> bool:
    """Whether a regular file can be written there."""
    if is_device(path):
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return not os.path.lexists(path)
