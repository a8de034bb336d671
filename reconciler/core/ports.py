"""The ports between core, engine and adapters: protocols of at most four methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Durable, Event
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Made
from reconciler.core.mismatch import HOLD, OnMismatch
from reconciler.core.outcome import Outcome, Spooled
from reconciler.core.recipe import Recipe
from reconciler.core.value import value

if TYPE_CHECKING:  # a project without derived files loads nothing of them
    from reconciler.core.derived.derived_lock import DerivedLine
    from reconciler.core.derived.operations import Crop
    from reconciler.core.derived.work import DerivedResult, Work


@value
class ImageRequest:
    """One image to make. A plain value: it holds no path and no function, so it can be pickled and sent to another
    process. Its pictures are named by content (`recipe.images()`); a provider gets their bytes from `References`.

    `retry_of` are the attempts in doubt that it retries, with the user's consent. `family` names the style of the
    asset: placeholders of one family look alike. It is not part of the recipe. `attempt` is the id of this attempt, ""
    for a provider that costs nothing. `workflow` is the template whose digest is in the recipe, "" if it has none.
    """

    asset: AssetId
    recipe: Recipe
    key: RecipeKey
    retry_of: tuple[str, ...] = ()
    family: str = ""
    attempt: str = ""
    on_mismatch: OnMismatch = HOLD
    workflow: str = ""


OnResponse = Callable[[], None]
"""Called on the event loop when the complete response has arrived: the server is free for another request."""


def ignore_response() -> None:
    """The listener of a caller that does not limit concurrency."""


class Provider(Protocol):
    """Turns a recipe into bytes. Never raises for an error of the server: that is an Outcome."""

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or the reason why there is none. A cancelled call may have been charged.

        `on_response` is called at most once for each attempt, in the caller's process. A provider in another process
        reports the response to a proxy in this one, which makes the call.
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
    """Temporary files that receive the bytes of responses."""

    def open(self) -> tuple[Path, IO[bytes]]:
        """A new empty file, on the same file system as the store. The caller closes it, and deletes it after a failure.

        After the stream is closed, its `name` is the path of its bytes. That is another path than the returned one if
        a write failed.
        """
        ...

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        """The same for bytes that are paid for. If the store's file system fails, the file is elsewhere."""
        ...

    def for_attempt(self, attempt: str) -> Spool:
        """The same spool; the names of its files say that they belong to this attempt. The next run finds them by it,
        if this one dies."""
        ...


@value
class StoredImage:
    """An image in the store for a recipe. `attempt` is the request that returned it, "" if there was none.

    `repeats` are further requests that got the very same bytes. `misfit`: it is not as the recipe says, and is used
    only where a person chooses it. `original`: it was converted from that content.
    """

    content: ContentHash
    image: ImageFacts
    made: Made
    attempt: str = ""
    misfit: Misfit | None = None
    original: ContentHash | None = None
    repeats: tuple[str, ...] = ()


