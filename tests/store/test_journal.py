from __future__ import annotations

import errno
import os
import stat
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, content_hash, recipe_key
from reconciler.core.errors import DiskError, LockfileError
from reconciler.core.events import (
    Durable,
    Ended,
    Forgotten,
    Noted,
    Published,
    Removed,
    Requested,
    Started,
    Stored,
)
from reconciler.core.journal_lines import encode_event
from reconciler.core.lock.lockfile import Made
from reconciler.store.state.journal import Journal
from tests.builders import a_recipe, an_entry

HERO = AssetId("hero")
KEY = recipe_key({"prompt": "a lighthouse"})


def a_request(attempt: str = "1") -> Requested:
    return Requested(attempt, HERO, KEY, "gravitex", "0.134 USD", "2026-11-22T16:00:00Z")


EVENTS: tuple[Durable, ...] = (
    a_request(),
    Ended("1", HERO, "Refused", "no:\n12 00000000 é\x00"),
    a_request("2"),
    Stored("2", HERO, KEY, content_hash(b"x"), Made("gravitex", "2026-11-22T16:00:10Z")),
    Removed(AssetId("old")),
)
texts = st.text(max_size=20)
durables = st.lists(
    st.one_of(
        st.builds(Forgotten, texts),
        st.builds(Removed, texts.map(AssetId)),
        st.builds(Ended, texts, texts.map(AssetId), st.just("Refused"), texts),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal"


def written(path: Path, *events: Durable) -> bytes:
    journal = Journal(path)
    for event in events:
        journal.record(event)
    journal.close()
    return path.read_bytes()


def test_a_replay_gives_the_same_events_as_often_as_it_is_asked(path: Path) -> None:
    written(path, *EVENTS)
    replay = Journal(path).replay()
    assert (tuple(replay), tuple(replay)) == (EVENTS, EVENTS)


def test_what_was_recorded_is_read_in_order_by_others_too(path: Path) -> None:
    journal = Journal(path)
    for number, event in enumerate(EVENTS, 1):
        journal.record(event)
        assert Journal(path).read() == journal.read() == EVENTS[:number]


def test_the_line_format_stays(path: Path) -> None:
    payload = encode_event(Forgotten("7"))
    assert written(path, Forgotten("7")) == b"%d %08x %b\n" % (len(payload), zlib.crc32(payload), payload)


def test_events_for_people_are_not_kept(path: Path) -> None:
    journal = Journal(path)
    journal.record_all((Started(HERO, "generate"), Noted(HERO, "waits")))
    assert not path.parent.exists()
    journal.record_all((Started(HERO, "generate"), EVENTS[0]))
    assert journal.read() == EVENTS[:1]


def test_reading_touches_nothing(path: Path) -> None:
    assert Journal(path).read() == ()
    assert not path.parent.exists()

    torn = written(path, *EVENTS)[:-3]
    path.write_bytes(torn)
    before = path.stat()
    assert Journal(path).read() == EVENTS[:-1]
    assert path.read_bytes() == torn
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert list(path.parent.iterdir()) == [path]


def test_what_could_not_be_read_back_is_not_written(path: Path) -> None:
    before = written(path, *EVENTS)
    odd = an_entry(a_recipe(), output="assets/\udcff.png")
    with pytest.raises(LockfileError, match=r"could not be read back: .*not valid Unicode"):
        Journal(path).record(Published(HERO, odd, "made"))
    assert path.read_bytes() == before
    assert Journal(path).read() == EVENTS


class TestDeath:
    def test_cut_at_any_byte_it_holds_what_was_acknowledged_and_goes_on(self, path: Path) -> None:
        whole, ends = written(path, *EVENTS), [0]
        for _ in EVENTS:
            ends.append(whole.index(b"\n", ends[-1]) + 1)
        for cut in range(len(whole) + 1):
            path.write_bytes(whole[:cut])
            assert Journal(path).read() == EVENTS[: sum(end <= cut for end in ends[1:])]
        for cut in ends[:-1]:
            path.write_bytes(whole[: cut + 5])
            assert written(path, Forgotten("more")).startswith(whole[:cut])
            assert Journal(path).read() == (*EVENTS[: ends.index(cut)], Forgotten("more"))

    @settings(max_examples=30)
    @given(events=durables, data=st.data())
    def test_cut_anywhere_any_journal_is_a_prefix(
        self, tmp_path_factory: pytest.TempPathFactory, events: list[Durable], data: st.DataObject
    ) -> None:
        path = tmp_path_factory.mktemp("cut") / "journal"
        whole = written(path, *events)
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        read = Journal(path).read()
        assert read == tuple(events[: len(read)])
        assert len(read) >= whole[:cut].count(b"\n")

    def test_of_a_batch_all_or_none_survive(self, path: Path) -> None:
        first = written(path, EVENTS[0])
        journal = Journal(path)
        journal.record_all(EVENTS[1:])
        journal.close()
        whole = path.read_bytes()
        assert journal.read() == EVENTS
        for cut in range(len(first), len(whole)):
            path.write_bytes(whole[:cut])
            assert journal.read() == EVENTS[:1]
        for block in range(0, len(whole) - len(first), 64):  # a page of the batch that never reached the disk
            at = len(first) + block
            path.write_bytes(whole[:at] + bytes(min(64, len(whole) - at)) + whole[at + 64 :])
            assert journal.read() == EVENTS[:1]

    def test_a_batch_is_one_fsync(self, path: Path) -> None:
        journal = Journal(path)
        journal.record(EVENTS[0])
        with mock.patch.object(os, "fsync") as fsync:
            journal.record_all(EVENTS[1:])
        assert fsync.call_count == 1

    def test_a_full_disk_stops_it_for_good(self, path: Path) -> None:
        journal = Journal(path)
        journal.record(EVENTS[0])
        full = mock.patch.object(os, "write", side_effect=[5, OSError(errno.ENOSPC, "full")])
        with full, pytest.raises(DiskError, match="no space left"):
            journal.record(EVENTS[1])
        with pytest.raises(DiskError, match="earlier write failed"):
            journal.record(EVENTS[2])
        assert journal.read() == EVENTS[:1]


class TestDamage:
    def test_a_flipped_byte_anywhere_never_gives_a_wrong_event(self, path: Path) -> None:
        whole = written(path, *EVENTS[:3])
        last = whole.rindex(b"\n", 0, -1) + 1
        for at in range(len(whole)):
            for flip in (1 << at % 8, 0xFF):
                flipped = bytearray(whole)
                flipped[at] ^= flip
                path.write_bytes(flipped)
                if at >= last:
                    assert Journal(path).read() == EVENTS[:2]
                    continue
                with pytest.raises(DiskError, match="is damaged between bytes"):
                    Journal(path).read()

    def test_a_journal_that_is_damaged_inside_is_left_as_it_is(self, path: Path) -> None:
        damaged = written(path, *EVENTS).replace(b"gravitex", b"gravitey", 1)
        path.write_bytes(damaged)
        journal = Journal(path)
        for use in (journal.read, lambda: journal.record(EVENTS[0]), lambda: journal.close_with(())):
            with pytest.raises(DiskError, match="damaged between bytes 0 and") as caught:
                use()
            assert "backup" in caught.value.hint
        assert path.read_bytes() == damaged

    @settings(max_examples=30)
    @given(garbage=st.binary(max_size=200))
    def test_foreign_bytes_never_crash_it(self, tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
        path = tmp_path_factory.mktemp("garbage") / "journal"
        sound = written(path, EVENTS[0])
        path.write_bytes(garbage)
        with suppress(DiskError):
            assert Journal(path).read() == ()
        path.write_bytes(sound + garbage)
        assert Journal(path).read() == EVENTS[:1]
        path.write_bytes(garbage + b"\n" + sound)
        with pytest.raises(DiskError):
            Journal(path).read()

    @pytest.mark.parametrize("payload", [b'{"v":99,"kind":"teleported"}', b"", b"\xff", b"[" * 100_000])
    def test_a_sound_record_that_means_nothing_here_is_an_error(self, path: Path, payload: bytes) -> None:
        written(path, EVENTS[0])
        with path.open("ab") as stream:
            stream.write(b"%d %08x %b\n" % (len(payload), zlib.crc32(payload), payload))
        with pytest.raises(LockfileError):
            Journal(path).read()


class TestClose:
    def test_only_what_is_open_stays(self, path: Path) -> None:
        journal = Journal(path)
        for event in EVENTS:
            journal.record(event)
        journal.close_with((EVENTS[2],))
        assert journal.read() == (EVENTS[2],)
        journal.record(EVENTS[3])
        assert Journal(path).read() == EVENTS[2:4]
        journal.close_with(())
        assert path.read_bytes() == b""

    def test_nothing_to_do_writes_nothing(self, path: Path) -> None:
        Journal(path).close_with(())
        assert not path.parent.exists()
        written(path, EVENTS[0])
        before = path.stat()
        Journal(path).close_with(EVENTS[:1])
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_a_refusal_keeps_the_journal_as_it_was(self, path: Path) -> None:
        before = written(path, *EVENTS)
        with mock.patch.object(os, "replace", side_effect=OSError(errno.EROFS, "x")), pytest.raises(DiskError):
            Journal(path).close_with(())
        assert path.read_bytes() == before


def test_threads_do_not_tear_each_others_records(path: Path) -> None:
    journal = Journal(path)
    threads = [
        threading.Thread(target=journal.record_all, args=((a_request(f"{number}a"), a_request(f"{number}b")),))
        for number in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempts = [event.attempt for event in journal.read() if isinstance(event, Requested)]
    assert sorted(attempts) == sorted(f"{number}{half}" for number in range(24) for half in "ab")
    assert all(one[:-1] == two[:-1] for one, two in zip(attempts[::2], attempts[1::2], strict=True))


@pytest.mark.parametrize("refused", [False, True])
def test_records_that_wait_share_one_fsync_and_its_error(path: Path, refused: bool) -> None:
    journal = Journal(path)
    journal.record(EVENTS[0])
    began, go = threading.Event(), threading.Event()
    syncs: list[int] = []
    failed: list[str] = []

    def fsync(descriptor: int) -> None:
        syncs.append(descriptor)
        began.set()
        assert go.wait(10)
        if refused and len(syncs) == 2:
            raise OSError(errno.EIO, "x")

    def record(attempt: str) -> None:
        try:
            journal.record(a_request(attempt))
        except DiskError:
            failed.append(attempt)

    threads = [threading.Thread(target=record, args=(str(number),)) for number in range(8)]
    with mock.patch.object(os, "fsync", fsync):
        threads[0].start()
        assert began.wait(10)
        for thread in threads[1:]:
            thread.start()
        while len(journal._next.frames) < 7:  # the first is on its way to the disk; the others wait for the next
            assert all(thread.is_alive() for thread in threads)
        go.set()
        for thread in threads:
            thread.join()
    assert len(syncs) == 2
    assert len(failed) == (7 if refused else 0)
    if not refused:
        assert len(journal.read()) == 9


def test_the_journal_is_not_executable(path: Path) -> None:
    written(path, EVENTS[0])
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0
