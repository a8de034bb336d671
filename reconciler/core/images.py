"""What a file says it is: format, pixels, whether it is complete, from its bytes alone. Nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass

FORMATS = ("png", "jpeg", "webp", "avif")
SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".avif": "avif"}
"""Output suffix (lower case) to format."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the lockfile keeps of an image. Sizes in pixels and bytes."""

    format: str
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class NotAnImage:
    """Why the bytes are not a complete image of a known format."""

    why: str


def sniff(data: bytes | memoryview) -> ImageFacts | NotAnImage:
    """Format, pixel size and completeness (to the last byte), from the container's own structure."""
    raise NotImplementedError
