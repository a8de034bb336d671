"""Detect the format of a file by its first bytes. No other module does."""

from __future__ import annotations

from reconciler.core.images.png import SIGNATURE as PNG

_OUTPUTS = frozenset({"png", "jpeg", "webp", "avif"})
HEAD = 264
"""The number of bytes that suffices: the longest is the list of up to 64 brands at the start of an AVIF file."""


def image_format(head: bytes) -> str:
    """The format of a file by its first bytes: png, jpeg, webp, avif, gif, or "" for any other file."""
    if head.startswith(PNG):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and _has_avif_brand(head):
        return "avif"
    return "gif" if head.startswith((b"GIF87a", b"GIF89a")) else ""


def begins_as_image(head: bytes) -> bool:
    """Whether a file that begins so can be an output: a PNG, JPEG, WebP or AVIF file."""
    return image_format(head) in _OUTPUTS


def _has_avif_brand(head: bytes) -> bool:
    """Whether a brand in the first box, major or compatible, is AVIF's."""
    brands = head[8 : min(int.from_bytes(head[:4], "big"), HEAD)]
    return any(brands[at : at + 4] in (b"avif", b"avis") for at in range(0, len(brands), 4))
