"""Read and write a lockfile that has one file for each spec. No link is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.core.errors import DiskError, LockfileError
from reconciler.core.lock.parts import HEADER, PARTS, SUFFIX_OF_PART
from reconciler.core.text import printable
from reconciler.store import disk

_HEADER = HEADER.encode()
LONGEST_HEADER = 2 * len(_HEADER)
"""More bytes than the header of a lockfile with parts can have, whatever ends its lines."""
_MOST_FILES = 100_000


def is_header(data: bytes | None) -> bool:
    """Whether `assets.lock` says that the assets are in the parts."""
    return data is not None and len(data) < LONGEST_HEADER and data.replace(b"\r\n", b"\n") == _HEADER


def all_parts(root: Path, *, most: int) -> bytes:
    """The header and every part in one value, as `unpacked_parts` reads it. DiskError for more bytes than `most`."""
    found: dict[str, bytes] = {}
    for path in part_files(root):
        found[path] = disk.plain_bytes(root / path, most=most, hint="it is no part of a lockfile")
        most -= len(found[path])
    return packed_parts(found)


def packed_parts(parts: Mapping[str, bytes]) -> bytes:
    """The value of `all_parts` for these files. LockfileError for one that is no text: it could pose as several."""
    for path, text in parts.items():
        if b"\0" in text:
            raise LockfileError(f"{printable(path)} is not UTF-8 text", hint="restore it from git")
    pieces = (piece for path in sorted(parts) for piece in (b"\0", os.fsencode(path), b"\0", parts[path]))
    return b"".join((_HEADER, b"\0", *pieces))


def unpacked_parts(data: bytes | None) -> dict[str, bytes] | None:
    """The bytes of each part by its path; None for the bytes of a lockfile that has no parts."""
    if data is None or not data.startswith(_HEADER + b"\0"):
        return None
    pieces = data[len(_HEADER) + 1 :].split(b"\0")[1:]
    return {os.fsdecode(path): text for path, text in zip(pieces[::2], pieces[1::2], strict=False)}


def part_files(root: Path) -> Iterator[str]:
    """The paths of all parts, sorted by folder and name."""
    left = _MOST_FILES
    for folder, names in part_folders(root):
        left -= len(names)
        if left < 0:
            raise DiskError(f"{PARTS} has more than {_MOST_FILES:,} files")
        yield from (f"{folder}/{name}" for name in names)


def part_folders(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its parts. DiskError for a link in place of a folder."""
    pending = [PARTS]
    while pending:
        folder = pending.pop()
        _no_link(root, folder)
        with disk.naming_errors("list", root / folder):
            try:
                entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
        plain = [each for each in entries if not each.name.startswith(".") and not each.is_symlink()]
        yield folder, [each.name for each in plain if each.name.endswith(SUFFIX_OF_PART) and each.is_file()]
        pending += [f"{folder}/{each.name}" for each in reversed(plain) if each.is_dir()]


def write_parts(root: Path, texts: Mapping[str, bytes], before: Mapping[str, bytes]) -> None:
    """Write the parts that differ from those `before`, and delete those that are gone."""
    for path, text in texts.items():
        if before.get(path) != text:
            for folder in _folders(path):
                _no_link(root, folder)
            disk.make_dirs((root / path).parent)
            disk.write_atomic(root / path, text)
    for path in before.keys() - texts.keys():
        for folder in _folders(path):
            _no_link(root, folder)
        with disk.naming_errors("delete", root / path):
            os.unlink(root / path)


def _folders(path: str) -> Iterator[str]:
    folder = os.path.dirname(path)
    while folder:
        yield folder
        folder = os.path.dirname(folder)


def _no_link(root: Path, folder: str) -> None:
    if os.path.islink(root / folder):
        raise DiskError(f"{printable(folder)} is a link", hint="the parts of the lockfile are in folders of their own")
