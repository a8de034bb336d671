"""The ports between core, engine and adapters: protocols of at most four methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
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
    """The bytes of paid images, by content, and the recipes that they answer."""

    def put(self, spooled: Spooled) -> Path:
        """Take over a spool file. Durable once this returns: after a crash, nothing is paid for twice."""
        ...

    def remember(self, key: RecipeKey, stored: StoredImage) -> StoredImage:
        """Record that these bytes answer this recipe, and return the record. An earlier record of the same bytes
        stays, and is returned. Durable once this returns."""
        ...

    def find(self, content: ContentHash) -> Path | None:
        """The file with these bytes, or None. It is not read."""
        ...

    def recall(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        """The images that answer this recipe, oldest first, without those whose bytes are gone."""
        ...


class Objects(Protocol):
    """Verified bytes by content: enough to put outputs in place."""

    def sound(self, content: ContentHash) -> Path | None:
        """The file with these bytes, hashed just now; None if it is absent or damaged."""
        ...

    def put_file(self, path: Path) -> ContentHash:
        """Copy a file of the user in. The hash is of the bytes copied. Durable once this returns."""
        ...


@value
class Damaged:
    """An object whose bytes do not have the hash in its name. `found` is their hash; None: it cannot be read."""

    content: ContentHash
    path: Path
    found: ContentHash | None


class StoreInventory(Protocol):
    """The contents of a store, for reports."""

    def contents(self) -> Iterable[ContentHash]:
        """Every object, in order."""
        ...

    def size(self, content: ContentHash) -> int:
        """Bytes of an object; 0 if it is absent."""
        ...

    def remembered(self) -> Iterable[tuple[RecipeKey, StoredImage]]:
        """Every image that ever answered a recipe, also those whose bytes are gone."""
        ...

    def verify(self) -> Iterable[Damaged]:
        """Hash every object again; the damaged ones, which are left as they are."""
        ...


class StoreMaintenance(Protocol):
    """Changes to a store under the apply lock, beside those of an apply."""

    def secure(self, key: RecipeKey) -> None:
        """Make the records of a recipe durable: a crashed run may have written them without a sync."""
        ...

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of crashed runs: complete or partial responses that never reached the store."""
        ...

    def folders(self) -> Iterable[Path]:
        """Every directory that may hold temporary files of crashed runs."""
        ...

    def drop(self, contents: Collection[ContentHash]) -> tuple[ContentHash, ...]:
        """Delete objects and their records; the objects that were deleted."""
        ...


class ProjectStore(Store, Objects, Spool, StoreInventory, StoreMaintenance, Protocol):
    """The whole store of one project, as its composition root holds it. Consumers take one of the parts."""


class Source(Protocol):
    """A place that may still have bytes which were paid for once. `name` is for messages: `the store`, `Git LFS`."""

    @property
    def name(self) -> str: ...

    def has(self, content: ContentHash, path: str) -> bool:
        """Whether `fetch` would find the bytes that were locked for this path. Writes nothing."""
        ...

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file with exactly these bytes, verified, or None. May first copy them into the store."""
        ...

    def permanent(self) -> frozenset[ContentHash]:
        """The contents that this source keeps for good: the store need not keep them as well."""
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
