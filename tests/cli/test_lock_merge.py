"""`reconciler lock merge`: the lockfiles of checkouts that began at the same one."""

from __future__ import annotations

import os

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.lock.lockfile import Lock, dumps, loads
from reconciler.core.value import replace
from tests.cli.conftest import Scratch, picture
from tests.core.locks import a_entry, a_lock, a_refusal

OLD = a_entry("old", output="assets/old.png")
SWORD, SHIELD = a_entry("a sword"), a_entry("a shield", output="assets/shield.png")


def shard(project: Scratch, name: str, lock: Lock) -> str:
    project.write(f"shards/{name}.lock", dumps(lock))
    return f"shards/{name}.lock"


@pytest.fixture
def begun(scratch: Scratch) -> Scratch:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/old.yaml", "prompt: old\n")
    scratch.write("assets.lock", dumps(a_lock(old=OLD)))
    return scratch


def test_the_changes_of_all_are_joined(begun: Scratch) -> None:
    new = replace(OLD, content=SWORD.content)
    one = shard(begun, "1", a_lock(old=new, sword=SWORD))
    answered = replace(a_lock(old=OLD, shield=SHIELD), answers={"ghost": a_refusal()})
    two = shard(begun, "2", answered)
    said = begun.done("lock", "merge", one, two)
    assert said.out == "merged 2 lockfiles into assets.lock: 3 assets, 4 new or changed\n"
    whole = loads(begun.read("assets.lock").decode())
    assert (whole.entries, whole.answers) == (a_lock(old=new, shield=SHIELD, sword=SWORD).entries, answered.answers)


def test_the_order_of_the_files_changes_nothing(begun: Scratch) -> None:
    files = [shard(begun, "1", a_lock(sword=SWORD)), shard(begun, "2", a_lock(old=OLD, shield=SHIELD))]
    begun.done("lock", "merge", *files, "-o", "one.lock")
    begun.done("lock", "merge", *reversed(files), "-o", "other.lock")
    assert begun.read("one.lock") == begun.read("other.lock")
    assert "old" not in loads(begun.read("one.lock").decode()).entries, "the first one has removed it"
    assert begun.read("assets.lock") == dumps(a_lock(old=OLD)).encode(), "-o leaves the project's own alone"


def test_an_asset_that_two_changed_is_named_and_nothing_is_written(begun: Scratch) -> None:
    mine, other = picture("teal"), picture("red")
    files = [
        shard(begun, name, a_lock(old=OLD, sword=a_entry("a sword", data=data.decode("latin-1"))))
        for name, data in (("1", mine), ("2", other))
    ]
    said = begun.run("lock", "merge", *files)
    assert said.code == 1
    assert "shards/2.lock: both sides of the merge changed sword" in said.err
    assert "hint: put the image that you want at its output" in said.err
    assert begun.read("assets.lock") == dumps(a_lock(old=OLD)).encode()
    begun.write("assets/sword.png", other)
    one = shard(begun, "1", a_lock(sword=a_entry("a sword", data="x")))
    entry = a_entry("a sword")
    two = shard(begun, "2", a_lock(sword=replace(entry, content=content_hash(other))))
    begun.done("lock", "merge", one, two)
    assert begun.lock["sword"]["content"] == content_hash(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "shards/1.lock:1:1: not JSON"),
        ('{"lockfile": 99, "assets": {}}', "lockfile version 99 is newer"),
        (dumps(a_lock(a=a_entry(output="../../x.png"))), "shards/1.lock"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_is_written(begun: Scratch, text: str, words: str) -> None:
    begun.write("shards/1.lock", text)
    said = begun.run("lock", "merge", "shards/1.lock")
    assert (said.code, words in said.err) == (1, True), said
    assert begun.read("assets.lock") == dumps(a_lock(old=OLD)).encode()


def test_a_missing_file_a_pipe_and_a_folder_are_told(begun: Scratch) -> None:
    os.mkfifo(begun.root / "pipe")
    for name, words in (("none.lock", "there is no file none.lock"), ("pipe", "pipe"), ("specs", "specs")):
        said = begun.run("lock", "merge", name)
        assert (said.code, words in said.err) == (1, True), said


def test_a_divided_lockfile_is_merged_and_stays_divided(begun: Scratch) -> None:
    begun.done("git", "lock", "--per", "spec")
    divided = begun.root / "shards/1"
    divided.parent.mkdir()
    for name in ("assets.lock", "reconciler.yaml"):
        (divided / name).parent.mkdir(exist_ok=True)
        (divided / name).write_bytes(begun.read(name))
    begun.write("shards/1/assets.lock.d/sword.lock", dumps(a_lock(sword=SWORD)))
    begun.write("shards/1/assets.lock.d/old.lock", dumps(a_lock(old=OLD)))
    begun.done("lock", "merge", "shards/1/assets.lock", shard(begun, "2", a_lock(old=OLD, shield=SHIELD)))
    assert sorted(path.name for path in (begun.root / "assets.lock.d").iterdir()) == [
        "old.lock",
        "shield.lock",
        "sword.lock",
    ]
