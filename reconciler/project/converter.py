"""Construct the converter of images when the first one needs it: few runs do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.ports import Converted, Spool

if TYPE_CHECKING:
    from reconciler.core.derived.operations import Crop


class LazyConverter:
    """A core.ports.Converter."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def convert(self, path: Path, format_: str, crop: Crop | None = None) -> Converted | str:
        """See core.ports.Converter."""
        from reconciler.providers.decoding.convert import PillowConverter  # noqa: PLC0415 - for conversions only

        return PillowConverter(self._spool).convert(path, format_, crop)
