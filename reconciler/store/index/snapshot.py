"""The signatures of all files of a clean project, and whether the files still have them.

This is all that a warm `check` does, so it imports next to nothing: read one file, stat the paths in it, compare for
equality. After any difference or error the result is "unknown", and the command reads the project.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to import than all else here
    from collections.abc import Callable

MAGIC = b"reconciler index 8\n"
MANY = 4_000
"""Files from which on a helper process takes their signatures: a fork takes 1 ms, the signatures 10."""
MAX_SNAPSHOT = 128 << 20
"""Bytes of an index file. That of 100,000 assets has a tenth of them."""
ABSENT = (-1, -1, -1, -1)
"""The signature of a path without a file."""
_SPECIAL = {"_defaults": "defaults", "_styles": "styles", "_derive": "derive", "_bundles": "bundles"}
_LOCK_PARTS = "assets.lock.d/"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Signature = tuple[int, int, int, int]


def signature(seen: os.stat_result) -> Signature:
    """The state that is equal if a file is unchanged: size, mtime, ctime, inode."""
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def folder_signature(seen: os.stat_result) -> Signature:
    """The same for a folder, without its size: it changes if a name in it is added, removed or renamed."""
    return (-2, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


class Snapshot:
    """The index file, parsed. `folders` are (path, number of names, is listed); `names` and `marks` run in their order.

    A listed folder's own signature stands before those of its names. `digests` are 32 bytes a name (zeros: none).
    `says` are the answers of commands when all is clean; they hold until `until`, in seconds since 1970. `notes` are
    bytes for whoever wrote them, looked at only where something has changed.
    """

    __slots__ = ("digests", "folders", "marks", "names", "notes", "says", "until")

    def __init__(
        self,
        says: dict[str, str],
        folders: list[tuple[str, int, bool]],
        names: list[str],
        *,
        marks: array[int],
        digests: bytes,
        notes: bytes,
        until: float,
    ) -> None:
        self.says = says
        self.folders = folders
        self.names = names
        self.marks = marks
        self.digests = digests
        self.notes = notes
        self.until = until


def pack(snapshot: Snapshot) -> bytes:
    """The bytes of the index file. No JSON: importing a reader of it takes longer than all else in a warm `check`."""
    marks = snapshot.marks[:]
    if sys.byteorder == "big":
        marks.byteswap()
    says = [repr(float(snapshot.until)), *(part for answer in snapshot.says.items() for part in answer)]
    folders = [str(part) for path, count, listed in snapshot.folders for part in (path, count, int(listed))]
    texts = (_joined(says), _joined(folders), _joined(snapshot.names))
    parts = (*texts, marks.tobytes(), snapshot.digests, snapshot.notes)
    body = b"".join(parts)
    sizes = f"{' '.join(str(len(part)) for part in parts)} {zlib.crc32(body)}\n"
    return MAGIC + sizes.encode("ascii") + body


def unpack(data: bytes) -> Snapshot | None:
    """Parse the bytes of an index file; None for bytes that `pack` did not write."""
    if not data.startswith(MAGIC):
        return None
    try:
        end = data.index(b"\n", len(MAGIC)) + 1
        *sizes, checksum = map(int, data[len(MAGIC) : end].split())
        body = memoryview(data)[end:]
        if len(sizes) != 6 or len(body) != sum(sizes) or zlib.crc32(body) != checksum:
            return None
        parts = []
        for size in sizes:
            parts.append(body[:size])
            body = body[size:]
        until, *says = _split(parts[0])
        folders = _split(parts[1])
        names = _split(parts[2])
        marks = array("q")
        marks.frombytes(parts[3])
        if sys.byteorder == "big":
            marks.byteswap()
        found = Snapshot(
            dict(zip(says[::2], says[1::2], strict=True)),
            list(zip(folders[::3], map(int, folders[1::3]), map("1".__eq__, folders[2::3]), strict=True)),
            names,
            marks=marks,
            digests=bytes(parts[4]),
            notes=bytes(parts[5]),
            until=float(until),
        )
        return found if _consistent(found) else None
    except (ValueError, OverflowError):
        return None


def _consistent(snapshot: Snapshot) -> bool:
    """Whether all parts are about the same names: a checksum is right for whatever bytes it was taken of."""
    counts = [count for _, count, _ in snapshot.folders]
    listed = sum(listed for _, _, listed in snapshot.folders)
    names = len(snapshot.names)
    return (
        min(counts, default=0) >= 0
        and sum(counts) == names
        and len(snapshot.marks) == 4 * (names + listed)
        and len(snapshot.digests) == 32 * names
    )


def _joined(texts: list[str]) -> bytes:
    """No path and no answer has a NUL in it."""
    return "\0".join(texts).encode("utf-8", "surrogateescape")


def _split(part: memoryview) -> list[str]:
    return str(part, "utf-8", "surrogateescape").split("\0") if part else []


def load(path: str) -> Snapshot | None:
    """The index file, or None if there is no readable one."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size + 1) if size <= MAX_SNAPSHOT else b""
        return unpack(data) if len(data) == size else None
    except OSError:
        return None
    finally:
        os.close(fd)


