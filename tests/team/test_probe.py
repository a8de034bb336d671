"""The probe: a server that lets a second writer win is refused, an honest one is asked twice at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.errors import BucketDenied, BucketError
from reconciler.team.probe import prove_conditions
from reconciler.testing.memory_bucket import MemoryBucket


def probe(bucket: MemoryBucket, nonce: str = "n1") -> None:
    prove_conditions(bucket, place="s3://acme", nonce=nonce)


def test_an_honest_server_keeps_one_object_for_ever() -> None:
    bucket = MemoryBucket()
    for nonce in ("n1", "n2", "n3"):
        probe(bucket, nonce)
    assert bucket.objects == {"probe.txt": b"1 n1\n"}


class Overwrites(MemoryBucket):
    def put_new(self, name: str, source: Path | bytes) -> bool:
        self.objects.pop(name, None)
        return super().put_new(name, source)


class SaysTakenAndOverwrites(MemoryBucket):
    def put_new(self, name: str, source: Path | bytes) -> bool:
        taken = name in self.objects
        self.objects[name] = source if isinstance(source, bytes) else source.read_bytes()
        return not taken


class Forgets(MemoryBucket):
    def put_new(self, name: str, source: Path | bytes) -> bool:
        return False


@pytest.mark.parametrize("kind", [Overwrites, SaysTakenAndOverwrites, Forgets])
@pytest.mark.parametrize("before", [{}, {"probe.txt": b"1 old\n"}])
def test_a_lying_server_is_refused(kind: type[MemoryBucket], before: dict[str, bytes]) -> None:
    bucket = kind()
    bucket.objects.update(before)
    if kind is Forgets and before:
        probe(bucket)  # it refuses every writer, and keeps what is there
        return
    with pytest.raises(BucketError, match="s3://acme lets a second writer overwrite an object"):
        probe(bucket)


def test_a_reader_is_told_that_it_may_not_write() -> None:
    bucket = MemoryBucket()

    def fail(method: str, name: str) -> None:
        if method == "put_new":
            raise BucketDenied("no")

    bucket.fail = fail
    with pytest.raises(BucketDenied):
        probe(bucket)
