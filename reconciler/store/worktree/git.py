"""Run git on the repository around a project: read only, without hooks, prompts, locks or network access."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from reconciler.core.ports import SourceFailure
from reconciler.store import disk

_PATHS_PER_CALL = 400
_TIMEOUT = 120
_GIT = (
    "git",
    "--no-optional-locks",
    *("-c", "safe.bareRepository=explicit"),  # files of the project that look like a repository configure nothing
    *("-c", "log.showSignature=false"),
    *("-c", "log.mailmap=false"),  # git waits for a pipe of this name
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)
_ENVIRONMENT = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # versions of git before 2.44 do not know the variable above
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
_PATHS_ONLY = frozenset({"check-ignore", "--icase-pathspecs"})
"""A command that takes paths, not patterns, and an option: both refuse the option to be told so."""
_NOTE = re.compile(r"(?:fatal|error): ")
_LONGEST_NOTE = 4096
_ALTERNATES = 5
"""Repositories in a row, each borrowing objects from the next; git follows as many."""
_LOG = (
    *("log", "--all", "--no-renames", "-m", "--format=", "--raw", "--no-abbrev", "-z"),
    *("--no-ext-diff", "--no-textconv", "--no-show-signature"),
)


class BlobFailed(Exception):
    """git cannot read a blob: its object is damaged, or was not fetched."""

    def __init__(self, failure: SourceFailure) -> None:
        super().__init__(failure.fact)
        self.failure = failure


class GitRepository:
    """The repository that holds the directory `root`, if there is one. No git process is started before a call.

    A call that fails gives nothing. `failure` is then that of the first one, in git's words; None outside a repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failure: SourceFailure | None = None

    @cached_property
    def directory(self) -> Path | None:
        """The git directory that all worktrees share; None outside a repository."""
        found = self.output("rev-parse", "--git-common-dir").strip()
        return self.root / os.fsdecode(found) if found else None

    @cached_property
    def shallow(self) -> bool:
        """Whether the history was cut off when it was cloned."""
        return self.directory is not None and (self.directory / "shallow").is_file()

    @cached_property
    def lfs_objects(self) -> tuple[Path, ...]:
        """The folders in which Git LFS has objects: its own, and those of repositories that this one borrows from."""
        if self.directory is None:
            return ()
        storage = self.output("config", "--type=path", "--get", "lfs.storage", unset=1)
        own = self.directory / (os.fsdecode(storage).rstrip("\n") or "lfs")
        return tuple(folder / "objects" for folder in (own, *_borrowed_lfs(self.directory / "objects")))

    def history(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """The blobs that each path ever had, newest first, over all branches. Paths are relative to `root`."""
        blobs: dict[str, list[str]] = {}
        if self.directory is None:
            return blobs
        prefix = os.fsdecode(self.output("rev-parse", "--show-prefix")).rstrip("\n")
        for start in range(0, len(paths), _PATHS_PER_CALL):
            fields = self.output(*_LOG, "--", *paths[start : start + _PATHS_PER_CALL]).split(b"\0")
            for meta, name in itertools.pairwise(fields):
                parts = meta.split(b" ")
                if not meta.startswith(b":") or len(parts) < 5 or not parts[1].startswith(b"100"):
                    continue
                known = blobs.setdefault(os.fsdecode(name).removeprefix(prefix), [])
                blob = parts[3].decode("ascii")
                if blob not in known:
                    known.append(blob)
        return blobs

    def tracked(self, path: str) -> tuple[str, ...]:
        """The files at or below a path, in any spelling of its letters, that are in git's index. Paths are relative to
        `root`."""
        names = self.output("--icase-pathspecs", "ls-files", "-z", "--", path).split(b"\0")
        return tuple(os.fsdecode(name) for name in names if name)

    def blobs_at(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """The blob that a commit has at each path; empty if there is no such commit, as `HEAD` before the first one.
        Paths are relative to `root`."""
        blobs: dict[str, str] = {}
        if not self.output("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", unset=1):
            return blobs
        for start in range(0, len(paths), _PATHS_PER_CALL):
            some = paths[start : start + _PATHS_PER_CALL]
            for line in self.output("ls-tree", "-z", commit, "--", *some).split(b"\0"):
                meta, _, name = line.partition(b"\t")
                if meta.startswith(b"100"):
                    blobs[os.fsdecode(name)] = meta.split(b" ")[2].decode("ascii")
        return blobs

    def blob_sizes(self, blobs: Sequence[str]) -> dict[str, int]:
        """The bytes of each blob; a blob that this clone lacks is left out."""
        lines = self.output("cat-file", "--batch-check", given=_lines(blobs)).decode("ascii", "replace").splitlines()
        fields = [line.split(" ") for line in lines]
        return {blob: int(size) for blob, kind, size in (each for each in fields if len(each) == 3) if kind == "blob"}

    def small_blobs(self, blobs: Sequence[str]) -> dict[str, bytes]:
        """The bytes of blobs that are known to be small."""
        found: dict[str, bytes] = {}
        data = self.output("cat-file", "--batch", given=_lines(blobs)) if blobs else b""
        while data:
            head, _, data = data.partition(b"\n")
            blob, _, size = head.decode("ascii", "replace").partition(" blob ")
            if size.isdecimal():
                found[blob] = data[: int(size)]
                data = data[int(size) + 1 :]
        return found

    def filters(self, paths: Sequence[str]) -> dict[str, str]:
        """The attribute `filter` of each path. Paths are relative to `root`."""
        given = b"".join(os.fsencode(path) + b"\0" for path in paths)
        fields = self.output("check-attr", "-z", "--stdin", "filter", given=given).split(b"\0") if paths else []
        return {os.fsdecode(path): os.fsdecode(name) for path, name in zip(fields[::3], fields[2::3], strict=False)}

    def ignored(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of these paths that git ignores. Paths are relative to `root`."""
        given = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
        names = self.output("check-ignore", "-z", "--stdin", unset=1, given=given).split(b"\0") if paths else []
        return frozenset(os.fsdecode(name).removeprefix("./") for name in names if name)

    def read_blob(self, blob: str) -> Iterator[bytes]:
        """The bytes of a blob, in pieces. BlobFailed if git cannot read all of it."""
        import subprocess  # noqa: PLC0415 - only commands that ask git load it
        import tempfile  # noqa: PLC0415 - the same

        with tempfile.TemporaryFile() as notes:
            with subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                self._command("cat-file", "blob", blob),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=notes,
            ) as process:
                assert process.stdout is not None
                while chunk := process.stdout.read(disk.DISK_CHUNK):
                    yield chunk
            if process.returncode:
                notes.seek(0)
                raise BlobFailed(_failure(notes.read(_LONGEST_NOTE)))

    def output(self, *arguments: str, unset: int = 0, given: bytes = b"") -> bytes:
        """The standard output of git; empty if git is missing, fails or takes too long. The exit code `unset` means
        that there is nothing to print. `given` is its standard input."""
        import subprocess  # noqa: PLC0415 - only commands that ask git load it

        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                self._command(*arguments),
                env=_environment(),
                input=given,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return self._failed(SourceFailure(f"git did not end within {_TIMEOUT} s"))
        except OSError as error:
            return self._failed(SourceFailure(f"git cannot be run: {(error.strerror or '').lower()}"))
        if done.returncode not in (0, unset):
            return self._failed(_failure(done.stderr[:_LONGEST_NOTE]))
        return done.stdout if done.returncode == 0 else b""

    def _failed(self, failure: SourceFailure) -> bytes:
        if self.failure is None and _in_repository(self.root):
            self.failure = failure
        return b""

    def _command(self, *arguments: str) -> list[str]:
        paths = () if arguments[0] in _PATHS_ONLY else ("--literal-pathspecs",)
        return [*_GIT, *paths, "-C", str(self.root), *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, **_ENVIRONMENT}


def _lines(blobs: Sequence[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode("ascii")


def _in_repository(root: Path) -> bool:
    """Whether a repository is at or above a directory, whatever git makes of it."""
    real = Path(os.path.realpath(root))
    return "GIT_DIR" in os.environ or any(os.path.lexists(folder / ".git") for folder in (real, *real.parents))


def _failure(stderr: bytes) -> SourceFailure:
    """What git wrote to stderr: its errors are the fact, and its advice is the hint."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [_NOTE.sub("", line, count=1) for line in lines if _NOTE.match(line)]
    advice = [
        line.removeprefix("hint: ") for line in lines if not _NOTE.match(line) and not line.startswith("warning: ")
    ]
    fact = "; ".join(errors or advice) or "it gave no reason"
    return SourceFailure(f"git: {fact}", " ".join(advice) if errors else "")


def _borrowed_lfs(objects: Path, *, left: int = _ALTERNATES) -> Iterator[Path]:
    """The Git LFS folders of the repositories from which a folder of git objects borrows (`git clone --reference`)."""
    with suppress(OSError):
        for line in (objects / "info" / "alternates").read_bytes()[:_LONGEST_NOTE].splitlines():
            if line and not line.startswith(b"#"):
                other = objects / os.fsdecode(line)
                yield other.parent / "lfs"
                if left:
                    yield from _borrowed_lfs(other, left=left - 1)
