"""`reconciler git`: the merge driver, readable diffs, and a lockfile for each spec, by real git."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.commands import git as git_command
from reconciler.core.lock.lockfile import dumps, loads
from reconciler.core.lock.parts import HEADER, OTHERS, part_of
from reconciler.store.worktree.git_config import git_settings
from tests.cli.conftest import Scratch
from tests.core.locks import a_entry, a_lock
from tests.forked.program import program


@pytest.fixture
def repository(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    project.write(".gitignore", ".reconciler/\n")
    project.git("init", "-q", "-b", "main", ".")
    project.git("config", "user.name", "t")
    project.git("config", "user.email", "t@example.org")
    monkeypatch.setattr(git_command, "_program", lambda: str(program()))
    return project


def commit(project: Scratch, subject: str = "x") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", subject)


def branches(project: Scratch) -> None:
    """Two branches that each add an asset at the same gap of the lockfile."""
    commit(project)
    project.git("checkout", "-q", "-b", "other")
    project.write("specs/ibex.yaml", "prompt: An ibex\n")
    project.done("apply", "--yes")
    commit(project)
    project.git("checkout", "-q", "main")
    project.write("specs/jar.yaml", "prompt: A jar\n")
    project.done("apply", "--yes")
    commit(project)


def merge(project: Scratch) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "merge", "-q", "other"], cwd=project.root, capture_output=True, text=True, check=False
    )


def test_setup_is_written_once_and_checked(repository: Scratch) -> None:
    told = repository.run("git", "setup", "--check")
    assert told.code == 2 and "missing  the setting merge.reconciler.driver" in told.out
    assert (
        "wrote    in .gitattributes: assets.lock merge=reconciler diff=reconciler"
        in repository.done("git", "setup").out
    )
    assert repository.done("git", "setup", "--check").out == "this clone is set up\n"
    assert repository.done("git", "setup").out == "this clone is set up\n"
    repository.git("config", "merge.reconciler.driver", "something else")
    assert repository.run("git", "setup", "--check").out == "missing  the setting merge.reconciler.driver\n"


def test_outside_a_repository_there_is_nothing_to_set_up(project: Scratch) -> None:
    assert "in no git repository" in project.run("git", "setup").err


def test_the_driver_merges_what_git_alone_cannot(repository: Scratch) -> None:
    branches(repository)
    assert merge(repository).returncode == 1
    repository.git("merge", "--abort")
    repository.done("git", "setup")
    commit(repository)
    assert merge(repository).returncode == 0
    assert repository.done("check").out == "nothing to do: 5 assets up to date\n"
    assert repository.read("assets.lock").decode() == dumps(loads(repository.read("assets.lock").decode()))


def test_an_asset_that_both_changed_is_named_and_keeps_its_marks(repository: Scratch) -> None:
    repository.done("git", "setup")
    commit(repository)
    for branch, word in (("other", "dawn"), ("main", "noon")):
        repository.git("checkout", "-q", *(["-b", branch] if branch == "other" else [branch]))
        repository.edit("specs/hero.yaml", "dusk", word)
        repository.done("apply", "--yes")
        commit(repository)
    told = merge(repository)
    assert told.returncode == 1 and "both sides of the merge changed hero" in told.stderr
    assert b"<<<<<<< ours" in repository.read("assets.lock") and b">>>>>>> theirs" in repository.read("assets.lock")
    repository.git("checkout", "--theirs", "specs/hero.yaml", "assets/hero.png")
    repository.done("apply", "--yes")
    assert repository.run("check").code == 0


@pytest.mark.parametrize("program", ["/no/such/program", "false", "kill -9 $$;"])
def test_a_driver_that_is_missing_or_dies_leaves_the_merge_of_git(program: str, repository: Scratch) -> None:
    branches(repository)
    repository.done("git", "setup")
    commit(repository)
    settings = git_settings("PROGRAM")
    for name in ("merge.reconciler.driver", "diff.reconciler.textconv"):
        repository.git(
            "config", name, settings[name].replace("PROGRAM", f"sh -c '{program}'" if " " in program else program)
        )
    assert merge(repository).returncode == 1
    assert b"<<<<<<< ours" in repository.read("assets.lock"), "both sides stand in the file"
    repository.git("merge", "--abort")
    repository.git("diff", "HEAD~1", "--", "assets.lock")


def test_a_diff_is_readable_and_its_hunks_name_the_asset(repository: Scratch) -> None:
    commit(repository)
    repository.edit("specs/hero.yaml", "dusk", "dawn")
    repository.done("apply", "--yes")
    repository.done("git", "setup")
    shown = repository.git("diff", "--", "assets.lock")
    assert "-  prompt: A lighthouse at dusk\n+  prompt: A lighthouse at dawn\n" in shown
    assert "@@ -" in shown
    hunks = [
        line
        for line in repository.git("diff", "--no-textconv", "-U0", "--", "assets.lock").splitlines()
        if line[:2] == "@@"
    ]
    assert hunks and all('"hero"' in line for line in hunks)


def test_the_text_of_a_lockfile_cannot_steer_a_terminal(repository: Scratch, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(dumps(a_lock(a=a_entry("red \x1b[31m ##[error] ::error::"))))
    out = repository.done("git", "textconv", str(tmp_path / "lock")).out
    assert "\x1b" not in out and "##[" not in out
    (tmp_path / "lock").write_text("no lockfile")
    assert repository.run("git", "textconv", str(tmp_path / "lock")).code == 1


def test_the_driver_merges_derived_files_too(repository: Scratch, tmp_path: Path) -> None:
    line = '{{"bytes": 3, "content": "sha256:{0}", "key": "d1:{0}", "made": "x"}}'
    sets = {
        name: f'    "{name}~web": {{\n      "public/{name}.png": {line.format(digit * 64)}\n    }}'
        for name, digit in (("a", "1"), ("b", "2"), ("c", "3"))
    }

    def text(*names: str) -> str:
        return '{\n  "derived": 1,\n  "sets": {\n' + ",\n".join(sets[name] for name in names) + "\n  }\n}\n"

    for name, has in (("base", "a"), ("ours", "ab"), ("theirs", "ac")):
        (tmp_path / name).write_text(text(*has))
    files = [str(tmp_path / name) for name in ("base", "ours", "theirs")]
    repository.done("git", "merge-driver", *files, "derived.lock")
    assert (tmp_path / "ours").read_text() == text("a", "b", "c")
    (tmp_path / "theirs").write_text(text("a").replace("1" * 64, "4" * 64))
    (tmp_path / "ours").write_text(text("a").replace("1" * 64, "5" * 64))
    before = (tmp_path / "ours").read_bytes()
    assert repository.run("git", "merge-driver", *files, "derived.lock").code == 1
    assert (tmp_path / "ours").read_bytes() == before


# --- a lockfile for each spec ---


def test_branches_that_add_specs_merge_without_a_driver(repository: Scratch) -> None:
    repository.done("git", "lock", "--per", "spec")
    assert repository.read("assets.lock").decode() == HEADER
    branches(repository)
    assert merge(repository).returncode == 0
    assert repository.done("check").out == "nothing to do: 5 assets up to date\n"


def test_a_divided_lockfile_is_the_same_lockfile(repository: Scratch) -> None:
    whole = repository.read("assets.lock")
    repository.done("git", "lock", "--per", "spec")
    assert sorted(path.name for path in (repository.root / "assets.lock.d").iterdir()) == [
        "hero.lock",
        "mascot.lock",
        "pair.lock",
    ]
    assert repository.done("check").out == "nothing to do: 3 assets up to date\n"
    repository.edit("specs/hero.yaml", "dusk", "dawn")
    other = repository.read("assets.lock.d/mascot.lock")
    repository.done("apply", "--yes")
    assert (
        b"dawn" in repository.read("assets.lock.d/hero.lock") and repository.read("assets.lock.d/mascot.lock") == other
    )
    repository.edit("specs/hero.yaml", "dawn", "dusk")
    repository.done("apply", "--yes")
    (repository.root / "specs/pair.yaml").unlink()
    repository.done("prune", "--yes")
    assert not (repository.root / "assets.lock.d/pair.lock").exists()
    repository.write("specs/pair.yaml", "prompt: Two of image 1\nreferences: [{asset: mascot}]\n")
    repository.done("apply", "--yes")
    repository.done("git", "lock", "--per", "project")
    assert not list((repository.root / "assets.lock.d").glob("*"))
    assert loads(repository.read("assets.lock").decode()).entries.keys() == loads(whole.decode()).entries.keys()
    assert repository.done("check").out == "nothing to do: 3 assets up to date\n"


@pytest.mark.parametrize("change", ["edited", "added", "removed", "in a new folder"])
def test_a_warm_check_sees_every_part(change: str, repository: Scratch) -> None:
    repository.done("git", "lock", "--per", "spec")
    for _ in range(3):
        repository.done("check")
    path = repository.root / "assets.lock.d/hero.lock"
    if change == "edited":
        path.write_text(re.sub("sha256:[0-9a-f]{64}", f"sha256:{0:064}", path.read_text()))
    elif change == "removed":
        path.unlink()
    else:
        other = path.with_name("a.lock") if change == "added" else path.parent / "icons/a.lock"
        other.parent.mkdir(exist_ok=True)
        other.write_text(path.read_text().replace('"hero"', '"orphan"'))
    told = subprocess.run([program(), "plan"], cwd=repository.root, capture_output=True, text=True, check=False)
    assert told.stdout != "nothing to do: 3 assets up to date\n"


def test_a_branch_is_compared_with_a_divided_lockfile(repository: Scratch) -> None:
    repository.done("git", "lock", "--per", "spec")
    commit(repository)
    repository.git("checkout", "-q", "-b", "work")
    assert "no recipe differs: 3 assets" in repository.done("plan", "--against", "main", "--exit-code").out
    repository.edit("specs/hero.yaml", "dusk", "dawn")
    assert "1 to pay (0 USD)" in repository.done("plan", "--against", "main").out


def test_dividing_the_lockfile_is_no_difference(repository: Scratch) -> None:
    commit(repository)
    repository.git("checkout", "-q", "-b", "work")
    repository.done("git", "lock", "--per", "spec")
    assert "no recipe differs: 3 assets" in repository.done("plan", "--against", "main", "--exit-code").out


def test_the_header_is_no_lockfile() -> None:
    """It must not take the project for one without images, and pay for all of them again."""
    from reconciler.core.errors import LockfileError

    with pytest.raises(LockfileError, match="not a lockfile"):
        loads(HEADER)


def test_the_fixture_of_the_divided_format_is_read_and_written_alike(tmp_path: Path) -> None:
    from reconciler.core.lock.parts import part_texts
    from reconciler.store.documents.lock_parts import part_files
    from reconciler.store.documents.project import read_lock

    fixture = Path(__file__).parents[1] / "formats/lockfile-parts-v3"
    lock = read_lock(fixture)
    assert lock == loads((fixture.parent / "lockfile-v2.lock").read_text())
    assert part_texts(lock) == {path: (fixture / path).read_text() for path in part_files(fixture)}
    assert (fixture / "assets.lock").read_text() == HEADER


def test_an_interrupted_division_leaves_the_one_file_in_force(repository: Scratch) -> None:
    whole = repository.read("assets.lock")
    repository.write("assets.lock.d/hero.lock", "not a lockfile")
    assert repository.done("check").out == "nothing to do: 3 assets up to date\n"
    repository.done("git", "lock", "--per", "spec")
    assert repository.done("check").out == "nothing to do: 3 assets up to date\n"
    assert whole


HOSTILE = ("../x", "a/../../x", "/etc/x", ".git/x", "a//b", "a\\b", "", "a\nb", "_", "x.lock/y", "é" * 300, "a/" * 500)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_id_leads_out_of_the_folder_of_the_parts(name: str) -> None:
    assert part_of(name) == OTHERS  # type: ignore[arg-type]  # an id is a string


def test_ids_that_differ_in_case_share_a_part(repository: Scratch) -> None:
    from reconciler.core.lock.parts import part_texts

    lock = a_lock(**{"Icons/a": a_entry("1"), "icons/a": a_entry("2"), "icons/a#b": a_entry("3")})
    (text,) = part_texts(lock).values()
    assert loads(text).entries.keys() == lock.entries.keys()


def test_a_link_in_place_of_a_folder_or_a_part_is_not_followed(repository: Scratch, tmp_path: Path) -> None:
    repository.done("git", "lock", "--per", "spec")
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository.root / "assets.lock.d/icons").symlink_to(outside)
    repository.write("specs/icons/bow.yaml", "prompt: A bow\n")
    told = repository.run("apply", "--yes")
    assert told.code == 1 and "assets.lock.d/icons is a link" in told.err
    assert list(outside.iterdir()) == []
    (repository.root / "assets.lock.d/icons").unlink()
    repository.done("apply", "--yes")
    os.rename(repository.root / "assets.lock.d", outside / "parts")
    (repository.root / "assets.lock.d").symlink_to(outside / "parts")
    assert "assets.lock.d is a link" in repository.run("check").err


def test_a_part_with_a_zero_byte_cannot_pose_as_several(repository: Scratch) -> None:
    repository.done("git", "lock", "--per", "spec")
    path = repository.root / "assets.lock.d/hero.lock"
    path.write_bytes(path.read_bytes() + b"\0specs/hero.yaml\0{}")
    told = repository.run("apply", "--yes")
    assert told.code == 1 and "assets.lock.d/hero.lock is not UTF-8 text" in told.err
    assert (repository.root / "specs/hero.yaml").exists()


def test_a_conflict_in_a_part_is_merged_as_in_one_file(repository: Scratch) -> None:
    repository.done("git", "lock", "--per", "spec")
    commit(repository)
    for branch, word in (("other", "dawn"), ("main", "noon")):
        repository.git("checkout", "-q", *(["-b", branch] if branch == "other" else [branch]))
        repository.edit("specs/hero.yaml", "dusk", word)
        repository.done("apply", "--yes")
        commit(repository)
    assert merge(repository).returncode == 1
    repository.git("checkout", "--theirs", "specs/hero.yaml", "assets/hero.png")
    repository.done("apply", "--yes")
    assert b"<<<<" not in repository.read("assets.lock.d/hero.lock") and repository.run("check").code == 0
