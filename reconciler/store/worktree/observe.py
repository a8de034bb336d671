"""Hash the outputs and reference files of the working tree; a Git LFS pointer counts as the content that it names."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from pathlib import Path

from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.errors import Place, Problem
from reconciler.core.images.magic import HEAD, begins_as_image
from reconciler.core.plan.observed import Blocked
from reconciler.core.specs.paths import closed_folder, in_folder
from reconciler.core.suggest import OTHER_FORM
from reconciler.store import disk
from reconciler.store.index.index import Index
from reconciler.store.index.snapshot import Signature, signature
from reconciler.store.parallel import hashing
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid

_AT_ONCE = 1 << 20
"""Bytes of a file that are read in one piece."""


class TreeObserver:
    """The files below a project's root, hashed once each and remembered in the index."""

    def __init__(self, root: Path, index: Index) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.index = index
        self._hashing: hashing.Hashing | None = None
        self._hashed: dict[str, tuple[Signature, ContentHash, bool]] = {}
        self._rooms: dict[str, Blocked | None] = {}
        self._closed: dict[str, str] = {}
        self.specs = ""
        """The folder of the specs, in which no image may lie; "" while it is not known."""
        self.not_images: set[str] = set()
        """The files that were hashed and do not begin as images. The index does not remember them."""

    def begin(self, sizes: Mapping[str, int]) -> None:
        """Start to hash these files in helper processes if the index is empty. `sizes` are expected bytes by path."""
        if self._hashing is None and self.index.remembers_little:
            self._hashing = hashing.start_hashing(self.real_root, sizes)

    @property
    def hashing(self) -> bool:
        """Whether helper processes are still hashing: work that is done meanwhile costs no time."""
        return self._hashing is not None

    def outputs(self, paths: Iterable[str]) -> dict[str, ContentHash | Blocked]:
        """What is at each output's path; absent files are left out."""
        asked = set(paths)
        found = self._begun(asked)
        looked_at = self._each(sorted(asked - found.keys()))
        return found | {path: content for path, content in looked_at if content is not None}

    def _begun(self, asked: Set[str]) -> dict[str, ContentHash | Blocked]:
        """The results of `begin`, once: a helper took the signature of each file before it read it."""
        if self._hashing is None:
            return {}
        self._hashed, self._hashing = self._hashing.results(), None
        folders = {path.rpartition("/")[0] for path in self._hashed}
        inside = {folder for folder in folders if not self._folder_closed(folder)}
        whole = {
            path: (mark, content)
            for path, (mark, content, is_image) in self._hashed.items()
            if is_image and path in asked and mark[0] > LFS_POINTER_LIMIT and path.rpartition("/")[0] in inside
        }
        self.index.remember_all(whole)
        return {path: content for path, (_, content) in whole.items()}

    def pointers(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The files among these that are Git LFS pointers instead of images."""
        found = []
        for path in sorted(paths):
            full = Path(f"{self.real_root}/{path}")
            with suppress(OSError):
                if full.stat().st_size > LFS_POINTER_LIMIT:
                    continue
                with disk.open_for_reading(full) as stream:
                    if lfs_oid(stream.read(LFS_POINTER_LIMIT)):
                        found.append(path)
        return tuple(found)

    def references(self, paths: dict[str, Place]) -> tuple[dict[str, ContentHash], tuple[Problem, ...]]:
        """The contents of reference files, and a problem for each that cannot be used, at the place given for it."""
        contents: dict[str, ContentHash] = {}
        problems: list[Problem] = []
        for path, found in self._each(sorted(paths)):
            if isinstance(found, Blocked):
                problems.append(Problem(paths[path], "references", f'"{path}" is {found.what}'))
            elif found is None:
                hint = "paths are relative to reconciler.yaml; another asset is {asset: its-id}"
                if not path.isascii() and (other := _other_form(self.root, path)):
                    hint = other
                problems.append(Problem(paths[path], "references", f'there is no file "{path}"', hint))
            elif path in self.not_images:
                fact = f'"{path}" is not a PNG, JPEG, WebP or AVIF image'
                problems.append(Problem(paths[path], "references", fact, "convert it, or refer to another file"))
            else:
                contents[path] = found
        return contents, tuple(problems)

    def _each(self, paths: list[str]) -> list[tuple[str, ContentHash | Blocked | None]]:
        """The state of each path. Files that the index does not know are hashed by all cores, if they are large."""
        looked = [(path, self._look(path)) for path in paths]
        sizes = {path: found.st_size for path, found in looked if isinstance(found, os.stat_result)}
        started = hashing.start_hashing(self.real_root, sizes) if not self._hashed else None
        if started is not None:
            self._hashed = started.results()
        return [
            (path, self._read(path, found) if isinstance(found, os.stat_result) else found) for path, found in looked
        ]

    def _look(self, path: str) -> ContentHash | Blocked | os.stat_result | None:
        """What is at a path, without reading it; the state of a file whose content the index does not know."""
        full = f"{self.real_root}/{path}"
        try:
            seen = os.stat(full)
        except (FileNotFoundError, NotADirectoryError):
            self.index.note_stat(path, None)
            return Blocked("a link to nothing") if os.path.islink(full) else self._room(path.rpartition("/")[0])
        except OSError as error:
            return Blocked(f"unreadable ({(error.strerror or '').lower()})")
        if not stat.S_ISREG(seen.st_mode):
            return Blocked("a directory" if stat.S_ISDIR(seen.st_mode) else "not a plain file")
        self.index.note_stat(path, seen)
        known = self.index.content(path, seen)
        if known is not None:
            return known
        closed = self._closed_to(full)
        return Blocked(closed) if closed else seen

    def _read(self, path: str, seen: os.stat_result) -> ContentHash | Blocked:
        full = f"{self.real_root}/{path}"
        try:
            content, is_image = self._hashed_before(path, seen) or self._hash(full, seen.st_size)
        except (OSError, ValueError) as error:
            return Blocked(f"unreadable ({(getattr(error, 'strerror', None) or str(error)).lower()})")
        if is_image:
            self.index.remember(path, signature(seen), content)
        else:
            self.not_images.add(path)
        return content

    def _hashed_before(self, path: str, seen: os.stat_result) -> tuple[ContentHash, bool] | None:
        known = self._hashed.get(path)
        if known is None or known[0] != signature(seen) or seen.st_size <= LFS_POINTER_LIMIT:
            return None
        return known[1], known[2]

    def _closed_to(self, full: str) -> str:
        """Why a file is not used, or "". The links above a file are the same for all in its folder."""
        if os.path.islink(full):
            return closed_to_images(os.path.realpath(full), self.real_root, self.specs)
        return self._folder_closed(os.path.dirname(full)[len(self.real_root) + 1 :])

    def _folder_closed(self, folder: str) -> str:
        if folder not in self._closed:
            real = os.path.realpath(f"{self.real_root}/{folder}")
            self._closed[folder] = closed_to_images(f"{real}{os.sep}", self.real_root, self.specs)
        return self._closed[folder]

    def _room(self, folder: str) -> Blocked | None:
        """Why no file can be created in a folder; None if one can. Found before an image is paid for."""
        if folder not in self._rooms:
            above = f"{self.real_root}/{folder}" if folder else self.real_root
            while not os.path.lexists(above):
                above = os.path.dirname(above)
            closed = closed_to_images(f"{os.path.realpath(above)}{os.sep}", self.real_root, self.specs)
            what = f"below {closed}" if closed else "below a file"
            self._rooms[folder] = None if not closed and os.path.isdir(above) else Blocked(what)
        return self._rooms[folder]

    def _hash(self, full: str, size: int) -> tuple[ContentHash, bool]:
        """The content of a file, and whether it begins as an image. One open and, mostly, one read: the system calls
        cost more than the hashing."""
        if size > _AT_ONCE:
            return _hash_large(full)
        fd = os.open(full, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            data = os.read(fd, size + 1)
            if len(data) != size:
                return _hash_large(full)  # it changes while it is read
        finally:
            os.close(fd)
        pointed = lfs_oid(data)
        return (pointed, True) if pointed else (content_hash(data), begins_as_image(data[:HEAD]))


def _other_form(root: Path, path: str) -> str:
    """A hint if the file is there under a name in another Unicode form."""
    forms = (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
    found = any(form != path and (root / form).exists() for form in forms)
    return f"{OTHER_FORM}: copy the name from the file" if found else ""


def _hash_large(full: str) -> tuple[ContentHash, bool]:
    with disk.open_for_reading(Path(full)) as stream:
        is_image = begins_as_image(stream.read(HEAD))
    return disk.file_hash(Path(full)), is_image


def closed_to_images(real: str, real_root: str, specs: str) -> str:
    """Why no image may lie at a path without links, or "": outside the project, or in a folder that others obey."""
    below = os.path.join(real_root, "")
    if not real.startswith(below) and real != real_root:
        return "a link that leaves the project"
    inner = real[len(below) :].strip(os.sep)
    closed = closed_folder(inner.split(os.sep))
    if closed or (specs and inner and in_folder(inner, specs)):
        return f"in {closed or specs}/, where no image may lie"
    return ""
