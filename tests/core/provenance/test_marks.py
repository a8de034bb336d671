"""Marks in the bytes of pictures: written by our encoders, read back, and read from what strangers send."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.images.sniff import FORMATS, ImageFacts, sniff
from reconciler.core.provenance.marks import find_marks
from reconciler.core.provenance.source_type import COMPOSITE, TRAINED
from reconciler.core.provenance.xmp import MOST_XMP, XmpOrigin, read_xmp, xmp_packet
from tests.core.provenance.carriers import (
    marked,
    saved_with_xmp,
    with_credentials,
    with_part,
    with_xmp,
)

LABEL = '{"Label":"1","ContentProducer":"<\\"Ünï\\" & co>","ProduceID":"4f"}'


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("mark", [(TRAINED,), (COMPOSITE,), (TRAINED, LABEL)])
def test_a_mark_is_read_as_it_was_written(form: str, mark: tuple[str, ...]) -> None:
    found = find_marks(memoryview(marked(form, *mark)))
    assert (found.format, found.problem, found.credentials) == (form, "", False)
    assert found.xmp == XmpOrigin(*mark)
    assert found.names == (("iptc", "cn") if len(mark) > 1 else ("iptc",))


@pytest.mark.parametrize("form", FORMATS)
def test_a_mark_takes_at_most_500_bytes_and_no_pixel(form: str) -> None:
    plain = marked(form)
    assert find_marks(memoryview(plain)).names == ()
    for term in (TRAINED, COMPOSITE):
        data = marked(form, term)
        assert len(data) - len(plain) <= 500
        assert marked(form, term) == data, "the same bytes each time"
        facts = sniff(data)
        assert isinstance(facts, ImageFacts)
        assert (facts.width, facts.height) == (96, 64)


@pytest.mark.parametrize("form", FORMATS)
def test_exiftool_reads_our_marks(form: str, tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("NOT TESTED, there is no exiftool here")
    path = tmp_path / f"x.{form}"
    path.write_bytes(marked(form, COMPOSITE, '{"Label":"1"}'))
    command = ["exiftool", "-json", "-G1", "-n", "-all:all", "-validate", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]
    assert said["XMP-iptcExt:DigitalSourceType"].endswith(f"/{COMPOSITE}")
    assert said["ExifTool:Validate"] == "0 0 0"
    assert said["XMP-TC260:Aigc"] == '{"Label":"1"}'


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif"])
def test_the_packet_of_another_program(form: str) -> None:
    data = saved_with_xmp(form, xmp_packet(TRAINED).encode())
    assert find_marks(memoryview(data)).names == ("iptc",)


@pytest.mark.parametrize("form", FORMATS)
def test_a_manifest_of_c2pa_is_seen_and_no_other_part_is_one(form: str) -> None:
    data = with_credentials(form)
    assert isinstance(sniff(data), ImageFacts)
    assert find_marks(memoryview(data)).names == ("c2pa",)
    kind = {"png": b"caBY", "jpeg": b"\xec", "webp": b"C2PB", "avif": b"uuie"}[form]
    assert find_marks(memoryview(with_part(marked(form), form, kind, b"c2pa" * 20))).names == ()


def rdf(inner: str, attributes: str = "") -> bytes:
    return (
        '<a:xmpmeta xmlns:a="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:p="http://ns.adobe.com/photoshop/1.0/">'
        f'<r:Description r:about="" {attributes}>{inner}</r:Description></r:RDF></a:xmpmeta>'
    ).encode()


URI = f"http://cv.iptc.org/newscodes/digitalsourcetype/{TRAINED}"


@pytest.mark.parametrize(
    "packet",
    [
        rdf("", f'i:DigitalSourceType="{URI}"'),
        rdf(f"<i:DigitalSourceType>{URI}</i:DigitalSourceType>"),
        rdf(f"<i:DigitalSourceType>\n  {URI}\n</i:DigitalSourceType>"),
        rdf(f'<i:DigitalSourceType r:resource="{URI}"/>'),
        rdf(f"<i:DigitalSourceType>{URI.replace('http', 'https', 1)}</i:DigitalSourceType>"),
        b"\0" + rdf(f"<i:DigitalSourceType>{URI}</i:DigitalSourceType>") + b"\n\0\0",
    ],
)
def test_every_way_to_write_the_property(packet: bytes) -> None:
    assert read_xmp(packet) == XmpOrigin(TRAINED)


def test_a_property_of_something_inside_the_picture_is_not_the_pictures() -> None:
    nested = f'<p:Other r:parseType="Resource"><i:DigitalSourceType>{URI}</i:DigitalSourceType></p:Other>'
    assert read_xmp(rdf(nested)).source_type == ""
    assert read_xmp(f"<x>DigitalSourceType {URI}</x>".encode()).source_type == ""


def test_what_google_writes() -> None:
    found = read_xmp(rdf("<p:Credit>Made with Google AI</p:Credit>", f'i:DigitalSourceType="{URI}"'))
    assert found == XmpOrigin(TRAINED, credit="Made with Google AI")


@pytest.mark.parametrize("form", FORMATS)
def test_another_term_is_no_mark(form: str) -> None:
    data = with_xmp(form, rdf("", f'i:DigitalSourceType="{URI.replace(TRAINED, "digitalCapture")}"'))
    found = find_marks(memoryview(data))
    assert (found.xmp.source_type, found.names) == ("digitalCapture", ())


# --- Hostile metadata -------------------------------------------------------------------------------------------------

LAUGHS = b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (LAUGHS, "its XMP has a document type"),
        (b"<a>" * 200 + b"</a>" * 200, "its XMP is nested too deep"),
        (b"<a", "its XMP is not well formed"),
        (b"", "its XMP is not well formed"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", "its XMP is not well formed"),
        (b" " * (MOST_XMP + 1), "its XMP has more than 256 KiB"),
    ],
)
def test_a_packet_that_needs_too_much_is_refused(packet: bytes, problem: str) -> None:
    assert read_xmp(packet).problem == problem


def limited(data: bytes) -> float:
    """CPU seconds to look for marks; the memory has a bound."""
    tracemalloc.start()
    begin = time.process_time()
    try:
        find_marks(memoryview(data))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    return time.process_time() - begin


def test_a_compressed_bomb_is_cut_off() -> None:
    bomb = zlib.compress(b" " * (200 << 20), 9)
    data = with_part(marked("png"), "png", b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)
    assert find_marks(memoryview(data)).problem == "its XMP has more than 256 KiB"
    assert limited(data) < 2


def test_one_packet_is_read_of_many() -> None:
    part = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<a>" + b" " * (MOST_XMP - 10) + b"</a>")
    chunk = struct.pack(">I", len(part)) + b"iTXt" + part + b"\0\0\0\0"
    plain = marked("png")
    assert limited(plain[:33] + chunk * 20_000 + plain[33:]) < 2


def test_a_gigabyte_of_xmp_is_not_read(tmp_path: Path) -> None:
    import mmap

    path = tmp_path / "x.png"
    with path.open("wb") as made:
        made.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 1 << 30) + b"iTXtXML:com.adobe.xmp\0\0\0\0\0")
        made.truncate(1 << 30)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begin = time.process_time()
        with memoryview(data) as view:
            assert find_marks(view).problem
        assert time.process_time() - begin < 0.5


def test_boxes_in_boxes_and_lists_of_items_end() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, kind) + body

    head = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    infe = box(b"infe", b"\2\0\0\0\0\1\0\0mime\0application/rdf+xml\0")
    items = box(b"iinf", b"\0\0\0\0\0\1" + infe)
    many = box(b"iloc", b"\1\0\0\0\0\0" + struct.pack(">H", 60_000) + struct.pack(">HHHH", 1, 0, 0, 65_535) * 60_000)
    data = head + box(b"meta", b"\0\0\0\0" + items + many) * 50
    assert limited(data) < 2
    assert find_marks(memoryview(data)).problem


def test_one_list_of_items_is_read_of_many() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, kind) + body

    infe = box(b"infe", b"\2\0\0\0\0\1\0\0mime\0application/rdf+xml\0")
    places = box(b"iloc", b"\1\0\0\0\0\0" + struct.pack(">HHHHH", 1, 1, 0, 0, 65_535))
    meta = box(b"meta", b"\0\0\0\0" + box(b"iinf", b"\0\0\0\0\0\1" + infe) + places)
    data = box(b"ftyp", b"avif\0\0\0\0avifmif1") + meta * 1_000
    begin = time.process_time()
    assert find_marks(memoryview(data)).names == ()
    assert time.process_time() - begin < 2


@settings(max_examples=100)
@given(st.sampled_from(FORMATS), st.data())
def test_damaged_pictures_give_an_answer(form: str, data: st.DataObject) -> None:
    whole = bytearray(marked(form, TRAINED, LABEL))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    find_marks(memoryview(bytes(whole[: data.draw(st.integers(0, len(whole)))])))


@given(st.text(max_size=50))
def test_any_label_comes_back(label: str) -> None:
    plain = "".join(char for char in label if char.isprintable())
    assert read_xmp(xmp_packet(TRAINED, plain).encode("utf-8", "replace")).label == plain
