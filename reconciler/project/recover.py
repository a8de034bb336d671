"""Select requests in doubt, and remove those that the user has checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from reconciler.core.errors import ConsentNeeded, ProjectError
from reconciler.core.events import Forgotten, Requested
from reconciler.core.text import printable
from reconciler.project.workspace import Workspace
from reconciler.store.index.index import stat_of
from reconciler.store.state.state_dir import STATE


def requests_in_doubt(workspace: Workspace, ids: Sequence[str]) -> tuple[Requested, ...]:
    """The requests in doubt of the assets that ids and globs name; all without ids. ProjectError for an id that names
    none."""
    in_doubt = (*workspace.in_doubt(), *_of_team(workspace))
    for pattern in ids:
        if not any(_names(pattern, request) for request in in_doubt):
            hint = "`reconciler recover` lists the requests in doubt"
            raise ProjectError(f'no request of "{printable(pattern)}" is in doubt', hint=hint)
    return tuple(one for one in in_doubt if not ids or any(_names(pattern, one) for pattern in ids))


def forget_requests(
    workspace: Workspace,
    ids: Sequence[str],
    *,
    wait: float,
    consent: Callable[[Sequence[Requested]], bool],
    environ: Mapping[str, str],
) -> tuple[Requested, ...]:
    """Remove these requests from the list, so that the next apply may send new ones. Those of other checkouts are
    settled in the team's store.

    ConsentNeeded if `consent` returns False.
    """
    with workspace.exclusive(wait):
        requests = requests_in_doubt(workspace, ids)
        if not consent(requests):
            raise ConsentNeeded("nothing was changed")
        theirs = frozenset(request.attempt for request in requests if request.by)
        if theirs:
            from reconciler.project.team_recover import forget_for_team  # noqa: PLC0415 - few projects have a team

            forget_for_team(workspace, theirs, environ)
        workspace.journal.record_all(Forgotten(request.attempt) for request in requests if not request.by)
        workspace.close_journal()
    return requests


def _of_team(workspace: Workspace) -> tuple[Requested, ...]:
    """The requests of other checkouts, for a project that has asked a team's store."""
    if stat_of(workspace.root / STATE / "team") is None:
        return ()
    from reconciler.project.team_recover import team_in_doubt  # noqa: PLC0415 - few projects have a team

    return team_in_doubt(workspace)


def _names(pattern: str, request: Requested) -> bool:
    return request.asset == pattern or fnmatchcase(request.asset, pattern)
