"""One attempt over a real socket: what is sent, what is kept, what it needs, and what it never does."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import DiskError, Unsent
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Rejected
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.providers.connect import list_models
from reconciler.providers.http.client import FetchFailed, Http
from reconciler.providers.http.origins import Base
from reconciler.providers.keys import base_of
from reconciler.providers.responses.usage import plain_usage
from reconciler.providers.secret import Key, NoKey
from reconciler.testing.gateway import Gateway, running, spawned
from reconciler.testing.gateway.pictures import png_chunk
from reconciler.testing.memory_ports import MemorySpool
from tests.needs import needs_dev_full
from tests.providers.builders import (
    a_picture,
    a_provider,
    a_recipe,
    a_request,
    png_bytes,
    settings_for,
    turns,
)


@pytest.fixture
def spool(tmp_path: Path) -> MemorySpool:
    return MemorySpool(tmp_path / "spool")


CERTIFICATE = Path(__file__).with_name("cdn.pem")
"""For cdn.example, signed by itself."""


@contextmanager
def serving(*answers: bytes, tls: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers, one a connection, whatever it is asked. Yields its origin and the heads."""
    heads: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                connection = context.wrap_socket(connection, server_side=True) if tls else connection
                with connection:
                    got = b""
                    while b"\r\n\r\n" not in got:
                        got += connection.recv(65536)
                    found = re.search(rb"(?i)content-length: (\d+)", got)
                    while found and len(got.partition(b"\r\n\r\n")[2]) < int(found[1]):
                        got += connection.recv(65536)
                    heads.append(got)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads


def reply(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"Content-Length": len(body), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


DIALECTS = [
    ("gravitex", "gemini-2.5-flash-image", {}, "png"),
    ("gravitex", "gemini-2.5-flash-image", {"reference_encoding": "image"}, "png"),
    ("gravitex", "gemini-3-pro-image-preview", {"endpoint": "native"}, "jpeg"),
    ("gravitex", "gpt-image-2", {}, "png"),
    ("gravitex", "gpt-image-2", {"endpoint": "edits", "reference_encoding": "image"}, "png"),
    ("gravitex", "doubao-seedream-4-5-251128", {}, "jpeg"),
    ("gravitex", "qwen-image-edit-plus", {}, "png"),
    ("gemini", "gemini-3-pro-image", {}, "jpeg"),
    ("openai", "gpt-image-2", {}, "png"),
    ("local", "toy", {}, "png"),
    ("local", "toy", {"endpoint": "images"}, "png"),
]


@pytest.mark.parametrize("case", DIALECTS)
def test_references_arrive_and_the_picture_comes_back(
    gateway: Gateway, spool: MemorySpool, tmp_path: Path, case: tuple[str, str, dict[str, str], str]
) -> None:
    dialect, model, settings, form = case
    files = [a_picture(tmp_path / f"{colour}.png", colour=colour) for colour in ("red", "blue")]
    contents = tuple(content_hash(file.read_bytes()) for file in files)
    recipe = a_recipe(model=model, size="16:9", format=form, references=contents)
    provider = a_provider(settings_for(dialect, gateway.url(dialect), **settings), spool, key=gateway.key)
    outcome = asyncio.run(provider.generate(a_request(recipe, files)))
    assert isinstance(outcome, Done), outcome
    (entry,) = gateway.ledger.requests
    assert entry.billed
    assert entry.references == tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    assert entry.prompt == "a cat"
    assert outcome.spooled.content == f"sha256:{hashlib.sha256(outcome.spooled.path.read_bytes()).hexdigest()}"
    assert entry.images[-1:] == (outcome.spooled.content[7:],)
    assert (outcome.image.format, outcome.model) == (form, model)
    assert all(fetch.key_ok is None and not fetch.key_elsewhere for fetch in gateway.ledger.fetches)
    assert dialect == "local" or entry.key_ok
    assert not entry.key_elsewhere


def test_a_done_call_tells_request_cost_usage_and_words(gateway: Gateway, spool: MemorySpool) -> None:
    provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)
    outcome = asyncio.run(provider.generate(a_request(a_recipe())))
    assert isinstance(outcome, Done)
    assert (str(outcome.cost), outcome.usage["total_tokens"]) == ("0.039 USD", 1302)
    assert outcome.request
    assert "As wished: a cat" in outcome.message


