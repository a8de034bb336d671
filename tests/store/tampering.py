"""A project on the disk, and every way to change it that a stat cache could overlook."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.store.index.snapshot import compare
from reconciler.store.state.journal import Journal
from tests.builders import a_request
from tests.crash.fork_server import leased

ROOT = Path(__file__).parents[2]
CLEAN = "nothing to do: 5 assets up to date\n"
SECOND = 1_000_000_000
PRELOAD = (
    "jsonschema_rs", "yaml", "reconciler.cli.main", "reconciler.cli.commands.check", "reconciler.cli.commands.plan",
    "reconciler.cli.quick_reports", "reconciler.cli.reports", "reconciler.project.incremental_plan",
    "tests.forked.warmed",
)  # fmt: skip
"""What a command that reads the project imports as it goes. Whatever lacks here costs time only."""
FILES = {
    "reconciler.yaml": "provider: draft\ndefaults: {image_size: '512', quality: high}\n",
    "specs/hero.yaml": "prompt: A lighthouse at dusk\n",
    "specs/_defaults.yaml": "model: gemini-2.5-flash-image\n",
    "specs/deep/er/mascot.yaml": "prompt: A round robot\n",
    "specs/scene.yaml": "prompt: Like image 1\nreferences: [refs/coast.png]\n",
    "specs/pair.yaml": "prompt: Two of image 1\nreferences: [{asset: deep/er/mascot}]\n",
    "texts/one.yaml": "prompt: The number one\n",
    "texts/two.yaml": "prompt: The number two\n",
}


@dataclass(frozen=True)
class Project:
    """A project on the disk, asked in a process of its own as a user asks."""

    root: Path

    def path(self, name: str) -> Path:
        return self.root / name

    def check(self) -> tuple[int, str]:
        return self.ask("check")[:2]

    def ask(self, command: str) -> tuple[int, str, str]:
        """Exit code, output and messages of a command."""
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        with leased(ROOT, ("reconciler.cli.entry_point", "entry"), PRELOAD) as server:
            done = server.run(["reconciler", command], env=environment, cwd=self.root)
        return done.exit, done.stdout, done.stderr

    @property
    def index(self) -> Path:
        return self.path(".reconciler/index")

    def knows(self) -> bool:
        """Whether the index alone has the answer."""
        found = compare(str(self.root), "check", index=".reconciler/index")
        return found is not None and found.changed == []

    def warm(self) -> None:
        """Check until the index answers: what has just been written is not believed for an instant."""
        while not self.knows():
            assert run(["-C", str(self.root), "check"]) == 0
            time.sleep(0.01)


def same_times(path: Path, do: Callable[[], object]) -> None:
    """Whatever is done, the file then has the times that it had: `touch -r`."""
    before = os.stat(path)
    do()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_mtime_ns == before.st_mtime_ns


def flip(path: Path, *, at: int = -20) -> None:
    """Other bytes of the same number in the same inode."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    with open(path, "r+b") as stream:
        stream.write(data)


def swap(name: str, old: str, new: str) -> Callable[[Project], None]:
    """Other words of the same length, in place, with the old times."""

    def tamper(project: Project) -> None:
        path = project.path(name)
        text = path.read_text()
        assert len(old) == len(new)
        assert old in text
        same_times(path, lambda: path.write_text(text.replace(old, new, 1)))

    return tamper


def output_in_place(project: Project) -> None:
    hero = project.path("assets/hero.png")
    same_times(hero, lambda: flip(hero))


def reference_in_place(project: Project) -> None:
    coast = project.path("refs/coast.png")
    same_times(coast, lambda: flip(coast))


def output_renamed_over(project: Project) -> None:
    hero, other = project.path("assets/hero.png"), project.path("assets/other.png")
    shutil.copyfile(hero, other)
    flip(other)
    same_times(hero, lambda: os.replace(other, hero))


def inode_reused(project: Project) -> None:
    """Deleted and made again: most file systems give the same inode at once."""
    hero = project.path("assets/hero.png")
    data = bytearray(hero.read_bytes())
    data[-20] ^= 1

    def again() -> None:
        hero.unlink()
        hero.write_bytes(data)

    same_times(hero, again)


def clock_set_back(project: Project) -> None:
    """Changed while the clock was a day behind: older than the index, and than what the index saw."""
    hero = project.path("assets/hero.png")
    flip(hero)
    past = os.stat(hero).st_mtime_ns - 86_400 * SECOND
    os.utime(hero, ns=(past, past))


def output_is_a_folder(project: Project) -> None:
    hero = project.path("assets/hero.png")

    def replace() -> None:
        hero.unlink()
        hero.mkdir()

    same_times(hero, replace)


