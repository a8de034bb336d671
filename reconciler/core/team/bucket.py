"""The ports of the team's store: a bucket of objects that are created once and never change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from reconciler.core.value import value


@value
class BucketObject:
    """One object of a bucket: its bytes, and when the server says that it was written, in UTC."""

    size: int
    modified: datetime


class Bucket(Protocol):
    """Objects by name. Create-if-absent is the only write: an object never changes and is never deleted.

    Every method blocks, and may be called by several threads at a time. Each raises BucketError: BucketUnreachable if
    the same call may succeed later, BucketDenied if the credentials do not allow it.
    """

    def put_new(self, name: str, source: Path | bytes) -> bool:
        """Create an object. True: it was created, and is durable. False: another object has the name.

        An answer that got lost is settled by reading the object back, so the bytes of two writers who must not be taken
        for each other have to differ (a claim has a nonce).
        """
        ...

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        """Write the bytes of an object to `sink`; False if there is none. BucketError for more bytes than `most`.

        After an error, `sink` may hold a part of the bytes.
        """
        ...

    def names(self, prefix: str) -> Iterable[str]:
        """The names that begin with `prefix`, sorted. `prefix` is "" or ends with a slash."""
        ...

    def stat(self, name: str) -> BucketObject | None:
        """Size and time of an object, without its bytes; None if there is none."""
        ...


class BucketCleaner(Protocol):
    """The two changes of existing objects: `team gc` deletes, and a push replaces the root of its project."""

    def replace(self, name: str, data: bytes) -> None:
        """Write an object, over an older one of that name."""
        ...

    def delete(self, name: str) -> None:
        """Delete an object; no error if it is gone."""
        ...
