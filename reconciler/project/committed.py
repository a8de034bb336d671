"""Find the locked images and derived files that the commit which is checked out does not have."""

from __future__ import annotations

from reconciler.core.digest import ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.plan.actions import Keep, NotSelected
from reconciler.core.ports import SourceFailure
from reconciler.core.value import value
from reconciler.project.planning import PlannedProject
from reconciler.project.workspace import Workspace
from reconciler.store.worktree.committed import by_repository, uncommitted
from reconciler.store.worktree.git import GitRepository

TYPE_CHECKING = False
if TYPE_CHECKING:  # only where something is derived
    from reconciler.project.derivation import DerivedState


@value
class Uncommitted:
    """The outputs with locked images, and the derived files, that are in no commit and not ignored."""

    outputs: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


@value
class NoRepository:
    """The project is in no git repository."""


def uncommitted_files(
    workspace: Workspace, planned: PlannedProject, derived: DerivedState | None
) -> Uncommitted | NoRepository | SourceFailure:
    """The outputs and derived files that are up to date, selected, and not in HEAD; SourceFailure if git cannot be
    asked."""
    kept = (step for step in planned.plan.asset_steps if isinstance(step.action, Keep))
    contents = {
        step.output: step.entry.content
        for step in kept
        if step.entry is not None and not isinstance(step.action.reason, NotSelected)
    }
    made = _derived_contents(derived) if derived is not None else {}
    contents |= made
    found: set[str] = set()
    for folder, paths in by_repository(workspace.root, contents).items():
        repository = GitRepository(folder)
        if repository.directory is None:
            return repository.failure or NoRepository()
        missing = set(uncommitted(repository, {real: contents[path] for path, real in paths.items()}))
        if repository.failure is not None:
            return repository.failure
        found |= {path for path, real in paths.items() if real in missing}
    return Uncommitted(tuple(sorted(found - made.keys())), tuple(sorted(found & made.keys())))


def _derived_contents(derived: DerivedState) -> dict[str, ContentHash]:
    """The derived files that are as their lock has them. Those of a rule with `commit: false` are ignored by git."""
    from reconciler.core.derived.decide_files import KeepFile  # noqa: PLC0415 - only where something is derived

    files = (each for step in derived.plan.steps for each in step.files)
    return {each.path: each.line.content for each in files if isinstance(each.action, KeepFile) and each.line}


def required(found: Uncommitted | NoRepository | SourceFailure) -> Uncommitted:
    """The files. ProjectError if git could not tell."""
    match found:
        case Uncommitted():
            return found
        case NoRepository():
            raise ProjectError("--committed: the project is in no git repository")
        case SourceFailure(fact=fact, hint=hint):
            raise ProjectError(f"--committed: {fact}", hint=hint)
