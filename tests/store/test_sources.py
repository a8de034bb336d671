"""Bytes are found again wherever they still are, and looking for them runs nobody else's program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from reconciler.core.digest import content_hash
from reconciler.core.ports import Placed
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.worktree.outputs import OutputTree
from reconciler.store.worktree.sources import ContentSources

PICTURE = b"a picture that somebody paid for"
CONTENT = content_hash(PICTURE)
_AUTHOR = ("-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgSign=false")


def git(folder: Path, *arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["git", *_AUTHOR, *arguments], cwd=folder, check=True, capture_output=True, input=text, text=True
    )
    return done.stdout.strip()


def a_project(folder: Path, *, committed: bool) -> tuple[Path, ContentStore, ContentSources]:
    root = folder / "project"
    (root / "assets").mkdir(parents=True)
    (root / "assets/a.png").write_bytes(PICTURE)
    if committed:
        git(root, "init", "-q")
        git(root, "add", "assets")
        git(root, "commit", "-qm", "a picture")
    store = ContentStore(root)
    return root, store, ContentSources(root, store, ["assets/a.png"])


def spoil(store: ContentStore) -> Path:
    """The object is there, and other bytes are in it."""
    stored = store.find(CONTENT)
    assert stored is not None
    stored.chmod(0o600)
    stored.write_bytes(b"rot")
    return stored


def test_what_looks_like_a_repository_in_the_project_sets_up_no_program(tmp_path: Path) -> None:
    root, store, _ = a_project(tmp_path, committed=False)
    proof, donor = tmp_path / "ran", tmp_path / "donor"
    shutil.copytree(root, donor)
    git(donor, "init", "-q")
    git(donor, "add", ".")
    commit = f"tree {git(donor, 'write-tree')}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n"
    signed = f"{commit}gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n\nx\n"
    git(donor, "update-ref", "refs/heads/main", git(donor, "hash-object", "-t", "commit", "-w", "--stdin", text=signed))
    for name in ("objects", "refs"):
        shutil.copytree(donor / ".git" / name, root / name)
    (root / "HEAD").write_text("ref: refs/heads/main\n")
    (root / "evil.sh").write_text(f"#!/bin/sh\ntouch {proof}\nexit 1\n")
    (root / "evil.sh").chmod(0o755)
    core = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
    (root / "config").write_text(f"{core}[log]\n\tshowSignature = true\n[gpg]\n\tprogram = ./evil.sh\n")
    assert git(root, "log", "-1", "--format=%s", "--no-show-signature") == "x"  # git itself does take it for one
    assert ContentSources(root, store, ["assets/a.png"]).places(CONTENT, "assets/a.png") == ()
    assert not proof.exists()


def test_a_damaged_object_is_passed_over_for_the_history(tmp_path: Path) -> None:
    root, store, recovery = a_project(tmp_path, committed=True)
    store.put_file(root / "assets/a.png")
    spoiled = spoil(store)
    assert recovery.places(CONTENT, "assets/a.png") == ("the git history",)
    found = recovery.fetch(CONTENT, "assets/a.png")
    assert found == spoiled
    assert spoiled.read_bytes() == PICTURE


def test_what_is_taken_away_is_kept_although_an_object_has_its_name(tmp_path: Path) -> None:
    root, store, recovery = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    spoiled = spoil(store)
    outputs = OutputTree(root, store, recovery)
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert not (root / "assets/a.png").exists()
    assert spoiled.read_bytes() == PICTURE


def test_what_is_gone_already_is_not_in_the_way(tmp_path: Path) -> None:
    root, store, recovery = a_project(tmp_path, committed=False)
    outputs = OutputTree(root, store, recovery)
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()


def test_a_damaged_object_does_not_hide_the_bytes_at_the_old_path(tmp_path: Path) -> None:
    root, store, recovery = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    spoil(store)
    outputs = OutputTree(root, store, recovery)
    assert outputs.place(CONTENT, "assets/z.png", expect=None, locked_for="assets/a.png") == Placed()
    assert (root / "assets/z.png").read_bytes() == PICTURE


def test_a_file_is_not_taken_away_by_another_spelling_of_its_path(tmp_path: Path) -> None:
    root, store, recovery = a_project(tmp_path, committed=False)
    (root / "pictures").symlink_to("assets")
    outputs = OutputTree(root, store, recovery)
    assert outputs.place(CONTENT, "pictures/a.png", expect=CONTENT, locked_for="assets/a.png") == Placed()
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert (root / "assets/a.png").read_bytes() == PICTURE
