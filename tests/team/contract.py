"""What every Bucket does: inherit, and give `bucket` as a fixture."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from reconciler.core.errors import BucketError
from reconciler.core.team.bucket import Bucket, BucketCleaner

BIG = bytes(range(256)) * 4096 * 9  # 9 MiB: more than clients send in one part


class WholeBucket(Bucket, BucketCleaner, Protocol):
    """Both ports."""


def read(bucket: Bucket, name: str, *, most: int = 1 << 30) -> bytes | None:
    sink = io.BytesIO()
    return sink.getvalue() if bucket.get(name, sink, most=most) else None


class BucketContract:
    """`bucket` is empty, and each test has its own."""

    def test_an_object_is_created_once(self, bucket: Bucket) -> None:
        assert bucket.put_new("objects/ab/x", b"first")
        assert not bucket.put_new("objects/ab/x", b"second")
        assert read(bucket, "objects/ab/x") == b"first"

    def test_an_equal_object_is_taken_too(self, bucket: Bucket) -> None:
        """Also without a lost answer: only one of two equal writers is told that it created the object."""
        assert bucket.put_new("claims/a/1.json", b"same")
        assert not bucket.put_new("claims/a/1.json", b"same")

    def test_a_file_is_created_from_its_path(self, bucket: Bucket, tmp_path: Path) -> None:
        source = tmp_path / "picture"
        source.write_bytes(BIG)
        assert bucket.put_new("objects/ab/big", source)
        assert not bucket.put_new("objects/ab/big", source)
        assert read(bucket, "objects/ab/big") == BIG

    def test_an_empty_object_exists(self, bucket: Bucket) -> None:
        assert bucket.put_new("a", b"")
        assert not bucket.put_new("a", b"x")
        assert read(bucket, "a") == b""

    def test_one_of_sixteen_racers_wins(self, bucket: Bucket) -> None:
        with ThreadPoolExecutor(16) as threads:
            won = list(threads.map(lambda n: bucket.put_new("claims/a/1.json", f"racer {n}".encode()), range(16)))
        assert won.count(True) == 1
        assert read(bucket, "claims/a/1.json") == f"racer {won.index(True)}".encode()

    def test_what_is_absent_is_no_error(self, bucket: Bucket) -> None:
        assert read(bucket, "objects/ab/x") is None
        assert bucket.stat("objects/ab/x") is None
        assert list(bucket.names("objects/")) == []

    def test_more_bytes_than_allowed_are_refused(self, bucket: Bucket) -> None:
        bucket.put_new("a", b"12345")
        assert read(bucket, "a", most=5) == b"12345"
        sink = io.BytesIO()
        with pytest.raises(BucketError, match="larger than 4 bytes"):
            bucket.get("a", sink, most=4)
        assert len(sink.getvalue()) <= 4

    def test_names_are_sorted_and_below_their_prefix(self, bucket: Bucket) -> None:
        made = ["b/2", "b/10", "b/1/x", "b/1.end", "b", "bb/1", "c/1"]
        for name in made:
            if name != "b":
                bucket.put_new(name, b"x")
        assert list(bucket.names("b/")) == ["b/1.end", "b/1/x", "b/10", "b/2"]
        assert list(bucket.names("")) == sorted(name for name in made if name != "b")
        assert list(bucket.names("nothing/")) == []

    def test_a_listing_longer_than_a_page_is_whole(self, bucket: Bucket) -> None:
        made = sorted(f"objects/{n % 7}/{n}" for n in range(1_003))
        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(lambda name: bucket.put_new(name, b"x"), made))
        assert list(bucket.names("objects/")) == made

    def test_stat_tells_the_size_and_the_time(self, bucket: Bucket) -> None:
        bucket.put_new("a/b", b"12345")
        found = bucket.stat("a/b")
        assert found is not None
        assert found.size == 5
        assert abs(found.modified - datetime.now(UTC)) < timedelta(minutes=5)

    def test_a_cleaner_replaces_and_deletes(self, bucket: WholeBucket) -> None:
        bucket.replace("roots/p/main.json", b"one")
        bucket.replace("roots/p/main.json", b"two")
        assert read(bucket, "roots/p/main.json") == b"two"
        bucket.delete("roots/p/main.json")
        bucket.delete("roots/p/main.json")
        assert read(bucket, "roots/p/main.json") is None
        assert bucket.put_new("roots/p/main.json", b"three")
