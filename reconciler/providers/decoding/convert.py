"""Convert images to other formats, each in a process of its own. Blocking."""

from __future__ import annotations

import hashlib
from mmap import ACCESS_READ, mmap
from pathlib import Path

from reconciler.core.derived.operations import Crop
from reconciler.core.digest import content_of_hex
from reconciler.core.images.sniff import ImageFacts, NotAnImage, sniff
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Converted, Spool
from reconciler.imaging.regular_file import open_regular
from reconciler.providers.decoding.decode import MOST_PIXELS, encode


class PillowConverter:
    """A core.ports.Converter."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def convert(self, path: Path, format_: str, crop: Crop | None = None) -> Converted | str:
        """See core.ports.Converter."""
        facts = _facts_of(path)
        if isinstance(facts, NotAnImage):
            return facts.why
        if facts.width * facts.height > MOST_PIXELS:
            return f"{facts.width}x{facts.height} pixels are too many to decode"
        data = encode(path, facts, format_, crop)
        if isinstance(data, str):
            return data
        made = sniff(data)
        if not isinstance(made, ImageFacts) or made.format != format_:
            return f"the encoder did not return {format_}"
        spooled, stream = self._spool.open_paid()
        with stream:
            stream.write(data)
        return Converted(Spooled(spooled, content_of_hex(hashlib.sha256(data).hexdigest()), len(data)), made)


def _facts_of(path: Path) -> ImageFacts | NotAnImage:
    with open_regular(path) as file:
        try:
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                return sniff(data)
        except ValueError:  # an empty file cannot be mapped
            return NotAnImage("empty")
