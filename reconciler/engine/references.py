"""Reference pictures of one run, for providers in the same process."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.digest import ContentHash


class LocalReferences:
    """A core.ports.References that keeps the paths of the files and copies no bytes. Safe to use from threads."""

    def __init__(self) -> None:
        self._files: dict[ContentHash, Path] = {}

    def share(self, content: ContentHash, path: Path) -> None:
        """See core.ports.References."""
        self._files[content] = path

    def fetch(self, content: ContentHash) -> Path | None:
        """See core.ports.References."""
        return self._files.get(content)
