"""A master is decoded as people see it: upright, in sRGB, with 8 bits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.derive.master import SeveralFramesError, TwoSizesError, upright_srgb
from tests.derive.pictures import scene, sprite


def seen(image: Image.Image, form: str = "png", **options: object) -> Image.Image:
    out = io.BytesIO()
    image.save(out, form, **options)
    facts = sniff(out.getvalue())
    assert isinstance(facts, ImageFacts), facts
    return upright_srgb(io.BytesIO(out.getvalue()), facts)  # type: ignore[arg-type]  # a file in memory


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = seen(scene(), "jpeg", exif=exif, quality=95)
    assert found.size == ((96, 64) if orientation < 5 else (64, 96))
    assert found.mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_opaque_modes(mode: str) -> None:
    form = "jpeg" if mode == "CMYK" else "png"
    assert seen(scene().convert(mode), form).mode == "RGB"


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_modes_with_alpha(mode: str) -> None:
    assert seen(sprite().convert(mode)).mode == "RGBA"
    assert seen(sprite().convert(mode)).getchannel("A").tobytes() == sprite().getchannel("A").tobytes()


def test_a_palette_with_a_transparent_entry() -> None:
    image = Image.new("P", (4, 4))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 1), 1)
    found = seen(image, transparency=0)
    assert (found.getpixel((0, 0)), found.getpixel((1, 1))) == ((255, 0, 0, 0), (0, 0, 255, 255))


def test_16_bits_are_scaled_and_not_cut_off() -> None:
    image = Image.new("I;16", (4, 4))
    image.putdata([0, 32768, 65535, 255] * 4)
    assert [seen(image).getpixel((x, 0)) for x in range(4)] == [(0, 0, 0), (128, 128, 128), (255, 255, 255), (0, 0, 0)]


def swapped_profile() -> bytes:
    """sRGB with red and blue in each other's place: two entries of the table of tags change their names."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"tmpX").replace(b"bXYZ", b"rXYZ").replace(b"tmpX", b"bXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "xBGR".encode("utf-16-be"))


def test_a_profile_is_converted_to_srgb() -> None:
    found = seen(Image.new("RGB", (4, 4), (200, 60, 30)), icc_profile=swapped_profile())
    pixel = found.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert max(abs(one - other) for one, other in zip(pixel, (30, 60, 200), strict=True)) <= 1


def test_srgb_is_left_alone_and_alpha_stays() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert seen(sprite(), icc_profile=profile).tobytes() == sprite().tobytes()
    found = seen(sprite(), icc_profile=swapped_profile())
    assert found.tobytes() != sprite().tobytes()
    assert found.getchannel("A").tobytes() == sprite().getchannel("A").tobytes()


def test_a_profile_of_cmyk_is_used_for_cmyk_alone() -> None:
    assert seen(scene(), "jpeg", quality=95, icc_profile=swapped_profile()).mode == "RGB"
    assert seen(scene().convert("CMYK"), "jpeg", icc_profile=swapped_profile()).mode == "RGB"
    assert seen(scene().convert("L"), icc_profile=swapped_profile()).mode == "RGB"


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200])
def test_a_profile_that_is_none_is_ignored(profile: bytes) -> None:
    assert seen(scene(), icc_profile=profile).tobytes() == scene().tobytes()


def test_an_animation_is_refused() -> None:
    with pytest.raises(SeveralFramesError):
        seen(scene(), "webp", save_all=True, append_images=[sprite().convert("RGB").resize((96, 64))], lossless=True)


def test_two_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    scene().save(path)
    with path.open("rb") as file, pytest.raises(TwoSizesError):
        upright_srgb(file, ImageFacts("png", 96, 63, 1))
