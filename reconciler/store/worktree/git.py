"""Run git on the repository around a project: read only, without hooks, prompts, locks or network access."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from reconciler.store import disk

_PATHS_PER_CALL = 400
_TIMEOUT = 120
_GIT = (
    "git",
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "safe.bareRepository=explicit"),  # files of the project that look like a repository configure nothing
    *("-c", "log.showSignature=false"),
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)
_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_LOG = (
    *("log", "--all", "--no-renames", "-m", "--format=", "--raw", "--no-abbrev", "-z"),
    *("--no-ext-diff", "--no-textconv", "--no-show-signature"),
)


class GitRepository:
    """The repository that holds the directory `root`, if there is one. No git process is started before a call."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def directory(self) -> Path | None:
        """The git directory that all worktrees share; None outside a repository."""
        found = self._output("rev-parse", "--git-common-dir").strip()
        return self.root / os.fsdecode(found) if found else None

    def history(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """The blobs that each path ever had, newest first, over all branches. Paths are relative to `root`."""
        blobs: dict[str, list[str]] = {}
        if self.directory is None:
            return blobs
        prefix = os.fsdecode(self._output("rev-parse", "--show-prefix")).rstrip("\n")
        for start in range(0, len(paths), _PATHS_PER_CALL):
            fields = self._output(*_LOG, "--", *paths[start : start + _PATHS_PER_CALL]).split(b"\0")
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
        """The files at or below a path that are in git's index. Paths are relative to `root`."""
        names = self._output("ls-files", "-z", "--", path).split(b"\0")
        return tuple(os.fsdecode(name) for name in names if name)

    def read_blob(self, blob: str) -> Iterator[bytes]:
        """The bytes of a blob, in pieces."""
        import subprocess  # noqa: PLC0415 - only commands that ask git load it

        with subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            self._command("cat-file", "blob", blob),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            while chunk := process.stdout.read(disk.DISK_CHUNK):
                yield chunk

    def _output(self, *arguments: str) -> bytes:
        """The standard output of git; empty if git is missing, fails or takes too long."""
        import subprocess  # noqa: PLC0415 - only commands that ask git load it

        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                self._command(*arguments),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return b""
        return done.stdout if done.returncode == 0 else b""

    def _command(self, *arguments: str) -> list[str]:
        return [*_GIT, "-C", str(self.root), *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, **_ENVIRONMENT}
