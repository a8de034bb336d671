"""Our state is where it is said to be: nothing of it leads elsewhere, and no file of a person's is taken for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError
from reconciler.core.events import Forgotten, Removed
from reconciler.store.state.journal import Journal

DIARY = b"my precious diary\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "specs").mkdir(parents=True)
    (root / "reconciler.yaml").write_text("provider: draft\n")
    (root / "specs/a.yaml").write_text("prompt: a\nsize: 64x64\n")
    monkeypatch.chdir(root)
    monkeypatch.delenv("CI", raising=False)
    return root


@pytest.mark.parametrize("command", [("plan",), ("check",), ("apply", "--yes"), ("store", "gc", "--yes")])
@pytest.mark.parametrize("name", ["", "journal", "lock", "store", "store/objects", "store/recipes", "store/spool"])
def test_a_link_is_refused(
    name: str, command: tuple[str, ...], root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film.part").write_bytes(DIARY)
    link = root / ".reconciler" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    assert run([*command]) == 1
    said = capsys.readouterr().err
    assert f"{link} is a symbolic link\n  hint: " in said
    assert os.listdir(outside) == ["film.part"]
    assert not (root / "assets").exists()


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_file_in_place_of_our_folder_is_named(command: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".reconciler").write_bytes(DIARY)
    assert run([command]) == 1
    assert ".reconciler is not a folder" in capsys.readouterr().err
    assert (root / ".reconciler").read_bytes() == DIARY


@pytest.mark.parametrize("diary", [DIARY, b"12 monkeys\n", b"7", b"120 0badc0de {"])
def test_only_what_a_death_can_leave_is_cut_from_a_journal(diary: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(diary)
    journal = Journal(path)
    if diary.isdigit() or b"{" in diary:
        journal.record(Forgotten("1"))
        assert journal.read() == (Forgotten("1"),)
        return
    for touch in (journal.read, lambda: journal.record(Removed(AssetId("a"))), lambda: journal.close_with(())):
        with pytest.raises(DiskError, match="is no journal"):
            touch()
    assert path.read_bytes() == diary


def test_a_journal_that_is_a_link_or_a_pipe_is_neither_read_nor_written(tmp_path: Path) -> None:
    (tmp_path / "diary").touch()
    (tmp_path / "link").symlink_to("diary")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(DiskError):
            Journal(tmp_path / name).read()
        with pytest.raises(DiskError):
            Journal(tmp_path / name).record(Forgotten("1"))
    assert (tmp_path / "diary").read_bytes() == b""
