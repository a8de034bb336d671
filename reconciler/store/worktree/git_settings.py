"""The user's own settings of git: who judges, and with which key."""

from __future__ import annotations

import os

from reconciler.store.worktree.git import GitRepository


def user_email(repository: GitRepository) -> str:
    """`user.email`; "" if it is not set."""
    return repository.output("config", "--get", "user.email", unset=1).decode("utf-8", "replace").strip()


def branch_name(repository: GitRepository) -> str:
    """The branch that is checked out; "" without one."""
    return repository.output("symbolic-ref", "--quiet", "--short", "HEAD", unset=1).decode("utf-8", "replace").strip()


def branch_names(repository: GitRepository) -> tuple[str, ...]:
    """The branches of this clone, and those of its remotes as they were at the last fetch; () if git names none."""
    told = repository.output("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    names = []
    for line in told.decode("utf-8", "replace").splitlines():
        kind, _, name = line.removeprefix("refs/").partition("/")
        names.append(name.partition("/")[2] if kind == "remotes" else name)  # after the name of the remote
    return tuple(dict.fromkeys(names))


def fetches_every_branch(repository: GitRepository) -> bool:
    """Whether `git fetch` asks `origin` for all of its branches: a clone of one branch asks for that alone."""
    told = repository.output("config", "--get-all", "remote.origin.fetch", unset=1).decode("utf-8", "replace")
    return any(line.removeprefix("+").startswith("refs/heads/*:") for line in told.splitlines())


def remote_address(repository: GitRepository) -> str:
    """The address of the remote `origin`; "" without one."""
    return repository.output("config", "--get", "remote.origin.url", unset=1).decode("utf-8", "replace").strip()


def signing_key(repository: GitRepository) -> str:
    """`user.signingkey`, as git takes it for SSH: a path, or a public key; "" if it is not set."""
    text = repository.output("config", "--get", "user.signingkey", unset=1).decode("utf-8", "replace").strip()
    if text.startswith(("key::", "ssh-", "ecdsa-", "sk-")):
        return text
    path = repository.output("config", "--type=path", "--get", "user.signingkey", unset=1)
    return os.fsdecode(path).strip()
