"""Where the disk, or a hand on the lockfile, refuses: one line, the right exit code, and nothing is lost."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.digest import ContentHash
from reconciler.store.objects.content_store import ContentStore
from tests.cli.conftest import PROGRAM, Said, Scratch, picture

_PR_CAPBSET_DROP = 24
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def _like_anybody() -> None:
    """Before the exec: even root is held to permissions."""
    libc = ctypes.CDLL(None)
    for right in (_DAC_OVERRIDE, _DAC_READ_SEARCH) if os.geteuid() == 0 else ():
        libc.prctl(_PR_CAPBSET_DROP, right, 0, 0, 0)


def as_anybody(project: Scratch, *arguments: str) -> Said:
    done = subprocess.run(
        [*PROGRAM, *arguments], cwd=project.root, preexec_fn=_like_anybody, capture_output=True, text=True, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def locked_up(project: Scratch) -> Iterator[Scratch]:
    """A fresh clone that may be read and not written."""
    shutil.rmtree(project.root / ".reconciler")
    folders = [project.root, *(path for path in project.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield project
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (("check",), 0, "nothing to do: 3 assets up to date"),
        (("plan",), 0, "nothing to do: 3 assets up to date"),
        (("show", "hero"), 0, "hero"),
        (("recover",), 0, "no request is in doubt"),
        (("store", "ls"), 0, "0 objects"),
        (("store", "verify"), 0, "0 objects whole"),
        (("apply", "--yes"), 1, "permission denied"),
        (("plan", "-o", "plan.json"), 1, "permission denied"),
    ],
)
def test_a_tree_that_may_only_be_read(locked_up: Scratch, command: tuple[str, ...], code: int, says: str) -> None:
    before = locked_up.snapshot()
    said = as_anybody(locked_up, *command)
    assert said.code == code, said
    assert says in said.out + said.err
    assert "Traceback" not in said.err and said.err.count("\n") <= 2
    assert locked_up.snapshot() == before


@pytest.mark.parametrize(
    ("name", "command", "code"),
    [
        ("assets.lock", ("check",), 1),
        (".reconciler/journal", ("check",), 1),
        (".reconciler/journal", ("apply", "--yes"), 1),
        (".reconciler", ("check",), 1),
        (".reconciler", ("store", "verify"), 1),
        ("specs/hero.yaml", ("check",), 1),
        ("assets/hero.png", ("check",), 2),
        ("assets/hero.png", ("apply", "--yes", "--replace", "hero"), 3),
        ("reconciler.yaml", ("check",), 1),
    ],
)
def test_what_may_not_be_read(project: Scratch, name: str, command: tuple[str, ...], code: int) -> None:
    path = project.root / name
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        said = as_anybody(project, *command)
    finally:
        path.chmod(mode)
    assert said.code == code, said
    assert Path(name).stem in said.out + said.err
    assert "permission denied" in (said.out + said.err).lower()
    assert "Traceback" not in said.err
    assert project.run("check").code == 0


def bought(project: Scratch) -> None:
    """Let the lockfile say that the images cost money: one that is lost is then held."""
    project.edit("assets.lock", '"provider": "draft"', '"provider": "gravitex"')


@pytest.mark.parametrize("command", [("store", "verify"), ("store", "verify", "--format", "json")])
def test_an_object_that_may_not_be_read_is_damaged(project: Scratch, command: tuple[str, ...]) -> None:
    bought(project)
    path = ContentStore(project.root).find(ContentHash(project.lock["hero"]["content"]))
    assert path is not None
    path.chmod(0)
    (project.root / "assets/hero.png").unlink()
    said = as_anybody(project, *command)
    assert (said.code, str(path.relative_to(project.root)) in said.out) == (1, True), said
    refused = as_anybody(project, "apply", "--yes")
    assert (refused.code, "store verify" in refused.err) == (3, True), refused
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("unreadable", "command", "code"),
    [
        ("assets.lock", ("check",), 1),
        (".reconciler/journal", ("check",), 1),
        (".reconciler/journal", ("recover",), 1),
        ("assets/hero.png", ("check",), 2),
        ("assets/hero.png", ("apply", "--yes"), 3),
        ("assets/hero.png", ("restore", "hero"), 1),
        ("assets/hero.png", ("adopt", "hero"), 1),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(
    project: Scratch, unreadable: str, command: tuple[str, ...], code: int
) -> None:
    """A directory where a file should be: nobody can read that, not even root."""
    path = project.root / unreadable
    path.unlink(missing_ok=True)
    path.mkdir()
    said = project.run(*command)
    assert said.code == code, said
    assert Path(unreadable).stem in said.out + said.err
    assert "Traceback" not in said.err
    assert path.is_dir()


def test_an_unreadable_object_of_git_lfs_is_no_source_and_no_error(project: Scratch) -> None:
    bought(project)
    project.git("init", "-q", ".")
    oid = project.lock["hero"]["content"].removeprefix("sha256:")
    lfs = project.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", "")
    lfs.unlink()
    lfs.symlink_to("/proc/self/mem")  # a file that opens, and refuses to be read
    (project.root / "assets/hero.png").unlink()
    assert project.done("apply", "--yes").out == "restored 1\n"
    shutil.rmtree(project.root / ".reconciler")
    (project.root / "assets/hero.png").unlink()
    assert project.plan() == {"hero": ("hold", "OutputLost")}


def test_a_damaged_object_is_named_and_replaces_nothing(project: Scratch) -> None:
    bought(project)
    path = ContentStore(project.root).find(ContentHash(project.lock["hero"]["content"]))
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    (project.root / "assets/hero.png").unlink()
    said = project.run("apply", "--yes")
    assert said.code == 3
    assert "`reconciler store verify` lists damaged images" in said.err
    assert "Traceback" not in said.err
    assert not (project.root / "assets/hero.png").exists()


def test_a_recipe_that_was_edited_in_the_lockfile_is_found_where_all_is_looked_at(project: Scratch) -> None:
    project.edit("assets.lock", "A lighthouse at dusk", "A lighthouse at dawn")
    assert project.run("check").code == 0
    project.edit("specs/mascot.yaml", "round", "square")
    for command in (("check", "--strict"), ("apply", "--yes")):
        said = project.run(*command)
        assert (said.code, said.out) == (1, ""), said
        assert "assets.lock: the recipe does not have the key that stands beside it: hero" in said.err


def test_bytes_that_restore_replaces_are_kept_or_nothing_is_replaced(project: Scratch) -> None:
    project.write("assets/hero.png", picture())
    objects = project.root / ".reconciler/store/spool"
    shutil.rmtree(objects, ignore_errors=True)
    objects.write_text("a file where the spool should be")
    said = project.run("restore", "hero")
    assert (said.code, project.read("assets/hero.png")) == (1, picture())
    assert "Traceback" not in said.err
