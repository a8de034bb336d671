"""`--stamp` and `--depfile`, by real make and ninja: they run again for a changed spec, and for nothing else."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

from reconciler.core.depfile import depfile_text
from tests.cli.conftest import Scratch
from tests.forked.program import program

MAKEFILE = """\
all: out.txt
images.stamp:
\t@echo run >> runs
\t@PROGRAM apply --yes --stamp $@ --depfile images.d 2>>log >>log
out.txt: images.stamp
\t@echo built >> built
\t@touch $@
-include images.d
"""
NINJA = """\
rule images
  command = echo run >> runs && PROGRAM apply --yes --stamp $out --depfile $out.d 2>>log >>log
  depfile = $out.d
  restat = 1
rule out
  command = echo built >> built && touch $out
build images.stamp: images
build out.txt: out images.stamp
default out.txt
"""
TOOLS = {"make": ("Makefile", MAKEFILE, ["make", "-s"]), "ninja": ("build.ninja", NINJA, ["ninja", "--quiet"])}


def count(project: Scratch, name: str) -> int:
    path = project.root / name
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_build_runs_for_a_changed_spec_and_for_nothing_else(tool: str, project: Scratch) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    name, text, command = TOOLS[tool]
    project.write(name, text.replace("PROGRAM", str(program())))

    def built() -> tuple[int, int]:
        """How often apply ran, and how often the images had changed."""
        time.sleep(0.02)  # make compares times of files
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return count(project, "runs"), count(project, "built")

    assert built() == (1, 1)
    assert built() == (1, 1), "nothing has changed"
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert built() == (2, 2)
    project.write("specs/moon.yaml", "prompt: A moon\n")
    assert built() == (3, 3)
    assert built() == (3, 3)
    (project.root / "specs/moon.yaml").unlink()
    assert built() == (4, 4)
    assert built()[1] == 4
    project.write("README", "nothing that an image depends on\n")
    assert built()[1] == 4


def test_a_stamp_moves_only_with_the_images(project: Scratch) -> None:
    words = ("--stamp", "images.stamp", "--depfile", "images.d")
    project.done("check", *words)
    stamp = project.root / "images.stamp"
    before = (stamp.read_bytes(), stamp.stat().st_mtime_ns)
    project.edit("specs/hero.yaml", "prompt:", "# words\nprompt:")
    project.done("check", *words)
    assert (stamp.read_bytes(), stamp.stat().st_mtime_ns) == before
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert project.run("check", *words).code == 2
    assert stamp.stat().st_mtime_ns == before[1], "a check that failed leaves it"
    project.done("apply", "--yes", *words)
    assert stamp.read_bytes() != before[0]


def test_the_depfile_names_every_input_and_each_again_as_a_target(project: Scratch) -> None:
    project.write("specs/_defaults.yaml", "tags: [a]\n")
    project.done("check", "--stamp", "x.stamp", "--depfile", "x.d")
    rule, *targets = project.read("x.d").decode().split("\n\n")
    inputs = rule.replace(" \\\n ", "").split()
    names = ("hero", "mascot", "pair")
    assert inputs == [
        "x.stamp:", "reconciler.yaml", "assets.lock", "specs", "specs/_defaults.yaml",
        *(f"specs/{name}.yaml" for name in names),
    ]  # fmt: skip
    assert [each.strip() for each in targets] == [f"{each}:" for each in inputs[1:]]


def test_paths_are_escaped() -> None:
    text = depfile_text("a b", ["c#d", "e$f", "bad\nname"])
    assert text == "a\\ b: \\\n  c\\#d \\\n  e$$f\n\nc\\#d:\n\ne$$f:\n"


def test_a_depfile_needs_a_stamp(project: Scratch) -> None:
    assert "--depfile needs --stamp" in project.run("check", "--depfile", "x.d").err