@pytest.mark.parametrize("gateway_as", ["documented", "source"])
@pytest.mark.parametrize("image_size", ["1K", "2K"])
def test_the_gateway_gives_the_size_whichever_field_it_reads(
    spool: MemorySpool, tmp_path: Path, gateway_as: str, image_size: str
) -> None:
    red = a_picture(tmp_path / "red.png")
    reference = content_hash(red.read_bytes())
    fields: dict[str, Any] = {"format": "jpeg", "size": "16:9", "references": (reference,)}
    recipe = a_recipe(model="gemini-3-pro-image", image_size=image_size, **fields)
    with running(gateway=gateway_as) as far:
        settings = settings_for("gravitex", far.url(), reference_encoding="image")
        outcome = asyncio.run(a_provider(settings, spool, key=far.key).generate(a_request(recipe, [red])))
        assert len(far.ledger.requests[0].references) == 1
    assert isinstance(outcome, Done), outcome
    assert outcome.image.width == {"1K": 1376, "2K": 2752}[image_size]


def test_usage_keeps_counts_and_nothing_else() -> None:
    deep: dict[str, Any] = {"a": {"b": {"c": {"d": 1}}}}
    odd = {"n": 1, "words": "x" * 9999, "list": [1], "yes": True, "huge": 10**30, "a b": 1, "x": 1.5, **deep}
    assert plain_usage(odd) == {"n": 1, "a": {"b": {}}}
    assert len(plain_usage({f"n{number}": 1 for number in range(999)})) == 32


def test_a_conversation_goes_native(gateway: Gateway, spool: MemorySpool, tmp_path: Path) -> None:
    red = a_picture(tmp_path / "red.png")
    recipe = a_recipe(turns=turns(("user", "a dog"), ("model", red), ("user", "now a hat")))
    provider = a_provider(settings_for("gemini", gateway.url("gemini")), spool, key=gateway.key)
    assert isinstance(asyncio.run(provider.generate(a_request(recipe, [red]))), Done)
    contents = gateway.ledger.requests[0].json["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user", "user"]
    assert [list(turn["parts"][0]) for turn in contents] == [["text"], ["inlineData"], ["text"], ["text"]]


def test_every_call_has_its_own_connection_and_says_what_it_takes(gateway: Gateway, spool: MemorySpool) -> None:
    provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)

    async def twice() -> None:
        for _ in range(2):
            assert isinstance(await provider.generate(a_request(a_recipe())), Done)

    asyncio.run(twice())
    first, second = gateway.ledger.requests
    assert first.connection != second.connection
    head = first.head.decode().lower()
    assert "accept-encoding: identity" in head
    assert "http/1.1" in head
    assert "connection: close" in head
    assert "content-length:" in head
    assert "transfer-encoding" not in head


def test_a_picture_that_fails_a_check_is_kept_verbatim(gateway: Gateway, spool: MemorySpool) -> None:
    gateway.script("damaged", "html_in_base64", "html_200", "url_dead")
    provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)
    outcomes = [asyncio.run(provider.generate(a_request(a_recipe(size="16:9")))) for _ in range(4)]
    assert all(isinstance(outcome, BadOutput) and outcome.kept for outcome in outcomes)
    kept = [outcome.kept.path.read_bytes() for outcome in outcomes]  # type: ignore[union-attr] # a missing one fails here
    damaged, html, page, url = kept
    assert hashlib.sha256(damaged).hexdigest() == gateway.ledger.requests[0].images[0]
    assert html.startswith(b"<")
    assert page.startswith(b"<")
    assert "/files/" in json.loads(url)["data"][0]["url"]


