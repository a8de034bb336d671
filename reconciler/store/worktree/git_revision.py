"""The files of one commit of the repository around a project."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.ports import SourceFailure
from reconciler.core.value import value
from reconciler.store.worktree.git import GitRepository


@value
class GitRevision:
    """A commit, and the words by which the user named it. Paths are relative to the root of the repository value."""

    repository: GitRepository
    name: str
    commit: str

    def blobs(self, paths: Sequence[str]) -> dict[str, str]:
        """The blob at each path; a path that the commit does not have is left out."""
        return self.repository.blobs_at(self.commit, paths)

    def small_file(self, path: str, *, most: int) -> bytes | SourceFailure | None:
        """The bytes of a file; None if the commit does not have it, SourceFailure if it has more bytes than `most`."""
        blob = self.blobs((path,)).get(path)
        if blob is None:
            return self.repository.failure
        size = self.repository.blob_sizes((blob,)).get(blob)
        if size is None:
            return self.repository.failure or SourceFailure(f"git: {path} of {self.name} is not in this clone")
        if size > most:
            return SourceFailure(f"{path} of {self.name} is larger than {most >> 20} MiB")
        return self.repository.small_blobs((blob,)).get(blob)


def find_revision(repository: GitRepository, name: str) -> GitRevision | SourceFailure:
    """The commit that a branch, a tag or another name of git stands for."""
    if repository.directory is None:
        return repository.failure or SourceFailure("the project is in no git repository")
    given = f"{name}^{{commit}}"
    usable = name and not name.startswith("-") and "\0" not in name
    commit = repository.output("rev-parse", "--verify", "--quiet", given, unset=1).strip() if usable else b""
    if not commit:
        hint = "write a branch, a tag or a commit; in CI, fetch it first: a checkout may be shallow"
        return repository.failure or SourceFailure(f'git has no commit "{name}" here', hint)
    return GitRevision(repository, name, commit.decode("ascii"))
