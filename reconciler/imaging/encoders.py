"""Encode pixels: the settings of each format, which give the same bytes each time.

- `converted` puts a paid image into another format. It loses as little as the format allows: PNG; JPEG, WebP and AVIF
  at quality 95, JPEG and AVIF 4:4:4. The colour profile stays.
- `encoded` makes a derived file with the quality that its rule says. JPEG is progressive, AVIF has speed 8, PNG level
  9; there is no profile, since the pixels are sRGB.

The orientation in the metadata is applied, and all other metadata is left out. A mark that says that the picture is
generated is written anew: in a paid image the term that it had, else `trainedAlgorithmicMedia`. AVIF has one thread:
several would take their shares of the limits, and give other bytes. Imported by the confined processes alone.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps, PngImagePlugin

from reconciler.core.derived.crop_box import crop_box
from reconciler.core.derived.operations import Crop, Encoding
from reconciler.core.provenance.source_type import GENERATIVE_TERMS, TRAINED
from reconciler.core.provenance.xmp import read_xmp, xmp_packet

_FAITHFUL: dict[str, dict[str, Any]] = {
    "png": {"compress_level": 6},
    "jpeg": {"quality": 95, "subsampling": 0, "optimize": False, "progressive": False},
    "webp": {"quality": 95, "method": 4},
    "avif": {"quality": 95, "subsampling": "4:4:4", "speed": 6, "max_threads": 1},
}
_MODES = {"png": ("1", "L", "LA", "RGB", "RGBA", "I;16"), "jpeg": ("L", "RGB")}
"""The modes that are kept as they are; of the other formats: RGB and RGBA."""
_WHITE = "#ffffff"


def converted(image: Image.Image, form: str, crop: Crop | None = None) -> tuple[tuple[int, int], bytes]:
    """The size and the bytes of a paid image in this format, cropped first."""
    profile = image.info.get("icc_profile")
    mark = _marked(form, (_term(image),))
    shown = ImageOps.exif_transpose(image)
    if crop is not None:
        shown = shown.crop(crop_box(shown.width, shown.height, crop))
    upright = _in_mode(shown, form, _WHITE)
    kept = {"icc_profile": profile} if profile and _colours(image.mode) == _colours(upright.mode) else {}
    return upright.size, _saved(upright, form, {**_FAITHFUL[form], **kept, **mark})


def encoded(image: Image.Image, encoding: Encoding) -> bytes:
    """The bytes of a derived file. The pixels are sRGB, and upright."""
    form, quality = encoding.format, encoding.quality
    settings: dict[str, Any]
    match form:
        case "png":
            settings = {"compress_level": 9}
        case "jpeg":
            settings = {"quality": quality, "progressive": True, "optimize": True}
        case "webp":
            settings = {"quality": quality, "method": 4, "lossless": encoding.lossless}
        case _:
            settings = {"quality": quality, "speed": 8, "max_threads": 1}
            if encoding.lossless:
                settings |= {"quality": 100, "subsampling": "4:4:4"}
    return _saved(_in_mode(image, form, encoding.background), form, {**settings, **_marked(form, encoding.mark)})


def encoded_ico(images: list[Image.Image]) -> bytes:
    """An ICO file of square images, the largest of which comes first."""
    out = io.BytesIO()
    first, *others = images
    first.save(out, "ico", sizes=[image.size for image in images], append_images=others)
    return out.getvalue()


def _term(image: Image.Image) -> str:
    """The term of IPTC that an image of a model has, if it is one of those that name a model."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    term = read_xmp(packet if isinstance(packet, bytes) else str(packet).encode("utf-8", "replace")).source_type
    return term if term in GENERATIVE_TERMS else TRAINED


def _marked(form: str, mark: tuple[str, ...]) -> dict[str, Any]:
    """The settings that write a mark into the metadata."""
    if not mark:
        return {}
    packet = xmp_packet(*mark[:2])
    if form != "png":
        return {"xmp": packet.encode()}
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet)
    return {"pnginfo": text}


def _saved(image: Image.Image, form: str, settings: dict[str, Any]) -> bytes:
    for name in [*image.info]:
        del image.info[name]  # an encoder would take metadata from there
    out = io.BytesIO()
    image.save(out, form, **settings)
    return out.getvalue()


def _in_mode(image: Image.Image, form: str, background: str) -> Image.Image:
    """The image in a mode that the format can hold."""
    if form == "jpeg" and image.has_transparency_data:
        over = image.convert("RGBA")
        flat = Image.new("RGB", image.size, background)
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
