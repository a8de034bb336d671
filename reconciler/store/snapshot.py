"""What every file of the project looked like when all was found to be right; and whether all still looks so.

This is the whole of a warm `check`, so it imports next to nothing: read one file, stat what it names, compare for
equality. Any difference, or anything odd, is "I do not know", and the long way decides.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from array import array

MAGIC = b"reconciler index 3\n"
ABSENT = (-1, -1, -1, -1)
"""The signature of a path where nothing is."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Signature = tuple[int, int, int, int]


def signature(seen: os.stat_result) -> Signature:
    """What must be equal for a file to be the same: size, mtime, ctime, inode."""
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def folder_signature(seen: os.stat_result) -> Signature:
    """The same for a folder: whether names were added, removed or renamed in it. Its size says nothing."""
    return (-2, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


class Snapshot:
    """The index file, parsed. `folders` are [path, number of names, is listed]; `names` and `marks` run in their order.

    A listed folder's own signature stands before those of its names. `digests` are 32 bytes a name (zeros: none).
    `facts` are for whoever wrote it: `says` (the answers of commands when all is clean), `until` (they hold so long).
    """

    __slots__ = ("digests", "facts", "folders", "marks", "names")

    def __init__(
        self, facts: dict, folders: list, names: list[str], marks: array, digests: bytes  # type: ignore[type-arg] # JSON
    ) -> None:
        self.facts = facts
        self.folders = folders
        self.names = names
        self.marks = marks
        self.digests = digests


def pack(snapshot: Snapshot) -> bytes:
    """The bytes of the index file."""
    head = json.dumps({"facts": snapshot.facts, "folders": snapshot.folders}, ensure_ascii=True).encode("ascii")
    names = "\0".join(snapshot.names).encode("utf-8", "surrogateescape")
    marks = snapshot.marks[:]
    if sys.byteorder == "big":
        marks.byteswap()
    body = b"".join((head, names, marks.tobytes(), snapshot.digests))
    sizes = f"{len(head)} {len(names)} {len(marks) * 8} {len(snapshot.digests)} {zlib.crc32(body)}\n"
    return MAGIC + sizes.encode("ascii") + body


def unpack(data: bytes) -> Snapshot | None:
    """The index file's bytes parsed; None for anything that `pack` did not write whole."""
    if not data.startswith(MAGIC):
        return None
    try:
        end = data.index(b"\n", len(MAGIC)) + 1
        head_size, names_size, marks_size, digests_size, checksum = map(int, data[len(MAGIC) : end].split())
        body = memoryview(data)[end:]
        if len(body) != head_size + names_size + marks_size + digests_size or zlib.crc32(body) != checksum:
            return None
        head = json.loads(bytes(body[:head_size]))
        at = head_size + names_size
        text = str(body[head_size:at], "utf-8", "surrogateescape")
        marks = array("q")
        marks.frombytes(body[at : at + marks_size])
        if sys.byteorder == "big":
            marks.byteswap()
        digests = bytes(body[at + marks_size :])
        return Snapshot(head["facts"], head["folders"], text.split("\0") if text else [], marks, digests)
    except (ValueError, KeyError, TypeError):
        return None


def load(path: str) -> Snapshot | None:
    """The index file, or None where there is none that can be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size + 1)
        return unpack(data) if len(data) == size else None
    except OSError:
        return None
    finally:
        os.close(fd)


def look(root: str, snapshot: Snapshot) -> array[int]:
    """The signatures that the snapshot's folders and files have now, in its order."""
    found = array("q")
    extend, stat, fresh = found.extend, os.stat, iter(snapshot.names)
    for path, count, listed in snapshot.folders:
        names = [name for _, name in zip(range(count), fresh, strict=False)]
        try:
            folder = os.open(f"{root}/{path}", _FOLDER)
        except OSError:
            extend(ABSENT * (count + bool(listed)))
            continue
        try:
            if listed:
                extend(folder_signature(os.fstat(folder)))
            for name in names:
                try:
                    seen = stat(name, dir_fd=folder)
                    extend((seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino))
                except (FileNotFoundError, NotADirectoryError):
                    extend(ABSENT)
        finally:
            os.close(folder)
    return found


def answer(root: str, command: str, *, index: str) -> str | None:
    """What a command says when nothing has changed since all was clean; None if that is not known to be so."""
    snapshot = load(f"{root}/{index}")
    if snapshot is None or time.time() >= snapshot.facts.get("until", 0):
        return None
    said = snapshot.facts.get("says", {}).get(command)
    if not isinstance(said, str):
        return None
    try:
        return said if look(root, snapshot) == snapshot.marks else None
    except (OSError, OverflowError, ValueError, TypeError):
        return None
