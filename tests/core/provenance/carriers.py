"""Pictures with metadata in them, for tests of marks."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from reconciler.core.derived.operations import Encoding
from reconciler.imaging.encoders import encoded


def marked(form: str, *mark: str) -> bytes:
    """A derived file with this mark."""
    return encoded(Image.radial_gradient("L").resize((96, 64)).convert("RGB"), Encoding(form, 80, mark=mark))


def with_part(data: bytes, form: str, kind: bytes, body: bytes) -> bytes:
    """The picture with one more chunk, segment or box, where the format has its metadata."""
    match form:
        case "png":
            part = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            return data[:33] + part + data[33:]
        case "jpeg":
            return data[:2] + b"\xff" + kind + struct.pack(">H", len(body) + 2) + body + data[2:]
        case "webp":
            part = kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
            whole = data[12:] + part
            return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole
        case _:
            return data + struct.pack(">I4s", len(body) + 8, kind) + body


def with_xmp(form: str, packet: bytes) -> bytes:
    """A picture with any packet of XMP."""
    plain = marked(form)
    match form:
        case "png":
            return with_part(plain, form, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
        case "jpeg":
            return with_part(plain, form, b"\xe1", b"http://ns.adobe.com/xap/1.0/\0" + packet)
        case "webp":
            return with_part(plain, form, b"XMP ", packet)
        case _:
            return with_part(plain, form, b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet)


def with_credentials(form: str) -> bytes:
    """A picture that has the beginning of a C2PA manifest, which is valid in no way."""
    box = b"\0\0\0\x30jumb\0\0\0\x28jumdc2pa" + b"\0" * 28
    kind, body = {
        "png": (b"caBX", box),
        "jpeg": (b"\xeb", b"JP\0\1\0\0\0\1" + box),
        "webp": (b"C2PA", box),
        "avif": (b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + box),
    }[form]
    return with_part(marked(form), form, kind, body)


def saved_with_xmp(form: str, packet: bytes) -> bytes:
    """The same as another program writes it: Pillow's own way for a packet of bytes."""
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(out, form, xmp=packet)
    return out.getvalue()
