"""The lockfile on the disk: whole, untouched where nothing changes, and never over what somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.errors import LockfileError
from reconciler.core.events import AnswerRecorded, Durable, Published, Removed, settle
from reconciler.core.lock.lockfile import Lock, dumps
from reconciler.core.value import replace
from reconciler.store.documents.lockfile import LockOnDisk
from reconciler.store.documents.project import LOCK_FILE, read_lock
from tests.core.locks import a_entry, a_lock, a_refusal

HERO, CROW, OWL = (AssetId(name) for name in ("hero", "crow", "owl"))
THEIRS = a_lock(crow=a_entry("a crow"))


class Journal(list[Durable]):
    """What was recorded; a lockfile is told of it afterwards."""

    def made(self, asset: AssetId, prompt: str) -> tuple[Durable, ...]:
        self.append(Published(asset, a_entry(prompt), "made"))
        return (self[-1],)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def file(tmp_path: Path, journal: Journal) -> LockOnDisk:
    return LockOnDisk(tmp_path, journal=lambda: tuple(journal))


def write(root: Path, lock: Lock) -> None:
    (root / LOCK_FILE).write_text(dumps(lock), encoding="utf-8")


def test_what_is_saved_is_what_the_events_come_to(file: LockOnDisk, journal: Journal, tmp_path: Path) -> None:
    write(tmp_path, THEIRS)
    for event in (*journal.made(HERO, "a hero"), AnswerRecorded(OWL, a_refusal()), Removed(CROW)):
        if event not in journal:
            journal.append(event)
        file.update((event,))
        assert (tmp_path / LOCK_FILE).read_text(encoding="utf-8") == dumps(settle(THEIRS, journal).lock)


def test_nothing_to_say_touches_nothing(file: LockOnDisk, journal: Journal, tmp_path: Path) -> None:
    file.catch_up()
    assert not (tmp_path / LOCK_FILE).exists()
    file.update(journal.made(HERO, "a hero"))
    before = (tmp_path / LOCK_FILE).stat()
    file.update(journal.made(HERO, "a hero"))
    file.catch_up()
    assert (tmp_path / LOCK_FILE).stat().st_ino == before.st_ino


SAVES: list[Callable[[LockOnDisk], None]] = [lambda file: file.update(()), LockOnDisk.catch_up]


@pytest.mark.parametrize("save", SAVES, ids=["update", "catch_up"])
@pytest.mark.parametrize("theirs", [THEIRS, Lock()], ids=["another", "deleted"])
def test_what_somebody_else_wrote_since_is_built_upon(
    file: LockOnDisk, journal: Journal, tmp_path: Path, save: Callable[[LockOnDisk], None], theirs: Lock
) -> None:
    write(tmp_path, a_lock(owl=a_entry("an owl")))
    file.update(journal.made(HERO, "a hero"))
    if theirs.entries:
        write(tmp_path, theirs)
    else:
        (tmp_path / LOCK_FILE).unlink()
    save(file)
    assert read_lock(tmp_path) == settle(theirs, journal).lock


def test_a_change_that_keeps_size_and_times_is_seen(file: LockOnDisk, journal: Journal, tmp_path: Path) -> None:
    import os

    path = tmp_path / LOCK_FILE
    file.update(journal.made(HERO, "a hero"))
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"hero"', b'"orca"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    file.update(journal.made(OWL, "an owl"))
    assert set(read_lock(tmp_path).entries) == {"hero", "orca", "owl"}


def test_what_cannot_be_read_is_left_as_it_is_until_it_can(file: LockOnDisk, journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / LOCK_FILE
    file.update(journal.made(HERO, "a hero"))
    path.write_text("<<<<<<< mine\n")
    with pytest.raises(LockfileError):
        file.update(journal.made(OWL, "an owl"))
    with pytest.raises(LockfileError):
        file.catch_up()
    assert path.read_text() == "<<<<<<< mine\n"
    write(tmp_path, THEIRS)
    file.catch_up()
    assert set(read_lock(tmp_path).entries) == {"hero", "crow", "owl"}


def test_after_a_save_that_failed_the_file_is_read_again(file: LockOnDisk, journal: Journal, tmp_path: Path) -> None:
    file.update(journal.made(HERO, "a hero"))
    write(tmp_path, THEIRS)
    unwritable = Published(OWL, replace(a_entry("an owl"), recipe={"prompt": object()}), "made")
    journal.append(unwritable)
    with pytest.raises(TypeError):
        file.update(())
    journal.remove(unwritable)
    file.update(journal.made(OWL, "an owl"))
    assert read_lock(tmp_path) == settle(THEIRS, journal).lock


def test_only_what_changed_is_rendered_again(journal: Journal, tmp_path: Path) -> None:
    """Equal entries that were read anew, as those of the journal are, cost no rendering either."""
    file = LockOnDisk(tmp_path, journal=lambda: tuple(journal))
    write(tmp_path, a_lock(**{f"a{number}": a_entry(f"thing {number}") for number in range(20)}))
    file.update(journal.made(HERO, "a hero"))
    lines = dict(file._lines)
    journal.made(HERO, "a hero")
    file.update(journal.made(OWL, "an owl"))
    file.catch_up()
    assert {name: line for name, line in file._lines.items() if name != OWL} == lines
    assert all(file._lines[name][1] is line[1] for name, line in lines.items())
