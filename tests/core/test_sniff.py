"""Facts are read from real encoders' files; every cut, tail and foreign byte is told from an image."""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.images.magic import image_format
from reconciler.core.images.orientation import is_turned
from reconciler.core.images.pixel_size import pixel_size
from reconciler.core.images.sniff import ImageFacts, NotAnImage, pixels_of, ratio_of, sniff
from reconciler.core.value import replace


def encoded(kind: str, size: tuple[int, int] = (37, 23), mode: str = "RGB", **options: object) -> bytes:
    picture = Image.linear_gradient("L").resize(size).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def box(kind: bytes, *body: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, body))) + kind + b"".join(body)


def an_avif(*, primary: int, owners: tuple[tuple[int, int], ...], sizes: tuple[tuple[int, int], ...]) -> bytes:
    """The boxes alone: items that own properties by number, each property a size."""
    ispe = (box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in sizes)
    ipma = box(b"ipma", struct.pack(">II", 0, len(owners)), *(struct.pack(">HBB", i, 1, 0x80 | p) for i, p in owners))
    meta = (box(b"pitm", bytes(4), struct.pack(">H", primary)), box(b"iprp", box(b"ipco", *ispe), ipma))
    return box(b"ftyp", b"mif1", bytes(4), b"avif") + box(b"meta", bytes(4), *meta) + box(b"mdat", b"x")


IHDR = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
PIXELS = chunk(b"IDAT", b"x")
IEND = chunk(b"IEND", b"")
EXIF = Image.Exif()
EXIF[0x0112] = 6  # turned by 90 degrees when it is shown
TURNED = {"jpeg turned", "webp extended", "png turned"}

FILES = {
    "png": encoded("PNG"),
    "png palette": encoded("PNG", mode="P"),
    "png turned": encoded("PNG", exif=EXIF),
    "jpeg": encoded("JPEG"),
    "jpeg turned": encoded("JPEG", exif=EXIF),
    "jpeg progressive": encoded("JPEG", progressive=True),
    "jpeg restarts": encoded("JPEG", restart_marker_rows=1),
    "webp": encoded("WEBP"),
    "webp lossless": encoded("WEBP", lossless=True),
    "webp extended": encoded("WEBP", mode="RGBA", exif=EXIF),
    "avif": encoded("AVIF", max_threads=1),
    "avif alpha": encoded("AVIF", mode="RGBA", max_threads=1),
}
each_file = pytest.mark.parametrize("name", FILES)


@each_file
def test_the_facts_of_what_an_encoder_wrote(name: str) -> None:
    data = FILES[name]
    sides = (23, 37) if name in TURNED else (37, 23)
    assert sniff(data) == ImageFacts(name.split(maxsplit=1)[0], *sides, len(data))


@each_file
def test_every_cut_is_seen(name: str) -> None:
    data = memoryview(FILES[name])
    whole = [end for end in range(len(data)) if isinstance(sniff(data[:end]), ImageFacts)]
    assert whole == []


@each_file
@settings(max_examples=20)
@given(tail=st.binary(min_size=1, max_size=40))
def test_a_tail_is_ignored(name: str, tail: bytes) -> None:
    whole = sniff(FILES[name])
    assert isinstance(whole, ImageFacts)
    assert sniff(FILES[name] + tail) == replace(whole, size=whole.size + len(tail))


@each_file
@settings(max_examples=20)
@given(data=st.data())
def test_any_flipped_byte_gives_an_answer(name: str, data: st.DataObject) -> None:
    spoiled = bytearray(FILES[name])
    spoiled[data.draw(st.integers(0, len(spoiled) - 1))] ^= data.draw(st.integers(1, 255))
    answer = sniff(spoiled)
    assert isinstance(answer, NotAnImage) or not name.startswith("png")


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    assert isinstance(sniff(data), NotAnImage)


@given(st.sampled_from(sorted(FILES)), st.integers(8, 60), st.binary(max_size=80))
def test_any_bytes_behind_a_true_start_give_an_answer(name: str, keep: int, data: bytes) -> None:
    assert isinstance(sniff(FILES[name][:keep] + data), NotAnImage | ImageFacts)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"<!doctype html>", "not a PNG, JPEG, WebP or AVIF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a PNG, JPEG, WebP or AVIF file"),
        (png(IHDR, IEND), "png: no image data"),
        (png(IHDR, chunk(b"IDAT", b"x")), "png: cut short"),
        (png(chunk(b"IDAT", b"x"), IHDR, IEND), "png: no header at its start"),
        (png(IHDR, IHDR, chunk(b"IDAT", b"x"), IEND), "png: no header at its start"),
        (png(IHDR, chunk(b"IHDR", bytes(12)), chunk(b"IDAT", b"x"), IEND), "png: no header at its start"),
        (png(IHDR, PIXELS, chunk(b"tEXt", b""), PIXELS, IEND), "png: its pixels are interrupted"),
        (png(IHDR, chunk(b"ID4T", b"x"), IEND), "png: an invalid or unknown chunk at byte 33"),
        (png(IHDR, chunk(b"IDOT", b"x"), IEND), "png: an invalid or unknown chunk at byte 33"),
        (png(IHDR, chunk(b"IDAT", b"x")[:-1] + b"!", IEND), "png: damaged at byte 33"),
        (png(chunk(b"IHDR", bytes(13)), chunk(b"IDAT", b"x"), IEND), "png: no pixels (0x0)"),
        (b"\xff\xd8\xff\xd9", "jpeg: no image data"),
        (b"RIFF\x04\x00\x00\x00WEBP", "webp: no image data"),
        (b"RIFF\x0c\x00\x00\x00WEBPJUNK\x00\x00\x00\x00", "webp: no image at its start"),
        (b"\x00\x00\x00\x10ftypavif\x00\x00\x00\x00", "avif: no meta box"),
        (b"\x00\x00\x00\x10ftypheic\x00\x00\x00\x00", "not a PNG, JPEG, WebP or AVIF file"),
    ],
)
def test_why_it_is_no_image(data: bytes, why: str) -> None:
    assert sniff(data) == NotAnImage(why)


