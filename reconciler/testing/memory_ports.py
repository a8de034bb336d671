"""In-memory adapters of the ports around a provider: a spool, a store, a log."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import IO

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.errors import Unsent
from reconciler.core.events import Event
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Spool, StoredImage


class MemorySpool:
    """Spool files in a directory of the test, which can list those that still exist."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._names = count()

    def open(self) -> tuple[Path, IO[bytes]]:
        path = self.directory / f"spool-{next(self._names)}"
        return path, path.open("xb")

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        return self.open()

    def for_attempt(self, attempt: str) -> Spool:
        return self

    def left(self) -> set[Path]:
        """The spool files that nobody took over or deleted."""
        return set(self.directory.iterdir())


class MemoryStore(MemorySpool):
    """A store whose records live as long as the object; the bytes stay in their spool files."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.objects: dict[ContentHash, Path] = {}
        self.recipes: dict[RecipeKey, tuple[StoredImage, ...]] = {}

    def put(self, spooled: Spooled) -> Path:
        return self.objects.setdefault(spooled.content, spooled.path)

    def remember(self, key: RecipeKey, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        known = self.recipes.get(key, ())
        first = next((image for image in known if image.content == stored.content), None)
        if first is None:
            self.recipes[key] = (*known, stored)
        return first or stored

    def find(self, content: ContentHash) -> Path | None:
        return self.objects.get(content)

    def recall(self, key: RecipeKey, *, only: ContentHash | None = None) -> tuple[StoredImage, ...]:
        there = (image for image in self.recipes.get(key, ()) if image.content in self.objects)
        return tuple(image for image in there if only in (None, image.content))


class RecordingLog:
    """Every event in the order in which it was recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


class FullSpool:
    """A spool on a disk without space."""

    def open(self) -> tuple[Path, IO[bytes]]:
        raise Unsent("no space left on the disk of the spool")

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        return self.open()

    def for_attempt(self, attempt: str) -> Spool:
        return self


class FunctionLog:
    """A log that calls a function with each event."""

    def __init__(self, record: Callable[[Event], None]) -> None:
        self._record = record

    def record(self, event: Event) -> None:
        self._record(event)
