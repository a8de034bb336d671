"""Small pictures of images, cached by size and content in `.reconciler/thumbs`. Can be deleted at any time."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.digest import ContentHash, hex_of
from reconciler.core.errors import DiskError
from reconciler.core.images.magic import image_format
from reconciler.store import disk

PREVIEWS = "thumbs/1"
"""Below the state directory. The number is that of the way in which previews are made."""
_MOST_BYTES = 64 << 10


class PreviewCache:
    """The previews of one project whose longer side has at most `side` pixels. Used only in a state directory that
    exists: a checkout that nobody has applied stays without one. A cache that cannot be read or written costs time and
    nothing else."""

    def __init__(self, state: Path, side: int) -> None:
        self._usable = state.is_dir()
        self._folder = state / PREVIEWS / str(side)

    def get(self, content: ContentHash) -> bytes | None:
        """The preview of an image; None if there is none. No link is followed, and only a WebP is returned."""
        file = self._file(content)
        if not self._usable or not disk.is_plain(file):
            return None
        try:
            data = disk.plain_bytes(file, most=_MOST_BYTES)
        except (DiskError, OSError):
            return None
        return data if image_format(data) == "webp" else None

    def put(self, content: ContentHash, preview: bytes) -> None:
        """Keep a preview, if the disk allows it."""
        if not self._usable:
            return
        file = self._file(content)
        try:
            for folder in (self._folder.parent.parent, self._folder.parent, self._folder, file.parent):
                disk.refuse_link(folder)
                folder.mkdir(exist_ok=True)
            disk.write_cache(file, preview)
        except (DiskError, OSError):
            self._usable = False

    def _file(self, content: ContentHash) -> Path:
        digits = hex_of(content)
        return self._folder / digits[:2] / f"{digits}.webp"
