"""The GitLab job of docs/ci.md, run by bash as a runner runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.action.fake_forge import Forge, forge
from tests.cli.conftest import Scratch
from tests.cli.test_against import PROJECT, commit, pay
from tests.forked.program import program

ROOT = Path(__file__).parents[2]


def the_job() -> dict[str, Any]:
    (text,) = re.findall(r"```yaml\n# ci/assets.yml\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.DOTALL)
    job: dict[str, Any] = yaml.safe_load(text)["assets"]
    return job


def run_job(project: Scratch, server: Forge, *, token: str = "secret") -> subprocess.CompletedProcess[str]:
    script = "\n".join(line for line in the_job()["script"] if not line.startswith("pip "))
    environment = {
        "PATH": f"{program().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(project.root),
        "CI": "true",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": project.git("rev-parse", "main").strip(), "CI_MERGE_REQUEST_IID": "3",
        "CI_API_V4_URL": server.url, "CI_PROJECT_ID": "1", "NOTE_TOKEN": token,
    }  # fmt: skip
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)


def test_it_is_a_valid_job(tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text(yaml.safe_dump({"assets": the_job()}))
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [
        program,
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
        str(tmp_path / "ci.yml"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def made_on_branch(branch: Scratch) -> None:
    """A new image that the branch has paid for."""
    branch.write("specs/moon.yaml", "prompt: A moon\n")
    branch.write("reconciler.yaml", PROJECT.replace("gravitex", "draft"))
    branch.done("apply", "--yes", "moon")
    branch.write("reconciler.yaml", PROJECT)
    pay(branch, "moon")


def test_the_story_of_a_merge_request(branch: Scratch) -> None:
    made_on_branch(branch)
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    branch.write("json.py", "open('hacked', 'w').close()\n")
    commit(branch, "work")
    with forge() as server:
        done = run_job(branch, server)
        assert (done.returncode, server.calls) == (2, ["UPLOAD", "POST"]), done
        assert (
            "{+dawn+}" in server.comments[0]["body"] and "![image](/uploads/1/image.png)" in server.comments[0]["body"]
        )
        (found,) = (
            one for one in json.loads(branch.read("gl-code-quality-report.json")) if one["check_name"] == "stale"
        )
        assert found["location"] == {"path": "specs/hero.yaml", "lines": {"begin": 1}}
        assert b'<failure type="stale"' in branch.read("junit.xml")
        assert run_job(branch, server).returncode == 2 and server.calls == ["UPLOAD", "POST"], "it is silent"
        branch.edit("specs/hero.yaml", "dawn", "noon")
        run_job(branch, server)
        assert (server.calls[2:], len(server.comments)) == (["UPLOAD", "PUT"], 1)
        assert "secret" not in done.stdout + done.stderr
    assert not (branch.root / "hacked").exists(), "no module of the project is imported"


def test_an_image_that_is_a_link_is_not_uploaded(branch: Scratch) -> None:
    """A link of a branch can lead to the environment of the job, which has the token."""
    made_on_branch(branch)
    (branch.root / "assets/moon.png").unlink()
    (branch.root / "assets/moon.png").symlink_to("/proc/self/environ")
    commit(branch, "a link")
    with forge() as server:
        run_job(branch, server)
        assert server.calls == ["POST"]


def test_without_a_token_there_is_no_note(branch: Scratch) -> None:
    with forge() as server:
        done = run_job(branch, server, token="")
        assert (done.returncode, server.calls) == (0, []), done
