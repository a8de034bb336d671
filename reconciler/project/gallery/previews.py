"""Make the previews of a page, or take them from the cache. Images come from strangers: a process with limits decodes
them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.value import value
from reconciler.project.gallery.image_files import ImageFiles, image_facts
from reconciler.providers.decoding.decode import THUMBNAILS
from reconciler.store.objects.preview_cache import PreviewCache

LARGE_SIDE, SMALL_SIDE = 384, 256
"""The most pixels of the longer side of a preview: on a page of few images, and on one of many."""
MANY_IMAGES = 400
"""A page of more has small previews: a thousand of them take 3 MB, and the large ones 6."""
_MOST_AT_ONCE = 8


@value
class SmallImage:
    """A preview of an image: a small WebP, b"" if the image is not here or cannot be decoded. `facts` are known if the
    image was read."""

    webp: bytes
    facts: ImageFacts | None = None


class Previews:
    """The previews of one project. `state` is its state directory."""

    def __init__(self, files: ImageFiles, state: Path, *, side: int) -> None:
        self._files = files
        self._side = side
        self._cache = PreviewCache(state, side)

    def of(self, content: ContentHash) -> SmallImage:
        """One preview, from the cache or new."""
        kept = self._cache.get(content)
        return SmallImage(kept) if kept is not None else self._made(content)

    def all_of(
        self, contents: Iterable[ContentHash], *, announce: Callable[[int], None] = lambda _: None
    ) -> dict[ContentHash, SmallImage]:
        """The previews of many images. `announce` gets the number of those that have to be made, if there are any."""
        found = {content: self._cache.get(content) for content in dict.fromkeys(contents)}
        missing = [content for content, kept in found.items() if kept is None]
        made: dict[ContentHash, SmallImage] = {}
        if missing:
            announce(len(missing))
            with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_AT_ONCE)) as pool:
                made = dict(zip(missing, pool.map(self._made, missing), strict=True))
        return {content: SmallImage(kept) if kept is not None else made[content] for content, kept in found.items()}

    def _made(self, content: ContentHash) -> SmallImage:
        path = self._files.fetch(content)
        facts = image_facts(path) if path is not None else None
        if path is None or facts is None:
            return SmallImage(b"")
        webp = self._decoded(path, facts)
        if webp:
            self._cache.put(content, webp)
        return SmallImage(webp, facts)

    def _decoded(self, path: Path, facts: ImageFacts) -> bytes:
        try:
            return THUMBNAILS.preview(path, facts, self._side) or b""
        except OSError:
            return b""
