"""The files of one unit, as they are written into its folder."""

from __future__ import annotations

import struct
from pathlib import Path

from reconciler.core.derived.work import OPERATIONS_REVISION, MadeFile, MadeFiles
from reconciler.core.digest import content_hash
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.derive.processes import NotDerivedError


class UnitFolder:
    """Writes each file once, under its number, and lists them in order when all are there."""

    def __init__(self, folder: Path, outputs: list[str]) -> None:
        self._folder = folder
        self._outputs = outputs
        self._made: dict[int, MadeFile] = {}

    def picture(self, index: int, data: bytes, format_: str, encoder: str) -> None:
        """An image that a process answered. Raises NotDerivedError if it is none of this format."""
        size = _ico_size(data) if format_ == "ico" else _size(data, format_)
        if size is None:
            raise NotDerivedError(f"the encoder did not return {format_}")
        self._write(index, data, size, encoder)

    def text(self, index: int, text: str) -> None:
        """A text that was written here."""
        self._write(index, text.encode("utf-8", "replace"), (0, 0), str(OPERATIONS_REVISION))

    def all(self, notes: tuple[str, ...] = ()) -> MadeFiles:
        """All files of the unit, in order."""
        return MadeFiles(tuple(self._made[index] for index in range(len(self._outputs))), notes)

    def _write(self, index: int, data: bytes, size: tuple[int, int], made: str) -> None:
        path = self._folder / str(index)
        with path.open("xb") as stream:
            stream.write(data)
        self._made[index] = MadeFile(self._outputs[index], path, content_hash(data), len(data), *size, made)


def _size(data: bytes, format_: str) -> tuple[int, int] | None:
    facts = sniff(data)
    return (facts.width, facts.height) if isinstance(facts, ImageFacts) and facts.format == format_ else None


def _ico_size(data: bytes) -> tuple[int, int] | None:
    """The size of the largest image of an ICO file."""
    try:
        reserved, kind, count = struct.unpack_from("<HHH", data)
        sides = [struct.unpack_from("<BB", data, 6 + 16 * each) for each in range(min(count, 16))]
    except struct.error:
        return None
    if (reserved, kind) != (0, 1) or not sides:
        return None
    width, height = max((width or 256, height or 256) for width, height in sides)
    return width, height
