"""Bytes are found again wherever they still are, and looking for them runs nobody else's program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.core.digest import ContentHash, content_hash, content_of_hex, hex_of
from reconciler.core.ports import Placed, SourceFailure
from reconciler.store import disk
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_sources import GitHistory, GitLfs
from reconciler.store.worktree.outputs import OutputTree
from reconciler.store.worktree.sources import ContentSources, StoreSource

PICTURE = b"\x89PNG\r\n\x1a\n a picture that somebody paid for"
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
    return root, store, sources_of(root, store)


def sources_of(root: Path, store: ContentStore) -> ContentSources:
    repository = GitRepository(root)
    lfs = GitLfs(repository)
    return ContentSources((StoreSource(store), lfs, GitHistory(repository, ["assets/a.png"], lfs=lfs, store=store)))


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
    assert sources_of(root, store).places(CONTENT, "assets/a.png") == ()
    assert not proof.exists()


def test_a_damaged_object_is_passed_over_for_the_history(tmp_path: Path) -> None:
    root, store, sources = a_project(tmp_path, committed=True)
    store.put_file(root / "assets/a.png")
    spoiled = spoil(store)
    assert sources.places(CONTENT, "assets/a.png") == ("the git history",)
    found = sources.fetch(CONTENT, "assets/a.png")
    assert found == spoiled
    assert spoiled.read_bytes() == PICTURE


def test_what_is_taken_away_is_kept_although_an_object_has_its_name(tmp_path: Path) -> None:
    root, store, sources = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    spoiled = spoil(store)
    outputs = OutputTree(root, store, sources)
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert not (root / "assets/a.png").exists()
    assert spoiled.read_bytes() == PICTURE


def test_what_is_gone_already_is_not_in_the_way(tmp_path: Path) -> None:
    root, store, sources = a_project(tmp_path, committed=False)
    outputs = OutputTree(root, store, sources)
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()


def test_a_damaged_object_does_not_hide_the_bytes_at_the_old_path(tmp_path: Path) -> None:
    root, store, sources = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    spoil(store)
    outputs = OutputTree(root, store, sources)
    assert outputs.place(CONTENT, "assets/z.png", expect=None, locked_for="assets/a.png") == Placed()
    assert (root / "assets/z.png").read_bytes() == PICTURE


def test_a_file_is_not_taken_away_by_another_spelling_of_its_path(tmp_path: Path) -> None:
    root, store, sources = a_project(tmp_path, committed=False)
    (root / "pictures").symlink_to("assets")
    outputs = OutputTree(root, store, sources)
    assert outputs.place(CONTENT, "pictures/a.png", expect=CONTENT, locked_for="assets/a.png") == Placed()
    assert outputs.vacate("assets/a.png", expect=CONTENT) == Placed()
    assert (root / "assets/a.png").read_bytes() == PICTURE


class TeamStore:
    """A source that a later version may add: bytes that another machine has put into a folder by their hash."""

    name = "the team's store"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[ContentHash] = []

    def has(self, content: ContentHash, path: str) -> bool:
        self.asked.append(content)
        return (self.folder / hex_of(content)).is_file()

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        return self.folder / hex_of(content) if self.has(content, path) else None

    def permanent(self) -> frozenset[ContentHash]:
        return frozenset(content_of_hex(file.name) for file in self.folder.iterdir())

    def failure(self, path: str) -> SourceFailure | None:
        return None


def test_one_more_source_is_all_that_a_store_of_a_team_needs(tmp_path: Path) -> None:
    root, store, _ = a_project(tmp_path, committed=False)
    (root / "assets/a.png").unlink()
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / hex_of(CONTENT)).write_bytes(PICTURE)
    sources = ContentSources((StoreSource(store), TeamStore(tmp_path / "team")))
    assert sources.places(CONTENT, "assets/a.png") == ("the team's store",)
    assert sources.get((CONTENT, "assets/a.png")) == "the team's store"
    assert sources.permanent() == {CONTENT}
    outputs = OutputTree(root, store, sources)
    assert outputs.place(CONTENT, "assets/a.png", expect=None, locked_for="assets/a.png") == Placed()
    assert (root / "assets/a.png").read_bytes() == PICTURE


def test_an_expensive_source_is_asked_only_if_those_before_it_have_nothing(tmp_path: Path) -> None:
    root, store, _ = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    team = TeamStore(tmp_path)
    sources = ContentSources((StoreSource(store), team))
    assert sources.get((CONTENT, "assets/a.png")) == "the store"
    assert sources.fetch(CONTENT, "assets/a.png") == store.find(CONTENT)
    assert sources.has(CONTENT, "assets/a.png")
    assert team.asked == []
    other = content_hash(b"other")
    assert sources.get((other, "assets/a.png")) is None
    assert sources.fetch(other, "assets/a.png") is None
    assert team.asked == [other, other]


def test_git_is_not_started_before_a_source_of_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And at most once where there is no repository."""
    root, store, sources = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    (tmp_path / "bin").mkdir()
    ran = tmp_path / "ran"
    (tmp_path / "bin/git").write_text(f"#!/bin/sh\necho x >> {ran}\nexit 128\n")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert sources.get((CONTENT, "assets/a.png")) == "the store"
    assert sources.fetch(CONTENT, "assets/a.png") is not None
    assert not ran.exists()
    for path in ("assets/a.png", "assets/b.png"):
        assert sources.get((content_hash(b"other"), path)) is None
    assert ran.read_text().split() == ["x"]


def test_an_object_is_hashed_only_while_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, store, sources = a_project(tmp_path, committed=False)
    store.put_file(root / "assets/a.png")
    (root / "assets/a.png").unlink()
    hashed: list[Path] = []
    monkeypatch.setattr(disk, "file_hash", hashed.append)
    outputs = OutputTree(root, store, sources)
    assert outputs.place(CONTENT, "assets/a.png", expect=None, locked_for="assets/a.png") == Placed()
    assert hashed == []
    assert (root / "assets/a.png").read_bytes() == PICTURE


@pytest.mark.parametrize("bytes_there", [b"rot", PICTURE[:-1] + b"!", None])
def test_a_damaged_object_is_never_placed_and_git_has_the_bytes(tmp_path: Path, bytes_there: bytes | None) -> None:
    """Also one that begins as the picture does, and one that cannot be opened."""
    root, store, sources = a_project(tmp_path, committed=True)
    store.put_file(root / "assets/a.png")
    stored = spoil(store)
    if bytes_there is None:
        stored.unlink()
        os.mkfifo(stored)
    else:
        stored.write_bytes(bytes_there)
    (root / "assets/a.png").unlink()
    outputs = OutputTree(root, store, sources)
    assert outputs.place(CONTENT, "assets/a.png", expect=None, locked_for="assets/a.png") == Placed()
    assert (root / "assets/a.png").read_bytes() == PICTURE
    assert [path.name for path in (root / "assets").iterdir()] == ["a.png"]
