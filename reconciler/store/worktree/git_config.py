"""The settings of this clone for the merge and the diff of lockfiles: what `git setup` writes.

git runs these commands by a shell. Each falls back to what git does by itself if `reconciler` is not installed, fails,
or cannot decide: a merge driver that fails would otherwise leave one side without a mark.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from reconciler.core.errors import ProjectError
from reconciler.store.worktree.git import GitRepository

_LABELS = "-L ours -L base -L theirs"


def git_settings(program: str) -> Mapping[str, str]:
    """The settings, for a program that is called by this name or path."""
    call = shlex.quote(program)
    return {
        "merge.reconciler.name": "lockfiles of reconciler, asset by asset",
        "merge.reconciler.driver": (
            f"{call} git merge-driver %O %A %B %P || git merge-file --marker-size=%L {_LABELS} %A %O %B"
        ),
        "diff.reconciler.xfuncname": '^    ("[^"]+"): \\{',
        "diff.reconciler.textconv": f'f() {{ {call} git textconv "$1" 2>/dev/null || cat "$1"; }}; f',
    }


def missing_settings(repository: GitRepository, program: str) -> tuple[str, ...]:
    """The settings that this clone lacks or has with another value."""
    wanted = git_settings(program)
    fields = repository.output("config", "--local", "-z", "--get-regexp", r"^(merge|diff)\.reconciler\.", unset=1)
    found = dict(each.split("\n", 1) for each in fields.decode("utf-8", "replace").split("\0") if "\n" in each)
    return tuple(name for name, value in wanted.items() if found.get(name) != value)


def write_settings(repository: GitRepository, program: str, names: tuple[str, ...]) -> None:
    """Write these settings into the configuration of this clone. ProjectError if git refuses."""
    wanted = git_settings(program)
    for name in names:
        repository.output("config", "--local", "--replace-all", name, wanted[name])
        if repository.failure is not None:
            raise ProjectError(repository.failure.fact, hint=repository.failure.hint)
