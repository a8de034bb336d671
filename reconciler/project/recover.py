"""Select requests without an end, and remove those that the user has checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from reconciler.core.errors import ConsentNeeded, ProjectError
from reconciler.core.events import Forgotten, Requested, Waiting
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.workspace import Workspace
from reconciler.store.index.index import stat_of
from reconciler.store.state.state_dir import STATE


@value
class UnendedRequests:
    """Requests without a recorded end: those in doubt, and those that a provider has accepted."""

    in_doubt: tuple[Requested, ...]
    waiting: tuple[Waiting, ...]

    @property
    def requests(self) -> tuple[Requested, ...]:
        """All of them."""
        return (*self.in_doubt, *(one.requested for one in self.waiting))


def unended_requests(workspace: Workspace, ids: Sequence[str]) -> UnendedRequests:
    """The requests without an end of the assets that ids and globs name; all without ids. ProjectError for an id that
    names none."""
    found = UnendedRequests((*workspace.in_doubt(), *_of_team(workspace)), workspace.waiting())
    for pattern in ids:
        if not any(_names(pattern, request) for request in found.requests):
            hint = "`reconciler recover` lists the requests in doubt"
            raise ProjectError(f'no request of "{printable(pattern)}" is in doubt', hint=hint)

    def named(one: Requested) -> bool:
        return not ids or any(_names(pattern, one) for pattern in ids)

    waiting = tuple(one for one in found.waiting if named(one.requested))
    return UnendedRequests(tuple(filter(named, found.in_doubt)), waiting)


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
        requests = unended_requests(workspace, ids).requests
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