def test_the_size_of_an_avif_is_that_of_its_primary_item() -> None:
    sizes = ((8, 8), (300, 200), (0, 9))
    facts = sniff(an_avif(primary=7, owners=((6, 1), (7, 2)), sizes=sizes))
    assert isinstance(facts, ImageFacts) and (facts.width, facts.height) == (300, 200)
    assert sniff(an_avif(primary=5, owners=((6, 1),), sizes=sizes)) == NotAnImage("avif: no size of its primary item")
    assert sniff(an_avif(primary=6, owners=((6, 4),), sizes=sizes)) == NotAnImage("avif: no size of its primary item")
    assert sniff(an_avif(primary=6, owners=((6, 3),), sizes=sizes)) == NotAnImage("avif: no pixels (0x9)")


def test_a_jpeg_that_is_all_headers_is_no_picture() -> None:
    headers, scan, _ = FILES["jpeg"].partition(b"\xff\xda")
    assert scan
    assert sniff(headers + b"\xff\xd9") == NotAnImage("jpeg: no image data")


def test_a_camera_file_with_a_second_picture_behind_the_first_is_the_first() -> None:
    data = FILES["jpeg"] + encoded("JPEG", (8, 8))
    assert sniff(data) == ImageFacts("jpeg", 37, 23, len(data))
    assert sniff(data[:-2]) == ImageFacts("jpeg", 37, 23, len(data) - 2)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_orientation_of_5_to_8_swaps_the_sides(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    facts = sniff(encoded(kind, exif=exif))
    assert isinstance(facts, ImageFacts)
    assert (facts.width, facts.height) == ((23, 37) if 5 <= orientation <= 8 else (37, 23))


@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\xff\xff"]))
def test_any_exif_data_gives_an_answer(data: bytes, start: bytes) -> None:
    assert isinstance(is_turned(start + data), bool)


def test_a_mapped_file_can_be_closed_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(FILES["jpeg"])
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sniff(mapped) == sniff(FILES["jpeg"])


@pytest.mark.parametrize(
    ("size", "pixels", "ratio"),
    [
        ("16:9", None, (16, 9)),
        ("1536x1024", (1536, 1024), (3, 2)),
        ("10:4", None, (5, 2)),
        ("16x9", None, None),
        ("0:1", None, None),
        ("1:1\n", None, None),
        ("auto", None, None),
        ("", None, None),
    ],
)
def test_what_a_size_says(size: str, pixels: tuple[int, int] | None, ratio: tuple[int, int] | None) -> None:
    assert (pixels_of(size), ratio_of(size)) == (pixels, ratio)


@given(
    st.integers(1, 64),
    st.integers(1, 64),
    st.sampled_from([("512", 512), ("1K", 1024), ("", 1024), ("2k", 2048), ("4K", 4096)]),
)
def test_pixels_keep_ratio_area_and_blocks(across: int, down: int, named: tuple[str, int]) -> None:
    width, height = pixel_size(f"{across}:{down}", named[0])
    assert width % 16 == height % 16 == 0
    assert width / height == pytest.approx(across / down, rel=0.035)
    assert (width > height) - (width < height) == (across > down) - (across < down) or abs(across / down - 1) < 0.05
    assert width * height == pytest.approx(named[1] ** 2, rel=0.1 if max(across / down, down / across) <= 8 else 0.5)


def test_pixels_as_models_would_choose() -> None:
    assert pixel_size("", "") == (1024, 1024)
    assert pixel_size("auto", "512") == (512, 512)
    assert pixel_size("16:9", "1K") == (1360, 768)
    assert pixel_size("9:16", "1K") == (768, 1360)
    assert pixel_size("1000x31", "4K") == (1000, 31)


@pytest.mark.parametrize(
    ("size", "image_size"), [("16x9", "1K"), ("big", ""), ("0:1", ""), ("1:1", "8K"), ("64x64", "?")]
)
def test_a_size_that_says_nothing_is_an_error(size: str, image_size: str) -> None:
    with pytest.raises(ValueError, match="size"):
        pixel_size(size, image_size)


HEADS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "avif": b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1miafavif",
    "gif": b"GIF89a",
}


def test_fill_bytes_are_walked_over_in_linear_time() -> None:
    data = FILES["jpeg"]
    facts = sniff(data[:-2] + b"\xff" * 1_000_000 + b"\0" + b"\xff" * 1_000_000 + b"\xd9")
    assert facts == replace(sniff(data), size=len(data) + 2_000_000)


@pytest.mark.parametrize(("name", "head"), HEADS.items())
def test_the_first_bytes_announce_the_format(name: str, head: bytes) -> None:
    assert image_format(head) == name
    assert image_format(head + bytes(1000)) == name
    assert all(image_format(head[:end]) in ("", name) for end in range(len(head)))


@pytest.mark.parametrize(
    "head",
    [b"", b"<html>", b"RIFF\x00\x00\x00\x00WAVE", b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp42avif", bytes(400)],
)
def test_any_other_file_announces_no_format(head: bytes) -> None:
    assert image_format(head) == ""
