"""Find bytes that were paid for once: in our store, in Git LFS, in the git history of their path."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from reconciler.core.digest import ContentHash, content_of_hex, hex_of
from reconciler.store import disk
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.worktree.observe import LFS_POINTER_LIMIT, lfs_oid

_PATHS_A_CALL = 400
_BLOBS_A_PATH = 200
_GIT = (
    "git",
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "safe.bareRepository=explicit"),  # files of a project that look like a repository do not set up git
    *("-c", "log.showSignature=false"),
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_LOG = (
    *("log", "--all", "--no-renames", "-m", "--format=", "--raw", "--no-abbrev", "-z"),
    *("--no-ext-diff", "--no-textconv", "--no-show-signature"),
)


class ContentSources(Mapping[tuple[ContentHash, str], str]):
    """Where bytes can be had for nothing, by content and the path that they were locked for. Looks only when asked.

    `paths` are those that may be asked about, so that one walk through the history serves all of them.
    """

    def __init__(self, root: Path, store: ContentStore, paths: Iterable[str] = ()) -> None:
        self.root = root
        self.store = store
        self.paths = sorted(set(paths))

    def __getitem__(self, sought: tuple[ContentHash, str]) -> str:
        for place in self._places(*sought):
            return place
        raise KeyError(sought)

    def __iter__(self) -> Iterator[tuple[ContentHash, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def places(self, content: ContentHash, path: str) -> tuple[str, ...]:
        """Every place that has the bytes, the nearest first."""
        return tuple(self._places(content, path))

    def _places(self, content: ContentHash, path: str) -> Iterator[str]:
        if self.store.sound(content) is not None:
            yield "the store"
        if self._lfs_object(content) is not None:
            yield "Git LFS"
        if self._blob(content, path) is not None:
            yield "the git history"

    def elsewhere(self, content: ContentHash, path: str) -> str:
        """The nearest place beside the store that has the bytes; "" if there is none."""
        if self._lfs_object(content) is not None:
            return "Git LFS"
        return "the git history" if self._blob(content, path) is not None else ""

    def committed(self) -> frozenset[ContentHash]:
        """Every content that a commit holds at one of the paths: whole, or as a pointer to what Git LFS has here."""
        blobs = {blob for some in self._history.values() for blob in some}
        found: set[ContentHash] = set()
        for blob in sorted(blobs):
            digest, head = self._digest(blob)
            pointed = lfs_oid(head)
            if pointed is None:
                found.add(digest)
            elif self._lfs_object(pointed) is not None:
                found.add(pointed)
        return frozenset(found)

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file with exactly these bytes; what only git has is put into the store first."""
        stored = self.store.sound(content) or self._lfs_object(content)
        if stored is not None:
            return stored
        blob = self._blob(content, path)
        if blob is None:
            return None
        temp, stream = self.store.open()
        try:
            with stream:
                for chunk in self._read_blob(blob):
                    stream.write(chunk)
            temp = Path(stream.name)
            if self.store.put_file(temp) != content:
                return None
        finally:
            temp.unlink(missing_ok=True)
        return self.store.find(content)

    @cached_property
    def _git_dir(self) -> Path | None:
        """The folder that all worktrees share; None outside git."""
        found = self._git("rev-parse", "--git-common-dir").strip()
        return self.root / os.fsdecode(found) if found else None

    def _lfs_object(self, content: ContentHash) -> Path | None:
        if self._git_dir is None:
            return None
        oid = hex_of(content)
        path = self._git_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        return path if disk.holds(path, content) else None

    def _blob(self, content: ContentHash, path: str) -> str | None:
        """The git blob of this path with these bytes."""
        return next((blob for blob in self._history.get(path, ())[:_BLOBS_A_PATH] if self._holds(blob, content)), None)

    def _holds(self, blob: str, content: ContentHash) -> bool:
        digest, head = self._digest(blob)
        return lfs_oid(head) is None and digest == content

    def _digest(self, blob: str) -> tuple[ContentHash, bytes]:
        """The content of a blob, and its first bytes."""
        digest = hashlib.sha256()
        head = b""
        for chunk in self._read_blob(blob):
            head = head or chunk[: LFS_POINTER_LIMIT + 1]
            digest.update(chunk)
        return content_of_hex(digest.hexdigest()), head

    @cached_property
    def _history(self) -> dict[str, list[str]]:
        """The blobs that each path ever had, newest first, over all branches."""
        blobs: dict[str, list[str]] = {}
        if self._git_dir is None:
            return blobs
        prefix = os.fsdecode(self._git("rev-parse", "--show-prefix")).rstrip("\n")
        for start in range(0, len(self.paths), _PATHS_A_CALL):
            some = self.paths[start : start + _PATHS_A_CALL]
            fields = self._git(*_LOG, "--", *some).split(b"\0")
            for meta, name in itertools.pairwise(fields):
                parts = meta.split(b" ")
                if not meta.startswith(b":") or len(parts) < 5 or not parts[1].startswith(b"100"):
                    continue
                path = os.fsdecode(name).removeprefix(prefix)
                known = blobs.setdefault(path, [])
                blob = parts[3].decode("ascii")
                if blob not in known:
                    known.append(blob)
        return blobs

    def _read_blob(self, blob: str) -> Iterator[bytes]:
        import subprocess  # noqa: PLC0415 - where git is asked

        command = self._command("cat-file", "blob", blob)
        with subprocess.Popen(  # noqa: S603 - git, a list
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            while chunk := process.stdout.read(disk.DISK_CHUNK):
                yield chunk

    def _git(self, *arguments: str) -> bytes:
        """What git prints; nothing where there is no git, no repository, or no answer."""
        import subprocess  # noqa: PLC0415 - where git is asked

        try:
            command = self._command(*arguments)
            done = subprocess.run(  # noqa: S603 - git, a list
                command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return b""
        return done.stdout if done.returncode == 0 else b""

    def _command(self, *arguments: str) -> list[str]:
        return [*_GIT, "-C", str(self.root), *arguments]


def _environment() -> dict[str, str]:
    """Ours, so that git asks nobody, fetches nothing and locks nothing."""
    return {**os.environ, **_QUIET}
