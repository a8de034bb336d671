"""Set up git for lockfiles, and merge them for git."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.derived.derived_merge import merge_derived
from reconciler.core.errors import LockfileError, ProjectError
from reconciler.core.lock.text_merge import merge_texts, readable_lock
from reconciler.core.value import value
from reconciler.project.init import InitOutcome, add_lines
from reconciler.project.init_files import GIT_MERGE_ATTRIBUTES, GIT_PART_ATTRIBUTES
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.project import DERIVED_LOCK, LOCK_BYTES, LOCK_FILE
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_config import missing_settings, write_settings


@value
class GitSetup:
    """The settings that this clone lacks, and the lines that .gitattributes lacks."""

    settings: tuple[str, ...]
    lines: tuple[str, ...]


def git_setup_left(root: Path, program: str) -> GitSetup:
    """What `git setup` would write. ProjectError outside a repository."""
    repository = GitRepository(root)
    if repository.directory is None:
        fact = repository.failure.fact if repository.failure is not None else "the project is in no git repository"
        raise ProjectError(fact, hint="`git init` makes one")
    try:
        known = {line.strip() for line in disk.plain_bytes(root / ".gitattributes", most=1 << 20).splitlines()}
    except FileNotFoundError:
        known = set()
    lines = tuple(line for line in GIT_MERGE_ATTRIBUTES if line.encode() not in known)
    return GitSetup(missing_settings(repository, program), lines)


def set_up_git(root: Path, program: str, left: GitSetup) -> InitOutcome | None:
    """Write what is missing: the settings of this clone, and the lines of .gitattributes for everybody."""
    write_settings(GitRepository(root), program, left.settings)
    return add_lines(root, ".gitattributes", left.lines) if left.lines else None


def split_lockfile(workspace: Workspace, *, wait: float) -> InitOutcome:
    """Give each spec a lockfile of its own, so that branches that add different specs change no common file."""
    with workspace.exclusive(wait):
        workspace.lock_file.catch_up()
        workspace.lock_file.split()
    return add_lines(workspace.root, ".gitattributes", GIT_PART_ATTRIBUTES)


def unite_lockfile(workspace: Workspace, *, wait: float) -> None:
    """Write one lockfile for the whole project again."""
    with workspace.exclusive(wait):
        workspace.lock_file.catch_up()
        workspace.lock_file.unite()


def merge_lockfiles(base: Path, ours: Path, theirs: Path, *, name: str, most: int) -> None:
    """Merge three versions of a lockfile into the second one. LockfileError, and no file is changed, where both sides
    changed one asset, or a file is no lockfile. `most` is the number of assets that a project may have."""
    merge = merge_derived if os.path.basename(name) == DERIVED_LOCK else merge_texts
    merged = merge(_text(base, most), _text(ours, most), _text(theirs, most), file=name)
    disk.write_cache(ours, merged.encode())


def lock_for_diff(path: Path, *, most: int) -> str:
    """A lockfile as text for a diff."""
    return readable_lock(_text(path, most))


def _text(path: Path, most: int) -> str:
    data = disk.plain_bytes(path, most=LOCK_BYTES * most, hint=f"it is no {LOCK_FILE}")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise LockfileError(f"{LOCK_FILE} is not UTF-8 text") from error