def test_an_echoed_key_is_not_told(spool: MemorySpool) -> None:
    secret = "sk-live-0123456789abcdef"
    said = {"error": {"message": f"bad key {secret}\x1b[31m", "code": f"Bearer {secret}"}}
    with serving(reply(json.dumps(said).encode(), "401 Unauthorized")) as (url, _):
        provider = a_provider(settings_for("openai", url), spool, key=secret)
        outcome = asyncio.run(provider.generate(a_request(a_recipe())))
    assert isinstance(outcome, Rejected)
    assert secret not in repr(outcome)
    assert "bad key [hidden key]" in outcome.message


def test_a_key_that_is_the_name_of_a_count_is_not_told(spool: MemorySpool) -> None:
    secret = "AIzaSyB0123456789abcdefghijkl"
    usage = {secret: 1, "total_tokens": 7, "details": {f"x_{secret}": 2, "image": 3}}
    body = {"data": [{"b64_json": base64.b64encode(png_bytes(160, 160)).decode()}], "usage": usage}
    with serving(reply(json.dumps(body).encode())) as (url, _):
        outcome = asyncio.run(
            a_provider(settings_for("openai", url), spool, key=secret).generate(a_request(a_recipe()))
        )
    assert isinstance(outcome, Done)
    assert secret not in repr(outcome)
    assert outcome.usage == {"total_tokens": 7, "details": {"image": 3}}


def test_a_key_in_an_answer_that_is_kept_is_masked(spool: MemorySpool) -> None:
    secret = "secret_0123456789"
    image = png_bytes(160, 160)
    commented = image[:33] + png_chunk(b"tEXt", b"Comment\0" + secret.encode()) + image[33:]
    listed = [{"data": [], "note": secret}, {"data": [{"b64_json": base64.b64encode(commented).decode()}]}]
    with serving(*(reply(json.dumps(said).encode()) for said in listed)) as (url, _):
        provider = a_provider(settings_for("openai", url), spool, key=secret)
        outcomes = [asyncio.run(provider.generate(a_request(a_recipe()))) for _ in listed]
    for outcome, said in zip(outcomes, (json.dumps(listed[0]).encode(), commented), strict=True):
        assert isinstance(outcome, BadOutput) and outcome.kept is not None, outcome
        assert outcome.kept.path.read_bytes() == said.replace(secret.encode(), b"*" * len(secret))
    assert outcomes[1].message == "the image contains the API key, which is masked in the file"


def test_a_packed_answer_is_unpacked_and_a_bare_picture_is_one(spool: MemorySpool) -> None:
    png = png_bytes(160, 160)
    body = gzip.compress(json.dumps({"data": [{"b64_json": base64.b64encode(png).decode()}]}).encode())
    replies = [reply(data, Content_Encoding="gzip") for data in (body, body[:-9])]
    with serving(*replies, reply(b"\x0b\x02\x80hi\x03", Content_Encoding="br"), reply(png)) as (url, _):
        provider = a_provider(settings_for("openai", url), spool, key="")
        outcomes = [asyncio.run(provider.generate(a_request(a_recipe(model="sd")))) for _ in range(4)]
    packed, cut, other, bare = outcomes
    assert isinstance(packed, Done)
    assert isinstance(bare, Done)
    assert packed.spooled.content == bare.spooled.content == f"sha256:{hashlib.sha256(png).hexdigest()}"
    assert isinstance(cut, InDoubt)
    assert isinstance(other, BadOutput)
    assert len(spool.left()) == 3


