"""`reconciler store`: what is kept, whether it is whole, and that nothing goes that nobody else has."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.events import Ended, Requested
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Made
from reconciler.core.ports import StoredImage
from reconciler.store.objects.content_store import ContentStore
from tests.cli.conftest import Scratch, picture, pointer

KEY = RecipeKey("r1:" + "1" * 64)


def an_object(project: Scratch, data: bytes, *, provider: str = "", cost: str = "0.134 USD") -> Path:
    """Bytes in the store; remembered as made by a provider if one is given."""
    store = ContentStore(project.root)
    source = project.write("given", data)
    content = store.put_file(source)
    source.unlink()
    if provider:
        made = Made(provider, "2026-11-22T16:00:00Z", model="m", cost=cost)
        store.remember(KEY, StoredImage(content, ImageFacts("png", 64, 48, len(data)), made))
    path = store.find(content)
    assert path is not None
    return path


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(data)


def stored_object(project: Scratch, asset: str) -> Path:
    path = ContentStore(project.root).find(ContentHash(project.lock[asset]["content"]))
    assert path is not None
    return path


def test_ls_says_of_each_object_how_large_what_it_cost_and_who_uses_it(project: Scratch) -> None:
    before = project.snapshot()
    lines = project.done("store", "ls").out.splitlines()
    assert len(lines) == 4
    assert any(line.endswith("hero") and "0 USD" in line for line in lines)
    assert lines[-1].startswith("3 objects, ")
    assert project.snapshot() == before


def test_ls_for_programs(project: Scratch) -> None:
    an_object(project, b"bought", provider="gravitex")
    told = {one["content"]: one for one in project.done("store", "ls", "--format", "json").json["objects"]}
    bought = told[content_hash(b"bought")]
    assert (bought["bytes"], bought["assets"], bought["recipes"], bought["made"]["cost"]) == (6, [], [KEY], "0.134 USD")
    assert told[project.lock["hero"]["content"]]["assets"] == ["hero"]


@pytest.mark.parametrize("command", [("ls",), ("verify",), ("gc",), ("gc", "--yes")])
def test_a_project_without_a_store_is_no_error(scratch: Scratch, command: tuple[str, ...]) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.done("store", *command)


@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_verify_finds_a_flipped_bit_and_says_who_else_has_the_bytes(project: Scratch, where: float) -> None:
    assert project.done("store", "verify").out == "3 objects whole\n"
    path = stored_object(project, "hero")
    flip(path, int(where * (path.stat().st_size * 8 - 1)))
    said = project.run("store", "verify")
    assert said.code == 1
    for fact in (str(path.relative_to(project.root)), project.lock["hero"]["content"], content_hash(path.read_bytes())):
        assert fact in said.out
    assert "assets/hero.png has the bytes" in said.out
    (one,) = project.run("store", "verify", "--format", "json").json["damaged"]
    assert one["elsewhere"] == "assets/hero.png"


def test_verify_says_so_where_nobody_has_the_bytes_and_where_git_has(project: Scratch) -> None:
    path, lost = stored_object(project, "hero"), an_object(project, b"bought", provider="gravitex")
    project.git("init", "-q", ".")
    project.git("add", "assets")
    project.git("commit", "-qm", "x")
    (project.root / "assets/hero.png").unlink()
    flip(path, 99)
    flip(lost, 0)
    damaged = project.run("store", "verify", "--format", "json").json["damaged"]
    found = {one["expected"]: one["elsewhere"] for one in damaged}
    assert found == {project.lock["hero"]["content"]: "the git history", content_hash(b"bought"): None}
    assert "no other copy was found" in project.run("store", "verify").out


def test_verify_holds_the_lockfile_to_its_own_keys(project: Scratch) -> None:
    project.edit("assets.lock", "A lighthouse at dusk", "A lighthouse at dawn")
    said = project.run("store", "verify")
    assert (said.code, "does not have the key that stands beside it: hero" in said.err) == (1, True)


class TestGc:
    def test_without_yes_it_only_shows(self, project: Scratch) -> None:
        an_object(project, b"old draft", provider="draft", cost="0 USD")
        before = project.snapshot()
        said = project.done("store", "gc")
        assert "a draft" in said.out
        assert "1 object to delete (9 B), 3 to keep: 3 locked now" in said.out
        assert project.snapshot() == before

    def test_what_is_locked_paid_for_or_a_persons_stays(self, project: Scratch) -> None:
        kept = [an_object(project, b"bought", provider="gravitex"), an_object(project, b"painted")]
        kept += [an_object(project, b"brought", provider="adopted", cost=""), stored_object(project, "hero")]
        assert "0 objects to delete" in project.done("store", "gc", "--yes").out
        assert all(path.exists() for path in kept)

    def test_a_draft_that_nothing_uses_goes_with_what_is_remembered_of_it(self, project: Scratch) -> None:
        path = an_object(project, b"old draft", provider="draft", cost="0 USD")
        an_object(project, b"bought", provider="gravitex")
        assert project.done("store", "gc", "--yes").out.endswith("freed 9 B\n")
        assert not path.exists()
        assert [one.content for key, one in ContentStore(project.root).remembered() if key == KEY] == [
            content_hash(b"bought")
        ]
        assert project.run("check").code == 0

    def test_paid_bytes_that_a_commit_holds_may_go(self, project: Scratch) -> None:
        bought, data = picture("navy"), project.read("assets/hero.png")
        path = an_object(project, bought, provider="gravitex")
        project.git("init", "-q", ".")
        project.write("assets/hero.png", bought)
        project.git("add", "assets")
        assert "0 objects to delete" in project.done("store", "gc").out  # the index of git is no commit
        project.git("commit", "-qm", "x")
        project.write("assets/hero.png", data)
        assert "also in git" in project.done("store", "gc", "--yes").out
        assert not path.exists()

    @pytest.mark.parametrize("present", [True, False], ids=["fetched", "not here"])
    def test_a_committed_pointer_counts_if_git_lfs_has_the_bytes(self, project: Scratch, present: bool) -> None:
        bought = picture("navy")
        path = an_object(project, bought, provider="gravitex")
        project.git("init", "-q", ".")
        project.write("assets/hero.png", pointer(content_hash(bought)))
        project.git("add", "assets")
        project.git("commit", "-qm", "x")
        if present:
            oid = content_hash(bought).removeprefix("sha256:")
            project.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", bought)
        project.done("store", "gc", "--yes")
        assert path.exists() is not present

    def test_forget_paid_drops_what_nobody_else_has_but_nothing_that_is_in_use(self, project: Scratch) -> None:
        gone = [an_object(project, b"bought", provider="gravitex"), an_object(project, b"painted")]
        flying = an_object(project, b"in flight")
        project.journal(Ended("a1", "hero", "BadOutput", "", content_hash(b"in flight")))  # type: ignore[arg-type] # an id
        assert "given up by --forget-paid" in project.done("store", "gc", "--forget-paid", "--yes").out
        assert not any(path.exists() for path in gone)
        assert flying.exists()
        assert project.run("check").code == 0

    def test_what_dead_runs_left_goes_unless_it_may_be_an_answer(self, project: Scratch) -> None:
        spool = ".reconciler/store/spool"
        answers = [
            project.write(f"{spool}/fedcba9876543210.part", picture()),
            project.write(f"{spool}/fedcba9876543211.part", '{"data": [{"b64_json": "iVBORw0KGgo="}]}'),
        ]
        empty = project.write(f"{spool}/0123456789abcdef.part", b"")
        stored = project.write(f"{spool}/0123456789abcde0.part", project.read("assets/hero.png"))
        temps = [
            project.write(f"{folder}.x.reconciler-0123456789abcdef.tmp", "torn")
            for folder in ("", "assets/", ".reconciler/", ".reconciler/store/objects/ab/")
        ]
        mine = project.write("assets/.notes.tmp", "a person's")
        assert "6 temporary files" in project.done("store", "gc").out
        project.done("store", "gc", "--yes")
        assert not any(path.exists() for path in (empty, stored, *temps))
        assert all(path.exists() for path in (*answers, mine))
        assert "--forget-paid" in project.done("store", "gc").out
        project.done("store", "gc", "--yes", "--forget-paid")
        assert not any(path.exists() for path in answers)

    def test_while_anything_is_in_doubt_every_spool_file_stays(self, project: Scratch) -> None:
        empty = project.write(".reconciler/store/spool/0123456789abcdef.part", b"")
        asked = Requested("a1", AssetId("hero"), KEY, "gravitex", "0.134 USD", "2026-11-22T16:00:00Z")
        project.journal(asked)
        project.done("store", "gc", "--yes")
        assert empty.exists()
