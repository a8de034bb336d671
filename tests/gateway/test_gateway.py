"""The billing gateway: its ledger, its dialects, its images and its faults."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from PIL import Image, ImageSequence

from reconciler.core import outcome
from reconciler.testing.gateway import (
    CustomApi,
    Gateway,
    ParsedRequest,
    Process,
    Request,
    faults,
    pictures,
    running,
    spawned,
)
from tests.gateway.fault_routes import EACH, ROUTES, faults_on

MODELS = {"gravitex": "gemini-2.5-flash-image", "gemini": "gemini-3-pro-image", "openai": "gpt-image-2", "local": "toy"}
BROKEN = {
    "reset_before": httpx.ReadError,
    "reset_after_request": httpx.ReadError,
    "reset_after_headers": httpx.ReadError,
    "reset_mid_body": httpx.ReadError,
    "close_before_answer": httpx.RemoteProtocolError,
    "truncated": httpx.RemoteProtocolError,
    "chunked_cut": httpx.RemoteProtocolError,
    "bad_status_line": httpx.RemoteProtocolError,
    "two_lengths": httpx.RemoteProtocolError,
    "stall": httpx.ReadTimeout,
    "stall_mid_body": httpx.ReadTimeout,
}
UNENDING = {"slow", "endless", "gzip_bomb"}
BRIEF = httpx.Timeout(20, read=0.3)
"""For a server that never goes on; one that does may be slow on a busy machine."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Gateway]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as opened:
        yield opened


def a_request(
    gateway: Gateway | Process, dialect: str, prompt: str, /, *, route: str = "", **fields: Any
) -> dict[str, Any]:
    """The arguments of `httpx.request` for one image."""
    if (route or faults.route_of(dialect)) == "native":
        model = fields.pop("model", MODELS[dialect])
        headers = {"x-goog-api-key": gateway.key} if dialect == "gemini" else {"Authorization": f"Bearer {gateway.key}"}
        config = {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "16:9"}}
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": config, **fields}
        url = f"{gateway.url(dialect)}/v1beta/models/{model}:generateContent"
        return {"method": "POST", "url": url, "headers": headers, "json": body}
    size = "16:9" if dialect == "gravitex" else "1536x864"
    body = {"model": MODELS[dialect], "prompt": prompt, "size": size, **fields}
    url, headers = f"{gateway.url(dialect)}/v1/images/generations", {"Authorization": f"Bearer {gateway.key}"}
    return {"method": "POST", "url": url, "headers": headers, "json": body}


def images_in(answer: httpx.Response) -> list[bytes]:
    """The images of an answer by base64, in order, with the drafts."""
    body = answer.json()
    if "candidates" in body:
        parts = body["candidates"][0]["content"]["parts"]
        return [base64.b64decode(part["inlineData"]["data"], validate=True) for part in parts if "inlineData" in part]
    return [base64.b64decode(entry["b64_json"], validate=True) for entry in body["data"]]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# The images


@pytest.mark.parametrize("size", [0, 200_000])
@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
def test_images_are_real_of_the_shape_asked_for_and_never_the_same(form: str, size: int) -> None:
    one, two = (pictures.picture(form, 96, 54, mark * 16, size=size) for mark in (b"a", b"b"))
    for drawn in (one, two):
        image = opened(drawn.data)
        assert (image.format, image.size) == (form.upper(), (96, 54))
        Image.open(io.BytesIO(drawn.data)).verify()  # for PNG: every checksum
        assert hashlib.sha256(drawn.data).hexdigest() == drawn.sha256
        assert base64.b64decode(b"".join(drawn.encoded), validate=True) == drawn.data
        assert size * 0.99 <= len(drawn.data) <= max(size * 1.01, 20_000)
    assert one.data != two.data
    assert pictures.picture(form, 96, 54, b"a" * 16, size=size).data == one.data


