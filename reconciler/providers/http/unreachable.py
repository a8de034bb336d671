"""Tell why no connection came about: the name does not resolve, the port is closed, or there is no route."""

from __future__ import annotations

import errno
from collections.abc import Iterator

UNRESOLVED = "its name does not resolve"
REFUSED = "the connection was refused"
NO_ROUTE = "the network is unreachable"
_MOST = 32
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


def unreachable_because(error: BaseException, *, resolver_error: type[OSError]) -> str:
    """The cause of a failed connection in words of this package; "" is unknown."""
    found = tuple(causes(error))
    if any(isinstance(each, resolver_error) for each in found):
        return UNRESOLVED
    if any(isinstance(each, ConnectionRefusedError) for each in found):
        return REFUSED  # of several addresses one refused, so there is a route
    return NO_ROUTE if any(isinstance(each, OSError) and each.errno in _NO_ROUTE for each in found) else ""


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, groups included, up to a limit."""
    waiting, seen = [error], 0
    while waiting and seen < _MOST:
        each = waiting.pop(0)
        seen += 1
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        earlier = each.__cause__ or each.__context__
        if earlier is not None:
            waiting.append(earlier)