def test_nothing_sent_and_nothing_known_are_told_apart(spool: MemorySpool) -> None:
    async def go(url: str, **settings: Any) -> Any:
        chosen = settings_for("openai", url, **settings)
        return await a_provider(chosen, spool, key="").generate(a_request(a_recipe(model="sd")))

    outcome = asyncio.run(go("https://name.invalid"))
    assert outcome == NotSent("https://name.invalid: cannot connect: its name does not resolve", unreachable=True)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    assert asyncio.run(go(url)) == NotSent(f"{url}: cannot connect: the connection was refused", unreachable=True)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        outcome = asyncio.run(go(url, timeouts=Timeouts(first_byte=0.1)))
        assert outcome == InDoubt("timed out, no response received")
        outcome = asyncio.run(go(url.replace("http:", "https:"), timeouts=Timeouts(total=0.1)))
        assert outcome == NotSent(f"{url.replace('http:', 'https:')}: timed out")


def test_an_answer_that_stops_is_waited_for_no_longer_than_it_may_idle(gateway: Gateway, spool: MemorySpool) -> None:
    settings = settings_for("gravitex", gateway.url(), timeouts=Timeouts(idle=0.1))
    provider = a_provider(settings, spool, key=gateway.key)
    outcome = asyncio.run(provider.generate(a_request(a_recipe("fault:stall_mid_body"))))
    assert isinstance(outcome, InDoubt)
    assert re.fullmatch(r"timed out after [1-9]\d* bytes of the answer \(200\)", outcome.message)


def test_a_bomb_is_put_aside_while_it_is_small(spool: MemorySpool) -> None:
    packed = gzip.compress(b'{"data": "' + bytes(8 << 20))
    with serving(reply(packed, Content_Encoding="gzip")) as (url, _):
        provider = a_provider(settings_for("openai", url), spool, key="")
        outcome = asyncio.run(provider.generate(a_request(a_recipe(model="sd"))))
    assert isinstance(outcome, BadOutput)
    assert "when decompressed" in outcome.message
    assert outcome.kept
    assert outcome.kept.path.read_bytes() == packed


def test_the_wait_for_the_first_byte_begins_when_all_is_written(spool: MemorySpool, tmp_path: Path) -> None:
    """A slow upload must not eat the wait: the server reads slowly, then answers at once."""
    body = reply(json.dumps({"error": {"message": "no"}}).encode(), "400 Bad Request")
    big = tmp_path / "big.png"
    big.write_bytes(png_bytes() + bytes(12 << 20))
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                done.wait(0.5)
                left = 12 << 20
                while left > 0:
                    left -= len(connection.recv(1 << 16))
                connection.sendall(body)
                while connection.recv(1 << 16):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        recipe = a_recipe(model="sd", references=(content_hash(big.read_bytes()),))
        settings = settings_for("openai", url, timeouts=Timeouts(first_byte=0.3))
        outcome = asyncio.run(a_provider(settings, spool, key="").generate(a_request(recipe, [big])))
    assert outcome == Rejected("400 no")


def test_a_cancelled_call_leaves_no_file(gateway: Gateway, spool: MemorySpool) -> None:
    async def cancelled() -> None:
        provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)
        call = asyncio.create_task(provider.generate(a_request(a_recipe("fault:stall_mid_body"))))
        while not spool.left():
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(cancelled())
    assert spool.left() == set()


class Hasty(MemorySpool):
    """A spool while whose paid file is opened somebody cancels the call, or a bug shows."""

    call: asyncio.Task[None]
    bug = False

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        if self.bug:
            raise ValueError("a bug of ours")
        arrived = threading.Event()
        loop = self.call.get_loop()
        loop.call_soon_threadsafe(lambda: (self.call.cancel(), loop.call_later(0.01, arrived.set)))
        assert arrived.wait(5)
        return self.open()


def test_an_answer_that_came_whole_survives_its_cancellation(gateway: Gateway, tmp_path: Path) -> None:
    spool = Hasty(tmp_path / "spool")
    got: list[object] = []
    provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)

    async def call() -> None:
        got.append(await provider.generate(a_request(a_recipe())))
        await asyncio.sleep(0)
        got.append("the cancellation was lost")

    async def cancelled() -> None:
        spool.call = asyncio.create_task(call())
        await asyncio.wait({spool.call})
        assert spool.call.cancelled()

    asyncio.run(cancelled())
    (outcome,) = got
    assert isinstance(outcome, Done)
    assert spool.left() == {outcome.spooled.path}
    spool.bug = True
    with pytest.raises(ValueError, match="a bug of ours"):
        asyncio.run(provider.generate(a_request(a_recipe())))
    (answer,) = spool.left() - {outcome.spooled.path}
    assert b"b64_json" in answer.read_bytes()


