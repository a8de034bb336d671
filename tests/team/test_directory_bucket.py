"""A directory as the team's store: the contract, links, dead writers, and what the disk refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.errors import BucketDenied, BucketError
from reconciler.store import disk
from reconciler.team.directory_bucket import DirectoryBucket
from reconciler.team.probe import prove_conditions
from tests.team.contract import BucketContract, read


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def bucket(root: Path) -> DirectoryBucket:
    return DirectoryBucket(root)


class TestDirectoryBucket(BucketContract):
    pass


def test_objects_lie_where_their_names_say(bucket: DirectoryBucket, root: Path) -> None:
    bucket.put_new("objects/ab/x", b"bytes")
    assert [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()] == ["objects/ab/x"]
    assert (root / "objects/ab/x").read_bytes() == b"bytes"


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    """It may be a mount that is not there."""
    bucket = DirectoryBucket(tmp_path / "mnt")
    for call in (lambda: bucket.put_new("a", b""), lambda: bucket.names(""), lambda: bucket.stat("a")):
        with pytest.raises(BucketError, match="there is no folder"):
            call()
    assert not (tmp_path / "mnt").exists()


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "", "a//b", ".a"])
def test_no_name_leads_out(bucket: DirectoryBucket, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        bucket.put_new(name, b"")
    with pytest.raises(ValueError, match="not a name"):
        bucket.stat(name)


def test_no_link_is_followed(bucket: DirectoryBucket, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "objects").symlink_to(outside)
    (root / "link").symlink_to(outside / "secret")
    for name in ("objects/secret", "link", "objects/new", "objects/ab/new"):
        with pytest.raises(BucketError, match="a symbolic link or a file is in the way"):
            bucket.put_new(name, b"x")
        with pytest.raises(BucketError, match="a symbolic link or a file is in the way"):
            read(bucket, name)
        with pytest.raises(BucketError, match="a symbolic link or a file is in the way"):
            bucket.delete(name)
    assert bucket.names("") == []
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_pipe_is_not_waited_for(bucket: DirectoryBucket, root: Path) -> None:
    os.mkfifo(root / "a")
    with pytest.raises(BucketError, match="in the way"):
        read(bucket, "a")
    assert bucket.names("") == []


def test_a_dead_writer_leaves_no_object(bucket: DirectoryBucket, root: Path) -> None:
    class Killed(BaseException):
        pass

    def dies(folder: int, temp: str, name: str) -> bool:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "take_name", dies)
        with pytest.raises(Killed):
            bucket.put_new("a", b"half")
    assert bucket.stat("a") is None
    assert bucket.put_new("a", b"whole")
    assert read(bucket, "a") == b"whole"


def test_a_file_system_without_hard_links_keeps_no_claims(bucket: DirectoryBucket) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "take_name", lambda folder, temp, name: False)
        with pytest.raises(BucketError, match="has no hard links"):
            bucket.put_new("a", b"x")
    assert bucket.names("") == []


def test_a_lost_answer_of_a_file_server_is_settled_by_the_inode(bucket: DirectoryBucket) -> None:
    real = disk.take_name

    def asked_twice(folder: int, temp: str, name: str) -> bool:
        assert real(folder, temp, name)
        raise FileExistsError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "take_name", asked_twice)
        assert bucket.put_new("a", b"mine")
    assert not bucket.put_new("a", b"mine")


def test_a_probe_that_is_there_does_not_hide_that_the_folder_cannot_be_written(
    bucket: DirectoryBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove_conditions(bucket, place="here", nonce="a")
    bucket.put_new("objects/a", b"x")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(BucketDenied, match="permission denied") as caught:
        prove_conditions(bucket, place="here", nonce="b")
    assert caught.value.hint == "check the owner and the permissions of the folder"
    assert not bucket.put_new("objects/a", b"x")


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED, root may write anywhere")
def test_a_folder_that_cannot_be_written_denies(bucket: DirectoryBucket, root: Path) -> None:
    root.chmod(0o555)
    try:
        with pytest.raises(BucketDenied, match="permission denied"):
            bucket.put_new("a", b"x")
        assert bucket.stat("a") is None
    finally:
        root.chmod(0o755)
