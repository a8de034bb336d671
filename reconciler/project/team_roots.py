"""The roots of a team's store: what each branch needed at its last push. A branch that is gone keeps its root until
somebody drops it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from reconciler.core.errors import ProjectError
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.facts import BranchState, TeamRoot
from reconciler.core.team.layout import ROOTS, project_of_root, root_name, short_root
from reconciler.core.team.roots import MAX_ROOT, BranchRoot, branch_slug, decode_root, needing
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.team import Team
from reconciler.project.team_push import DETACHED, own_slug
from reconciler.project.workspace import Workspace
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_settings import branch_names, fetches_every_branch, remote_address


@value
class ReadRoots:
    """The roots of a team's store by the names of their objects, and for people, those of the oldest pushes first."""

    by_name: Mapping[str, BranchRoot]
    shown: tuple[TeamRoot, ...]


def team_roots(workspace: Workspace, team: Team) -> ReadRoots:
    """Every root. BucketError if one cannot be read."""
    team.require_format()
    names = (name for name in team.bucket.names(ROOTS) if project_of_root(name) is not None)
    found = {name: root for name in names if (root := _root(team.bucket, name)) is not None}
    states, counts = _States(workspace), needing(found)
    shown = []
    for name, root in found.items():
        alone = sum(counts[content] == 1 for content in root.contents)
        shown.append(TeamRoot(short_root(name), root.at, len(root.contents), alone, states.of(name)))
    return ReadRoots(found, tuple(sorted(shown, key=lambda root: (root.at, root.name))))


def chosen_roots(roots: ReadRoots, names: Sequence[str]) -> tuple[str, ...]:
    """The objects of the roots with these names. ProjectError for one that is not there, or whose branch is."""
    known = {root.name: root for root in roots.shown}
    for name in names:
        if name not in known:
            raise ProjectError(f"no root is called {printable(name)}", hint="`reconciler team gc` lists them")
        if known[name].state is BranchState.HERE:
            fact = f"{name} is the root of a branch that this clone has: its next push would make it again"
            raise ProjectError(fact, hint="delete the branch first, here and with `git fetch --prune`")
    return tuple(f"{ROOTS}{name}.json" for name in dict.fromkeys(names))


def drop_roots(team: Team, roots: ReadRoots, names: Sequence[str]) -> tuple[str, ...]:
    """Delete these roots, but none that was pushed since it was read; the names of those that were deleted."""
    dropped = [name for name in names if _root(team.bucket, name) == roots.by_name[name]]
    for name in dropped:
        team.cleaner.delete(name)
    return tuple(map(short_root, dropped))


class _States:
    """Tells which branches of this project this clone has. One that it lacks is gone, unless the clone fetches some
    branches only, or it is that of commits without a branch."""

    def __init__(self, workspace: Workspace) -> None:
        repository = GitRepository(workspace.root)
        branches = branch_names(repository)
        slug = own_slug(workspace) if branches else ""
        self._own = f"{ROOTS}{slug}/" if slug else ""
        self._here = {root_name(slug, branch_slug(branch)) for branch in branches}
        self._detached = root_name(slug, branch_slug(DETACHED)) if slug else ""
        self._has_all = not remote_address(repository) or fetches_every_branch(repository)

    def of(self, name: str) -> BranchState:
        if not self._own or not name.startswith(self._own):
            return BranchState.UNKNOWN
        if name in self._here:
            return BranchState.HERE
        return BranchState.GONE if self._has_all and name != self._detached else BranchState.UNKNOWN


def _root(bucket: Bucket, name: str) -> BranchRoot | None:
    sink = BytesIO()
    return decode_root(sink.getvalue(), name) if bucket.get(name, sink, most=MAX_ROOT) else None
