"""The bucket in memory keeps the contract of all buckets."""

from __future__ import annotations

import pytest

from reconciler.core.errors import BucketUnreachable
from reconciler.testing.memory_bucket import MemoryBucket
from tests.team.contract import BucketContract


class TestMemoryBucket(BucketContract):
    @pytest.fixture
    def bucket(self) -> MemoryBucket:
        return MemoryBucket()


def test_a_test_decides_which_call_fails() -> None:
    bucket = MemoryBucket()

    def fail(method: str, name: str) -> None:
        if (method, name) == ("put_new", "a"):
            raise BucketUnreachable("gone")

    bucket.fail = fail
    assert bucket.put_new("b", b"")
    with pytest.raises(BucketUnreachable):
        bucket.put_new("a", b"")
    assert bucket.names("") == ("b",)
