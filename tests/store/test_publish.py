from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import DiskError
from reconciler.store import disk
from reconciler.store.worktree.publish import Foreign, Missing, Written, publish, remove_file
from tests.store.tracing import tracing

OLD, NEW, MINE = content_hash(b"old"), content_hash(b"new"), content_hash(b"painted over")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "object"
    path.write_bytes(b"new")
    path.chmod(0o444)
    return path


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def meanwhile(name: str, edit: Callable[[], object]) -> Any:
    """Just before the first call of disk.`name`, somebody does `edit`."""
    real, todo = getattr(disk, name), [edit]

    def call(*args: Any, **kwargs: Any) -> Any:
        if todo:
            todo.pop()()
        return real(*args, **kwargs)

    return mock.patch.object(disk, name, call)


def test_a_new_output_in_a_new_directory(root: Path, source: Path) -> None:
    target = root / "public" / "hero.png"
    assert publish(source, target, content=NEW, expect=None, root=root) == Written()
    assert tree(root) == {"public/hero.png": b"new"}
    assert stat.S_IMODE(target.stat().st_mode) & 0o600 == 0o600
    assert target.stat().st_nlink == source.stat().st_nlink == 1, "an edit of the output must not reach the store"


def test_the_expected_bytes_are_replaced_and_their_permissions_stay(root: Path, source: Path) -> None:
    target = root / "hero.png"
    target.write_bytes(b"old")
    target.chmod(0o604)
    assert publish(source, target, content=NEW, expect=OLD, root=root) == Written()
    assert tree(root) == {"hero.png": b"new"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


@pytest.mark.parametrize(
    ("there", "expect", "found"), [(b"painted over", OLD, MINE), (None, OLD, None), (b"painted over", None, MINE)]
)
def test_what_a_person_did_is_never_overwritten(
    root: Path, source: Path, there: bytes | None, expect: Any, found: Any
) -> None:
    before = {} if there is None else {"hero.png": there}
    if there is not None:
        (root / "hero.png").write_bytes(there)
    assert publish(source, root / "hero.png", content=NEW, expect=expect, root=root) == Foreign(found)
    assert tree(root) == before


@pytest.mark.parametrize("expect", [None, OLD])
def test_the_output_and_its_name_are_on_the_disk_when_it_returns(root: Path, source: Path, expect: Any) -> None:
    if expect:
        (root / "hero.png").write_bytes(b"old")
    with tracing("fsync", "link", "replace", "unlink") as trace:
        publish(source, root / "hero.png", content=NEW, expect=expect, root=root)
        remove_file(root / "hero.png", expect=NEW, root=root)
    naming = ("replace" if expect else "link", ".tmp")
    removal = [("unlink", ".png"), ("fsync", "project")]
    assert trace == [("fsync", ".tmp"), naming, ("fsync", "project"), ("unlink", ".tmp"), *removal]


def test_an_edit_while_the_bytes_are_copied_wins(root: Path, source: Path) -> None:
    target = root / "hero.png"
    target.write_bytes(b"old")
    with meanwhile("write_all", lambda: target.write_bytes(b"painted over")):
        assert publish(source, target, content=NEW, expect=OLD, root=root) == Foreign(MINE)
    assert tree(root) == {"hero.png": b"painted over"}


def test_a_file_that_appears_at_the_last_moment_wins(root: Path, source: Path) -> None:
    target = root / "hero.png"
    with meanwhile("take_name", lambda: target.write_bytes(b"painted over")):
        assert publish(source, target, content=NEW, expect=None, root=root) == Foreign(MINE)
    assert tree(root) == {"hero.png": b"painted over"}


def test_a_file_that_is_edited_while_it_is_hashed_is_read_again(root: Path, source: Path) -> None:
    target = root / "hero.png"
    target.write_bytes(b"old")
    real, edits = os.stat, [b"painted over"]

    def stat_later(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        caller_has_hashed = path == "hero.png" and edits and looks.pop() == "after"
        if caller_has_hashed:
            target.write_bytes(edits.pop())
        return real(path, *args, **kwargs)

    looks = ["after", "plain", "permissions"]
    with mock.patch.object(os, "stat", stat_later):
        assert publish(source, target, content=NEW, expect=OLD, root=root) == Foreign(MINE)
    assert tree(root) == {"hero.png": b"painted over"}


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_it_still_looks_before_it_renames(root: Path, source: Path, error: int) -> None:
    with mock.patch.object(os, "link", side_effect=OSError(error, "no links here")):
        assert publish(source, root / "new.png", content=NEW, expect=None, root=root) == Written()
        (root / "hero.png").write_bytes(b"painted over")
        assert publish(source, root / "hero.png", content=NEW, expect=None, root=root) == Foreign(MINE)
    assert tree(root) == {"new.png": b"new", "hero.png": b"painted over"}


def test_a_damaged_object_is_not_published(root: Path, source: Path) -> None:
    (root / "hero.png").write_bytes(b"old")
    with pytest.raises(DiskError, match="damaged"):
        publish(source, root / "hero.png", content=MINE, expect=OLD, root=root)
    assert tree(root) == {"hero.png": b"old"}


def test_a_full_disk_leaves_the_output_as_it_was(root: Path, source: Path) -> None:
    (root / "hero.png").write_bytes(b"old")
    full = OSError(errno.ENOSPC, "full")
    with mock.patch.object(os, "write", side_effect=full), pytest.raises(DiskError, match="no space left"):
        publish(source, root / "hero.png", content=NEW, expect=OLD, root=root)
    assert tree(root) == {"hero.png": b"old"}


class TestPlace:
    """Where an output may be."""

    @pytest.mark.parametrize("what", ["symlink", "dangling", "directory", "pipe"])
    @pytest.mark.parametrize("expect", [None, NEW])
    def test_what_is_no_plain_file_is_left_alone(self, root: Path, source: Path, what: str, expect: Any) -> None:
        target = root / "hero.png"
        put: dict[str, Callable[[], object]] = {
            "symlink": lambda: target.symlink_to(source),
            "dangling": lambda: target.symlink_to("absent"),
            "directory": target.mkdir,
            "pipe": lambda: os.mkfifo(target),
        }
        put[what]()
        before = os.lstat(target)
        with pytest.raises(DiskError, match=r"a symbolic link|not a plain file"):
            publish(source, target, content=NEW, expect=expect, root=root)
        with pytest.raises(DiskError, match=r"a symbolic link|not a plain file"):
            remove_file(target, expect=NEW, root=root)
        assert os.path.samestat(os.lstat(target), before)
        assert len(list(root.iterdir())) == 1

    def test_a_link_that_leads_out_of_the_project(self, root: Path, source: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "hero.png").write_bytes(b"new")
        (root / "public").symlink_to(outside)
        for target in (root / "public/hero.png", root / "public/deep/hero.png", root / "../outside/hero.png"):
            with pytest.raises(DiskError, match="a link that leaves the project"):
                publish(source, target, content=NEW, expect=None, root=root)
            with pytest.raises(DiskError, match="a link that leaves the project"):
                remove_file(target, expect=NEW, root=root)
        assert tree(outside) == {"hero.png": b"new"}

    def test_a_link_that_stays_inside_is_followed(self, root: Path, source: Path) -> None:
        (root / "static").mkdir()
        (root / "public").symlink_to("static")
        assert publish(source, root / "public/hero.png", content=NEW, expect=None, root=root) == Written()
        assert tree(root)["static/hero.png"] == b"new"

    def test_a_link_that_is_put_in_the_way_meanwhile_is_not_followed(
        self, root: Path, source: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (root / "public").mkdir()

        def retarget() -> None:
            (root / "public").rename(root / "was")
            (root / "public").symlink_to(outside)

        with meanwhile("make_dirs", retarget), pytest.raises(DiskError):
            publish(source, root / "public/hero.png", content=NEW, expect=None, root=root)
        assert list(outside.iterdir()) == []

    def test_a_project_that_is_reached_by_a_link(self, root: Path, source: Path, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(root)
        assert publish(source, link / "hero.png", content=NEW, expect=None, root=link) == Written()
        assert tree(root) == {"hero.png": b"new"}


class TestRemove:
    def test_only_the_expected_bytes_go(self, root: Path) -> None:
        path = root / "a.png"
        path.write_bytes(b"painted over")
        assert remove_file(path, expect=OLD, root=root) == Foreign(MINE)
        path.write_bytes(b"old")
        assert remove_file(path, expect=OLD, root=root) == Missing()
        assert tree(root) == {}
        assert remove_file(path, expect=OLD, root=root) == Missing()

    def test_an_absent_directory_is_not_made(self, root: Path) -> None:
        assert remove_file(root / "deep/a.png", expect=OLD, root=root) == Missing()
        assert list(root.iterdir()) == []
