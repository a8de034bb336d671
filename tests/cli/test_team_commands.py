"""`push`, `team` and `store verify --remote`, with a folder as the team's store."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.digest import RecipeKey, content_hash
from reconciler.core.team.bucket import BucketObject
from reconciler.core.team.layout import ReceiptName, claim_name, object_name, receipt_name, receipt_of, short_root
from reconciler.core.team.receipt import Receipt
from reconciler.project import team_push
from reconciler.project.team_garbage import delete_team_garbage, find_team_garbage
from reconciler.project.team_roots import chosen_roots, drop_roots, team_roots
from reconciler.project.team_status import open_own_team
from reconciler.project.workspace import open_workspace
from reconciler.team.directory_bucket import DirectoryBucket
from reconciler.team.receipt_keys import ReceiptReader
from tests.cli.conftest import Scratch, picture
from tests.team.contract import read
from tests.team.keys import SshKey, keys_of
from tests.team.test_receipts import team

ANA = SshKey("ana@acme", 1)
HERO = picture()


@pytest.fixture
def shared(project: Scratch, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a hand-made picture, whose store is this folder, and whose user may sign."""
    folder = tmp_path_factory.mktemp("store")
    project.write("reconciler.yaml", json.dumps({"provider": "draft", "team": {"url": f"file://{folder}"}}))
    project.write("reconciler.keys", keys_of(ANA).decode())
    project.write("assets/hero.png", HERO)
    project.done("adopt", "hero")
    monkeypatch.setenv("RECONCILER_SIGNING_KEY", ANA.private)
    monkeypatch.setenv("RECONCILER_TRUSTED_STORES", f"file://{folder}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return folder


def age(folder: Path, days: float) -> None:
    """Let every object be so old."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def test_a_push_brings_the_image_and_its_receipt(project: Scratch, shared: Path) -> None:
    out = project.done("push").out
    assert out.startswith("pushed 1 image (")
    assert f", 1 receipt to file://{shared}" in out
    bucket, content = DirectoryBucket(shared), content_hash(HERO)
    assert read(bucket, object_name(content)) == HERO
    (answered,) = (named for name in bucket.names("receipts/") if (named := receipt_of(name)) is not None)
    key = answered.key
    assert answered.content == content
    data = read(bucket, receipt_name(key, content))
    assert data is not None
    found = ReceiptReader(team(ANA)).read(data, ReceiptName(key, content))
    assert isinstance(found, Receipt)
    assert found.stored.made.provider == "adopted"
    (root,) = bucket.names("roots/")
    assert json.loads(read(bucket, root) or b"")["contents"] == [content]
    assert json.loads(read(bucket, "format.json") or b"") == {"store": 1}


def test_who_cannot_sign_is_told_why_and_what_helps(
    project: Scratch, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "hint" not in project.done("team").err
    project.write("reconciler.keys", "")
    project.write("gitconfig", "[user]\n\temail = ben@acme\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(project.root / "gitconfig"))
    said = project.done("team")
    assert "you cannot sign: the key of RECONCILER_SIGNING_KEY is not listed in reconciler.keys" in said.out
    assert (
        f'  hint: add a line to reconciler.keys: you@example.com namespaces="reconciler-receipt" {ANA.public}'
        in said.err
    )


def test_trust_in_a_folder_that_does_not_exist_is_given_with_a_note(project: Scratch, shared: Path) -> None:
    assert project.done("team", "trust", f"file://{shared}").err == ""
    said = project.done("team", "trust", f"file://{shared}/misspelt")
    assert "is trusted" in said.out
    assert said.err == "note: this folder does not exist now; make it, mount it, or correct the address\n"


def test_a_second_push_brings_nothing(project: Scratch, shared: Path) -> None:
    project.done("push")
    before = {path: path.stat().st_ino for path in (shared / "objects").rglob("*")}
    assert "pushed 0 images to" in (out := project.done("push").out)
    assert "; it had 1 image" in out
    assert {path: path.stat().st_ino for path in (shared / "objects").rglob("*")} == before


@pytest.mark.parametrize("lacking", [0, 2, 100])
def test_a_push_counts_what_the_store_had_whether_it_asks_first_or_not(
    project: Scratch, shared: Path, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    """Also an image that is damaged here, and sound in the store."""
    monkeypatch.setattr(team_push, "_LACKING", lacking)
    monkeypatch.setattr(team_push, "PUSHES_AT_ONCE", 1)
    pictures = {f"a{number}": picture(f"rgb({number},0,0)") for number in range(6)}
    for name, data in pictures.items():
        project.write(f"specs/{name}.yaml", f"prompt: {name}\n")
        project.write(f"assets/{name}.png", data)
    project.done("adopt", "--yes", *pictures)
    bucket, asked = DirectoryBucket(shared), list[str]()
    contents = sorted(content_hash(data) for data in (HERO, *pictures.values()))
    for content in contents[4:]:
        data = next(data for data in (HERO, *pictures.values()) if content_hash(data) == content)
        assert bucket.put_new(object_name(content), data)
    damaged = project.root / ".reconciler/store/objects" / contents[6][7:9] / contents[6][7:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"other bytes")
    (output,) = (path for path in (project.root / "assets").iterdir() if content_hash(path.read_bytes()) == contents[6])
    output.write_bytes(b"edited")
    stat = DirectoryBucket.stat

    def counted(self: DirectoryBucket, name: str) -> BucketObject | None:
        asked.append(name)
        return stat(self, name)

    monkeypatch.setattr(DirectoryBucket, "stat", counted)
    found = json.loads(project.done("push", "--format", "json").out)
    assert (found["pushed"], found["known"], found["receipts"]) == (4, 3, 7)
    objects = [name for name in asked if name.startswith("objects/")]
    assert len(objects) == {0: 1, 2: 4, 100: 7}[lacking]
    assert len(bucket.names("receipts/")) == 7


def test_drafts_are_nobodys(project: Scratch, shared: Path) -> None:
    project.write("specs/draft.yaml", "prompt: A draft\n")
    project.done("apply", "--yes")
    project.done("push", "--all")
    assert list(DirectoryBucket(shared).names("objects/")) == [object_name(content_hash(HERO))]


def test_candidates_come_along_and_all_brings_the_rest(project: Scratch, shared: Path) -> None:
    other, old = picture("red"), picture("blue")
    project.write("assets/hero.png", other)
    project.done("adopt", "hero")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.write("assets/hero.png", old)
    project.done("adopt", "hero")
    project.edit("specs/hero.yaml", "dawn", "noon")
    project.done("adopt", "hero")
    assert json.loads(project.done("push", "--format", "json").out)["pushed"] == 1
    found = json.loads(project.done("push", "--all", "--format", "json").out)
    assert (found["pushed"], found["known"]) == (2, 1)
    names = {object_name(content_hash(data)) for data in (HERO, other, old)}
    assert set(DirectoryBucket(shared).names("objects/")) == names


def test_a_damaged_image_is_not_pushed(project: Scratch, shared: Path) -> None:
    (stored,) = (project.root / ".reconciler/store/objects").rglob(content_hash(HERO).partition(":")[2])
    stored.chmod(0o644)
    stored.write_bytes(b"other bytes")
    (project.root / "assets/hero.png").write_bytes(b"more")
    said = project.run("push")
    assert said.code == 1
    assert "damaged, and not pushed" in said.err
    assert list(DirectoryBucket(shared).names("objects/")) == []
    (project.root / "assets/hero.png").write_bytes(HERO)
    project.done("push")  # the output has the bytes
    assert list(DirectoryBucket(shared).names("objects/")) == [object_name(content_hash(HERO))]


def test_without_a_key_nothing_is_pushed(project: Scratch, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_SIGNING_KEY", SshKey("bob@acme", 2).private)
    said = project.run("push")
    assert said.code == 1
    assert "is not listed in reconciler.keys" in said.err
    assert [path.name for path in shared.iterdir()] == []


def test_a_store_gets_nothing_before_it_is_trusted(
    project: Scratch, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECONCILER_TRUSTED_STORES")
    for command in (("push",), ("team",), ("team", "gc"), ("store", "verify", "--remote")):
        said = project.run(*command)
        assert said.code == 1
        assert "is not used before you trust it" in said.err
    assert list(shared.iterdir()) == []
    assert "is trusted" in project.done("team", "trust", f"file://{shared}").out
    project.done("push")


def test_team_says_who_and_what(project: Scratch, shared: Path) -> None:
    project.done("push")
    key = RecipeKey("r1:" + "ab" * 32)
    claim = {
        "v": 1, "attempt": "a1", "asset": "sword", "provider": "gravitex", "cost": "0.134 USD",
        "at": "2026-11-20T10:00:00Z", "by": "bob@acme", "run": "ci-771", "checkout": "", "project": "art",
        "again": [], "answers_by": "2026-11-20T10:10:00Z",
    }  # fmt: skip
    DirectoryBucket(shared).put_new(claim_name(key, 1), json.dumps(claim).encode())
    out = project.done("team").out
    assert f"store     file://{shared}" in out
    assert "you       ana@acme" in out
    assert "your credentials may write, and the server keeps claims" in out
    assert "receipts  believed of 1 key" in out
    assert "claims    1 open claim" in out
    assert "  sword  ci-771 (bob@acme) asked gravitex " in out
    found = json.loads(project.done("team", "--format", "json").out)
    assert (found["access"], found["images"], found["me"]) == ("writes", 1, "ana@acme")
    assert len(found["claims"]) == 1


def test_garbage_goes_in_two_runs_a_day_apart(project: Scratch, shared: Path) -> None:
    project.done("push")
    bucket, lost = DirectoryBucket(shared), content_hash(b"nobody points here")
    bucket.put_new(object_name(lost), b"nobody points here")
    assert "deleted 0" in project.done("team", "gc", "--yes").out
    assert list(bucket.names("gc/")) == []  # it is young
    age(shared, 40)
    said = project.done("team", "gc")
    assert "1 image not listed yet" in said.out
    assert "`reconciler team gc --yes` goes on" in said.err
    assert list(bucket.names("gc/")) == []
    assert "deleted 0" in project.done("team", "gc", "--yes").out
    assert "1 image listed less than a day ago: wait" in project.done("team", "gc", "--yes").out
    assert bucket.stat(object_name(lost)) is not None
    backdate(bucket, hours=25)
    assert "deleted 1" in project.done("team", "gc", "--yes").out
    assert bucket.stat(object_name(lost)) is None
    assert bucket.stat(object_name(content_hash(HERO))) is not None
    assert list(bucket.names("gc/")) == []


def backdate(bucket: DirectoryBucket, *, hours: int) -> None:
    """Let each list of garbage be older."""
    for name in bucket.names("gc/"):
        body = json.loads(read(bucket, name) or b"")
        then = datetime.fromisoformat(body["at"]) - timedelta(hours=hours)
        bucket.replace(name, json.dumps(body | {"at": then.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode())


def test_a_push_in_between_keeps_an_image(project: Scratch, shared: Path) -> None:
    project.done("push")
    bucket, content = DirectoryBucket(shared), content_hash(HERO)
    for name in (*bucket.names("roots/"), *bucket.names("receipts/")):
        bucket.delete(name)
    age(shared, 40)
    assert "1 image not listed yet" in project.done("team", "gc", "--yes").out
    backdate(bucket, hours=25)
    project.done("push")
    assert "deleted 0" in project.done("team", "gc", "--yes").out
    assert read(bucket, object_name(content)) == HERO
    assert len(list(bucket.names("receipts/"))) == 1


def test_a_push_while_garbage_is_deleted_keeps_an_image(project: Scratch, shared: Path) -> None:
    project.done("push")
    bucket, content = DirectoryBucket(shared), content_hash(HERO)
    for name in (*bucket.names("roots/"), *bucket.names("receipts/")):
        bucket.delete(name)
    age(shared, 40)
    project.done("team", "gc", "--yes")
    backdate(bucket, hours=25)
    opened = open_own_team(open_workspace(str(project.root), os.environ), os.environ)
    now = datetime.now(UTC)
    garbage = find_team_garbage(opened, now=now, grace=timedelta(days=30), forget_paid=False)
    assert garbage.listed == (content,)
    project.done("push")  # after the roots were read, and before the first deletion
    assert delete_team_garbage(opened, garbage, now=now) == 0
    assert read(bucket, object_name(content)) == HERO


def test_paid_images_stay_unless_they_are_forgotten(project: Scratch, shared: Path) -> None:
    project.done("push")
    bucket = DirectoryBucket(shared)
    for name in bucket.names("roots/"):
        bucket.delete(name)
    age(shared, 40)
    assert "1 image kept" in project.done("team", "gc", "--yes").out
    assert "1 image not listed yet" in project.done("team", "gc", "--forget-paid", "--yes").out
    backdate(bucket, hours=25)
    assert "deleted 1" in project.done("team", "gc", "--forget-paid", "--yes").out
    assert list(bucket.names("objects/")) == []
    assert list(bucket.names("receipts/")) == []


def test_a_root_that_cannot_be_read_stops_everything(project: Scratch, shared: Path) -> None:
    bucket, lost = DirectoryBucket(shared), content_hash(b"x")
    bucket.put_new(object_name(lost), b"x")
    for data in (b'{"v":2,"contents":[]}', b"", b"[]", b'{"v":1,"contents":["x"]}', b"[" * 100_000):
        bucket.replace("roots/other/main.json", data)
        age(shared, 40)
        assert project.run("team", "gc", "--yes").code == 1
    assert bucket.stat(object_name(lost)) is not None


def test_verify_remote_finds_other_bytes_and_what_is_gone(project: Scratch, shared: Path) -> None:
    project.done("push")
    assert "1 image in" in project.done("store", "verify", "--remote").out
    bucket, content = DirectoryBucket(shared), content_hash(HERO)
    bucket.replace(object_name(content), b"other bytes")
    said = project.run("store", "verify", "--remote", "--sample", "5")
    assert said.code == 1
    assert "has other bytes" in said.out
    bucket.delete(object_name(content))
    found = json.loads(project.run("store", "verify", "--remote", "--format", "json").out)
    assert found["damaged"] == [{"content": content, "found": None}]
    assert project.run("store", "verify", "--sample", "5").code == 1


def test_a_newer_layout_is_left_alone(project: Scratch, shared: Path) -> None:
    for data in (b'{"store":2}', b'{"store":true}', b"[]", b"x", b""):
        (shared / "format.json").write_bytes(data)
        for command in (("push",), ("team",), ("team", "gc", "--yes"), ("store", "verify", "--remote")):
            said = project.run(*command)
            assert said.code == 1
            assert "has a layout that this version cannot read" in said.err
    assert [path.name for path in shared.iterdir()] == ["format.json"]
    (shared / "format.json").write_bytes(b'{"store":1,"made":"by a later version"}')
    project.done("push")


def test_a_project_that_never_pushes_says_so(project: Scratch, shared: Path) -> None:
    project.write("reconciler.yaml", json.dumps({"team": {"url": f"file://{shared}", "push": "never"}}))
    said = project.run("push")
    assert said.code == 1
    assert "team.push is never" in said.err
    assert list(shared.iterdir()) == []


def test_projects_and_branches_have_roots_of_their_own(project: Scratch, shared: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "-q", "-b", "main"], ["remote", "add", "origin", "git@host:acme/art.git"]):
        subprocess.run([*git, *command], cwd=project.root, check=True)
    project.done("push")
    subprocess.run([*git, "checkout", "-q", "-b", "feature/über"], cwd=project.root, check=True)
    project.done("push")
    names = [name.partition("roots/")[2] for name in DirectoryBucket(shared).names("roots/")]
    assert len(names) == 2
    assert len({name.partition("/")[0] for name in names}) == 1
    assert sum(name.endswith("/main.json") for name in names) == 1
    assert names[0].startswith("art-")


def test_the_root_of_a_branch_that_is_gone_is_listed_and_dropped_by_consent(project: Scratch, shared: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]

    def run(*command: str) -> None:
        subprocess.run([*git, *command], cwd=project.root, check=True)

    run("init", "-q", "-b", "main")
    run("remote", "add", "origin", "git@host:acme/art.git")
    run("commit", "-q", "--allow-empty", "-m", "x")
    project.done("push")
    run("checkout", "-q", "-b", "feature")
    project.done("push")
    bucket = DirectoryBucket(shared)
    main, feature = sorted((short_root(name) for name in bucket.names("roots/")), key=lambda name: "feature" in name)
    later = json.loads(read(bucket, f"roots/{main}.json") or b"") | {"contents": []}
    bucket.replace(f"roots/{main}.json", json.dumps(later).encode())
    other = json.dumps({"v": 1, "at": "2026-01-01T00:00:00Z", "contents": []}).encode()
    bucket.replace("roots/other-1/main.json", other)
    said = project.done("team", "gc")
    first = said.out.splitlines()[1]
    assert "3 roots of branches:" in said.out
    assert first.startswith("  other-1/main"), "that of the oldest push comes first"
    assert "no such branch" not in said.out
    refused = project.run("team", "gc", "--drop-root", feature, "--yes")
    assert (refused.code, "a branch that this clone has" in refused.err) == (1, True)

    run("checkout", "-q", "main")
    run("branch", "-q", "-D", "feature")
    said = project.done("team", "gc")
    line = next(line for line in said.out.splitlines() if feature in line)
    assert "1 image, 1 for it alone; pushed " in line
    assert line.endswith("; this clone has no such branch")
    assert f"--drop-root {feature} --yes" in said.err
    assert "1 image that no other branch needs" in project.done("team", "gc", "--drop-root", feature).out
    assert len(list(bucket.names("roots/"))) == 3, "nothing without --yes"
    assert f"dropped the root {feature}" in project.done("team", "gc", "--drop-root", feature, "--yes").out
    assert [short_root(name) for name in bucket.names("roots/")] == sorted([main, "other-1/main"])
    assert len(list(bucket.names("objects/"))) == 1, "no image goes with its root"
    unknown = project.run("team", "gc", "--drop-root", feature, "--yes")
    assert (unknown.code, "no root is called" in unknown.err) == (1, True)
    assert "dropped" in project.done("team", "gc", "--drop-root", "other-1/main", "--yes").out


@pytest.mark.parametrize("how", ["no branch", "one branch"])
def test_a_branch_that_a_clone_need_not_have_is_not_called_gone(project: Scratch, shared: Path, how: str) -> None:
    """Its root may be all that keeps images: CI services check out commits, and clone one branch."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]

    def run(*command: str) -> None:
        subprocess.run([*git, *command], cwd=project.root, check=True)

    run("init", "-q", "-b", "main")
    run("remote", "add", *(["-t", "main"] if how == "one branch" else []), "origin", "git@host:acme/art.git")
    run("commit", "-q", "--allow-empty", "-m", "x")
    run("checkout", "-q", *(["-b", "feature"] if how == "one branch" else ["--detach"]))
    project.done("push")
    run("checkout", "-q", "main")
    if how == "one branch":
        run("branch", "-q", "-D", "feature")
    said = project.done("team", "gc")
    assert "1 root of branches:" in said.out
    assert ("no such branch" in said.out, "--drop-root" in said.err) == (False, False)


def test_a_root_that_is_pushed_meanwhile_is_not_dropped(project: Scratch, shared: Path) -> None:
    project.done("push")
    bucket = DirectoryBucket(shared)
    (name,) = bucket.names("roots/")
    workspace = open_workspace(str(project.root), os.environ)
    team = open_own_team(workspace, os.environ)
    roots = team_roots(workspace, team)
    chosen = chosen_roots(roots, [short_root(name)])
    bucket.replace(name, json.dumps({"v": 1, "at": "2026-12-01T00:00:00Z", "contents": []}).encode())
    assert drop_roots(team, roots, chosen) == ()
    assert list(bucket.names("roots/")) == [name]


def test_a_project_without_a_team_says_what_to_write(project: Scratch) -> None:
    for command in (("push",), ("team",), ("team", "gc"), ("store", "verify", "--remote")):
        said = project.run(*command)
        assert said.code == 1
        assert "this project has no team's store" in said.err
        assert "write team:" in said.err
