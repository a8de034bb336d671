"""What stands where a file of ours should be, and is none, is said in one line; nothing hangs on it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.entry import entry_json
from reconciler.core.errors import DiskError, LockfileError
from reconciler.store.lockfile import LockOnDisk
from reconciler.store.project import LOCK_FILE, read_lock
from tests.builders import a_recipe, an_entry


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate((512 << 20) + 1)


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "symbolic link"),
        (os.mkfifo, "not a plain file"),
        (lambda path: path.mkdir(), "not a plain file"),
        (_huge, "larger than 512 MiB"),
    ],
    ids=["link", "pipe", "folder", "huge"],
)
def test_a_lockfile_that_is_none(put: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    put(tmp_path / LOCK_FILE)
    with pytest.raises(LockfileError, match=f"{LOCK_FILE} is {'a ' if why == 'symbolic link' else ''}{why}"):
        read_lock(tmp_path)
    with pytest.raises(DiskError, match=why):
        LockOnDisk(tmp_path, journal=tuple).catch_up()


def test_an_output_without_end_is_not_read_to_merge_what_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    ours, theirs = an_entry(a_recipe(), output="assets/a.png"), an_entry(a_recipe("another"), output="assets/a.png")
    (tmp_path / "assets/a.png").symlink_to("/dev/zero")
    sides = ",".join(f'"a": {json.dumps(entry_json(entry))}' for entry in (ours, theirs))
    (tmp_path / LOCK_FILE).write_text(f'{{"lockfile": 1, "assets": {{{sides}}}}}')
    with pytest.raises(LockfileError):
        read_lock(tmp_path)
