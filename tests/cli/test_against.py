"""`plan --against`: what a branch costs, by real git, without a second checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.core.lock.lockfile import Lock, dumps, loads
from reconciler.core.value import replace
from tests.cli.conftest import Said, Scratch, Tree, picture, pointer
from tests.forked.program import program

PROJECT = """\
provider: gravitex
defaults: {model: gemini-3-pro-image-preview, size: "1:1"}
"""
STYLED = "prompt: A bow\nstyle: flat\n"


@pytest.fixture(scope="session")
def paid_branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A branch of a project with four paid images: hero, icons#axe, icons#bow, and pair, which refers to hero."""
    tree = Tree(tmp_path_factory.mktemp("paid") / "branch")
    tree.write("reconciler.yaml", "provider: draft\n" + PROJECT.partition("\n")[2])
    tree.write("specs/hero.yaml", "prompt: A lighthouse at dusk\n")
    tree.write("specs/icons.yaml", "assets:\n  axe: {prompt: An axe}\n  bow: {prompt: A bow}\n")
    tree.write("specs/pair.yaml", "prompt: Two of image 1\nreferences: [{asset: hero}, refs/sea.png]\n")
    tree.write("refs/sea.png", picture("navy"))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    subprocess.run([program(), "apply", "--yes"], cwd=tree.root, env=environment, check=True, capture_output=True)
    tree.write("reconciler.yaml", PROJECT)
    pay(tree, *tree.lock)
    tree.git("init", "-q", "-b", "main")
    commit(tree, "base")
    tree.git("checkout", "-q", "-b", "work")
    return tree.root


@pytest.fixture
def branch(scratch: Scratch, paid_branch: Path) -> Scratch:
    """A copy of `paid_branch`."""
    shutil.copytree(paid_branch, scratch.root, symlinks=True, dirs_exist_ok=True)
    return scratch


def pay(tree: Tree, *assets: str) -> None:
    """Record that these images were made by a paid provider."""
    lock = loads(tree.read("assets.lock").decode())
    entries = {
        asset: replace(entry, made=replace(entry.made, provider="gravitex", cost="0.134 USD"))
        if asset in assets
        else entry
        for asset, entry in lock.entries.items()
    }
    tree.write("assets.lock", dumps(Lock(entries)))


def commit(tree: Tree, subject: str) -> None:
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", subject)


def against(scratch: Scratch, *arguments: str) -> Said:
    return scratch.run("plan", "--against", "main", *arguments)


def test_what_the_branch_costs_and_what_it_has_paid(branch: Scratch) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    branch.write("specs/moon.yaml", "prompt: A moon\n")
    branch.edit("specs/icons.yaml", "bow:", "longbow:")
    branch.edit("specs/pair.yaml", "prompt:", "tags: [web]\nprompt:")
    commit(branch, "work")
    told = against(branch)
    sha = branch.git("rev-parse", "--short=7", "main").strip()
    assert told.code == 0
    assert told.out.splitlines() == [
        "~ hero  prompt changed  [0.134 USD]",
        "    prompt: A lighthouse at [-dusk-]{+dawn+}",
        "+ moon  new  [0.134 USD]",
        "",
        f"against {sha} (merge base with main): 2 to pay (0.268 USD); 1 renamed, 1 touched, "
        "all of them the same recipe (free)",
    ]


def test_images_that_the_commits_made_are_no_cost_to_come(branch: Scratch) -> None:
    branch.write("specs/moon.yaml", "prompt: A moon\n")
    branch.write("reconciler.yaml", PROJECT.replace("gravitex", "draft"))
    branch.done("apply", "--yes", "moon")
    branch.write("reconciler.yaml", PROJECT)
    pay(branch, "moon")
    commit(branch, "work")
    told = against(branch, "--max-cost", "0")
    assert told.code == 0 and "nothing to pay; 1 was made in these commits (0.134 USD)" in told.out
    report = against(branch, "--format", "json").json
    assert (report["made"], report["paid"]) == (
        [{"asset": "moon", "output": "assets/moon.png", "cost": "0.134 USD"}],
        {"amounts": ["0.134 USD"], "unknown": 0},
    )
    assert "| `moon` | 0.134 USD |" in against(branch, "--format", "markdown").out


