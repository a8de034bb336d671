"""Real servers keep the contract of buckets, the lying one is refused, and a bad network loses nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.team.store_url import StoreUrl, parse_store_url
from reconciler.team.object_bucket import ObjectBucket, open_object_bucket
from reconciler.team.probe import prove_conditions
from reconciler.team.timeouts import BucketTimeouts
from tests.team.contract import BucketContract, read
from tests.team.proxy import BUSY, DROP, HALF, LOSE, PASS, STALL, proxied
from tests.team.servers import Server, azurite, only_when_wanted, rclone, s3_environment, seaweed, seaweed_of_the_page

only_when_wanted()

LONG = BucketTimeouts()
SHORT = BucketTimeouts(connect=5, idle=2, total=10)
NUMBERS = iter(range(1_000_000))


def opened(url: str, environ: Mapping[str, str], timeouts: BucketTimeouts = LONG) -> ObjectBucket:
    """A bucket below a prefix that no other test has."""
    at = parse_store_url(f"{url}/{next(NUMBERS)}")
    assert isinstance(at, StoreUrl)
    return open_object_bucket(at, environ, allow_http=True, timeouts=timeouts)


@pytest.fixture(scope="module")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="module")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with azurite(tmp_path_factory.mktemp("azurite")) as server:
        yield server


class TestSeaweed(BucketContract):
    @pytest.fixture
    def bucket(self, seaweed_server: Server) -> ObjectBucket:
        return opened(seaweed_server.url, seaweed_server.environ)


class TestAzurite(BucketContract):
    @pytest.fixture
    def bucket(self, azurite_server: Server) -> ObjectBucket:
        return opened(azurite_server.url, azurite_server.environ)


@pytest.fixture(params=["seaweed_server", "azurite_server"])
def server(request: pytest.FixtureRequest) -> Server:
    return cast(Server, request.getfixturevalue(request.param))


def test_an_honest_server_passes_the_probe_again_and_again(server: Server) -> None:
    bucket = opened(server.url, server.environ)
    for nonce in ("a", "b", "c"):
        prove_conditions(bucket, place=server.url, nonce=nonce)
    assert bucket.names("") == ["probe.txt"]


def test_rclone_is_refused(tmp_path: Path) -> None:
    with rclone(tmp_path) as server:
        bucket = opened(server.url, server.environ)
        for nonce in ("a", "b"):
            with pytest.raises(BucketError, match="lets a second writer overwrite an object"):
                prove_conditions(bucket, place=server.url, nonce=nonce)


def test_forty_names_and_four_writers_give_forty_owners(server: Server) -> None:
    url = f"{server.url}/{next(NUMBERS)}"
    buckets = [open_at(url, server) for _ in range(4)]
    with ThreadPoolExecutor(16) as threads:
        won = list(
            threads.map(
                lambda pair: (pair[1], buckets[pair[0]].put_new(f"claims/{pair[1]}.json", f"{pair[0]}".encode())),
                [(who, name) for name in range(40) for who in range(4)],
            )
        )
    assert sorted(name for name, mine in won if mine) == list(range(40))


def open_at(url: str, server: Server, timeouts: BucketTimeouts = LONG) -> ObjectBucket:
    at = parse_store_url(url)
    assert isinstance(at, StoreUrl)
    return open_object_bucket(at, server.environ, allow_http=True, timeouts=timeouts)


def test_a_reader_may_read_and_nothing_else(seaweed_server: Server) -> None:
    url = f"{seaweed_server.url}/{next(NUMBERS)}"
    open_at(url, seaweed_server).put_new("a", b"x")
    at = parse_store_url(url)
    assert isinstance(at, StoreUrl)
    reader = open_object_bucket(at, s3_environment(seaweed_server.port, "reader"), allow_http=True)
    assert read(reader, "a") == b"x"
    assert reader.names("") == ["a"]
    for call in (lambda: reader.put_new("b", b"x"), lambda: reader.delete("a"), lambda: reader.replace("a", b"y")):
        with pytest.raises(BucketDenied, match="the credentials do not allow to"):
            call()
    assert read(reader, "a") == b"x"


def every_call(bucket: ObjectBucket) -> tuple[Callable[[], object], ...]:
    return (
        lambda: bucket.put_new("a", b"x"),
        lambda: read(bucket, "a"),
        lambda: bucket.names(""),
        lambda: bucket.stat("a"),
        lambda: bucket.delete("a"),
    )


def test_wrong_keys_are_denied_without_their_text(server: Server) -> None:
    wrong = {
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-wrong",
        "AZURE_STORAGE_ACCOUNT_KEY": "YS1zZWNyZXQtdGhhdC1pcy13cm9uZw==",
    }
    environ = {name: wrong.get(name, text) for name, text in server.environ.items()}
    for call in every_call(opened(server.url, environ)):
        with pytest.raises(BucketDenied) as caught:
            call()
        assert "secret" not in str(caught.value)
        assert "YS1z" not in str(caught.value)


def test_a_wrong_bucket_is_named(server: Server) -> None:
    scheme = server.url.partition("://")[0]
    put, got, listed, *_ = every_call(opened(f"{scheme}://no-such-bucket", server.environ))
    for call in (put, got, listed):
        with pytest.raises(BucketError, match=f"there is no bucket {scheme}://no-such-bucket"):
            call()


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_network_makes_no_second_owner(server: Server, seed: int) -> None:
    """Answers get lost, are cut, late or refused: two writers of each name, and at most one ever believes that it won.
    Without an answer the writer knows that it does not know."""
    dice = random.Random(seed)
    with proxied(server.port, stalls=3.0) as proxy:
        faults = [PASS, PASS, PASS, PASS, LOSE, LOSE, DROP, BUSY, HALF, *([STALL] if seed == 0 else [])]
        proxy.decide = lambda method, name, number: dice.choice(faults)
        through = {name: text.replace(f":{server.port}", f":{proxy.port}") for name, text in server.environ.items()}
        url = f"{server.url}/{next(NUMBERS)}"
        at = parse_store_url(url)
        assert isinstance(at, StoreUrl)
        writers = [
            open_object_bucket(at, through, allow_http=True, timeouts=SHORT, sleep=lambda seconds: None)
            for _ in range(2)
        ]

        def write(pair: tuple[int, int]) -> tuple[int, int, bool | None]:
            who, name = pair
            try:
                return who, name, writers[who].put_new(f"claims/{name}.json", f"nonce {who}".encode())
            except BucketUnreachable:
                return who, name, None

        with ThreadPoolExecutor(8) as threads:
            said = list(threads.map(write, [(who, name) for name in range(30) for who in range(2)]))
        honest = open_at(url, server)
        for name in range(30):
            answers = {who: won for who, each, won in said if each == name}
            kept = read(honest, f"claims/{name}.json")
            for who, won in answers.items():
                if won is not None:
                    assert won == (kept == f"nonce {who}".encode()), (name, answers, kept)
        assert {fault for fault, *_ in proxy.done} >= {LOSE, DROP, BUSY}


def test_the_lines_of_the_page_start_a_store(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/team.md").read_text()
    (line,) = [line for line in page.splitlines() if " weed mini " in line]
    variables, _, command = line.partition(" weed ")
    environ = dict(word.split("=", 1) for word in variables.split())
    with seaweed_of_the_page(command.split(), environ, tmp_path) as server:
        environment = {**server.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}
        bucket = opened(server.url, environment)
        prove_conditions(bucket, place=server.url, nonce="n")
        assert bucket.put_new("objects/ab/x", b"x")
        assert read(bucket, "objects/ab/x") == b"x"


def test_half_an_object_is_none(server: Server) -> None:
    with proxied(server.port) as proxy:
        through = {name: text.replace(f":{server.port}", f":{proxy.port}") for name, text in server.environ.items()}
        bucket = opened(server.url, through, SHORT)
        bucket.put_new("objects/ab/x", b"x" * 3_000_000)
        proxy.decide = lambda method, name, number: HALF if method == "GET" else PASS
        with pytest.raises(BucketUnreachable, match="cannot read objects/ab/x"):
            read(bucket, "objects/ab/x")