class Store(Protocol):
    """The bytes of paid images, by content, and the recipes that they answer."""

    def put(self, spooled: Spooled) -> Path:
        """Take over a spool file. Durable once this returns: after a crash, nothing is paid for twice."""
        ...

    def remember(self, key: RecipeKey, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        """Record that these bytes answer this recipe, and return the record. An earlier record of the same bytes
        stays, and is returned; another attempt that got them is added to it. Durable once this returns, unless the
        caller can have a first record again and says so."""
        ...

    def find(self, content: ContentHash) -> Path | None:
        """The file with these bytes, or None. It is not read."""
        ...

    def recall(self, key: RecipeKey, *, only: ContentHash | None = None) -> tuple[StoredImage, ...]:
        """The images that answer this recipe, oldest first, without those whose bytes are gone. `only` names the one
        to look for: the others are not read."""
        ...


class Objects(Protocol):
    """Verified bytes by content: enough to put outputs in place."""

    def find(self, content: ContentHash) -> Path | None:
        """The file that should have these bytes, or None. It is not read."""
        ...

    def sound(self, content: ContentHash) -> Path | None:
        """The file with these bytes, hashed just now; None if it is absent or damaged."""
        ...

    def put_file(self, path: Path) -> ContentHash:
        """Copy a file of the user in. The hash is of the bytes copied. Durable once this returns."""
        ...

    def put_copy(self, content: ContentHash, fetch: Callable[[IO[bytes]], bool]) -> ContentHash | None:
        """Copy bytes in that another place keeps: `fetch` writes them, and says whether that place has them. The hash
        of what came, None for nothing. Other bytes than `content` are not kept. Durable once this returns."""
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


class RecipeFolders(Protocol):
    """A quick look at the recipes that a store knows."""

    def recipe_folders(self) -> frozenset[str]:
        """The first two digits of the recipes that have records; others certainly have none."""
        ...


class StoreMaintenance(Protocol):
    """Changes to a store under the apply lock, beside those of an apply."""

    def secure(self, key: RecipeKey) -> None:
        """Make the records of a recipe durable: a crashed run may have written them without a sync."""
        ...

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of crashed runs: complete or partial responses that never reached the store. The name of one that
        belongs to an attempt begins with its id and a hyphen."""
        ...

    def folders(self) -> Iterable[Path]:
        """Every directory that may hold temporary files of crashed runs."""
        ...

    def drop(self, contents: Collection[ContentHash]) -> tuple[ContentHash, ...]:
        """Delete objects and their records; the objects that were deleted."""
        ...


class ProjectStore(Store, Objects, Spool, StoreInventory, StoreMaintenance, RecipeFolders, Protocol):
    """The whole store of one project, as its composition root holds it. Consumers take one of the parts."""


@value
class SourceFailure:
    """Why a source may have bytes that it does not find, in the words of the program that failed, and the way out."""

    fact: str
    hint: str = ""


class Source(Protocol):
    """A place that may still have bytes which were paid for once. `name` is for messages: `the store`, `Git LFS`."""

    name: str

    def has(self, content: ContentHash, path: str) -> bool:
        """Whether `fetch` would find the bytes that are locked for this path. Writes nothing."""
        ...

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file with exactly these bytes, verified, or None. May first copy them into the store."""
        ...

    def permanent(self) -> frozenset[ContentHash]:
        """The contents that this source keeps for good: the store need not keep them as well."""
        ...

    def failure(self, path: str) -> SourceFailure | None:
        """Why the bytes that are locked for this path may be here although `has` did not find them, if they may."""
        ...


class Log(Protocol):
    """A sink of events: the journal, which is durable, or the progress display."""

    def record(self, event: Event) -> None:
        """For the journal: durable once this returns."""
        ...


@value
class Converted:
    """An image in another format: its bytes, and its facts."""

    spooled: Spooled
    image: ImageFacts


class Converter(Protocol):
    """Encodes images in other formats."""

    def convert(self, path: Path, format_: str, crop: Crop | None = None) -> Converted | str:
        """The image in this format, cropped first, or why that is not possible. The same file gives the same bytes.
        Blocking.

        Raises OSError or DiskError if the disk fails.
        """
        ...


class Deriver(Protocol):
    """Makes derived files on this machine. Used by several threads at a time."""

    def derive(self, work: Work) -> DerivedResult:
        """All files of a unit in its folder, or why there are none. Blocking.

        Raises OSError or DiskError if the disk fails. A picture that is broken or too large, and a decoder that dies,
        are a `DeriveFailure`.
        """
        ...

    def encoder(self, format_: str) -> str:
        """`MadeFile.made` of a file of this format that would be made now. Starts no process, imports no codec."""
        ...

    def close(self) -> None:
        """End the processes. A `derive` in another thread then returns a failure soon."""
        ...


@value
class DerivedPlacement:
    """A file in a unit's folder that goes to a path if that still has the content `expect` (None: no file)."""

    source: Path
    path: str
    content: ContentHash
    expect: ContentHash | None = None


class DerivedOutputs(Protocol):
    """The derived files of the working tree."""

    def unit_folder(self) -> Path:
        """A new empty directory for the results of one unit, on the file system of the outputs."""
        ...

    def place(self, files: Sequence[DerivedPlacement]) -> tuple[Placed | InTheWay, ...]:
        """Put the files of one unit in place, all of them or none: the answers say which are in the way.

        A path that has the new bytes already is not touched. Durable after `settle`. Raises DiskError.
        """
        ...

    def remove(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        """Remove a file that still has the content `expect`; an absent file counts as removed. Raises DiskError."""
        ...

    def settle(self, ignored: Mapping[str, Collection[str]]) -> tuple[str, ...]:
        """Make what was placed and removed durable, and write which files git ignores: names by folder. The lines that
        a person has to add to a .gitignore of their own."""
        ...


class DerivedRecords(Protocol):
    """`derived.lock`, its local part, and the files that are being put in place."""

    def begin(self, sets: Mapping[str, Mapping[str, DerivedLine]], sources: Iterable[Path]) -> None:
        """Make these files durable, and record that they are about to be put in place: a run that dies then loses none
        of them. Raises DiskError."""
        ...

    def save(
        self,
        committed: Mapping[str, Mapping[str, DerivedLine]],
        local: Mapping[str, Mapping[str, DerivedLine]],
    ) -> None:
        """Write the lock and its local part, if they differ from what is there, and forget what `begin` recorded.
        LockfileError if another program has changed the lock meanwhile."""
        ...


@value
class Placed:
    """The output holds the bytes, durably."""


@value
class InTheWay:
    """Not done: the path does not have the expected content. `found` is None if there is no file."""

    found: ContentHash | None


class Outputs(Protocol):
    """The image files of the working tree, and the other sources of their bytes."""

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file that holds exactly these bytes now: that path itself, the store, Git LFS, the path's git history."""
        ...

    def place(
        self, content: ContentHash, path: str, *, expect: ContentHash | None, locked_for: str
    ) -> Placed | InTheWay:
        """Write bytes to a path if it still has the content `expect` (None: no file). Replaced bytes go to the store
        first.

        `locked_for` is the path under which sources look the bytes up. A path that has these bytes already is not
        touched. Raises DiskError if no source has the bytes, or if they cannot be written.
        """
        ...

    def vacate(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        """Remove a file that still has the content `expect`; its bytes are in the store when this returns.

        A missing file is no error. A file that this run wrote under another spelling of the path stays.
        """
        ...


class LockFile(Protocol):
    """`assets.lock` on the disk."""

    def update(self, events: Iterable[Durable]) -> None:
        """Add events that are in the journal already. The file is durable and complete once this returns."""
        ...
