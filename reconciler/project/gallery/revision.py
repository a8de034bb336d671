"""The lockfile of another revision of the project, from git."""

from __future__ import annotations

from reconciler.core.errors import ProjectError
from reconciler.core.lock.parts import PARTS
from reconciler.core.ports import SourceFailure
from reconciler.project.gallery.assets import BeforeLock
from reconciler.project.workspace import Workspace
from reconciler.store.documents.lock_parts import is_header, packed_parts
from reconciler.store.documents.project import LOCK_BYTES, LOCK_FILE, parse_lock
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_base import BaseCommit
from reconciler.store.worktree.git_revision import GitRevision, find_revision


def project_revision(workspace: Workspace, name: str) -> GitRevision:
    """The commit that a name of git stands for. ProjectError if there is none."""
    found = find_revision(GitRepository(workspace.root), name)
    if isinstance(found, SourceFailure):
        raise _not_there(found)
    return found


def lock_at(workspace: Workspace, revision: GitRevision) -> BeforeLock:
    """The lockfile of a commit; an empty one if the commit has none. LockfileError if it cannot be read."""
    data = revision.small_file(LOCK_FILE, most=LOCK_BYTES * workspace.most_assets)
    if isinstance(data, SourceFailure):
        raise _not_there(data)
    if is_header(data):
        commit = BaseCommit(revision.repository, revision.commit)
        data = packed_parts(commit.contents(commit.listing((PARTS,))))
    return BeforeLock(revision.name, parse_lock(workspace.root, data))


def _not_there(failure: SourceFailure) -> ProjectError:
    return ProjectError(f"--against: {failure.fact}", hint=failure.hint)
