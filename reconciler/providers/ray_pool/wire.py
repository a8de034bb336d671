"""The messages between a run and the process that runs Ray, on two pipes.

The run sends pickled values, each after its length. The process answers with a line of JSON, followed by as many bytes
as its `size` says: nothing that comes from a cluster is unpickled where the keys are.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from reconciler.core.digest import ContentHash, Json
from reconciler.core.ports import ImageRequest
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import field, value

MAX_REPLY = 64 << 20
"""Bytes of one image."""
AHEAD = 2
"""Free images that one process has at a time: one is drawn, and one waits, so that the process does not. A death costs
both of them, so there is one where images cost money."""
_MAX_LINE = 1 << 20
_LENGTH = struct.Struct(">I")


@value
class PoolStart:
    """The first message. `pool` are the settings of the pool, with those of its worker."""

    pool: ProviderSettings


@value
class PoolDraw:
    """A request, packed: only the process that draws unpacks it. `pictures` are files of its reference images on this
    machine."""

    number: int
    request: bytes
    pictures: Mapping[ContentHash, str] = field(default_factory=dict)


@value
class PoolCancel:
    """The request is not wanted any more."""

    number: int


@value
class PoolReply:
    """What became of a request: `kind` is image, or the name of an outcome in lower case. `data` is an image.

    `number` 0: the process cannot work at all.
    """

    number: int
    kind: str
    message: str = ""
    model: str = ""
    final: bool = False
    data: bytes = b""


PoolMessage = PoolStart | PoolDraw | PoolCancel


def pack_request(request: ImageRequest) -> bytes:
    """The request as bytes."""
    return pickle.dumps(request)


def unpack_request(data: bytes) -> ImageRequest:
    """The request of `pack_request`."""
    request = pickle.loads(data)  # noqa: S301 - from the run that has started this process
    assert isinstance(request, ImageRequest)
    return request


def send_message(out: IO[bytes], message: PoolMessage) -> None:
    """OSError if the other side is gone."""
    data = pickle.dumps(message)
    out.write(_LENGTH.pack(len(data)) + data)
    out.flush()


def read_message(stream: IO[bytes]) -> PoolMessage | None:
    """The next message of the run; None at its end, however it came."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        return None
    message = pickle.loads(data)  # noqa: S301 - from the run that has started this process
    assert isinstance(message, PoolMessage)
    return message


def send_reply(out: IO[bytes], reply: PoolReply) -> None:
    """OSError if the run is gone."""
    head: dict[str, Json] = {
        "number": reply.number,
        "kind": reply.kind,
        "message": reply.message,
        "model": reply.model,
        "final": reply.final,
        "size": len(reply.data),
    }
    out.write(json.dumps(head).encode() + b"\n" + reply.data)
    out.flush()


def read_reply(stream: IO[bytes]) -> PoolReply | None:
    """The next reply; None at the end, and for anything that is none."""
    line = stream.readline(_MAX_LINE)
    try:
        head = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    size = head.get("size") if isinstance(head, dict) else None
    if not isinstance(head, dict) or type(size) is not int or not 0 <= size <= MAX_REPLY:
        return None
    data = stream.read(size)
    number = head.get("number")
    if len(data) < size or type(number) is not int:
        return None
    kind, message, model = (str(head.get(name, "")) for name in ("kind", "message", "model"))
    return PoolReply(number, kind, message, model, head.get("final") is True, data)


def content_file(folder: Path, content: ContentHash) -> Path:
    """The file of a reference image in a folder of them."""
    return folder / content.partition(":")[2]
