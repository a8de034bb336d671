from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.digest import content_hash
from reconciler.core.errors import DiskError
from reconciler.store import disk
from tests.store.tracing import tracing

CALLS = ("open", "write", "fsync", "replace", "close")


@contextmanager
def refusing(name: str, *, on: int = 1, error: int = errno.EIO) -> Iterator[None]:
    """The kernel refuses the `on`-th call of os.`name`."""
    real, calls = getattr(os, name), count(1)

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(calls) != on:
            return real(*args, **kwargs)
        if name == "close":
            real(*args, **kwargs)  # a refused close closes all the same
        raise OSError(error, os.strerror(error))

    with mock.patch.object(os, name, call):
        yield


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestWriteAtomic:
    def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        with tracing("write", "fsync", "replace") as trace:
            disk.write_atomic(folder / "lock", b"new")
        assert trace == [("write", ".tmp"), ("fsync", ".tmp"), ("replace", ".tmp"), ("fsync", "folder")]
        assert (folder / "lock").read_bytes() == b"new"

    @settings(max_examples=30)
    @given(data=st.binary(max_size=64), taken=st.integers(1, 7))
    def test_short_writes_lose_nothing(self, tmp_path_factory: pytest.TempPathFactory, data: bytes, taken: int) -> None:
        path = tmp_path_factory.mktemp("short") / "file"
        real = os.write
        with mock.patch.object(os, "write", lambda fd, view: real(fd, view[:taken])):
            disk.write_atomic(path, data)
        assert path.read_bytes() == data

    def test_a_kernel_that_takes_nothing_is_an_error_not_a_loop(self, tmp_path: Path) -> None:
        with mock.patch.object(os, "write", return_value=0), pytest.raises(DiskError):
            disk.write_atomic(tmp_path / "file", b"x")

    @pytest.mark.parametrize("call", CALLS)
    def test_a_refusal_leaves_the_old_file_and_no_temp(self, tmp_path: Path, call: str) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        with refusing(call, error=errno.ENOSPC), pytest.raises(DiskError) as caught:
            disk.write_atomic(path, b"new")
        assert [item.name for item in tmp_path.iterdir()] == ["file"]
        assert path.read_bytes() == b"old"
        assert str(caught.value) == (
            f"cannot write {path}: no space left on device\n"
            "  hint: free some space on this disk, then run the same command again"
        )

    def test_a_directory_that_cannot_be_synced_is_an_error(self, tmp_path: Path) -> None:
        with refusing("fsync", on=2), pytest.raises(DiskError, match="input/output error"):
            disk.write_atomic(tmp_path / "file", b"new")

    def test_a_directory_that_knows_no_fsync_is_not(self, tmp_path: Path) -> None:
        with refusing("fsync", on=2, error=errno.EINVAL):
            disk.write_atomic(tmp_path / "file", b"new")

    def test_an_interrupt_leaves_no_temp(self, tmp_path: Path) -> None:
        with mock.patch.object(os, "fsync", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            disk.write_atomic(tmp_path / "file", b"new")
        assert list(tmp_path.iterdir()) == []

    def test_permission_bits(self, tmp_path: Path) -> None:
        new, private, existing = tmp_path / "new", tmp_path / "private", tmp_path / "existing"
        existing.write_bytes(b"")
        existing.chmod(0o646)
        with umask(0o027):
            disk.write_atomic(new, b"")
            disk.write_atomic(private, b"", mode=0o606)
            disk.write_atomic(existing, b"")
        assert (mode(new), mode(private), mode(existing)) == (0o640, 0o600, 0o646)

    def test_no_descriptor_leaks(self, tmp_path: Path) -> None:
        before = len(os.listdir("/dev/fd"))
        for call in CALLS:
            with refusing(call), pytest.raises(DiskError):
                disk.write_atomic(tmp_path / "file", b"new")
        disk.write_atomic(tmp_path / "file", b"new")
        assert len(os.listdir("/dev/fd")) == before

    def test_long_and_odd_names(self, tmp_path: Path) -> None:
        for name in ("é" * 120, "a\nb", "\udcff", "-"):
            disk.write_atomic(tmp_path / name, b"x")
            assert (tmp_path / name).read_bytes() == b"x"


def test_the_message_is_one_line_whatever_the_path(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as caught:
        disk.write_atomic(tmp_path / "a\nb\x1b[31m\udcff" / "file", b"x")
    assert r"a\nb\x1b[31m\udcff/file: no such file" in caught.value.fact
    assert caught.value.fact.isprintable()


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions"),
        (errno.EMFILE, "too many files"),
        (errno.EIO, "disk itself"),
    ],
)
def test_refusals_carry_a_hint(tmp_path: Path, error: int, hint: str) -> None:
    with refusing("open", error=error), pytest.raises(DiskError) as caught:
        disk.write_atomic(tmp_path / "file", b"x")
    assert hint in caught.value.hint


