"""Select requests in doubt, and remove those that the user has checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from reconciler.core.errors import ConsentNeeded, ProjectError
from reconciler.core.events import Forgotten, Requested
from reconciler.core.text import printable
from reconciler.project.workspace import Workspace


def requests_in_doubt(workspace: Workspace, ids: Sequence[str]) -> tuple[Requested, ...]:
    """The requests in doubt of the assets that ids and globs name; all without ids. ProjectError for an id that names
    none."""
    in_doubt = workspace.in_doubt()
    for pattern in ids:
        if not any(_names(pattern, request) for request in in_doubt):
            hint = "`reconciler recover` lists the requests in doubt"
            raise ProjectError(f'no request of "{printable(pattern)}" is in doubt', hint=hint)
    return tuple(one for one in in_doubt if not ids or any(_names(pattern, one) for pattern in ids))


def forget_requests(
    workspace: Workspace, ids: Sequence[str], *, wait: float, consent: Callable[[Sequence[Requested]], bool]
) -> tuple[Requested, ...]:
    """Remove these requests from the list, so that the next apply may send new ones.

    ConsentNeeded if `consent` returns False.
    """
    with workspace.exclusive(wait):
        requests = requests_in_doubt(workspace, ids)
        if not consent(requests):
            raise ConsentNeeded("nothing was changed")
        workspace.journal.record_all(Forgotten(request.attempt) for request in requests)
        workspace.close_journal()
    return requests


def _names(pattern: str, request: Requested) -> bool:
    return request.asset == pattern or fnmatchcase(request.asset, pattern)