def look(root: str, snapshot: Snapshot) -> array[int]:
    """The present signatures of the folders and files of a snapshot, in its order."""
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


def look_beside(root: str, snapshot: Snapshot, meanwhile: Callable[[], object], *, least: int = MANY) -> array[int]:
    """`look` in a helper process while `meanwhile` runs here; in this process if that cannot be, or fails."""
    pool = None
    if len(snapshot.names) >= least:
        from reconciler.store.parallel.process_pool import start_pool  # noqa: PLC0415 - for large projects only

        pool = start_pool(lambda _: look(root, snapshot).tobytes(), 1)
    if pool is None:
        return look(root, snapshot)
    try:
        meanwhile()
    finally:
        data = pool.results().get(0, b"")
    if len(data) != len(snapshot.marks) * snapshot.marks.itemsize:
        return look(root, snapshot)
    found = array("q")
    found.frombytes(data)
    return found


class Comparison:
    """The output of a command for the clean project, and the paths changed since, each with its index in `names`."""

    __slots__ = ("changed", "said", "snapshot")

    def __init__(self, said: str, snapshot: Snapshot, changed: list[tuple[str, int]] | None) -> None:
        self.said = said
        self.snapshot = snapshot
        self.changed = changed


def compare(root: str, command: str, *, index: str, meanwhile: Callable[[], object] | None = None) -> Comparison | None:
    """Hold the project against its index; None if it is not known to have been clean. `meanwhile` is what to do here
    while another core looks at the files.

    `changed` is None where more than single files differ: a spec or a folder of specs that came or went, or any other
    file. An editor that writes a new file and renames it changes the folder, but not which names it holds.
    """
    if os.path.islink(f"{root}/{os.path.dirname(index)}"):
        return None
    snapshot = load(f"{root}/{index}")
    if snapshot is None or time.time() >= snapshot.until:
        return None
    said = snapshot.says.get(command)
    if said is None or not said.replace("\n", "").isprintable():
        return None
    try:
        found = look_beside(root, snapshot, meanwhile) if meanwhile else look(root, snapshot)
    except (OSError, OverflowError, ValueError, TypeError):
        return None
    if not _anchored(snapshot, found):
        return None
    return Comparison(said, snapshot, [] if found == snapshot.marks else _changed(root, snapshot, found))


def _anchored(snapshot: Snapshot, found: array[int]) -> bool:
    """Whether the snapshot has the signature of this project file, which a committed index cannot have."""
    at = here = 0
    for folder, count, listed in snapshot.folders:
        at += 4 * bool(listed)
        names = snapshot.names[here : here + count]
        if folder == "" and "reconciler.yaml" in names:
            at += 4 * names.index("reconciler.yaml")
            return found[at] >= 0 and found[at : at + 4] == snapshot.marks[at : at + 4]
        here += count
        at += 4 * count
    return False


def _changed(root: str, snapshot: Snapshot, found: array[int]) -> list[tuple[str, int]] | None:
    """The files whose signatures differ; None if the names in a folder differ, or a file was added or removed."""
    changed: list[tuple[str, int]] = []
    listed_folders = {folder for folder, _, listed in snapshot.folders if listed}
    at = here = 0
    for folder, count, listed in snapshot.folders:
        start = at + 4 * bool(listed)
        names = snapshot.names[here : here + count]
        if found[at:start] != snapshot.marks[at:start] and not _same_names(root, folder, names, listed_folders):
            return None
        end = start + 4 * count
        if found[start:end] != snapshot.marks[start:end]:
            for number in range(count):
                one = slice(start + 4 * number, start + 4 * number + 4)
                if found[one] != snapshot.marks[one]:
                    if -1 in (found[one][0], snapshot.marks[one][0]):
                        return None
                    name = names[number]
                    changed.append((f"{folder}/{name}" if folder else name, here + number))
        at, here = end, here + count
    return changed


def spec_kind(name: str) -> str:
    """The kind of a file in the specs folder, by its name: spec, one of those in `_SPECIAL`, or "" for any other."""
    stem, _, suffix = name.rpartition(".")
    if suffix not in ("yaml", "yml") or not stem or stem[0] == ".":
        return ""
    return "spec" if stem[0] != "_" else _SPECIAL.get(stem, "")


def looks_like_spec(name: str) -> bool:
    """Whether a file that is not read (`spec_kind` is "") may have been meant to be: the user is told of it."""
    return name.rpartition(".")[2].lower() in ("yaml", "yml", "json") and name[0] != "." and not spec_kind(name)


def _same_names(root: str, folder: str, names: list[str], folders: set[str]) -> bool:
    """Whether a folder of specs still holds the same specs and folders, and nothing that looks like either. A folder of
    the lockfile is none."""
    if f"{folder}/".startswith(_LOCK_PARTS):
        return False
    files: set[str] = set()
    below: set[str] = set()
    try:
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        below.add(f"{folder}/{entry.name}")
                elif spec_kind(entry.name):
                    files.add(entry.name)
                elif looks_like_spec(entry.name) or (entry.is_symlink() and entry.is_dir()):
                    return False
    except OSError:
        return False
    known = {path for path in folders if path.rpartition("/")[0] == folder}
    return below == known and files == {name for name in names if spec_kind(name)}
