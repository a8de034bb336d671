"""A web server as the team's store, to read: it has the objects, and no list of names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.team.bucket import BucketObject
from reconciler.core.team.layout import is_name
from reconciler.core.team.store_url import StoreUrl
from reconciler.team.timeouts import BucketTimeouts

if TYPE_CHECKING:
    import httpx

_LATER = "if the address in team.url is right, try again later"
_UNKNOWN = datetime.fromtimestamp(0, UTC)


class WebBucket:
    """A Bucket that is read without credentials. Redirects are not followed: another server was not named.

    Every write is BucketDenied, and `names` a BucketError: what somebody has bought for a recipe cannot be looked up
    here, and what a lockfile names can.
    """

    def __init__(self, url: StoreUrl, timeouts: BucketTimeouts = BucketTimeouts()) -> None:  # noqa: B008 - it is frozen
        import httpx  # noqa: PLC0415 - only a store at a web server needs it here

        self._httpx = httpx
        self._place = str(url)
        self._hint = web_hint(self._place)
        self._total = timeouts.total
        self._client = httpx.Client(
            follow_redirects=False,
            timeout=httpx.Timeout(timeouts.idle, connect=timeouts.connect),
            headers={"accept-encoding": "identity"},
        )

    def put_new(self, name: str, source: Path | bytes) -> bool:
        """Always denied."""
        self._read_only(name)

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        """See core.team.bucket.Bucket."""
        with self._errors(name), self._client.stream("GET", self._address(name)) as response:
            if not self._exists(response, name):
                return False
            got, end = 0, time.monotonic() + self._total
            for part in response.iter_raw():  # as they come: a server that drips must not fill a buffer for hours
                if time.monotonic() > end:
                    raise BucketUnreachable(f"cannot read {name} in {self._place}: it did not answer in time")
                got += len(part)
                if got > most:
                    raise BucketError(f"{name} in {self._place} is larger than {most:,} bytes")
                sink.write(part)
        return True

    def names(self, prefix: str) -> NoReturn:
        """Always an error."""
        hint = "pull what the lockfile names, or use an object store"
        raise BucketError(f"{self._place} is a web server, which does not list its objects", hint=hint)

    def stat(self, name: str) -> BucketObject | None:
        """See core.team.bucket.Bucket."""
        with self._errors(name):
            response = self._client.head(self._address(name))
            if not self._exists(response, name):
                return None
        size = response.headers.get("content-length", "")
        if not (size.isascii() and size.isdigit()) or len(size) > 18:
            raise BucketError(f"cannot read {name} in {self._place}: the server does not say its size")
        return BucketObject(int(size), _time(response.headers.get("last-modified", "")))

    def replace(self, name: str, data: bytes) -> None:
        """Always denied."""
        self._read_only(name)

    def delete(self, name: str) -> None:
        """Always denied."""
        self._read_only(name)

    def _address(self, name: str) -> str:
        if not is_name(name):
            raise ValueError(f"not a name of an object: {name!r}")
        return f"{self._place}/{name}"

    def _read_only(self, name: str) -> NoReturn:
        raise BucketDenied(f"cannot write {name}: {self._place} is a web server, which is only read")

    def _exists(self, response: httpx.Response, name: str) -> bool:
        """Whether the answer is an object. BucketError for another one."""
        status = response.status_code
        if status == 200:
            return True
        if status in (404, 410):
            return False
        if status in (401, 403):
            raise BucketDenied(f"cannot read {name} in {self._place}: the server said {status}", hint=self._hint)
        if status in (408, 429) or status >= 500:
            raise BucketUnreachable(f"cannot read {name} in {self._place}: the server said {status}", hint=_LATER)
        fact = f"cannot read {name} in {self._place}: the server said {status}"
        if 300 <= status < 400:
            hint = "it is not followed; if the address that it leads to is your team's store, write that into team.url"
            raise BucketError(f"{fact}, which leads to another address", hint=hint)
        raise BucketError(fact, hint=self._hint)

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn what httpx raises into a BucketUnreachable, in our words."""
        try:
            yield
        except self._httpx.HTTPError as error:
            reasons = {
                "ConnectError": "no connection",
                "ConnectTimeout": "it did not answer in time",
                "ReadTimeout": "it did not answer in time",
                "RemoteProtocolError": "the answer was cut off",
            }
            reason = reasons.get(type(error).__name__, "the connection broke off")
            raise BucketUnreachable(f"cannot read {name} in {self._place}: {reason}", hint=_LATER) from error


def web_hint(place: str) -> str:
    """What to do about a web server that does not answer as a store."""
    return (
        f"open {place}/format.json in a browser: it must be there without signing in; else the path in team.url is "
        "wrong, the store is not public, or nobody has pushed to it yet"
    )


def _time(text: str) -> datetime:
    """A time of HTTP; long ago for any other text."""
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # an offset can lead out of the years that there are
        return _UNKNOWN
