"""Copies of the team's images in the background, while others are put in place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.errors import BucketUnreachable, DiskError
from reconciler.core.team.layout import object_name
from reconciler.core.team.settings import TeamSettings
from reconciler.project.team import Team
from reconciler.project.team_session import THREADS, TeamSession
from reconciler.project.workspace import Workspace
from reconciler.testing.memory_bucket import MemoryBucket


class MemorySession(TeamSession):
    """A session at a store in memory."""

    def __init__(self, root: Path, bucket: MemoryBucket) -> None:
        (root / "reconciler.yaml").write_text("{}")
        super().__init__(Workspace(root, strict=False), TeamSettings("file:///x", receipts=False), {})
        self._bucket = bucket

    @property
    def team(self) -> Team:
        return Team(self.workspace.root, self.settings, self._bucket, {})


def filled(bucket: MemoryBucket, count: int) -> list[ContentHash]:
    bodies = [b"image %d" % number for number in range(count)]
    for body in bodies:
        bucket.put_new(object_name(content_hash(body)), body)
    return [*map(content_hash, bodies)]


def test_a_disk_that_refuses_an_image_gets_no_further_one(tmp_path: Path) -> None:
    """Each asset is skipped with the reason, but no further image is fetched: the bytes would be left somewhere."""
    bucket = MemoryBucket()
    contents = filled(bucket, 20 * THREADS)
    fetched: list[str] = []
    bucket.fail = lambda method, name: fetched.append(name) if method == "get" else None
    (tmp_path / ".reconciler/store").mkdir(parents=True)
    (tmp_path / ".reconciler/store/objects").write_text("in the way")
    session, told = MemorySession(tmp_path, bucket), []

    def pull() -> None:
        with session.copying(contents) as copies:
            for content in contents:
                with suppress(DiskError):
                    copies.failure(content)
                    told.append(content)

    with pytest.raises(DiskError):
        pull()
    assert not told
    assert len(fetched) <= 2 * THREADS
    assert len([*(tmp_path / ".reconciler/store/spool").iterdir()]) <= 2 * THREADS


def test_a_store_that_is_gone_is_not_asked_for_every_image(tmp_path: Path) -> None:
    """Each request may take a minute to fail. A store that fails now and then is asked for all."""
    bucket = MemoryBucket()
    contents = filled(bucket, 20 * THREADS)
    asked: list[str] = []
    gone = False

    def fail(method: str, name: str) -> None:
        if method == "get":
            asked.append(name)
            if gone or len(asked) % 3 == 0:
                raise BucketUnreachable("no answer", hint="try again later")

    bucket.fail = fail
    session = MemorySession(tmp_path, bucket)
    failed = session.copy(contents)
    assert len(asked) == len(contents)
    assert len(failed) == len(contents) // 3
    gone, asked[:] = True, []
    again = session.copy(contents)
    assert again == failed
    assert {(why.message, why.hint, why.later) for why in again.values()} == {("no answer", "try again later", True)}
    assert 2 * THREADS <= len(asked) <= 3 * THREADS
