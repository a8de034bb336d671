"""Put derived files in place, and remove them, without losing an edit of the user.

They cost nothing but time, so nothing is copied into the store; but texts, whose kinds no header tells, are kept there
before they are replaced or removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.ports import DerivedPlacement, InTheWay, Objects, Placed
from reconciler.core.specs.paths import suffix_format
from reconciler.store import disk
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid
from reconciler.store.worktree.publish import Foreign, move_in, remove_file, there_now

UNITS = "deriving.tmp"
"""The folder of unfinished units in the state directory."""
_IGNORE_MARK = b"# Written by reconciler: these files are derived, and built where they are needed.\n"
_IGNORE_LIMIT = 4 << 20


class DerivedTree:
    """The derived files below a project's root. Implements core.ports.DerivedOutputs."""

    def __init__(self, root: Path, state: Path, store: Objects, *, specs: str = "") -> None:
        self.root = root
        self.specs = specs
        self._units = state / UNITS
        self._store = store
        self._number = 0
        self._folders: set[Path] = set()

    def unit_folder(self) -> Path:
        """See core.ports.DerivedOutputs."""
        self._number += 1
        folder = self._units / f"{os.getpid()}-{self._number}"
        disk.refuse_link(self._units)
        with disk.naming_errors("create the directory", folder):
            folder.mkdir(parents=True)
        return folder

    def sweep(self) -> None:
        """Delete the unfinished units of this run and of runs that died."""
        disk.refuse_link(self._units)
        shutil.rmtree(self._units, ignore_errors=True)

    def place(self, files: Sequence[DerivedPlacement]) -> tuple[Placed | InTheWay, ...]:
        """See core.ports.DerivedOutputs."""
        now = [self._now(one) for one in files]
        found = [
            Placed() if there in (one.content, one.expect) else InTheWay(there)
            for one, there in zip(files, now, strict=True)
        ]
        if any(isinstance(one, InTheWay) for one in found):
            return tuple(found)
        for number, (one, there) in enumerate(zip(files, now, strict=True)):
            if there == one.content and not self._pointed(self.root / one.path):
                continue
            moved = self._move(one, there)
            if isinstance(moved, Foreign):
                found[number] = InTheWay(moved.found)
        return tuple(found)

    def remove(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        """See core.ports.DerivedOutputs."""
        target = self.root / path
        there = there_now(target, root=self.root, specs=self.specs)
        if there is None:
            return Placed()
        pointed = self._pointed(target)
        if expect not in (there, pointed):
            return InTheWay(there)
        if pointed is None:
            self._keep_text(target)
        gone = remove_file(target, expect=there, root=self.root, specs=self.specs)
        if isinstance(gone, Foreign):
            return InTheWay(gone.found)
        with suppress(OSError):  # it has other files, or is not ours to remove
            target.parent.rmdir()
        return Placed()

    def settle(self, ignored: Mapping[str, Collection[str]]) -> tuple[str, ...]:
        """See core.ports.DerivedOutputs."""
        for folder in self._folders:
            disk.fsync_dir(folder)
        self._folders.clear()
        return tuple(line for folder, names in sorted(ignored.items()) for line in self._ignore(folder, sorted(names)))

    def _now(self, one: DerivedPlacement) -> ContentHash | None:
        """The content at a path; that of a Git LFS pointer is what it names."""
        target = self.root / one.path
        there = there_now(target, root=self.root, specs=self.specs)
        return self._pointed(target) or there if there is not None else None

    def _move(self, one: DerivedPlacement, there: ContentHash | None) -> Path | Foreign:
        target = self.root / one.path
        raw = there_now(target, root=self.root, specs=self.specs) if there is not None else None
        if raw is not None and raw == there:
            self._keep_text(target)
        moved = move_in(one.source, target, expect=raw, root=self.root, specs=self.specs)
        if isinstance(moved, Path):
            self._folders.add(moved)
        return moved

    def _keep_text(self, file: Path) -> None:
        """Copy a file into the store that is no picture of the format in its name: the lock may be false."""
        with disk.naming_errors("read", file), disk.open_for_reading(file) as stream:
            found = image_format(stream.read(HEAD))
        if found is None or found != suffix_format(file.name):
            self._store.put_file(file)

    def _pointed(self, file: Path) -> ContentHash | None:
        """The content that a Git LFS pointer names; None for any other file."""
        try:
            if file.lstat().st_size > LFS_POINTER_LIMIT or file.is_symlink():
                return None
            with disk.open_for_reading(file) as stream:
                return lfs_oid(stream.read(LFS_POINTER_LIMIT + 1))
        except OSError:
            return None

    def _ignore(self, folder: str, names: Sequence[str]) -> list[str]:
        """Write the .gitignore of a folder; the lines that are missing in one of the user's own."""
        path = self.root / folder / ".gitignore"
        lines = [f"/{_escaped(name)}" for name in names]
        try:
            there = disk.plain_bytes(path, most=_IGNORE_LIMIT)
        except FileNotFoundError:
            there = b""
        if there and not there.startswith(_IGNORE_MARK):
            known = set(there.decode("utf-8", "replace").splitlines())
            return [f"{folder}/.gitignore: {line}" for line in lines if line not in known]
        text = _IGNORE_MARK + "".join(f"{line}\n" for line in lines).encode("utf-8")
        there_now(path, root=self.root, specs=self.specs)  # raises where no file of ours may lie
        if not lines:
            if there:
                disk.remove(path)
        elif text != there:
            disk.write_atomic(path, text)
        return []


def _escaped(name: str) -> str:
    """A name as git reads it in a .gitignore."""
    return "".join(f"\\{char}" if char in "*?[]\\!# " else char for char in name)