def test_macos_asks_the_drive_too_and_falls_back_where_it_may_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for answer, fsyncs in ((None, 0), (OSError(errno.ENOTSUP, "no"), 1)):
        with (
            mock.patch.object(disk, "_FULL_SYNC", 51),
            mock.patch.object(fcntl, "fcntl", side_effect=[answer]) as full,
            mock.patch.object(os, "fsync") as plain,
            path.open("wb") as stream,
        ):
            disk.sync(stream.fileno())
        assert full.call_args.args[1] == 51
        assert plain.call_count == fsyncs


class TestMakeDirs:
    def test_every_new_directory_is_durable_in_its_parent(self, tmp_path: Path) -> None:
        with tracing("mkdir", "fsync") as trace:
            disk.make_dirs(tmp_path / "a" / "b")
            disk.make_dirs(tmp_path / "a" / "b")
        assert trace == [("mkdir", "a"), ("fsync", tmp_path.name), ("mkdir", "b"), ("fsync", "a")]

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        with pytest.raises(DiskError, match="cannot create the directory"):
            disk.make_dirs(tmp_path / "a" / "b")

    def test_a_directory_that_somebody_else_makes_meanwhile(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        with mock.patch.object(os.path, "isdir", lambda path: Path(path) == tmp_path):
            disk.make_dirs(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="regular file"), disk.open_for_reading(path):
            raise AssertionError(path)


class TestAppender:
    def test_every_append_is_durable_and_the_tail_is_cut_first(self, tmp_path: Path) -> None:
        path = tmp_path / "a.journal"
        path.write_bytes(b"soundtorn")
        with tracing("ftruncate", "write", "fsync") as trace:
            appender = disk.Appender(path, keep=5)
            appender.append(b"+1")
            appender.append(b"+2")
            appender.close()
        assert path.read_bytes() == b"sound+1+2"
        assert trace == [
            ("ftruncate", ".journal"),
            ("fsync", ".journal"),
            ("fsync", tmp_path.name),
            ("write", ".journal"),
            ("fsync", ".journal"),
            ("write", ".journal"),
            ("fsync", ".journal"),
        ]

    @pytest.mark.parametrize("call", ["write", "fsync"])
    @pytest.mark.parametrize("refusal", [OSError(errno.EIO, "x"), KeyboardInterrupt()])
    def test_after_one_failure_it_takes_nothing_more(self, tmp_path: Path, call: str, refusal: BaseException) -> None:
        appender = disk.Appender(tmp_path / "journal", keep=0)
        with mock.patch.object(os, call, side_effect=refusal), pytest.raises((DiskError, KeyboardInterrupt)):
            appender.append(b"lost")
        size = (tmp_path / "journal").stat().st_size
        with pytest.raises(DiskError, match="an earlier write failed"):
            appender.append(b"more")
        assert (tmp_path / "journal").stat().st_size == size
        appender.close()


class TestSweep:
    def test_only_our_own_leftovers_go(self, tmp_path: Path) -> None:
        ours = tmp_path / ".hero.png.reconciler-0123456789abcdef.tmp"
        theirs = [
            tmp_path / name
            for name in (
                "hero.png",
                ".hero.png.tmp",
                "hero.png.reconciler-0123456789abcdef.tmp",
                ".hero.png.reconciler-0123456789abcdeg.tmp",
                ".hero.png.reconciler-0123456789abcdef.tmp.png",
            )
        ]
        for path in (ours, *theirs):
            path.write_text("x")
        folder = tmp_path / ".x.reconciler-0123456789abcdef.tmp"
        folder.mkdir()
        link = tmp_path / ".y.reconciler-0123456789abcdef.tmp"
        link.symlink_to(theirs[0])

        assert disk.temps(tmp_path) == (ours,)
        assert disk.temps(tmp_path / "absent") == ()

    def test_what_a_death_leaves_is_found(self, tmp_path: Path) -> None:
        dying = mock.patch.object(os, "replace", side_effect=KeyboardInterrupt), mock.patch.object(os, "unlink")
        with dying[0], dying[1], pytest.raises(KeyboardInterrupt):
            disk.write_atomic(tmp_path / ("é\n" * 40), b"x")
        assert disk.temps(tmp_path) == tuple(tmp_path.iterdir())
        assert len(disk.temps(tmp_path)) == 1


def test_file_hash(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert disk.file_hash(path) == content_hash(b"x" * 3_000_000)
    with pytest.raises(FileNotFoundError):
        disk.file_hash(tmp_path / "absent")
