"""Parse the file of a response, and save the image in it to a file of its own. Blocking: run it in a thread.

No body is held in memory: images are copied from file to file in pieces, and hashed on the way.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from reconciler.core.digest import content_of_hex
from reconciler.core.images.magic import image_format
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Spool
from reconciler.core.value import replace, value
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.spool_file import HashedFile, SpoolFile, open_picture, unlink
from reconciler.providers.responses.event_stream import begins_as_event_stream, events_as_json
from reconciler.providers.responses.json_stream import (
    SCAN_CHUNK,
    CutShort,
    Frame,
    NotBase64Error,
    NotJson,
    decoded,
    scan,
    span_chunks,
)
from reconciler.providers.responses.reply import (
    Cut,
    JsonReply,
    Nothing,
    RawPicture,
    Reply,
    ReplyBody,
    TextReply,
    TooLarge,
)

PREVIEW = 64 * 1024
"""Bytes of a response that is not JSON in which a message is looked for."""
LEAST_PACKED = 64
"""How many times its size a compressed response may expand to. JSON with base64 images compresses far less."""


@value
class OpenedBody:
    """A parsed response. `frame` locates its long strings in the file."""

    reply: Reply
    path: Path
    frame: Frame | None = None


def open_answer(answered: HttpAnswer, spool: Spool, *, limit: int) -> OpenedBody:
    """Parse a response. A compressed body is decompressed into a second file, up to `limit` bytes."""
    reply = Reply(answered.status, answered.headers, Nothing())
    if not answered.whole:
        return OpenedBody(replace(reply, body=TooLarge(answered.size)), answered.path)
    packing = answered.headers.get("content-encoding", "").strip().lower()
    if packing in ("", "identity") or not answered.size:
        return _opened(reply, answered.path, spool)
    unpacked = _unpacked(answered.path, packing, spool, min(limit, LEAST_PACKED * answered.size))
    if not isinstance(unpacked, Path):
        return OpenedBody(replace(reply, body=unpacked), answered.path)
    opened = _opened(reply, unpacked, spool)
    if opened.path != unpacked:
        unlink(unpacked)
    return opened


def _opened(reply: Reply, path: Path, spool: Spool) -> OpenedBody:
    with open_picture(path) as file:
        head = file.read(PREVIEW)
        if not head:
            return OpenedBody(reply, path)
        if image_format(head):
            return OpenedBody(replace(reply, body=RawPicture()), path)
        file.seek(0)
        if begins_as_event_stream(head):
            return _opened(reply, _as_array(file, spool), spool)
        frame = scan(file)
    body: ReplyBody
    match frame:
        case Frame(value):
            return OpenedBody(replace(reply, body=JsonReply(value)), path, frame)
        case CutShort():
            body = Cut()
        case NotJson(why):
            body = TextReply(head.decode("utf-8", "replace"), why)
    return OpenedBody(replace(reply, body=body), path)


def _as_array(stream: IO[bytes], spool: Spool) -> Path:
    """A file with the events of a stream as a JSON array."""
    with SpoolFile(spool.open_paid) as out:
        for piece in events_as_json(stream):
            out.write(piece)
    return out.path


def _unpacked(path: Path, packing: str, spool: Spool, limit: int) -> Path | TextReply | Cut:
    """The file with the decompressed body, or the reason that there is none. `limit` guards against zip bombs."""
    if packing not in ("gzip", "x-gzip", "deflate"):
        return TextReply("", "compressed in a way that was not requested")
    try:
        with open_picture(path) as file, SpoolFile(spool.open_paid) as out:
            for piece in _inflated(file, limit):
                out.write(piece)
    except zlib.error:
        return TextReply("", "compressed, and cannot be decompressed")
    except _PackedError as error:
        return error.body
    return out.path


class _PackedError(Exception):
    """A compressed response that is not read; `body` says why."""

    def __init__(self, body: TextReply | Cut) -> None:
        super().__init__(body)
        self.body = body


def _inflated(file: IO[bytes], limit: int) -> Iterator[bytes]:
    inflate, size = zlib.decompressobj(47), 0
    while (data := inflate.unconsumed_tail or file.read(SCAN_CHUNK)) and not inflate.eof:
        piece = inflate.decompress(data, SCAN_CHUNK)
        size += len(piece)
        if size > limit:
            raise _PackedError(TextReply("", f"compressed, and more than {limit} bytes when decompressed"))
        yield piece
    yield inflate.flush()
    if not inflate.eof:
        raise _PackedError(Cut())


def save_base64(opened: OpenedBody, text: str, spool: Spool) -> Spooled | str:
    """Decode the image into a file of its own; or the error in its base64. `text` is a string of the JSON."""
    span = opened.frame.long_string(text) if opened.frame is not None else None
    try:
        if span is None:
            return _saved(decoded([text.encode("utf-8", "replace")]), spool)
        with open_picture(opened.path) as file:
            return _saved(decoded(span_chunks(file, span)), spool)
    except NotBase64Error as error:
        return str(error)


def _saved(pieces: Iterable[bytes], spool: Spool) -> Spooled:
    with HashedFile(spool.open_paid) as file:
        for piece in pieces:
            file.write(piece)
    return file.spooled()


def keep_verbatim(path: Path) -> Spooled | None:
    """The file of a response, hashed, to keep as it is; None if it is empty."""
    with open_picture(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return Spooled(path, content_of_hex(digest.hexdigest()), size) if size else None
