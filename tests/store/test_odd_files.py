"""What stands where a file of ours should be, and is none, is said in one line; nothing hangs on it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import DiskError, InvalidInput, LockfileError
from reconciler.core.lock.entry import entry_json
from reconciler.store.documents.lockfile import LockOnDisk
from reconciler.store.documents.project import LOCK_FILE, read_lock
from reconciler.store.documents.specs import SpecReader, read_document
from reconciler.store.index.index import index_without_memory
from reconciler.store.worktree.observe import TreeObserver
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
        (_huge, "larger than 26 MiB"),
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


@pytest.mark.parametrize(
    ("put", "fact"),
    [
        (lambda path: path.symlink_to(path.name), "cannot be read: too many levels of symbolic links"),
        (lambda path: path.symlink_to("nothing.yaml"), "cannot be read: no such file or directory"),
        (lambda path: path.symlink_to("/dev/zero"), "is a link that leaves the project"),
        (os.mkfifo, "is not a plain file"),
        (lambda path: path.mkdir(), "is not a plain file"),
    ],
    ids=["link to itself", "link to nothing", "link out", "pipe", "folder"],
)
def test_a_spec_that_is_none(put: Callable[[Path], None], fact: str, tmp_path: Path) -> None:
    put(tmp_path / "a.yaml")
    document, problems = read_document(tmp_path, "a.yaml", "spec", index_without_memory(tmp_path))
    assert (document, [problem.fact for problem in problems]) == (None, [fact])


@pytest.mark.skipif(not os.access("/proc/self/io", os.R_OK), reason="a file that is longer than it says, by Linux")
def test_a_spec_that_grows_while_it_is_read_is_read_to_its_end() -> None:
    root = Path("/proc/self")
    document, _ = read_document(root, "io", "spec", index_without_memory(root))
    assert document is not None and isinstance(document.value, dict)
    assert {"rchar", "wchar"} <= document.value.keys()


def test_a_folder_of_specs_that_is_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "specs").symlink_to("specs")
    with pytest.raises(InvalidInput, match="too many levels"):
        SpecReader(tmp_path, "specs", index_without_memory(tmp_path))


def test_a_project_may_be_all_there_is(tmp_path: Path) -> None:
    """As in a container whose working folder is the root."""
    picture = tmp_path / "assets/a.png"
    picture.parent.mkdir()
    picture.write_bytes(b"a picture")
    (tmp_path / "linked.png").symlink_to(picture)
    root = Path("/")
    paths = [str(path.relative_to(root)) for path in (picture, tmp_path / "linked.png")]
    assert TreeObserver(root, index_without_memory(root)).outputs(paths) == dict.fromkeys(
        paths, content_hash(b"a picture")
    )


def test_specs_that_are_long_together_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/long.yaml").write_bytes(b"#" * (1 << 20))
    for number in range(4):  # a link costs a pull request nothing
        (tmp_path / f"specs/{number}.yaml").symlink_to("long.yaml")
    with pytest.raises(InvalidInput, match="its 5 files have 5,242,880 bytes together, more than 4,096 a file"):
        SpecReader(tmp_path, "specs", index_without_memory(tmp_path))
