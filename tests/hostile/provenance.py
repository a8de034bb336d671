"""Metadata, statements of releases and certificates of strangers."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.core.provenance.carriers import marked, with_credentials, with_part
from tests.hostile.case import CANARY, Case
from tests.hostile.world import entry, lock, png, start, write

COMMANDS = (
    "provenance",
    "provenance --verify",
    "provenance --format csv",
    "provenance --format md",
    "check --require-marks",
)
XMP = b"XML:com.adobe.xmp\0\1\0\0\0"


def _bomb() -> bytes:
    return with_part(marked("png"), "png", b"iTXt", XMP + zlib.compress(b" " * (200 << 20), 9))


def _many_packets() -> bytes:
    part = XMP + zlib.compress(b"<a>" + b" " * (256 << 10) + b"</a>", 9)
    chunk = struct.pack(">I", len(part)) + b"iTXt" + part + b"\0\0\0\0"
    plain = marked("png")
    return plain[:33] + chunk * 20_000 + plain[33:]


def _entities() -> bytes:
    names = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    text = f'<!DOCTYPE x [<!ENTITY a0 "lol">{names}]><x>&a11;</x>'.encode()
    return with_part(marked("png"), "png", b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)


def _boxes() -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, kind) + body

    items = box(b"iinf", b"\0\0\0\0\0\1" + box(b"infe", b"\2\0\0\0\0\1\0\0mime\0application/rdf+xml\0"))
    places = box(b"iloc", b"\1\0\0\0\0\0" + struct.pack(">H", 60_000) + struct.pack(">HHHH", 1, 0, 0, 65_535) * 60_000)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", b"\0\0\0\0" + items + places) * 40


def _loud() -> bytes:
    uri = "http://cv.iptc.org/newscodes/digitalsourcetype/"
    text = (
        '<x><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:p="http://ns.adobe.com/photoshop/1.0/"'
        ' xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><r:Description p:Credit="\u202e&#10;::error::x ##[error]y"'
        f' i:DigitalSourceType="{uri}&#10;::error::z\u200b"/></r:RDF></x>'
    ).encode()
    return with_part(marked("png"), "png", b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)


PICTURES: dict[str, Callable[[], bytes]] = {
    "200 MiB of XMP, compressed": _bomb,
    "20,000 packets of XMP": _many_packets,
    "a billion entities": _entities,
    "boxes with 60,000 places each": _boxes,
    "metadata that a terminal obeys": _loud,
    "a false C2PA manifest": partial(with_credentials, "jpeg"),
}


def _picture(data: Callable[[], bytes], root: Path) -> None:
    start(root, spec="prompt: A sword\noutput: assets/x.png\n")
    lock(root, {"sword": entry("assets/x.png", data(), prompt="A sword")})
    write(root, "assets/x.png", data())


def _gigabyte(root: Path) -> None:
    start(root, spec="prompt: A sword\noutput: assets/x.png\n")
    lock(root, {"sword": entry("assets/x.png", png(), prompt="A sword")})
    path = write(root, "assets/x.png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 1 << 28) + b"iTXt" + XMP)
    with path.open("r+b") as file:
        file.truncate(1 << 28)


def _linked_folder(root: Path) -> None:
    """The folder of an output is a link: the pictures that stand outside are not opened."""
    start(root, spec="prompt: A sword\noutput: assets/plum.png\n")
    write(root.parent, "outside/plum.png", marked("png", "trainedAlgorithmicMedia"))
    lock(root, {"sword": entry("assets/plum.png", png(), prompt="A sword")})
    (root / "assets").symlink_to("../outside")


def _hostile_names(root: Path) -> None:
    start(root)
    text = "=cmd|'/C calc'!A0\u202e\n::error::x"
    lock(root, {text: entry("assets/a.png", png(), prompt=text, made={"at": text, "provider": text, "model": text})})


def _statement(text: str, root: Path) -> None:
    start(root)
    write(root, "r.jsonl", text)


def _big_statement(root: Path) -> None:
    start(root)
    path = write(root, "r.jsonl", "{")
    with path.open("r+b") as file:
        file.truncate(20 << 30)


def _document(name: str) -> str:
    subject = {"name": name, "digest": {"sha256": "a" * 64}}
    whole = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {"images": {}, "prompts": False},
        "predicateType": "https://reconciler.dev/ai-image/v1",
        "subject": [subject],
    }
    return json.dumps(whole, separators=(",", ":"), sort_keys=True) + "\n"


def _certificate(root: Path) -> None:
    """A certificate that is a link to a secret."""
    start(root, project="provider: draft\nprovenance: {mark: c2pa, certificate: certs/a.pem}\n")
    write(root.parent, "certs/a.pem", f"{CANARY}\n")
    (root / "certs").symlink_to("../certs")
    write(root, "specs/_derive.yaml", "web: {widths: [16], formats: [png], output: 'site/${name}.png'}\n")
    write(root, "specs/sword.yaml", "prompt: A sword\nderive: [web]\n")
    write(root, "assets/sword.png", png())
    lock(root, {"sword": entry("assets/sword.png", png(), prompt="A sword")})
    write(root, "key.pem", "no key")


STATEMENTS = {
    "a path outside": _document("../secret.txt"),
    "a path in .git": _document(".git/config"),
    "a path that a terminal obeys": _document("a\u202e\n::error::x.png"),
    "nested 300,000 deep": "[" * 300_000,
    "a number of 100,000 digits": "9" * 100_000,
    "an envelope of 4 MiB": '{"payload":"' + "A" * (4 << 20) + '","payloadType":"application/vnd.in-toto+json"}',
}

CASES = (
    *(Case(f"metadata: {name}", partial(_picture, data), COMMANDS) for name, data in PICTURES.items()),
    Case("metadata: 256 MiB of XMP", _gigabyte, COMMANDS),
    Case("provenance: a folder that is a link", _linked_folder, (*COMMANDS, "release manifest")),
    Case("provenance: hostile names", _hostile_names, (*COMMANDS, "provenance --format spdx", "provenance --format json")),
    *(
        Case(f"statement: {name}", partial(_statement, text), ("release verify r.jsonl",), {"release verify r.jsonl": "refused"})
        for name, text in STATEMENTS.items()
    ),
    Case("statement: 20 GiB", _big_statement, ("release verify r.jsonl", "release manifest -o r.jsonl")),
    Case("provenance: a certificate that is a link", _certificate, ("derive",), environ={"RECONCILER_C2PA_KEY": "key.pem"}),
)  # fmt: skip
