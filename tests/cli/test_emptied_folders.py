"""Folders that an apply empties by moving files go away; all others stay."""

from __future__ import annotations

from tests.cli.conftest import Scratch


def moved(scratch: Scratch, *, beside: bool) -> None:
    """Two assets in a folder of their own, whose specs are renamed."""
    scratch.write("reconciler.yaml", "provider: draft\n")
    for name in ("one", "two"):
        scratch.write(f"specs/ui/icons/{name}.yaml", f"prompt: the {name}\nsize: 64x64\n")
    scratch.done("apply", "--yes")
    (scratch.root / "assets/empty").mkdir()
    if beside:
        scratch.write("assets/ui/notes.txt", "mine")
    (scratch.root / "specs/buttons").mkdir()
    for name in ("one", "two"):
        (scratch.root / f"specs/ui/icons/{name}.yaml").rename(scratch.root / f"specs/buttons/{name}.yaml")
    assert scratch.done("apply", "--yes").out == "moved 2\n"


def test_the_folders_that_a_move_leaves_empty_are_removed(scratch: Scratch) -> None:
    moved(scratch, beside=False)
    folders = sorted(path.name for path in (scratch.root / "assets").iterdir())
    assert folders == ["buttons", "empty"]


def test_a_folder_with_anything_in_it_stays(scratch: Scratch) -> None:
    moved(scratch, beside=True)
    assert sorted(path.name for path in (scratch.root / "assets/ui").iterdir()) == ["notes.txt"]


def test_a_folder_that_is_emptied_and_used_again_stays(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/one.yaml", "prompt: the one\nsize: 64x64\noutput: assets/a/one.png\n")
    scratch.done("apply", "--yes")
    scratch.edit("specs/one.yaml", "assets/a/one.png", "assets/a/b/one.png")
    scratch.done("apply", "--yes")
    assert [str(path.relative_to(scratch.root)) for path in (scratch.root / "assets").rglob("*.png")] == [
        "assets/a/b/one.png"
    ]
