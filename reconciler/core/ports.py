"""The seams between deciding, moving and the world: Protocols of at most four methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Protocol

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Durable, Event
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Made
from reconciler.core.outcome import Outcome, Spooled
from reconciler.core.recipe import Recipe
from reconciler.core.value import value


@value
class ImageRequest:
    """One image to make. A plain value: it holds no path and no function, so it can be pickled and sent to another
    process. Its pictures are named by content (`recipe.images()`); a provider gets their bytes from `References`.

    `retry_of` are the attempts in doubt that it retries, with the user's consent.
    """

    asset: AssetId
    recipe: Recipe
    key: RecipeKey
    retry_of: tuple[str, ...] = ()


OnResponse = Callable[[], None]
"""Called on the event loop when the complete response has arrived: the server is free for another request."""


def ignore_response() -> None:
    """The listener of a caller that does not limit concurrency."""


class Provider(Protocol):
    """Turns a recipe into bytes. Never raises for an error of the server: that is an Outcome."""

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or why not. A cancelled call may have been charged.

        `on_response` is called at most once for each attempt. It stays on the caller's side: a provider that runs
        elsewhere reports the response, and its stand-in here makes the call.
        """
        ...


class References(Protocol):
    """The pictures that requests refer to, by content."""

    def share(self, content: ContentHash, path: Path) -> None:
        """Make the bytes of a file available to providers. Its content was hashed just now, and is `content`."""
        ...

    def fetch(self, content: ContentHash) -> Path | None:
        """A file with these bytes on the provider's machine; None if they were never shared, or are gone.

        The file may be the user's own, and may have changed since it was shared: hash it before use.
        """
        ...


class Spool(Protocol):
    """Where an answer's bytes go while they arrive."""

    def open(self) -> tuple[Path, IO[bytes]]:
        """A new empty file, on the same file system as the store. Who opens it closes it, or deletes it.

        Once closed, the stream's `name` says where its bytes are: elsewhere where the disk refused some of them.
        """
        ...

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        """The same for bytes that are paid for already: where the store's disk refuses, anywhere that takes them."""
        ...


@value
class StoredImage:
    """An image the store holds for a recipe. `attempt` is the request that it answered, "" if it was not asked for."""

    content: ContentHash
    image: ImageFacts
    made: Made
    attempt: str = ""


class Store(Protocol):
    """Content-addressed bytes of everything that was paid for."""

    def put(self, spooled: Spooled) -> Path:
        """Take the file over. Durable once this returns: a crash after it never pays twice."""
        ...

    def remember(self, key: RecipeKey, stored: StoredImage) -> StoredImage:
        """Record that these bytes answer this recipe; as it is remembered, which is as it was first. Durable once this
        returns."""
        ...

    def find(self, content: ContentHash) -> Path | None:
        """The file with these bytes, or None."""
        ...

    def recall(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        """What answers this recipe, oldest first; only what the store still holds."""
        ...


class Log(Protocol):
    """Where events go: the journal (durable) or a person's screen."""

    def record(self, event: Event) -> None:
        """For the journal: durable once this returns."""
        ...


@value
class Placed:
    """The output holds the bytes, durably."""


@value
class InTheWay:
    """Not done: what is at the path is not what was expected there. None: it is absent."""

    found: ContentHash | None


class Outputs(Protocol):
    """The image files of the working tree, and wherever else their bytes may lie."""

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file that holds exactly these bytes now: that path itself, the store, Git LFS, the path's git history."""
        ...

    def place(
        self, content: ContentHash, path: str, *, expect: ContentHash | None, locked_for: str
    ) -> Placed | InTheWay:
        """Put bytes at a path if it still holds `expect` (None: nothing). What is replaced goes to the store first.

        They are fetched by the path that they were `locked_for`. A path that holds these very bytes already is not
        touched. DiskError if they cannot be had or written.
        """
        ...

    def vacate(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        """Remove a file that still holds `expect`; its bytes are in the store when this returns.

        What is gone already is no obstacle. What was put in place by another spelling of this path stays.
        """
        ...


class LockFile(Protocol):
    """`assets.lock` on the disk."""

    def update(self, events: Iterable[Durable]) -> None:
        """The file has these events, which the journal has already. Durable and whole once this returns."""
        ...