@needs_dev_full
@pytest.mark.parametrize("when", ["open", "write", "close"])
def test_a_full_disk_is_a_disk_error(gateway: Gateway, tmp_path: Path, when: str) -> None:
    class Full:
        def open(self) -> tuple[Path, IO[bytes]]:
            if when == "open":
                raise OSError(errno.ENOSPC, "No space left on device")
            return tmp_path / "never", Path("/dev/full").open("wb", buffering=0 if when == "write" else 1 << 30)

        def open_paid(self) -> tuple[Path, IO[bytes]]:
            return self.open()

    provider = a_provider(settings_for("gravitex", gateway.url()), Full(), key=gateway.key)  # type: ignore[arg-type] # a spool that refuses
    with pytest.raises(DiskError, match="No space left") as caught:
        asyncio.run(provider.generate(a_request(a_recipe())))
    unsent = when == "open"
    assert isinstance(caught.value, Unsent) == unsent
    assert bool(gateway.ledger.requests) != unsent, "where there is no file for an answer nothing is asked for"


@pytest.mark.parametrize(
    ("url", "addresses", "why"),
    [
        ("https://cdn.example/a.png", ("10.0.0.1",), "not on the public internet"),
        ("https://cdn.example/a.png", ("93.184.216.34", "127.0.0.1"), "not on the public internet"),
        ("http://cdn.example/a.png", ("93.184.216.34",), "not one that images are downloaded from"),
        ("http://127.0.0.1:9/a.png", (), "not the provider's own origin"),
        ("https://user:pw@cdn.example/a.png", (), "not one that images are downloaded from"),
        ("file:///etc/passwd", (), "not one that images are downloaded from"),
        ("gopher://cdn.example/", (), "not one that images are downloaded from"),
    ],
)
def test_a_picture_is_fetched_from_nowhere_inside(
    spool: MemorySpool, url: str, addresses: tuple[str, ...], why: str
) -> None:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return addresses

    settings = settings_for("openai", "http://127.0.0.1:1")
    base = base_of(settings)
    assert isinstance(base, Base)
    got = asyncio.run(Http(settings, resolve=resolve).fetch(url, own=base, spool=spool))
    assert isinstance(got, FetchFailed)
    assert why in got.why


@pytest.mark.parametrize("url", ["https://[bad", "http://[::1", "//[", f"https://{'a' * 300}.com/", "https://h:99999/"])
def test_an_answer_whose_address_is_none_is_kept(spool: MemorySpool, url: str) -> None:
    said = json.dumps({"data": [{"url": url}]}).encode()
    with serving(reply(said)) as (origin, _):
        provider = a_provider(settings_for("openai", origin), spool, key="")
        outcome = asyncio.run(provider.generate(a_request(a_recipe(model="sd"))))
    assert isinstance(outcome, BadOutput) and outcome.kept is not None, outcome
    assert outcome.message.startswith("the picture is paid for")
    assert outcome.kept.path.read_bytes() == said


def test_a_picture_by_url_is_fetched_again_when_the_connection_breaks(spool: MemorySpool) -> None:
    png = png_bytes(160, 160)
    said = reply(json.dumps({"data": [{"url": "/out/1.png"}]}).encode())
    with serving(said, reply(png)[:-9], reply(png)) as (url, heads):
        provider = a_provider(settings_for("openai", url, base_url=f"{url}/v1"), spool, key="sk-secret-0123")
        outcome = asyncio.run(provider.generate(a_request(a_recipe(model="sd"))))
    assert isinstance(outcome, Done)
    assert [head.split(b" ")[1] for head in heads] == [b"/v1/images/generations", b"/out/1.png", b"/out/1.png"]
    assert [b"sk-secret-0123" in head for head in heads] == [True, False, False]


