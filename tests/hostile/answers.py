"""What a server can answer: the key in every place, bodies without end, images that are bombs, redirects to anywhere."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from itertools import repeat
from pathlib import Path
from typing import Any

from reconciler.testing.gateway.pictures import png_chunk
from tests.hostile.case import CANARY, Case
from tests.hostile.pictures import big_webp, png_bomb, scans
from tests.hostile.world import png, start

KEY = f"{CANARY}_0123456789"
"""An identifier, so that it can be the name of a count; nothing in it looks like a key."""
Pieces = Iterator[bytes]
Answer = Callable[[str], Pieces]
"""The pieces of an answer; the argument is the origin of a second server, which must not be asked."""
COMMANDS = ("apply --yes", "plan", "check", "show sword", "costs", "recover", "apply --yes --format json")
_PIECES = 4_000
_SETTINGS = """provider: far
providers:
  far: {type: gravitex, base_url: SERVER, api_key_env: GRAVITEX_API_KEY, body_limit_mib: 16, timeouts: TIMEOUTS}
defaults: {model: MODEL, size: '1:1'}
"""
_MODELS = {"png": "gemini-2.5-flash-image", "jpeg": "gemini-3-pro-image-preview", "webp": "gpt-image-2"}
"""A model for each format of an output."""
_TIMEOUTS = "{connect: 5, write: 5, first_byte: 5, idle: 5, total: 8}"


def _project(form: str, root: Path) -> None:
    suffix = {"jpeg": "jpg"}.get(form, form)
    settings = _SETTINGS.replace("TIMEOUTS", _TIMEOUTS).replace("MODEL", _MODELS[form])
    start(root, project=settings, spec=f"prompt: A sword\noutput: assets/sword.{suffix}\n")


def _head(body: int | None = None, *, status: str = "200 OK", **headers: str) -> bytes:
    length = {} if body is None else {"Content-Length": str(body)}
    lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in {**length, **headers}.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1")


def _body(make: Callable[[], bytes], *, status: str = "200 OK", **headers: str) -> Answer:
    """The bytes of a body are made where a case is run: all of them at once fill the memory."""

    def answer(_: str) -> Iterator[bytes]:
        body = make()
        return iter((_head(len(body), status=status, **headers), body))

    return answer


def _json(value: Any, *, status: str = "200 OK", **headers: str) -> Answer:
    return _body(json.dumps(value).encode, status=status, **headers)


def _image(data: Callable[[], bytes], **beside: Any) -> Answer:
    """An answer in the form of the API, with these fields beside the image."""
    return lambda _: iter(_parts({"data": [{"b64_json": b64encode(data()).decode()}], **beside}))


def _parts(value: Any) -> tuple[bytes, bytes]:
    body = json.dumps(value).encode()
    return _head(len(body)), body


def _url(address: str) -> Answer:
    return lambda other: _json({"data": [{"url": address.replace("OTHER", other)}]})(other)


def _redirect(address: str) -> Answer:
    return lambda other: iter((_head(0, status="307 Temporary Redirect", Location=address.replace("OTHER", other)),))


def _endless(head: bytes, piece: bytes) -> Answer:
    return lambda _: (part for parts in ((head,), repeat(piece, _PIECES)) for part in parts)


@cache
def _sound() -> bytes:
    return png("teal", (512, 512))


def _png_with(kind: bytes, text: bytes) -> bytes:
    """A sound image with one more chunk."""
    data = _sound()
    end = data.index(b"IDAT") - 4
    return data[:end] + png_chunk(kind, text) + data[end:]


def _bomb_text() -> bytes:
    import zlib

    return _png_with(b"zTXt", b"x\0\0" + zlib.compress(bytes(64 << 20), 9))


@contextmanager
def _serving(answer: Answer) -> Iterator[str]:
    """A server that gives this answer to everybody, and a second one; what the second is asked is a broken rule."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as second:
        other = f"http://127.0.0.1:{second.getsockname()[1]}"

        def give(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(20)
                got = b""
                while b"\r\n\r\n" not in got:
                    got += connection.recv(65536)
                for piece in answer(other):
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        def accept(server: socket.socket, handle: Callable[[socket.socket], None]) -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=handle, args=(server.accept()[0],), daemon=True).start()

        def overhear(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                asked.append(connection.recv(65536))

        threading.Thread(target=accept, args=(listener, give), daemon=True).start()
        threading.Thread(target=accept, args=(second, overhear), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for server in (listener, second):
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
    assert not asked, "another server was asked"


def _kept(data: Callable[[], bytes], root: Path) -> Iterator[str]:
    """What was paid for is somewhere in the project, byte for byte."""
    wanted = hashlib.sha256(data()).digest()
    files = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    if not any(hashlib.sha256(path.read_bytes()).digest() == wanted for path in files if path.is_file()):
        yield "the image that was paid for is nowhere"


def _case(
    name: str, answer: Answer, *, form: str = "png", keeps: Callable[[], bytes] | None = None, **fields: Any
) -> Case:
    holds = partial(_kept, keeps) if keeps is not None else None
    environ = {"GRAVITEX_API_KEY": KEY}
    commands = fields.pop("commands", COMMANDS)
    return Case(
        f"answer: {name}", partial(_project, form), commands, environ=environ, server=partial(_serving, answer),
        holds=holds, **fields,
    )  # fmt: skip


_ERROR = {"error": {"message": f"bad key {KEY}", "code": KEY, "type": f"Bearer {KEY}", "details": [{"reason": KEY}]}}
_STATUSES = (
    "400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found", "408 Request Timeout",
    "422 Unprocessable", "500 Error", "502 Bad Gateway",
)  # fmt: skip
_NASTY = "\x1b[2J\x07\n::error::x\u202e##[error]x\r\x85::warning::"
_URLS = (
    "file:///etc/passwd", "file://../../secret.txt", "OTHER/x.png", "http://localhost:1/x", "http://169.254.169.254/latest", "gopher://x/",
    "https://user:pass@127.0.0.1/x", "//127.0.0.1:1/x", f"https://name.invalid/{KEY}", "data:image/png;base64,AAAA", "\0long 0",
)  # fmt: skip

CASES = (
    *(_case(f"{status}, the key in its error", _json(_ERROR, status=status)) for status in _STATUSES),
    _case("the key in the reason and in headers", _json({}, status=f"400 {KEY}", X_Request_Id=KEY, **{KEY: KEY}, Retry_After=KEY)),
    _case("the key on a web page", _body(f"<title>{KEY}</title>{KEY}".encode, Content_Type="text/html")),
    _case("the key in a success without an image", _json({"data": [], "x": KEY, KEY: KEY, "usage": {KEY: 1}})),
    _case("the key as the words of a refusal", _json({"data": [{"revised_prompt": KEY}], "metadata": {"text": KEY}})),
    _case(
        "the key beside an image",
        _image(
            _sound, model=KEY, id=KEY, responseId=KEY, metadata={"text": KEY}, created=KEY,
            usage={KEY: 1, "total_tokens": 7, "more": {KEY: 2, "n": 3}, f"a_{KEY}_b": 4},
        ),
        keeps=_sound,
    ),
    _case("the key in the text of an image", _image(lambda: _png_with(b"tEXt", b"Comment\0" + KEY.encode()))),
    _case("the key in an image that is cut", _json({"data": [{"b64_json": b64encode(_sound()[:-30]).decode() + "?", "x": KEY}]})),
    _case("control sequences in an error", _json({"error": {"message": _NASTY, "code": _NASTY}}, status="400 Bad Request")),
    _case("control sequences beside an image", _image(_sound, model=_NASTY, metadata={"text": _NASTY}), keeps=_sound),
    _case("a body without end", _endless(_head(), b"A" * 65536)),
    _case("chunks without end", _endless(_head(Transfer_Encoding="chunked"), b"10000\r\n" + b"A" * 65536 + b"\r\n")),
    _case("a string without end", _endless(_head() + b'{"data": [{"b64_json": "', b"A" * 65536)),
    _case("headers without end", _endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 60_000 + b"\r\n")),
    _case("interim answers without end", _endless(b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 50)),
    _case("a wait of centuries", _json({"error": {"message": "slow down"}}, status="429 Too Many", Retry_After="9999999999")),
    _case("deep JSON", _body(lambda: b"[" * 1_000_000)),
    _case("deep JSON of objects", _body(lambda: b'{"data":' * 500_000)),
    _case("JSON of many small values", _body(lambda: b"[" + b"[]," * 5_000_000 + b"[]]")),
    _case("JSON of many names", _body(lambda: b"{" + b",".join(b'"%d":0' % n for n in range(1_000_000)) + b"}")),
    _case("many escapes", _body(lambda: b'{"data": "' + b"\\u0041" * 2_000_000 + b'"}')),
    _case("huge numbers", _image(_sound, usage={"n": 10**4000, "m": 1}), keeps=_sound),
    _case("numbers that are none", _body(lambda: b'{"data": [NaN, 1e999, -Infinity], "usage": {"n": 1e999}}')),
    _case("a gzip bomb", _body(lambda: gzip.compress(bytes(200 << 20)), Content_Encoding="gzip")),
    _case("a gzip bomb of JSON", _body(lambda: gzip.compress(b'{"data": [{"b64_json": "' + b"A" * (100 << 20) + b'"}]}'), Content_Encoding="gzip")),
    *(_case(f"a redirect to {where}", _redirect(where)) for where in _URLS[:4]),
    *(_case(f"an image at {ascii(where)[1:-1]}", _url(where)) for where in _URLS),
    _case("a PNG of 400 megapixels", _image(png_bomb), keeps=png_bomb),
    _case("a PNG with a text bomb", _image(_bomb_text)),
    _case("a WebP of 49 megapixels", _image(big_webp), form="webp", keeps=big_webp),
    _case("a JPEG of 5,000 scans", _image(scans), form="jpeg", keeps=scans),
    _case("a JPEG of 16 megapixels and 90 scans", _image(partial(scans, 80)), form="jpeg", keeps=partial(scans, 80)),
)  # fmt: skip