def test_a_seed_gives_the_same_images_and_another_seed_others(client: httpx.Client) -> None:
    def two(seed: int) -> list[str]:
        with running(seed=seed) as gateway:
            return [images_in(client.request(**a_request(gateway, "openai", "x")))[0].hex() for _ in range(2)]

    first = two(1)
    assert first == two(1)
    assert len({*first, *two(2)}) == 4


def test_the_huge_png_is_whole_and_huge() -> None:
    data = pictures.huge_png()
    assert len(data) < 200_000
    start = data.index(b"IDAT")
    packed = data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start])]
    unpacker = zlib.decompressobj()
    assert len(unpacker.decompress(packed)) == 30_000 * 3_751
    assert unpacker.eof


# The dialects


@pytest.mark.parametrize(("dialect", "route"), ROUTES)
def test_each_dialect_answers_with_an_image_of_the_size_asked_for(
    gateway: Gateway, client: httpx.Client, dialect: str, route: str
) -> None:
    answer = client.request(**a_request(gateway, dialect, "a cat", route=route))
    image = opened(images_in(answer)[-1])
    assert abs(image.width / image.height / (16 / 9) - 1) < 0.03
    assert image.format == ("JPEG" if dialect == "gemini" else "PNG")
    gateway.settle()
    entry = gateway.ledger.requests[0]
    assert (entry.prompt, entry.billed, entry.key_ok, entry.key_elsewhere) == ("a cat", True, True, False)
    assert entry.images[-1] == hashlib.sha256(images_in(answer)[-1]).hexdigest()
    assert entry.sent is not None and entry.sent >= len(answer.content) == entry.planned
    assert entry.client_connected


def test_gravitex_has_its_odd_shapes(gateway: Gateway, client: httpx.Client) -> None:
    answer = client.request(**a_request(gateway, "gravitex", "a cat"))
    body = answer.json()
    assert body["data"][0]["url"] == ""
    assert body["metadata"]["text"] and body["usage"]["total_tokens"] and body["data"][0]["revised_prompt"]
    assert answer.headers["X-Oneapi-Request-Id"]
    drafts = client.request(**a_request(gateway, "gravitex", "a cat fault:drafts"))
    assert len(set(images_in(drafts))) == 3
    assert gateway.ledger.amount == 2 * gateway.ledger.amount / 2 > 0


def test_gemini_thinks_in_pictures_before_the_last_one(gateway: Gateway, client: httpx.Client) -> None:
    parts = client.request(**a_request(gateway, "gemini", "a cat")).json()["candidates"][0]["content"]["parts"]
    assert [part.get("thought", False) for part in parts if "inlineData" in part] == [True, True, False]


BAD = [
    ("gravitex", {"prompt": "", "contents": [{"role": "user", "parts": [{"text": "words"}]}]}, 500),
    ("gravitex", {"size": "16×9"}, 400),
    ("gravitex", {"n": 129}, 400),
    ("gravitex", {"model": "gpt-image-2", "size": "16:9"}, 400),
    ("gravitex", {"model": "gpt-image-2", "size": "1024x1024", "response_format": "b64_json"}, 400),
    ("gravitex", {"model": "qwen-image-plus", "size": "1024x1024"}, 400),
    ("gravitex", {"image": "not base64"}, 400),
    ("openai", {"response_format": "b64_json"}, 400),
    ("openai", {"size": "1000x1000"}, 400),
    ("openai", {"size": "4096x1024"}, 400),
    ("openai", {"background": "transparent"}, 400),
    ("local", {"size": "16:9"}, 422),
    ("gemini", {"generationConfig": {"imageConfig": {"aspectRatio": "1:4"}}}, 400),
    ("gemini", {"generationConfig": {"imageConfig": {"imageSize": "2k"}}}, 400),
    ("gemini", {"model": "gemini-2.5-flash-image", "generationConfig": {"imageConfig": {"imageSize": "1K"}}}, 400),
    ("gemini", {"contents": []}, 400),
]


