"""What was paid for is the picture that was asked for, or it is said why not."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reconciler.core.images.sniff import ImageFacts
from reconciler.providers.responses.verify_image import VerifiedImage, verify_image
from reconciler.testing.gateway.pictures import huge_png, png_chunk
from tests.providers.builders import a_recipe


def picture(
    tmp_path: Path, *, form: str = "png", size: tuple[int, int] = (160, 160), mode: str = "RGB", **options: Any
) -> Path:
    path = tmp_path / f"picture.{form}"
    image = Image.radial_gradient("L").resize(size).convert(mode)
    image.save(path, form, **options)
    return path


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
def test_a_sound_picture(tmp_path: Path, form: str) -> None:
    path = picture(tmp_path, form=form, size=(320, 180))
    image = verify_image(path, a_recipe(size="16:9", format=form))
    assert image == VerifiedImage(ImageFacts(form, 320, 180, path.stat().st_size))


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
def test_every_cut_is_found(tmp_path: Path, form: str) -> None:
    path = picture(tmp_path, form=form)
    data = path.read_bytes()
    for keep in [*range(0, len(data), max(1, len(data) // 40)), len(data) - 1]:
        path.write_bytes(data[:keep])
        assert isinstance(verify_image(path, a_recipe(format=form)), str), keep


def test_every_flipped_bit_in_a_png_is_found(tmp_path: Path) -> None:
    path = picture(tmp_path)
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 300)):
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        assert isinstance(verify_image(path, a_recipe()), str), at


def test_pixels_that_cannot_be_decoded_in_a_sound_container(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 160, 160, 8, 2, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(bytes(99))), png_chunk(b"IEND", b""))
    path = tmp_path / "short.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert "cannot be decoded" in str(verify_image(path, a_recipe()))


def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png())
    assert "30000x30000" in str(verify_image(path, a_recipe()))


@pytest.mark.parametrize(
    ("recipe", "size", "asked", "wrong"),
    [
        (a_recipe(size="16:9"), (1344, 768), None, ""),
        (a_recipe(size="16:9"), (1376, 768), None, ""),
        (a_recipe(size="16:9"), (1408, 768), None, ""),
        (a_recipe(size="16:9"), (768, 1344), None, "not 16:9"),
        (a_recipe(size="16:9"), (1280, 768), None, "not 16:9"),
        (a_recipe(size="4:3"), (1472, 1140), (1472, 1140), ""),
        (a_recipe(size="4:3"), (1500, 1000), (1500, 1000), ""),
        (a_recipe(size=""), (300, 200), None, ""),
        (a_recipe(size="auto"), (300, 200), None, ""),
        (a_recipe(size=""), (100, 100), None, "too small"),
        (a_recipe(size="1:1", image_size="2K"), (2048, 2048), None, ""),
        (a_recipe(size="1:1", image_size="2k"), (1024, 1024), None, "too small"),
        (a_recipe(size="1:1", image_size="1K"), (1000, 1000), None, ""),
        (a_recipe(size="1536x1024"), (1264, 848), None, ""),
        (a_recipe(size="1536x1024"), (600, 400), None, "too small"),
        (a_recipe(size="16:9", image_size="4K"), (3840, 2160), (3840, 2160), ""),
    ],
)  # fmt: skip
def test_size(tmp_path: Path, recipe: Any, size: tuple[int, int], asked: tuple[int, int] | None, wrong: str) -> None:
    image = verify_image(picture(tmp_path, size=size, compress_level=1), recipe, asked=asked)
    assert isinstance(image, VerifiedImage)
    assert (image.misfit is None) if not wrong else image.misfit and wrong in image.misfit.message


def test_format_frames_and_alpha(tmp_path: Path) -> None:
    other = verify_image(picture(tmp_path, form="jpeg"), a_recipe())
    assert isinstance(other, VerifiedImage) and other.misfit is None, "another format is converted"
    frames = picture(tmp_path, form="webp", save_all=True, append_images=[Image.new("RGB", (160, 160))])
    assert verify_image(frames, a_recipe(format="webp")) == "the picture has several frames"
    clear = a_recipe(background="transparent")
    for opaque in ("RGB", "RGBA", "LA"):  # an alpha channel may be opaque everywhere
        image = verify_image(picture(tmp_path, mode=opaque), clear)
        assert isinstance(image, VerifiedImage) and image.misfit, opaque
        assert image.misfit.message == "the picture is not transparent"
    path = tmp_path / "clear.png"
    Image.new("RGBA", (160, 160), (9, 9, 9, 254)).save(path)
    assert verify_image(path, clear) == VerifiedImage(ImageFacts("png", 160, 160, path.stat().st_size))


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_a_picture_that_is_shown_on_its_side_has_the_size_that_people_see(tmp_path: Path, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = picture(tmp_path, form=form, size=(180, 320), exif=exif)
    image = verify_image(path, a_recipe(size="16:9", format=form))
    assert image == VerifiedImage(ImageFacts(form, 320, 180, path.stat().st_size))


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("tail", [b"!", b"\0" * 512, b"\r\n<script>alert(1)</script>", b"\xff\xd8\xff"])
def test_bytes_behind_the_end_are_ignored(tmp_path: Path, form: str, tail: bytes) -> None:
    path = picture(tmp_path, form=form)
    path.write_bytes(path.read_bytes() + tail)
    image = verify_image(path, a_recipe(format=form))
    assert image == VerifiedImage(ImageFacts(form, 160, 160, path.stat().st_size))


def test_bytes_are_left_as_they_are(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (160, 160)).save(out, "png")
    path = tmp_path / "a.png"
    path.write_bytes(out.getvalue())
    verify_image(path, a_recipe())
    assert path.read_bytes() == out.getvalue()
