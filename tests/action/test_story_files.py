"""docs/pull-request: what a pull request shows, run by run. `make pictures` writes the files; this test holds them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reconciler import __version__
from tests.action.fake_forge import forge
from tests.action.test_action import run_job
from tests.cli.conftest import Scratch
from tests.cli.test_against import commit

FOLDER = Path(__file__).parents[2] / "docs" / "pull-request"


def the_same_everywhere(text: str, base: str) -> str:
    """The text with the commit of the base, and the version, as names that never change."""
    text = text.replace(base, "a1b2c3d" + "0" * 33).replace(base[:7], "a1b2c3d").replace(__version__, "VERSION")
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n") + "\n"


def test_the_files_show_what_the_action_does_today(
    branch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run comments, the second edits its comment; annotations and reports are those of the first run."""
    base = branch.git("rev-parse", "main").strip()
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    branch.write("specs/moon.yaml", "prompt: A moon\n")
    commit(branch, "dawn")
    with forge() as server:
        _, runner = run_job(branch, tmp_path, server)
        found = {
            "annotations.txt": "".join(f"{line}\n" for line in runner.printed.splitlines() if line.startswith("::")),
            "summary.txt": runner.summary.read_text(),
            "report.sarif": (runner.temp / "reconciler.sarif").read_text(),
            "comment-first-run.txt": server.comments[0]["body"],
        }
        branch.run("check", "--report", f"junit={tmp_path / 'junit.xml'}")
        found["junit.xml"] = (tmp_path / "junit.xml").read_text()
        branch.edit("specs/hero.yaml", "dawn", "noon")
        (branch.root / "specs/moon.yaml").unlink()
        commit(branch, "noon, and no moon")
        run_job(branch, tmp_path, server)
        assert server.calls == ["POST", "PATCH"]
        found["comment-second-run.txt"] = server.comments[0]["body"]
    made = {name: the_same_everywhere(text, base) for name, text in found.items()}
    if os.environ.get("RECONCILER_WRITE_STORY"):
        FOLDER.mkdir(exist_ok=True)
        for name, text in made.items():
            (FOLDER / name).write_text(text)
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == made, "run: make pictures"
