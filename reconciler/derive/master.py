"""Decode a master: all its pixels, upright, in sRGB, as RGB or RGBA. Imported by the confined process alone."""

from __future__ import annotations

import io
from typing import cast

from PIL import Image, ImageOps

from reconciler.core.images.sniff import ImageFacts
from reconciler.imaging.confined import load_plugin


class SeveralFramesError(Exception):
    """The picture is animated."""


class TwoSizesError(Exception):
    """The header of the file says another size than its decoder."""


def upright_srgb(file: io.BufferedReader, facts: ImageFacts) -> Image.Image:
    """The pixels of a file whose header says this. Raises any exception on invalid bytes."""
    load_plugin(facts.format)
    with Image.open(file, formats=[facts.format]) as image:
        if getattr(image, "n_frames", 1) != 1:
            raise SeveralFramesError
        size = (facts.width, facts.height)
        if image.size not in (size, size[::-1]):  # the size is that of the image as it is shown
            raise TwoSizesError
        image.load()
        profile = image.info.get("icc_profile")
        ImageOps.exif_transpose(image, in_place=True)  # otherwise a copy, even if nothing is to be done
    plain = _without_depth(image)
    if profile:
        plain = _in_srgb(plain, profile)
    mode = "RGBA" if plain.has_transparency_data else "RGB"
    return plain if plain.mode == mode else plain.convert(mode)


def _without_depth(image: Image.Image) -> Image.Image:
    """8 bits for each band: Pillow would cut 16 bits off at white."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The pixels in sRGB. A profile that cannot be read, or is that of another kind of pixels, is ignored, as browsers
    do."""
    from PIL import ImageCms  # noqa: PLC0415 - few pictures have a profile

    transparent = image.has_transparency_data
    colours = image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image
    found = cast("Image.Image", converted)  # None only where it works in place
    if transparent:
        found.putalpha(image.convert("RGBA").getchannel("A"))
    return found