REFACTORS = {
    "a comment": {"specs/hero.yaml": "# The hero.\nprompt: A lighthouse at dusk\n"},
    "another order": {"specs/icons.yaml": "assets:\n  bow: {prompt: A bow}\n  axe: {prompt: An axe}\n"},
    "a style": {
        "specs/_styles.yaml": "at: {prompt_suffix: at dusk}\n",
        "specs/hero.yaml": "prompt: A lighthouse\nstyle: at\n",
    },
    "a default": {"specs/_defaults.yaml": "size: '1:1'\n", "reconciler.yaml": PROJECT.replace(', size: "1:1"', "")},
    "a rename": {
        "specs/hero.yaml": None, "specs/pair.yaml": None,
        "specs/top/hero2.yaml": "prompt: A lighthouse at dusk\n",
    },
    "a variable": {"specs/hero.yaml": "prompt: A lighthouse at ${time}\nvars: {time: dusk}\n"},
    "an output": {"specs/hero.yaml": "prompt: A lighthouse at dusk\noutput: public/hero.png\n"},
    "another folder": {
        "reconciler.yaml": PROJECT + "specs: pictures\n",
        "specs/hero.yaml": None, "specs/icons.yaml": None, "specs/pair.yaml": None,
        "pictures/hero.yaml": "prompt: A lighthouse at dusk\n",
        "pictures/icons.yaml": "assets:\n  axe: {prompt: An axe}\n  bow: {prompt: A bow}\n",
        "pictures/pair.yaml": "prompt: Two of image 1\nreferences: [{asset: hero}, refs/sea.png]\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("files", REFACTORS.values(), ids=REFACTORS.keys())
@pytest.mark.parametrize("committed", [True, False])
def test_a_refactor_is_proven_free(files: dict[str, str | None], committed: bool, branch: Scratch) -> None:
    for name, text in files.items():
        if text is None:
            (branch.root / name).unlink()
        else:
            branch.write(name, text)
    if committed:
        commit(branch, "refactor")
    told = against(branch, "--max-cost", "0")
    assert (told.code, "nothing to pay" in told.out) == (0, True), told
    gone = "specs/pair.yaml" in files and "pictures/pair.yaml" not in files
    assert against(branch, "--exit-code").code == (2 if gone else 0), "an asset that is gone is a difference"


def test_a_cost_above_the_limit_names_the_assets(branch: Scratch) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    told = against(branch, "--max-cost", "0.1")
    assert told.code == 3 and "this branch costs 0.134 USD, more than 0.1 USD: hero" in told.err
    assert against(branch, "--max-cost", "0.134").code == 0
    assert against(branch, "--max-images", "0").code == 3
    assert against(branch, "--exit-code").code == 2
    assert against(branch, "--max-cost", "0", "--format", "json").json["cost"] == {
        "amounts": ["0.134 USD"],
        "unknown": 0,
    }


def test_an_unknown_price_fits_no_limit(branch: Scratch) -> None:
    branch.write("specs/hero.yaml", "prompt: A lighthouse at dusk\nmodel: nobody-knows\n")
    assert against(branch, "--max-cost", "100").code == 3


def test_it_compares_with_the_merge_base_and_not_with_the_tip(branch: Scratch) -> None:
    branch.git("checkout", "-q", "main")
    branch.write("specs/elsewhere.yaml", "prompt: Of the other branch\n")
    commit(branch, "main goes on")
    branch.git("checkout", "-q", "work")
    assert "nothing to pay; no recipe differs: 4 assets" in against(branch, "--max-cost", "0").out


def test_a_changed_reference_file_is_a_changed_recipe(branch: Scratch) -> None:
    branch.write("refs/sea.png", picture("teal"))
    assert "~ pair  references changed" in against(branch).out
    branch.git("checkout", "-q", "refs/sea.png")
    data = picture("navy")
    branch.write("refs/sea.png", pointer(hashlib.sha256(data).hexdigest(), len(data)))
    assert "nothing to pay" in against(branch).out, "a Git LFS pointer counts as its image"


def test_a_base_with_pointers_equals_the_images(branch: Scratch) -> None:
    data = picture("navy")
    branch.git("checkout", "-q", "main")
    branch.write("refs/sea.png", pointer(hashlib.sha256(data).hexdigest(), len(data)))
    commit(branch, "pointers")
    branch.git("checkout", "-q", "-B", "work")
    branch.write("refs/sea.png", data)
    assert "nothing to pay" in against(branch).out


def test_a_project_that_is_new_or_broken_there(branch: Scratch) -> None:
    branch.git("checkout", "-q", "--orphan", "other")
    branch.git("rm", "-rfq", "--cached", ".")
    branch.write("README", "x")
    branch.git("add", "README")
    branch.git("commit", "-qm", "no project yet")
    branch.git("branch", "-qf", "main")
    assert "nothing to pay; 4 were made in these commits (0.536 USD)" in against(branch).out
    branch.write("specs/hero.yaml", "prompt: [\n")
    commit(branch, "broken")
    branch.git("branch", "-qf", "main")
    branch.write("specs/hero.yaml", "prompt: A lighthouse at dusk\n")
    told = against(branch)
    assert told.code == 0 and "1 file of the commit to compare with cannot be read" in told.err
    branch.write("reconciler.yaml", "provider: [\n")
    commit(branch, "broken project")
    branch.git("branch", "-qf", "main")
    branch.write("reconciler.yaml", PROJECT)
    assert "the commit to compare with" in against(branch).err


def test_a_shallow_clone_is_an_error_and_never_all_new(branch: Scratch, tmp_path: Path) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    commit(branch, "work")
    clone = tmp_path / "clone"
    url = f"file://{branch.root}"
    subprocess.run(["git", "clone", "-q", "--depth=1", "--no-single-branch", "-b", "work", url, clone], check=True)
    branch.run("--version")
    for name in ("origin/main", "nowhere"):
        code = run(["-C", str(clone), "plan", "--against", name])
        told = branch.run("-C", str(clone), "plan", "--against", name)
        assert code == told.code == 1 and "git fetch --deepen" in told.err and not told.out


def test_outside_a_repository_and_an_option_in_place_of_a_revision(project: Scratch) -> None:
    assert "in no git repository" in project.run("plan", "--against", "main").err
    project.git("init", "-q")
    project.git("commit", "-q", "--allow-empty", "-m", "x")
    for name in ("--output=/tmp/x", "", "a\0b", "^HEAD"):
        assert project.run("plan", f"--against={name}").code == 1


def test_a_project_below_the_root_of_the_repository(branch: Scratch) -> None:
    top = branch.root.parent
    os.rename(branch.root / ".git", top / ".git")
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    branch.git("add", "-A")
    branch.git("commit", "-qm", "below")
    branch.git("branch", "-qf", "main")
    branch.edit("specs/hero.yaml", "dawn", "noon")
    assert "A lighthouse at [-dawn-]{+noon+}" in against(branch).out


def test_nothing_is_run_written_or_checked_out(branch: Scratch, tmp_path: Path) -> None:
    """Filters, text converters, external diffs, hooks and attributes of the branch stay without effect."""
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}; ps -o args= -p $PPID >> {ran}\ncat\n')
    script.chmod(0o755)
    branch.write(".gitattributes", "*.yaml filter=evil diff=evil export-ignore\n*.png filter=evil\n")
    for name in ("filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv", "diff.evil.command", "diff.external"):
        branch.git("config", name, str(script))
    branch.git("config", "core.fsmonitor", str(script))
    for hook in ("post-checkout", "post-index-change", "pre-commit"):
        path = branch.root / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {hook} >> {ran}\n")
        path.chmod(0o755)
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    index = (branch.root / ".git/index").read_bytes()
    before = branch.snapshot()
    assert "~ hero  prompt changed" in against(branch).out
    assert not ran.exists(), ran.read_text()
    assert (branch.snapshot(), (branch.root / ".git/index").read_bytes()) == (before, index)


def test_a_saved_plan_cannot_be_one_of_differences(branch: Scratch) -> None:
    assert against(branch, "-o", "plan.json").code == 1


def test_a_refactor_of_the_example_specs_is_free(scratch: Scratch) -> None:
    """The examples of this repository, formatted, with a rename and a text moved into a style."""
    root = Path(__file__).parents[2]
    for name in ("specs", "assets", "refs"):
        shutil.copytree(root / name, scratch.root / name)
    for name in ("reconciler.yaml", "assets.lock"):
        shutil.copy(root / name, scratch.root / name)
    scratch.git("init", "-q", "-b", "main")
    commit(scratch, "the examples")
    scratch.done("fmt")
    (scratch.root / "specs/game/logbook.yaml").rename(scratch.root / "specs/game/diary.yaml")
    told = scratch.done("plan", "--against", "main", "--max-cost", "0", "--exit-code")
    assert "nothing to pay; 1 renamed" in told.out and "the same recipe (free)" in told.out
