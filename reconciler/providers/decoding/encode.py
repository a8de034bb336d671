"""Encode an image in another format: the same pixels, with settings that give the same bytes each time.

- The orientation in the metadata is applied. The colour profile stays; all other metadata is left out.
- PNG: compression level 6. JPEG: quality 95, 4:4:4, baseline, transparent pixels on white. WebP: quality 95. AVIF:
  quality 95, 4:4:4, speed 6, one thread.

Imported by the decoding process alone.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

_SETTINGS: dict[str, dict[str, Any]] = {
    "png": {"compress_level": 6},
    "jpeg": {"quality": 95, "subsampling": 0, "optimize": False, "progressive": False},
    "webp": {"quality": 95, "method": 4},
    "avif": {"quality": 95, "subsampling": "4:4:4", "speed": 6, "max_threads": 1},
}
_MODES = {"png": ("1", "L", "LA", "RGB", "RGBA", "I;16"), "jpeg": ("L", "RGB")}
"""The modes that are kept as they are; of the other formats: RGB and RGBA."""
_WHITE = (255, 255, 255)


def encoded(image: Image.Image, form: str) -> tuple[tuple[int, int], bytes]:
    """The size and the bytes of an image in this format."""
    profile = image.info.get("icc_profile")
    upright = _in_mode(ImageOps.exif_transpose(image), form)
    kept = {"icc_profile": profile} if profile and _colours(image.mode) == _colours(upright.mode) else {}
    for name in [*upright.info]:
        del upright.info[name]  # an encoder would take metadata from there
    out = io.BytesIO()
    upright.save(out, form, **_SETTINGS[form], **kept)
    return upright.size, out.getvalue()


def _in_mode(image: Image.Image, form: str) -> Image.Image:
    """The image in a mode that the format can hold."""
    if form == "jpeg" and image.has_transparency_data:
        over = image.convert("RGBA")
        flat = Image.new("RGB", image.size, _WHITE)
        flat.paste(over, mask=over.getchannel("A"))
        return flat
    if image.mode in _MODES.get(form, ("RGB", "RGBA")) and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _colours(mode: str) -> str:
    """The colour space of a mode, which its profile describes."""
    if mode in ("1", "L", "LA", "I;16"):
        return "grey"
    return "RGB" if mode in ("P", "PA", "RGB", "RGBA") else mode