@pytest.mark.parametrize(("dialect", "fields", "status"), BAD)
def test_what_a_service_does_not_take_is_refused_and_not_billed(
    shared: Gateway, client: httpx.Client, dialect: str, fields: dict[str, Any], status: int
) -> None:
    answer = client.request(**a_request(shared, dialect, "a cat", **fields))
    assert answer.status_code == status
    assert not shared.ledger.requests[-1].billed


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"size": "16:9", "image_size": "2K"}, (2752, 1536)),
        ({"size": "9:16", "image_size": "1K"}, (768, 1376)),
        ({"size": "1792x1024"}, (1376, 768)),
        ({"model": "gpt-image-2", "size": "1280x720"}, (1280, 720)),
        ({"model": "qwen-image-plus", "size": "1664x928", "response_format": "b64_json"}, (1664, 928)),
    ],
)
def test_gravitex_maps_sizes(
    shared: Gateway, client: httpx.Client, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    answer = client.request(**a_request(shared, "gravitex", "a cat", **{"model": "gemini-3-pro-image", **fields}))
    assert opened(images_in(answer)[0]).size == size


def test_the_gateways_source_goes_by_quality_alone(client: httpx.Client) -> None:
    fields = {"model": "gemini-3-pro-image", "size": "1:1", "image_size": "2K", "quality": "low"}
    with running(gateway="source") as gateway:
        answer = client.request(**a_request(gateway, "gravitex", "a cat", **fields))
        assert opened(images_in(answer)[0]).size == (1024, 1024)


@pytest.mark.parametrize(("dialect", "how"), [("gravitex", "by_url"), ("local", "by_relative_url")])
def test_an_answer_by_url_is_served_without_the_key(
    gateway: Gateway, client: httpx.Client, dialect: str, how: str
) -> None:
    answer = client.request(**a_request(gateway, dialect, f"a cat fault:{how}")).json()
    url = answer["data"][0]["url"]
    assert url.startswith("/") == (how == "by_relative_url")
    image = client.get(urljoin(gateway.url(dialect), url))
    assert hashlib.sha256(image.content).hexdigest() == gateway.ledger.requests[0].images[0]
    assert [(entry.key_ok, entry.billed) for entry in gateway.ledger.fetches] == [(None, False)]


def test_seedream_answers_by_url(gateway: Gateway, client: httpx.Client) -> None:
    fields = {"model": "doubao-seedream-4-5-251128", "size": "2K"}
    url = client.request(**a_request(gateway, "gravitex", "a cat", **fields)).json()["data"][0]["url"]
    assert opened(client.get(url).content).size == (2048, 2048)


def test_references_are_kept_in_order_in_every_encoding(gateway: Gateway, client: httpx.Client) -> None:
    pngs = [pictures.picture("png", 8, 8, mark * 16).data for mark in (b"a", b"b")]
    uris = ["data:image/png;base64," + base64.b64encode(data).decode() for data in pngs]
    inline = [{"inlineData": {"mimeType": "image/png", "data": uri.partition(",")[2]}} for uri in uris]
    turns = [{"role": "user", "parts": [{"text": "one"}, *({"image": uri} for uri in uris)]}]
    client.request(**a_request(gateway, "gravitex", "p", contents=turns))
    client.request(**a_request(gateway, "gravitex", "p", image=uris))
    client.request(**a_request(gateway, "gemini", "p", contents=[{"role": "user", "parts": [{"text": "p"}, *inline]}]))
    call = a_request(gateway, "openai", "p")
    files = [("image[]", (f"{number}.png", data, "image/png")) for number, data in enumerate(pngs)]
    edits = call["url"].replace("generations", "edits")
    assert client.post(edits, headers=call["headers"], data={**call["json"]}, files=files).status_code == 200
    wanted = tuple(hashlib.sha256(data).hexdigest() for data in pngs)
    assert [entry.references for entry in gateway.ledger.requests] == [wanted] * 4
    parts = gateway.ledger.requests[-1].parts
    assert [(part.name, part.filename, part.content_type, part.data) for part in parts[-2:]] == [
        ("image[]", "0.png", "image/png", pngs[0]),
        ("image[]", "1.png", "image/png", pngs[1]),
    ]
    assert gateway.ledger.requests[0].json["contents"] == turns


def test_lists_of_models_are_free_and_need_the_key(gateway: Gateway, client: httpx.Client) -> None:
    bearer = {"Authorization": f"Bearer {gateway.key}"}
    assert client.get(gateway.url("openai") + "/v1/models", headers=bearer).json()["data"]
    google = client.get(gateway.url("gemini") + "/v1beta/models", headers={"x-goog-api-key": gateway.key})
    assert google.json()["models"][0]["name"].startswith("models/")
    assert client.get(gateway.url("gravitex") + "/v1/models").status_code == 401
    assert {entry.kind for entry in gateway.ledger.entries} == {"list"}
    assert not gateway.ledger.billed


# The faults


def test_every_class_is_one_of_ours_and_every_stop_too() -> None:
    classes = {kind.__name__ for kind in outcome.Outcome.__args__} - {"Running"}  # no dialect here has jobs
    assert {faults.expected(fault, *route) for fault in faults.EXPECTED for route in ROUTES} == classes
    assert set(faults.STOPS.values()) <= set(outcome.Stop.__members__)


@pytest.mark.parametrize("route", ROUTES, ids="-".join)
def test_every_outcome_is_tried_on_every_route(route: tuple[str, str]) -> None:
    tried = {faults.expected(fault, *route) for fault in faults_on(*route)}
    assert tried == {faults.expected(fault, *route) for fault in faults.EXPECTED}


def test_every_fault_is_tried_on_two_routes() -> None:
    times = Counter(fault for route in ROUTES for fault in faults_on(*route))
    assert times.keys() == faults.EXPECTED.keys() and min(times.values()) >= EACH


@pytest.mark.parametrize(
    ("fault", "dialect", "route"),
    [
        (fault, *route)
        for route in ROUTES
        for fault in faults_on(*route)
        if fault not in faults.CONNECTION and fault not in UNENDING
    ],
)
def test_a_fault_is_what_its_name_says_and_is_billed_by_its_class(
    shared: Gateway, client: httpx.Client, fault: str, dialect: str, route: str
) -> None:
    call = a_request(shared, dialect, f"a cat fault:{fault}", route=route)
    if fault in BROKEN:
        with pytest.raises(BROKEN[fault]):
            client.request(**call, timeout=BRIEF if BROKEN[fault] is httpx.ReadTimeout else client.timeout)
    else:
        answer = client.request(**call)
        kind, status = faults.expected(fault, dialect, route), answer.status_code
        digits = fault.rpartition("redirect_")[2][:3]
        assert not digits.isdigit() or status == int(digits)
        assert (kind != "Throttled" or status in {429, 503}) and (kind != "Done" or status == 200)
        assert kind != "Rejected" or 300 <= status < 500
    entry = shared.ledger.requests[-1]
    assert (entry.fault, entry.complete) == (fault, True)
    assert entry.billed == faults.charged(fault, dialect, route)
    assert not shared.ledger.misdirected


def test_only_what_the_table_calls_free_is_free() -> None:
    free = {fault for fault in faults.EXPECTED if not faults.charged(fault, "gemini")}
    by_class = {
        fault for fault in faults.EXPECTED if faults.expected(fault, "gemini") in {"NotSent", "Rejected", "Throttled"}
    }
    assert free == by_class | {"reset_before", "moderation_blocked", "prompt_blocked"}


def final(client: httpx.Client, gateway: Gateway, fault: str, dialect: str = "openai") -> bytes:
    return images_in(client.request(**a_request(gateway, dialect, f"a cat fault:{fault}")))[-1]


def test_the_images_gone_wrong(shared: Gateway, client: httpx.Client) -> None:
    assert opened(final(client, shared, "wrong_format")).format == "JPEG"
    assert opened(final(client, shared, "gif")).format == "GIF"
    assert opened(final(client, shared, "wrong_ratio")).size == (864, 1536)
    assert opened(final(client, shared, "tiny_image")).size == (56, 32)
    assert opened(final(client, shared, "wide_1408", "gravitex")).size == (1408, 768)
    assert len(list(ImageSequence.Iterator(opened(final(client, shared, "two_frames"))))) == 2
    assert opened(final(client, shared, "trailing_junk")).size == (1536, 864)
    assert final(client, shared, "html_in_base64").startswith(b"<html>")
    for fault in ("cut_image", "damaged"):
        with pytest.raises((OSError, SyntaxError)):
            Image.open(io.BytesIO(final(client, shared, fault))).verify()
    for fault in ("cut_base64", "junk_in_base64"):
        with pytest.raises(ValueError, match="base64"):
            final(client, shared, fault)


def test_every_encoding_of_retry_after(shared: Gateway, client: httpx.Client) -> None:
    def headers(fault: str, dialect: str = "gravitex") -> httpx.Headers:
        return client.request(**a_request(shared, dialect, f"a cat fault:{fault}")).headers

    assert headers("429_seconds")["retry-after"] == headers("503_retry_after")["retry-after"] == "7"
    assert headers("429_float")["retry-after"] == "7.5"
    assert headers("429_ms")["retry-after-ms"] == "700"
    assert headers("429_long")["retry-after"] == "3600"
    dated = headers("429_date")
    their_now, then = (parsedate_to_datetime(dated[name]) for name in ("date", "retry-after"))
    assert (then - their_now).total_seconds() == 7
    assert their_now.timestamp() > time.time() + 3000  # only their own clock says 7
    assert not {"retry-after", "retry-after-ms"} & {*headers("429_none"), *headers("429_empty"), *headers("429_gemini")}
    body = client.request(**a_request(shared, "gemini", "a cat fault:429_gemini")).json()
    assert body["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert body["error"]["details"][0]["retryDelay"] == "7s"
    assert client.request(**a_request(shared, "gemini", "a cat fault:429_empty")).content == b""


def test_the_endless_body_is_endless_and_the_bomb_is_a_bomb(gateway: Gateway, client: httpx.Client) -> None:
    with client.stream(**a_request(gateway, "openai", "a cat fault:endless")) as answer:
        came = 0
        for piece in answer.iter_raw():
            came += len(piece)
            if came > 20_000_000:
                break
    with client.stream(**a_request(gateway, "openai", "a cat fault:gzip_bomb")) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = b"".join(answer.iter_raw())
    unpacker, inside = zlib.decompressobj(31), 0
    while packed and inside < 50_000_000:
        inside += len(unpacker.decompress(packed, 1 << 20))
        packed = unpacker.unconsumed_tail
    assert inside >= 50_000_000


def test_slow_is_a_byte_at_a_time(client: httpx.Client) -> None:
    with running(pace=0.02) as gateway, client.stream(**a_request(gateway, "openai", "a cat fault:slow")) as answer:
        pieces = answer.iter_raw()
        assert all(len(next(pieces)) < 4 for _ in range(5))


def test_headers_and_half_a_body_arrive_before_a_reset(gateway: Gateway, client: httpx.Client) -> None:
    def came_before_the_end(fault: str) -> bytes:
        request = client.build_request(**a_request(gateway, "openai", f"a cat fault:{fault}"))
        lines = [f"POST {request.url.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in request.headers.items()]
        came = b""
        with socket.create_connection(("127.0.0.1", request.url.port)) as raw:
            raw.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + request.content)
            try:
                while piece := raw.recv(1 << 16):
                    came += piece
            except ConnectionResetError:
                return came
        raise AssertionError("the connection was closed, not reset")

    assert came_before_the_end("reset_after_request") == b""
    assert came_before_the_end("reset_after_headers").endswith(b"\r\n\r\n")
    assert b'"b64_json"' in came_before_the_end("reset_mid_body")


def test_a_redirect_leads_to_another_host_that_sees_the_key(gateway: Gateway, client: httpx.Client) -> None:
    call = a_request(gateway, "gemini", "a cat fault:redirect_307")
    client.request(**call)
    assert not gateway.ledger.misdirected
    httpx.request(**call, follow_redirects=True, trust_env=False)  # as a careless client does: the header goes along
    assert gateway.ledger.misdirected[0].method == "POST"
    assert "x-goog-api-key" in gateway.ledger.misdirected[0].headers
    assert gateway.ledger.misdirected[0].key_elsewhere


@pytest.mark.parametrize("fault", sorted(faults.CONNECTION))
def test_what_never_connects_is_never_a_request(gateway: Gateway, client: httpx.Client, fault: str) -> None:
    call = a_request(gateway, "openai", "a cat") | {"url": gateway.origin_for(fault) + "/v1/images/generations"}
    with pytest.raises(httpx.ConnectError):
        client.request(**call)
    assert not gateway.ledger.entries
    with pytest.raises(ValueError, match="origin_for"):
        gateway.script(fault)


def test_a_deaf_gateway_refuses_and_then_serves_on_the_same_port(gateway: Gateway, client: httpx.Client) -> None:
    call = a_request(gateway, "openai", "a cat")
    with gateway.refusing(), pytest.raises(httpx.ConnectError, match="refused"):
        client.request(**call)
    assert client.request(**call).status_code == 200
    assert len(gateway.ledger.requests) == 1


# The rules


def statuses(client: httpx.Client, gateway: Gateway | Process, *prompts: str) -> list[int]:
    return [client.request(**a_request(gateway, "openai", prompt)).status_code for prompt in prompts]


def test_faults_in_turn(gateway: Gateway, client: httpx.Client) -> None:
    one, two = "one fault:503_json,429_none,ok", "two fault:503_json,ok"
    assert statuses(client, gateway, one, two, one, two, one, one) == [503, 503, 429, 200, 200, 200]
    assert gateway.ledger.billed_by_prompt() == {one: 2, two: 1}
    gateway.script("500", "503_json")
    gateway.when("dog", "404")
    assert statuses(client, gateway, "a", "a dog", "b", "c") == [500, 404, 503, 200]
    assert statuses(client, gateway, "fault:no_such_thing") == [400]
    gateway.script("503_json")
    bad = a_request(gateway, "openai", "a", size="1x1")
    assert client.request(**bad).status_code == 400  # its own error first; the script goes on with a sound request
    assert statuses(client, gateway, "a", "a") == [503, 200]


def test_a_process_takes_the_same_rules(tmp_path: Path, client: httpx.Client) -> None:
    faulty = ("--fault", "dog=404,ok", "--fault", "402,ok", "--fault", "503_json@1.0")
    with spawned(tmp_path / "bill.jsonl", *faulty) as gateway:
        assert statuses(client, gateway, "a dog", "a", "a dog", "b", "c") == [404, 402, 200, 200, 503]


def test_a_scripted_reset_comes_before_the_request(gateway: Gateway, client: httpx.Client) -> None:
    gateway.script("reset_before", "ok")
    with pytest.raises(httpx.TransportError):
        client.request(**a_request(gateway, "openai", "a cat"))
    assert [entry.kind for entry in gateway.ledger.entries] == ["reset"]
    assert statuses(client, gateway, "a cat") == [200]


def test_chance_is_drawn_from_the_seed(client: httpx.Client) -> None:
    def drawn() -> list[int]:
        with running(seed=3) as gateway:
            gateway.rules.chance("503_json", 0.5)
            return statuses(client, gateway, *["x"] * 12)

    assert drawn() == drawn()
    assert {*drawn()} == {200, 503}


# The bill


def test_a_wrong_key_or_none_is_seen_and_never_kept(tmp_path: Path, client: httpx.Client) -> None:
    path = tmp_path / "bill.jsonl"
    with spawned(path, "--key", "sk-very-secret-key-1") as gateway:
        url = gateway.url("gravitex") + "/v1/images/generations"
        body = {"model": "gemini-2.5-flash-image", "prompt": "a cat"}
        for key in ("sk-very-secret-key-1", "sk-another-secret-2", ""):
            client.post(url, json=body, headers={"authorization": f"Bearer {key}"} if key else {})
        client.post(url + "?key=sk-very-secret-key-1", json=body)
    entries = gateway.ledger().requests
    assert [(entry.key_ok, entry.key_elsewhere) for entry in entries] == [
        (True, False),
        (False, False),
        (None, False),
        (None, True),
    ]
    assert [entry.billed for entry in entries] == [True, False, False, False]
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(kept) == 5
    assert not [data for data in kept if b"secret" in data]
    assert entries[0].json == body


def test_a_client_that_is_killed_pays_only_for_a_whole_request(tmp_path: Path) -> None:
    talk = """
import json, os, signal, socket, sys
port, key, share = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
body = json.dumps({"model": "gpt-image-2", "prompt": f"share {share} fault:stall", "size": "1024x1024"}).encode()
body += b" " * 2 * len(body)  # half of it makes sense by itself
lines = "POST /v1/images/generations HTTP/1.1", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}", "", ""
head = "\\r\\n".join(lines)
sock = socket.create_connection(("127.0.0.1", port))
sock.sendall(head.encode() + body[:int(len(body) * share)])
print("sent", flush=True)
signal.pause()
"""
    with spawned(tmp_path / "bill.jsonl") as gateway:
        port = gateway.url("openai").rpartition(":")[2]

        def asked(times: int) -> Callable[[], bool]:
            return lambda: len(gateway.ledger().requests) == times

        for share in ("0.5", "1.0"):
            arguments = [sys.executable, "-c", talk, port, gateway.key, share]
            with subprocess.Popen(arguments, stdout=subprocess.PIPE) as killed:
                assert killed.stdout
                killed.stdout.readline()
                if share == "1.0":
                    wait_for(asked(2))
                os.kill(killed.pid, signal.SIGKILL)
            wait_for(lambda: all(entry.client_connected is not None for entry in gateway.ledger().requests))
            wait_for(asked(1 if share == "0.5" else 2))
        half, whole = gateway.ledger().requests
        assert (half.complete, half.billed, half.client_connected) == (False, False, False)
        assert (whole.complete, whole.billed, whole.client_connected, whole.sent) == (True, True, False, 0)
        body = {"model": "gpt-image-2", "prompt": "after", "size": "1024x1024"}
        bearer = {"Authorization": f"Bearer {gateway.key}"}
        url = gateway.url("openai") + "/v1/images/generations"
        assert httpx.post(url, json=body, headers=bearer, trust_env=False).status_code == 200
        assert gateway.ledger().billed_by_prompt() == {"share 1.0 fault:stall": 1, "after": 1}


def wait_for(fact: Callable[[], bool]) -> None:
    """Until another process's file says so."""
    for _ in range(400):
        if fact():
            return
        time.sleep(0.01)  # the fact is in another process: there is nothing to await
    raise AssertionError("it never came")


def test_the_line_is_there_before_the_answer(tmp_path: Path, client: httpx.Client) -> None:
    path = tmp_path / "bill.jsonl"
    with spawned(path, "--fault", "reset_after_request") as gateway:
        call = a_request(gateway, "openai", "a cat")
        with pytest.raises(httpx.ReadError):
            client.request(**call)
        line = json.loads(path.read_text().splitlines()[0])
    assert (line["line"], line["billed"], line["parsed"]["json"]["prompt"]) == ("request", True, "a cat")


def test_sixty_four_at_once_are_served_at_once_and_billed_once_each(gateway: Gateway) -> None:
    async def one(client: httpx.AsyncClient, number: int) -> bytes:
        return images_in(await client.request(**a_request(gateway, "gravitex", f"image {number}")))[0]

    async def all_of_them() -> list[bytes]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:
            return await asyncio.gather(*(one(client, number) for number in range(96)))

    images = asyncio.run(all_of_them())
    assert len(set(images)) == 96
    assert set(gateway.ledger.billed_by_prompt().values()) == {1}
    assert len(gateway.ledger.billed) == 96


def test_those_that_stall_are_all_held_and_those_that_leave_are_seen(gateway: Gateway) -> None:
    async def all_of_them() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=httpx.Limits(max_connections=64)) as client:
            calls = [a_request(gateway, "openai", f"image {number} fault:stall") for number in range(64)]
            tasks = [asyncio.create_task(client.request(**call)) for call in calls]
            while gateway.in_flight < 64:
                await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())
    gateway.settle()
    assert gateway.peak == 64
    assert {(entry.billed, entry.client_connected, entry.sent) for entry in gateway.ledger.requests} == {
        (True, False, 0)
    }


