"""Find the locked images that the commit which is checked out does not have."""

from __future__ import annotations

from reconciler.core.errors import ProjectError
from reconciler.core.plan.actions import Keep, NotSelected
from reconciler.core.ports import SourceFailure
from reconciler.core.value import value
from reconciler.project.planning import PlannedProject
from reconciler.project.workspace import Workspace
from reconciler.store.worktree.committed import by_repository, uncommitted
from reconciler.store.worktree.git import GitRepository


@value
class Uncommitted:
    """The outputs with locked images that are in no commit and not ignored."""

    outputs: tuple[str, ...]


@value
class NoRepository:
    """The project is in no git repository."""


def uncommitted_outputs(workspace: Workspace, planned: PlannedProject) -> Uncommitted | NoRepository | SourceFailure:
    """The outputs that are up to date, selected, and not in HEAD; SourceFailure if git cannot be asked."""
    kept = (step for step in planned.plan.asset_steps if isinstance(step.action, Keep))
    contents = {
        step.output: step.entry.content
        for step in kept
        if step.entry is not None and not isinstance(step.action.reason, NotSelected)
    }
    found: set[str] = set()
    for folder, paths in by_repository(workspace.root, contents).items():
        repository = GitRepository(folder)
        if repository.directory is None:
            return repository.failure or NoRepository()
        missing = set(uncommitted(repository, {real: contents[path] for path, real in paths.items()}))
        if repository.failure is not None:
            return repository.failure
        found |= {path for path, real in paths.items() if real in missing}
    return Uncommitted(tuple(sorted(found)))


def required(found: Uncommitted | NoRepository | SourceFailure) -> tuple[str, ...]:
    """The outputs. ProjectError if git could not tell."""
    match found:
        case Uncommitted(outputs=outputs):
            return outputs
        case NoRepository():
            raise ProjectError("--committed: the project is in no git repository")
        case SourceFailure(fact=fact, hint=hint):
            raise ProjectError(f"--committed: {fact}", hint=hint)
