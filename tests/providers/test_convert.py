"""An image in another format has the same pixels, and the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from reconciler.core.images.sniff import FORMATS
from reconciler.core.ports import Converted
from reconciler.core.provenance.marks import find_marks
from reconciler.core.provenance.source_type import COMPOSITE, TRAINED
from reconciler.providers.decoding.convert import PillowConverter
from reconciler.testing.memory_ports import MemorySpool
from tests.core.provenance.carriers import marked


def saved(path: Path, form: str, *, mode: str = "RGB", **options: object) -> Path:
    image = Image.radial_gradient("L").resize((96, 64)).convert(mode)
    image.save(path, form, **options)
    return path


def converted(path: Path, form: str, spool: MemorySpool) -> tuple[bytes, Image.Image]:
    made = PillowConverter(spool).convert(path, form)
    assert isinstance(made, Converted), made
    data = made.spooled.path.read_bytes()
    assert (made.image.format, made.image.size, made.spooled.size) == (form, len(data), len(data))
    image = Image.open(io.BytesIO(data))
    image.load()
    assert (made.image.width, made.image.height) == image.size
    return data, image


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_to_every_other(tmp_path: Path, form: str, wanted: str) -> None:
    path, spool = saved(tmp_path / "in", form), MemorySpool(tmp_path / "spool")
    data, image = converted(path, wanted, spool)
    assert converted(path, wanted, spool)[0] == data, "the same bytes each time"
    before = Image.open(path).convert("RGB")
    difference = ImageChops.difference(before, image.convert("RGB")).getextrema()
    assert max(most for _, most in difference) <= (0 if wanted == "png" else 12)  # type: ignore[misc]  # three bands


@pytest.mark.parametrize("wanted", ["png", "webp", "avif"])
def test_transparency_stays(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "in.png"
    Image.new("RGBA", (64, 64), (200, 0, 0, 0)).save(path)
    _, image = converted(path, wanted, MemorySpool(tmp_path / "spool"))
    assert image.convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_jpeg_has_transparent_pixels_in_white(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    Image.new("RGBA", (64, 64), (200, 0, 0, 0)).save(path)
    _, image = converted(path, "jpeg", MemorySpool(tmp_path / "spool"))
    assert image.getpixel((32, 32)) == (255, 255, 255)


def test_the_orientation_is_applied_and_no_metadata_but_the_profile_stays(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    path = saved(tmp_path / "in.jpg", "jpeg", exif=exif, icc_profile=b"a profile", comment=b"a comment")
    data, image = converted(path, "png", MemorySpool(tmp_path / "spool"))
    assert image.size == (64, 96)
    assert image.info.get("icc_profile") == b"a profile"
    assert not image.getexif()
    assert b"a secret" not in data and b"a comment" not in data


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize(("term", "kept"), [("", TRAINED), (COMPOSITE, COMPOSITE), ("digitalCapture", TRAINED)])
@pytest.mark.parametrize("form", ["webp", "png"])
def test_a_converted_image_says_that_it_is_generated(
    tmp_path: Path, form: str, wanted: str, term: str, kept: str
) -> None:
    path = tmp_path / "in"
    path.write_bytes(marked(form, term) if term else marked(form))
    data, _ = converted(path, wanted, MemorySpool(tmp_path / "spool"))
    assert find_marks(memoryview(data)).xmp.source_type == kept


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "YCbCr"])
@pytest.mark.parametrize("wanted", FORMATS)
def test_every_mode(tmp_path: Path, mode: str, wanted: str) -> None:
    form = "jpeg" if mode in ("CMYK", "YCbCr") else "png"
    path = saved(tmp_path / "in", form, mode=mode)
    if form == wanted:
        return
    converted(path, wanted, MemorySpool(tmp_path / "spool"))


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_said(tmp_path: Path, data: bytes) -> None:
    path, spool = tmp_path / "in", MemorySpool(tmp_path / "spool")
    path.write_bytes(data)
    assert isinstance(PillowConverter(spool).convert(path, "png"), str)
    assert spool.left() == set()