def test_a_delay_comes_before_the_answer_and_after_the_bill(client: httpx.Client) -> None:
    with running(delay=0.05) as gateway:
        client.request(**a_request(gateway, "openai", "a cat"))
        gateway.settle()
        took = gateway.ledger.billed[0].took
        assert took is not None and took >= 0.05


def test_it_starts_without_the_image_library() -> None:
    code = "import sys, reconciler.testing.gateway.server; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_api_of_a_third_party_may_have_no_key(client: httpx.Client) -> None:
    def parse(request: Request) -> ParsedRequest:
        return ParsedRequest("images", "toy", json.loads(request.body)["text"], (), {"size": "64x48"})

    with running(apis={"toy": CustomApi("/render", parse, dict, key_header=None)}) as gateway:
        url = gateway.url("toy")
        assert client.get(f"{url}/v1/models").status_code == 200
        assert client.post(f"{url}/render", json={"text": "a cat"}).status_code == 200
        assert [(entry.billed, entry.key_ok) for entry in gateway.ledger.requests] == [(True, None)]


def test_an_api_of_a_third_party_is_spoken_by_translation(client: httpx.Client) -> None:
    def parse(request: Request) -> ParsedRequest:
        fields = json.loads(request.body)
        size = {"size": f"{fields['width']}x{fields['height']}"}
        return ParsedRequest("images", "acme-1", fields["text"], (), size)

    def payload(openai: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"pictures": [entry["b64_json"] for entry in openai["data"]]}

    api = CustomApi("/render", parse, payload, key_header=("X-Acme-Key", ""), models_path="/models")
    with running(apis={"acme": api}) as gateway:
        url, body = gateway.url("acme"), {"text": "a cat", "width": 64, "height": 48}
        answer = client.post(f"{url}/render", json=body, headers={"X-Acme-Key": gateway.key})
        (data,) = answer.json()["pictures"]
        assert opened(base64.b64decode(data)).size == (64, 48)
        refused = client.post(f"{url}/render", json=body, headers={"Authorization": f"Bearer {gateway.key}"})
        gateway.script("empty_data")
        empty = client.post(f"{url}/render", json=body, headers={"X-Acme-Key": gateway.key})
        assert (refused.status_code, empty.json()) == (401, {"pictures": []})
        assert client.get(f"{url}/models", headers={"X-Acme-Key": gateway.key}).status_code == 200
        first, second, third = gateway.ledger.requests
        assert (first.prompt, first.model, first.wanted) == ("a cat", "acme-1", "64x48 png x1")
        assert [entry.billed for entry in (first, second, third)] == [True, False, True]
        assert (first.key_ok, first.key_elsewhere) == (True, False)
        assert (second.key_ok, second.key_elsewhere) == (None, True)
        assert gateway.key.encode() not in first.head + second.head