def spec_is_a_folder(project: Project) -> None:
    hero = project.path("specs/hero.yaml")
    hero.unlink()
    hero.mkdir()


def output_is_another_by_link(project: Project) -> None:
    hero = project.path("assets/hero.png")
    hero.unlink()
    hero.symlink_to("scene.png")


def output_is_a_link_to_nothing(project: Project) -> None:
    hero = project.path("assets/hero.png")
    hero.unlink()
    hero.symlink_to("nothing.png")


def spec_link_retargeted(project: Project) -> None:
    one, two = project.path("texts/one.yaml"), project.path("texts/two.yaml")
    assert one.stat().st_size == two.stat().st_size
    os.utime(two, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    link = project.path("specs/linked.yaml")
    link.unlink()
    link.symlink_to("../texts/two.yaml")


def folder_link_retargeted(project: Project) -> None:
    """The outputs' folder is a link to one set of pictures, then to another with the same names, sizes and times."""
    assets, blue, red = (project.path(name) for name in ("assets", "blue", "red"))
    assets.rename(blue)
    assets.symlink_to("blue")
    project.warm()
    shutil.copytree(blue, red)
    same_times(red / "hero.png", lambda: flip(red / "hero.png"))
    assets.unlink()
    assets.symlink_to("red")


def deep_spec_added(project: Project) -> None:
    folder = project.path("specs/deep/er")
    same_times(folder, lambda: (folder / "new.yaml").write_text("prompt: A kite\n"))


def deep_folder_added(project: Project) -> None:
    folder = project.path("specs/deep")
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/new.yaml").write_text("prompt: A kite\n")


def defaults_added(project: Project) -> None:
    project.path("specs/deep/_defaults.yaml").write_text("quality: low\n")


def spec_folder_deleted(project: Project) -> None:
    shutil.rmtree(project.path("specs/deep"))


def specs_deleted(project: Project) -> None:
    shutil.rmtree(project.path("specs"))


def output_folder_deleted(project: Project) -> None:
    shutil.rmtree(project.path("assets/deep"))


def spec_and_output(project: Project) -> None:
    """One change that could be told by itself, and one that could not."""
    swap("specs/hero.yaml", "dusk", "dawn")(project)
    output_in_place(project)


def lockfile_in_place(project: Project) -> None:
    """Another content for one asset."""
    path = project.path("assets.lock")
    at = path.read_bytes().index(b'"sha256:') + len('"sha256:')
    same_times(path, lambda: flip(path, at=at))


def lockfile_deleted(project: Project) -> None:
    project.path("assets.lock").unlink()


def journal_began(project: Project) -> None:
    """A request whose outcome nobody knows."""
    journal = Journal(project.path(".reconciler/journal"))
    journal.record_all((a_request("hero"),))
    journal.close()


def index_of_another_project(project: Project) -> None:
    """The same names, sizes and times, but not the same files."""
    other = Project(project.root.with_name("other"))
    shutil.copytree(project.root, other.root, symlinks=True)
    other.warm()
    output_in_place(project)
    shutil.copyfile(other.index, project.index)


def moved_with_its_index(project: Project) -> None:
    """As `cp -a` or a cache of CI leaves it: all but inodes and ctimes."""
    output_in_place(project)
    moved = project.root.with_name("moved")
    shutil.copytree(project.root, moved, symlinks=True)
    shutil.rmtree(project.root)
    moved.rename(project.root)


TAMPERS = [
    output_in_place,
    reference_in_place,
    output_renamed_over,
    inode_reused,
    clock_set_back,
    output_is_a_folder,
    spec_is_a_folder,
    output_is_another_by_link,
    output_is_a_link_to_nothing,
    spec_link_retargeted,
    folder_link_retargeted,
    deep_spec_added,
    deep_folder_added,
    defaults_added,
    spec_folder_deleted,
    specs_deleted,
    output_folder_deleted,
    spec_and_output,
    lockfile_in_place,
    lockfile_deleted,
    journal_began,
    index_of_another_project,
    moved_with_its_index,
    pytest.param(swap("specs/hero.yaml", "dusk", "dawn"), id="spec_in_place"),
    pytest.param(swap("specs/deep/er/mascot.yaml", "round", "tall!"), id="upstream_in_place"),
    pytest.param(swap("specs/_defaults.yaml", "2.5", "3.5"), id="defaults_in_place"),
    pytest.param(swap("reconciler.yaml", "high", "low "), id="project_in_place"),
    pytest.param(swap("specs/hero.yaml", "prompt", "promqt"), id="spec_broken"),
]
