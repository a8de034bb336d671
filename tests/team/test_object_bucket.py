"""Object stores by obstore, at a fake of Google's API: the contract, lost answers, and every refusal in our words."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.team.store_url import StoreUrl
from reconciler.team.object_bucket import ObjectBucket, open_object_bucket
from reconciler.team.timeouts import BucketTimeouts
from tests.team.contract import BucketContract, read
from tests.team.fake_gcs import Exchange, FakeGcs, Kept, fake_gcs

URL = StoreUrl("gs", "acme-art", "some/prefix")
SHORT = BucketTimeouts(connect=2, idle=0.5, total=2)


@pytest.fixture
def gcs() -> Iterator[FakeGcs]:
    with fake_gcs() as server:
        yield server


def opened(gcs: FakeGcs, url: StoreUrl = URL, **environ: str) -> ObjectBucket:
    environment = {"GOOGLE_BASE_URL": gcs.url, "GOOGLE_BEARER_TOKEN": gcs.token} | environ
    return open_object_bucket(url, environment, allow_http=True, timeouts=SHORT, sleep=lambda seconds: None)


@pytest.fixture
def bucket(gcs: FakeGcs) -> ObjectBucket:
    return opened(gcs)


class TestObjectBucket(BucketContract):
    pass


def test_objects_are_below_the_prefix(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    bucket.put_new("objects/ab/x", b"bytes")
    assert list(gcs.objects) == ["some/prefix/objects/ab/x"]
    gcs.objects["some/prefix2/y"] = Kept(b"", time.time(), 1)
    gcs.objects["some/prefix/.hidden"] = Kept(b"", time.time(), 1)
    gcs.objects["some/prefix/a b"] = Kept(b"", time.time(), 1)
    assert list(bucket.names("")) == ["objects/ab/x"]
    gcs.objects["some/prefix/objects/../../z"] = Kept(b"", time.time(), 1)
    with pytest.raises(BucketError, match="invalid path"):
        bucket.names("")


def once(wanted: str, act: Callable[[Exchange], None]) -> Callable[[Exchange], bool]:
    """A fault at the first request that begins so."""
    left = [1]

    def fault(exchange: Exchange) -> bool:
        if not left[0] or not exchange.gcs.requests[-1].startswith(wanted):
            return False
        left[0] = 0
        act(exchange)
        return True

    return fault


def answer_gets_lost(exchange: Exchange) -> None:
    """The object is written, and the connection breaks before the answer."""
    exchange.gcs.objects[exchange.key] = Kept(exchange.body, time.time(), time.time_ns())
    exchange.hang_up()


def test_a_lost_answer_is_read_back_and_is_ours(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    gcs.fault = once("PUT", answer_gets_lost)
    assert bucket.put_new("claims/a/1.json", b"nonce 1")
    assert read(bucket, "claims/a/1.json") == b"nonce 1"
    assert not bucket.put_new("claims/a/1.json", b"nonce 1")


def test_a_lost_answer_to_the_second_writer_is_not_taken_for_a_success(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    bucket.put_new("claims/a/1.json", b"theirs")
    gcs.fault = once("PUT", Exchange.hang_up)
    assert not bucket.put_new("claims/a/1.json", b"ours")
    gcs.fault = once("PUT", Exchange.hang_up)
    assert not bucket.put_new("claims/a/1.json", b"their")  # shorter, and as it begins


def test_a_request_that_did_not_arrive_is_sent_again(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    gcs.fault = once("PUT", Exchange.hang_up)
    assert bucket.put_new("a", b"x")
    assert read(bucket, "a") == b"x"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(bucket: ObjectBucket, gcs: FakeGcs, status: int) -> None:
    gcs.fault = once("PUT", lambda exchange: exchange.refuse(status, "Busy"))
    assert bucket.put_new("a", b"x")
    gcs.fault = once("GET", lambda exchange: exchange.refuse(status, "Busy"))
    assert bucket.names("") == ["a"]
    gcs.fault = lambda exchange: exchange.refused(status)
    for wanted in (
        lambda: bucket.put_new("b", b"x"), lambda: bucket.stat("b"), lambda: bucket.names(""), lambda: read(bucket, "b")
    ):  # fmt: skip
        with pytest.raises(BucketUnreachable, match=f"the server said {status}"):
            wanted()


def test_a_stalling_server_is_not_waited_for(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    begun = time.monotonic()
    gcs.fault = stall
    with pytest.raises(BucketUnreachable, match="it did not answer in time"):
        bucket.stat("a")
    assert time.monotonic() - begun < 20


def stall(exchange: Exchange) -> bool:
    time.sleep(3)
    return True


def test_half_a_body_is_no_object(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    bucket.put_new("a", b"x" * 300_000)

    def half(exchange: Exchange) -> bool:
        exchange.send_response(200)
        exchange.send_header("Content-Length", "300000")
        exchange.send_header("ETag", '"x"')
        exchange.send_header("Last-Modified", "Sat, 28 Nov 2026 06:00:00 GMT")
        exchange.end_headers()
        exchange.wfile.write(b"x" * 150_000)
        exchange.hang_up()
        return True

    gcs.fault = half
    sink = io.BytesIO()
    with pytest.raises(BucketUnreachable, match="cannot read a in gs://acme-art/some/prefix"):
        bucket.get("a", sink, most=1 << 30)
    assert len(sink.getvalue()) < 300_000


def test_a_server_that_is_not_there(gcs: FakeGcs) -> None:
    bucket = opened(gcs, GOOGLE_BASE_URL="http://127.0.0.1:1")
    with pytest.raises(BucketUnreachable, match="no connection"):
        bucket.put_new("a", b"x")


def test_the_wrong_bucket_is_named(gcs: FakeGcs) -> None:
    bucket = opened(gcs, StoreUrl("gs", "other", ""))
    for call in (lambda: bucket.put_new("a", b"x"), lambda: read(bucket, "a"), lambda: bucket.names("")):
        with pytest.raises(BucketError, match="there is no bucket gs://other"):
            call()


def test_a_wrong_key_is_said_without_the_key(gcs: FakeGcs) -> None:
    bucket = opened(gcs, GOOGLE_BEARER_TOKEN="ya29.secret-token")
    for call in (
        lambda: bucket.put_new("a", b"x"), lambda: read(bucket, "a"), lambda: bucket.names(""),
        lambda: bucket.delete("a"),
    ):  # fmt: skip
        with pytest.raises(BucketDenied, match="the credentials for gs://acme-art/some/prefix are not valid") as caught:
            call()
        assert "secret-token" not in str(caught.value)


def test_a_key_that_may_only_read(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    bucket.put_new("a", b"x")
    gcs.fault = lambda exchange: exchange.command in ("PUT", "DELETE") and exchange.refused(403)
    assert read(bucket, "a") == b"x"
    with pytest.raises(BucketDenied, match="do not allow to write b in gs://acme-art"):
        bucket.put_new("b", b"x")
    with pytest.raises(BucketDenied, match="do not allow to delete a in gs://acme-art"):
        bucket.delete("a")


def test_text_of_the_server_is_not_shown(bucket: ObjectBucket, gcs: FakeGcs) -> None:
    gcs.fault = lambda exchange: exchange.refused(418, "Evil\x1b[31m?sig=secret")
    with pytest.raises(BucketError) as caught:
        bucket.put_new("a", b"x")
    assert caught.value.fact == "cannot write a in gs://acme-art/some/prefix: the server said 418"
    assert "check team.url in reconciler.yaml" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_server_without_conditions_is_not_believed_by_the_contract(gcs: FakeGcs) -> None:
    """What the probe finds."""
    gcs.conditions = False
    bucket = opened(gcs)
    assert bucket.put_new("a", b"first")
    assert bucket.put_new("a", b"second")
    assert read(bucket, "a") == b"second"


def test_a_file_is_read_once(bucket: ObjectBucket, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "x")
    (tmp_path / "x").write_bytes(b"x")
    assert bucket.put_new("a", tmp_path / "x")
    with pytest.raises(Exception, match="symbolic link"):
        bucket.put_new("b", tmp_path / "link")
