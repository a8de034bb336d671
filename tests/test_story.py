"""The story a user lives: init to clean, and everything that may happen to a project in between."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.cli.main import run

PROJECT = "provider: draft\ndefaults: {image_size: '512'}\n"
SPECS = {
    "_styles.yaml": 'flat: {prompt_suffix: ", flat vector art"}\n',
    "mascot.yaml": 'prompt: A round red robot\nsize: "1:1"\n',
    "hero.yaml": (
        "prompt: |\n  A lighthouse at dusk on a cliff,\n  with the mascot of image 1.\n"
        'size: "16:9"\nreferences: [{asset: mascot}]\nstyle: flat\n'
    ),
    "icons/items.yaml": "matrix: {rarity: [common, rare]}\nprompt: A ${rarity} sword\noutput: web/${rarity}.png\n",
}


class Repository:
    """A project in a git repository, seen from outside: files, exit codes, what was drawn."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.capsys = capsys
        self.git("init", "-q", ".")
        self.write("reconciler.yaml", PROJECT)
        for name, text in SPECS.items():
            self.write(f"specs/{name}", text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "state")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and stdout."""
        self.capsys.readouterr()
        code = run(["-C", str(self.root), *arguments])
        said = self.capsys.readouterr()
        self.err = said.err
        return code, said.out

    def plan(self) -> dict[str, tuple[str, str]]:
        """Asset to action and reason."""
        steps = json.loads(self.run("plan", "--format", "json")[1])["steps"]
        return {step["asset"]: (step["action"], step["reason"]) for step in steps}

    def images(self) -> dict[str, bytes]:
        found = {path: path.read_bytes() for path in self.root.rglob("*.png") if ".reconciler" not in path.parts}
        return {str(path.relative_to(self.root)): data for path, data in found.items()}

    @property
    def lock(self) -> dict[str, dict[str, object]]:
        assets: dict[str, dict[str, object]] = json.loads((self.root / "assets.lock").read_text())["assets"]
        return assets


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.delenv("CI", raising=False)
    repository = Repository(tmp_path, capsys)
    code, out = repository.run("apply", "--yes")
    assert (code, out) == (0, "made 4 (0 USD)\n"), repository.err
    repository.commit()
    return repository


def test_what_was_applied_is_clean_and_a_second_apply_changes_no_file(repo: Repository) -> None:
    files = [path for path in repo.root.rglob("*") if path.is_file() and not {".git", ".reconciler"} & {*path.parts}]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert repo.run("check")[0] == 0
    assert repo.run("apply", "--yes") == (0, "nothing to do: 4 assets up to date\n")
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert set(repo.lock) == {"hero", "mascot", "icons/items#common", "icons/items#rare"}


def test_a_changed_prompt_is_named_with_its_words_and_makes_one_image(repo: Repository) -> None:
    before = repo.images()
    repo.edit("specs/hero.yaml", "dusk", "dawn")
    out = repo.run("plan")[1]
    assert "~ hero" in out
    assert "[-dusk-]{+dawn+}" in out
    assert repo.run("check")[0] == 2
    assert repo.run("apply", "--yes") == (0, "made 1 (0 USD)\n")
    changed = {name for name, data in repo.images().items() if before[name] != data}
    assert changed == {"assets/hero.png"}


def test_a_comment_changes_nothing(repo: Repository) -> None:
    repo.edit("specs/hero.yaml", "size:", "# a note\nsize:")
    assert repo.run("check") == (0, "nothing to do: 4 assets up to date\n")


@pytest.mark.parametrize("lost", [(), (".reconciler",)], ids=["from the store", "from the git history"])
def test_a_deleted_output_comes_back_with_the_same_bytes(repo: Repository, lost: tuple[str, ...]) -> None:
    before = repo.images()
    (repo.root / "assets/hero.png").unlink()
    repo.commit()
    for name in lost:
        shutil.rmtree(repo.root / name)
    assert repo.plan() == {"hero": ("restore", "OutputMissing")}
    assert repo.run("apply", "--yes") == (0, "restored 1\n")
    assert repo.images() == before


def test_bytes_that_are_nowhere_are_not_bought_again_unasked(repo: Repository) -> None:
    (repo.root / "assets/hero.png").unlink()
    shutil.rmtree(repo.root / ".reconciler")
    shutil.rmtree(repo.root / ".git")
    assert repo.plan() == {"hero": ("generate", "OutputLost")}  # a draft, which costs nothing
    lock = repo.root / "assets.lock"
    lock.write_text(lock.read_text().replace('"provider": "draft"', '"provider": "gravitex"'))
    assert repo.plan() == {"hero": ("hold", "OutputLost")}
    assert repo.run("apply", "--yes")[0] == 3
    assert repo.run("apply", "--yes", "--regenerate-missing") == (0, "made 1 (0 USD)\n")


def test_a_painted_output_is_refused_until_adopted(repo: Repository) -> None:
    path = repo.root / "assets/hero.png"
    painted = (repo.root / "assets/mascot.png").read_bytes()
    path.write_bytes(painted)
    assert repo.plan() == {"hero": ("conflict", "OutputModified")}
    repo.edit("specs/hero.yaml", "dusk", "dawn")
    code, _ = repo.run("apply", "--yes")
    assert (code, path.read_bytes()) == (3, painted)
    assert repo.run("adopt", "hero")[0] == 0
    assert repo.run("check")[0] == 0
    assert path.read_bytes() == painted


def test_a_renamed_id_and_a_moved_output_make_nothing(repo: Repository) -> None:
    before = repo.images()
    repo.git("mv", "specs/mascot.yaml", "specs/robot.yaml")
    repo.edit("specs/hero.yaml", "asset: mascot", "asset: robot")
    repo.edit("specs/icons/items.yaml", "web/", "art/")
    assert {action for action, _ in repo.plan().values()} == {"move"}
    assert repo.run("apply", "--yes") == (0, "moved 3\n")
    assert repo.images() == {
        "assets/robot.png": before["assets/mascot.png"],
        "assets/hero.png": before["assets/hero.png"],
        "art/common.png": before["web/common.png"],
        "art/rare.png": before["web/rare.png"],
    }
    assert repo.run("check")[0] == 0


def test_two_outputs_can_change_places(repo: Repository) -> None:
    before = repo.images()
    shutil.rmtree(repo.root / ".reconciler")
    repo.edit("specs/icons/items.yaml", "matrix: {rarity: [common, rare]}\n", "")
    repo.write(
        "specs/icons/items.yaml",
        "assets:\n"
        "  common: {prompt: A common sword, output: web/rare.png}\n"
        "  rare: {prompt: A rare sword, output: web/common.png}\n",
    )
    assert repo.run("apply", "--yes") == (0, "moved 2\n")
    after = repo.images()
    assert (after["web/common.png"], after["web/rare.png"]) == (before["web/rare.png"], before["web/common.png"])
    assert repo.run("check")[0] == 0


def test_a_lost_lockfile_is_rebuilt_from_the_store_and_makes_nothing(repo: Repository) -> None:
    before = (repo.root / "assets.lock").read_text()
    (repo.root / "assets.lock").unlink()
    assert {action for action, _ in repo.plan().values()} == {"adopt"}
    assert repo.run("apply", "--yes") == (0, "adopted 4\n")
    assert (repo.root / "assets.lock").read_text() == before


def test_free_images_follow_their_upstream_without_consent(repo: Repository) -> None:
    repo.edit("specs/mascot.yaml", "red", "blue")
    assert repo.plan() == {"mascot": ("generate", "RecipeChanged"), "hero": ("generate", "UpstreamChanged")}
    assert repo.run("apply", "--yes") == (0, "made 2 (0 USD)\n")
    assert repo.run("check")[0] == 0


def test_a_project_may_ignore_new_upstream_images(repo: Repository) -> None:
    repo.write("reconciler.yaml", PROJECT + "cascade: ignore\n")
    repo.edit("specs/mascot.yaml", "red", "blue")
    assert repo.plan() == {"mascot": ("generate", "RecipeChanged")}
    assert repo.run("apply", "--yes") == (0, "made 1 (0 USD)\n")
    assert repo.run("check")[0] == 0


def test_going_back_to_an_old_prompt_costs_nothing(repo: Repository) -> None:
    before = repo.images()
    repo.edit("specs/hero.yaml", "dusk", "dawn")
    repo.run("apply", "--yes")
    repo.edit("specs/hero.yaml", "dawn", "dusk")
    assert repo.plan() == {"hero": ("restore", "RecipeChanged")}
    assert repo.run("apply", "--yes") == (0, "restored 1\n")
    assert repo.images() == before


def test_drafts_stay_placeholders_until_the_real_one_comes(repo: Repository) -> None:
    repo.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    repo.edit("reconciler.yaml", "image_size: '512'", "image_size: 1K, model: some-model")
    (repo.root / "assets.lock").unlink()
    shutil.rmtree(repo.root / ".reconciler")
    for name in repo.images():
        (repo.root / name).unlink()
    assert repo.run("apply", "--yes", "--draft") == (0, "made 4 (0 USD)\n")
    assert set(repo.plan().values()) == {("generate", "Placeholder")}
    assert repo.run("check")[0] == 2
    assert repo.run("apply", "--yes", "--draft")[0] == 0


def test_git_lfs_pointers_stand_for_their_content(repo: Repository) -> None:
    entry = repo.lock["hero"]
    oid = str(entry["content"]).removeprefix("sha256:")
    path = repo.root / "assets/hero.png"
    image = path.read_bytes()
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(image)}\n")
    assert repo.run("check")[0] == 0
    stored = repo.root / f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(image)
    path.unlink()
    shutil.rmtree(repo.root / ".reconciler")
    assert repo.run("apply", "--yes") == (0, "restored 1\n")
    assert path.read_bytes() == image


def test_a_failure_blocks_only_what_depends_on_it(repo: Repository) -> None:
    repo.edit("specs/mascot.yaml", "1:1", "16384x16384")  # more than a draft may have
    repo.edit("specs/hero.yaml", "dusk", "dawn")
    repo.edit("specs/icons/items.yaml", "sword", "shield")
    code, out = repo.run("apply", "--yes")
    assert code == 1
    assert out == "made 2 (0 USD), failed 1, blocked 1\n"
    assert repo.run("plan", "--include", "icons/*", "--exit-code")[0] == 0


def test_a_file_that_comes_back_forgets_no_change_that_was_ignored(repo: Repository) -> None:
    before = repo.images()
    repo.write("reconciler.yaml", PROJECT + "cascade: ignore\n")
    repo.edit("specs/mascot.yaml", "red", "blue")
    repo.run("apply", "--yes")
    (repo.root / "assets/hero.png").unlink()
    assert repo.plan() == {"hero": ("restore", "OutputMissing")}
    assert repo.run("apply", "--yes") == (0, "restored 1\n")
    assert repo.images()["assets/hero.png"] == before["assets/hero.png"]
    assert repo.plan() == {}
    repo.write("reconciler.yaml", PROJECT)
    assert repo.plan() == {"hero": ("generate", "UpstreamChanged")}


def test_a_merge_that_git_could_not_make_is_written_as_one(repo: Repository) -> None:
    git = repo.git
    git("checkout", "-qb", "left")
    repo.edit("specs/hero.yaml", "dusk", "noon")
    repo.run("apply", "--yes")
    repo.commit()
    git("checkout", "-q", "-")
    repo.edit("specs/hero.yaml", "dusk", "dawn")
    repo.run("apply", "--yes")
    repo.commit()
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "left")
    git("checkout", "--ours", "specs/hero.yaml", "assets/hero.png")
    assert "<<<<<<<" in (repo.root / "assets.lock").read_text()
    code, out = repo.run("check")
    assert (code, "contains both sides of a merge" in out) == (2, True)
    assert repo.run("apply", "--yes")[0] == 0
    assert repo.lock["hero"]["recipe"]["prompt"].startswith("A lighthouse at dawn")  # type: ignore[index] # parsed JSON, a mapping
    assert repo.run("check")[0] == 0


def test_an_output_that_cannot_come_to_be_is_a_conflict_before_anything_is_made(repo: Repository) -> None:
    (repo.root / "blocked").write_text("a file where a folder should be")
    (repo.root / "away").symlink_to(repo.root.parent)
    repo.edit("specs/icons/items.yaml", "output: web/${rarity}.png", "output: blocked/${rarity}.png")
    repo.edit("specs/mascot.yaml", "prompt:", "output: away/mascot.png\nprompt:")
    repo.edit("specs/mascot.yaml", "red", "blue")
    assert {action for asset, (action, _) in repo.plan().items() if asset != "hero"} == {"conflict"}
    before = repo.images()
    assert repo.run("apply", "--yes")[0] == 3
    assert repo.images() == before