def test_a_picture_on_another_host_comes_from_the_address_that_was_checked(spool: MemorySpool) -> None:
    asked: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append((host, port))
        return ("127.0.0.1",)

    png = png_bytes(160, 160)
    with serving(reply(png), tls=True) as (cdn, fetched):
        port = int(cdn.rpartition(":")[2])
        said = reply(json.dumps({"data": [{"url": f"https://CDN.example:{port}/a.png?sig=1"}]}).encode())
        with serving(said) as (url, _):
            settings = settings_for("openai", url)
            trust = ssl.create_default_context(cafile=CERTIFICATE)
            http = Http(settings, resolve=resolve, choose=lambda found: found[0], tls=trust)
            provider = a_provider(settings, spool, key="sk-secret-0123", http=http)
            outcome = asyncio.run(provider.generate(a_request(a_recipe(model="sd"))))
    assert isinstance(outcome, Done), outcome
    assert asked == [("cdn.example", port)]
    (head,) = fetched
    assert head.startswith(b"GET /a.png?sig=1 HTTP/1.1")
    assert f"host: cdn.example:{port}".encode() in head.lower()
    assert b"sk-secret" not in head


@pytest.mark.parametrize("dialect", ["gravitex", "gemini", "openai", "local"])
def test_a_list_of_models_is_free(gateway: Gateway, spool: MemorySpool, dialect: str) -> None:
    settings = settings_for(dialect, gateway.url(dialect))
    listing = asyncio.run(list_models(settings, Key(gateway.key), spool=spool))
    assert listing.works
    assert "gemini-2.5-flash-image" in listing.models
    assert listing.line == f"{gateway.url(dialect)}: works, {len(listing.models)} models"
    wrong = asyncio.run(list_models(settings, Key("sk-wrong-0123456789"), spool=spool))
    assert wrong.works == (dialect == "local")
    assert "sk-wrong" not in wrong.line
    assert "\n" not in wrong.line
    assert gateway.ledger.requests == ()
    assert spool.left() == set()


def test_a_list_that_cannot_be_had_says_why(spool: MemorySpool) -> None:
    home = ProviderSettings("g", "gravitex")
    assert asyncio.run(list_models(home, NoKey("K is not set", "hint"), spool=spool)).line == "K is not set"
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    listing = asyncio.run(list_models(settings_for("openai", url), Key(""), spool=spool))
    assert listing.line == f"{url}: cannot connect: the connection was refused"
    with serving(reply(b"<title>Sign in</title>")) as (url, _):
        listing = asyncio.run(list_models(settings_for("openai", url), Key(""), spool=spool))
    assert (listing.works, listing.line) == (False, f"{url}: 200 Sign in")


def test_memory_stays_flat(tmp_path: Path, spool: MemorySpool) -> None:
    """8 answers of 10 MB in flight, each with a reference of 2 MB in its request."""
    reference = tmp_path / "big.png"
    reference.write_bytes(png_bytes() + bytes(2 << 20))
    request = a_request(a_recipe(references=(content_hash(reference.read_bytes()),)), [reference])
    with spawned(tmp_path / "ledger", "--bytes", str(10 << 20), "--lines-only") as far:
        provider = a_provider(settings_for("gravitex", far.url()), spool, key=far.key)

        async def many(count: int) -> list[Any]:
            return await asyncio.gather(*(provider.generate(request) for _ in range(count)))

        asyncio.run(many(1))
        before = _peak_memory()
        outcomes = asyncio.run(many(8))
        grown = _peak_memory() - before
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert sum(outcome.spooled.size for outcome in outcomes) > 80 << 20
    assert grown < 64 << 20


def _peak_memory() -> int:
    """The most that was resident since the last time this was asked. Linux only."""
    try:
        status = Path("/proc/self/status").read_text()
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("the peak of memory cannot be reset here")
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
