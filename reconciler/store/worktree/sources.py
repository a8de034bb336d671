"""Find bytes that were paid for once, in several places, and ask an expensive one only if the others have nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.ports import Objects, Source, SourceFailure


class StoreSource:
    """A Source: the objects of a store."""

    name = "the store"

    def __init__(self, store: Objects) -> None:
        self._store = store

    def has(self, content: ContentHash, path: str) -> bool:
        """See core.ports.Source."""
        return self.fetch(content, path) is not None

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See core.ports.Source."""
        return self._store.sound(content)

    def permanent(self) -> frozenset[ContentHash]:
        """Nothing: the question is what the store may delete."""
        return frozenset()

    def failure(self, path: str) -> SourceFailure | None:
        """See core.ports.Source. An object that cannot be read is none."""
        return None


class ContentSources(Mapping[tuple[ContentHash, str], str]):
    """Some sources in the order of their cost, as one Source. A source is asked only if those before it have nothing.

    As a mapping it gives the name of the first source that has a content, by the content and the path that it was
    locked for. Such a mapping has no length and no keys: nobody knows them all.
    """

    name = "any source"

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)

    def __getitem__(self, sought: tuple[ContentHash, str]) -> str:
        for name in self._names(*sought):
            return name
        raise KeyError(sought)

    def __iter__(self) -> Iterator[tuple[ContentHash, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def places(self, content: ContentHash, path: str) -> tuple[str, ...]:
        """The name of every source that has the bytes, in their order."""
        return tuple(self._names(content, path))

    def has(self, content: ContentHash, path: str) -> bool:
        """See core.ports.Source."""
        return any(True for _ in self._names(content, path))

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See core.ports.Source."""
        files = (source.fetch(content, path) for source in self._sources)
        return next((file for file in files if file is not None), None)

    def permanent(self) -> frozenset[ContentHash]:
        """See core.ports.Source."""
        return frozenset[ContentHash]().union(*(source.permanent() for source in self._sources))

    def failure(self, path: str) -> SourceFailure | None:
        """See core.ports.Source."""
        failures = (source.failure(path) for source in self._sources)
        return next((failure for failure in failures if failure is not None), None)

    def _names(self, content: ContentHash, path: str) -> Iterator[str]:
        return (source.name for source in self._sources if source.has(content, path))


class SourceFailures(Mapping[str, SourceFailure]):
    """The failures of a source, by path. Like ContentSources, it has no length and no keys."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, path: str) -> SourceFailure:
        failure = self._source.failure(path)
        if failure is None:
            raise KeyError(path)
        return failure

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
