"""The steps of action.yml, run by bash as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.action.fake_forge import Forge, forge
from tests.cli.conftest import Scratch
from tests.cli.test_against import commit
from tests.forked.program import program

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]


class Runner:
    """A job that uses the action: evaluates the expressions that action.yml uses, and runs its steps."""

    def __init__(
        self, project: Scratch, folder: Path, server: Forge, *, event: Mapping[str, Any], inputs: Mapping[str, str]
    ) -> None:
        self.project = project
        self.temp = folder / "temp"
        (self.temp / "reconciler/bin").mkdir(parents=True, exist_ok=True)
        for target in (Path(sys.executable).with_name("python"), program()):
            link = self.temp / "reconciler/bin" / target.name
            if not link.exists():
                link.symlink_to(target)
        self.summary = folder / "summary.md"
        self.summary.write_text("")
        (folder / "event.json").write_text(json.dumps(event))
        self.known: dict[str, str] = {
            "github.event.pull_request.base.sha": event["pull_request"]["base"]["sha"],
            "github.event.pull_request.number": str(event["pull_request"]["number"]),
            "github.repository": "o/r",
            "github.token": "secret-token",
            "runner.temp": str(self.temp),
        }
        self.known["github.event.pull_request.head.repo.full_name != github.repository"] = str(
            event["pull_request"]["head"]["repo"]["full_name"] != "o/r"
        ).lower()
        for name, given in ACTION["inputs"].items():
            self.known[f"inputs.{name}"] = inputs.get(name, self.expanded(given["default"]))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "CI": "true",
            "RUNNER_TEMP": str(self.temp), "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_API_URL": server.url,
            "GITHUB_REPOSITORY": "o/r", "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_ACTION_PATH": str(ROOT),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }  # fmt: skip
        self.printed = ""

    def expanded(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.known.get(found[1], ""), text)

    def wanted(self, condition: str) -> bool:
        """Whether a step runs, by the few operators that action.yml uses."""
        for part in condition.removeprefix("${{").removesuffix("}}").strip().split(" && "):
            name, operator, value = re.fullmatch(r"([\w.-]+)(?: (==|!=) '(.*)')?", part).groups()  # type: ignore[union-attr]  # else the test is to be extended
            actual = self.known.get(name, "")
            if not (actual == value if operator == "==" else actual != value if operator == "!=" else bool(actual)):
                return False
        return True

    def job(self) -> int:
        """Run every step but the installation; the exit code of the job."""
        for step in STEPS:
            if (
                step.get("id") == "install"
                or "run" not in step
                or (not self.wanted(step.get("if", "steps")) and "if" in step)
            ):
                continue
            output = self.temp / "output"
            output.write_text("")
            given = {name: self.expanded(value) for name, value in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.project.root,
                env={**self.environment, **given, "GITHUB_OUTPUT": str(output)},
                capture_output=True,
                text=True,
                check=False,
            )
            self.printed += done.stdout + done.stderr
            for line in output.read_text().splitlines():
                name, _, value = line.partition("=")
                self.known[f"steps.{step['id']}.outputs.{name}"] = value
            if "id" in step:
                self.known[f"steps.{step['id']}.outcome"] = "failure" if done.returncode else "success"
            if done.returncode:
                return done.returncode
        return 0


def an_event(project: Scratch, *, source: str = "o/r") -> dict[str, Any]:
    base = project.git("rev-parse", "main").strip()
    head = {"sha": "a" * 40, "repo": {"full_name": source, "private": False}}
    return {"pull_request": {"number": 7, "base": {"sha": base}, "head": head}}


def run_job(project: Scratch, folder: Path, server: Forge, *, source: str = "o/r", **inputs: str) -> tuple[int, Runner]:
    runner = Runner(project, folder, server, event=an_event(project, source=source), inputs=inputs)
    return runner.job(), runner


def test_it_is_a_valid_action() -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_expression_stands_in_a_script_and_no_key_is_taken() -> None:
    """What a pull request can write reaches a script as a variable of its environment, and never as its text."""
    for step in STEPS:
        assert "${{" not in step.get("run", "")
    assert "API_KEY" not in (ROOT / "action.yml").read_text()
    assert not re.search(r"reconciler\S* (-C \S+ )?apply|\brun apply", (ROOT / "action.yml").read_text())


def test_the_story_of_a_pull_request(branch: Scratch, tmp_path: Path) -> None:
    """The first run comments, the second edits that comment, the third is silent."""
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    commit(branch, "dawn")
    with forge() as server:
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls) == (2, ["POST"]), runner.printed
        assert (
            "::error file=specs/hero.yaml,line=1,col=1,title=reconciler%3A stale::hero: prompt changed"
            in runner.printed
        )
        body = server.comments[0]["body"]
        assert body.startswith("<!-- reconciler:reconciler -->\n### reconciler plan: against ")
        assert "| `hero` | stale | `prompt: A lighthouse at [-dusk-]{+dawn+}` | 0.134 USD |" in body
        outputs = {name: runner.known[f"steps.cost.outputs.{name}"] for name in ("to-pay", "cost")}
        assert outputs == {"to-pay": "1", "cost": "0.134 USD"} and runner.known["steps.check.outputs.clean"] == "false"
        assert runner.summary.read_text().count("### reconciler") == 2
        assert json.loads((runner.temp / "reconciler.sarif").read_text())["version"] == "2.1.0"
        branch.edit("specs/hero.yaml", "dawn", "noon")
        commit(branch, "noon")
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls, len(server.comments)) == (2, ["POST", "PATCH"], 1), runner.printed
        assert "{+noon+}" in server.comments[0]["body"]
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls) == (2, ["POST", "PATCH"]), "nothing has changed, so it is silent"
        branch.edit("specs/hero.yaml", "noon", "dusk")
        commit(branch, "dusk again")
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls) == (0, ["POST", "PATCH", "PATCH"]), runner.printed
        assert "nothing to pay" in server.comments[0]["body"]


def test_nothing_is_told_where_nothing_changed(branch: Scratch, tmp_path: Path) -> None:
    branch.write("README.md", "Words.\n")
    commit(branch, "words")
    with forge() as server:
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls) == (0, []), runner.printed
        assert runner.known["steps.check.outputs.clean"] == "true"


def test_a_fork_and_a_job_without_permission_get_the_summary_only(branch: Scratch, tmp_path: Path) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    commit(branch, "dawn")
    with forge(writable=False) as server:
        code, runner = run_job(branch, tmp_path, server, source="someone/r")
        assert (code, server.calls) == (2, []) and "no comment on a pull request of a fork" in runner.printed
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.comments) == (2, []) and "the job may not write comments" in runner.printed
        assert "### reconciler plan" in runner.summary.read_text()


def test_the_comment_of_somebody_else_is_left_alone(branch: Scratch, tmp_path: Path) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    commit(branch, "dawn")
    with forge() as server:
        server.comments = [{"id": 1, "body": "<!-- reconciler:reconciler -->\nmine", "user": {"type": "User"}}] * 100
        code, _ = run_job(branch, tmp_path, server)
        assert (code, server.calls, len(server.comments)) == (2, ["POST"], 101)


def test_an_invalid_spec_is_annotated_and_nothing_is_compared(branch: Scratch, tmp_path: Path) -> None:
    branch.write("specs/hero.yaml", "prompt: x\nsize: $(touch hacked) `touch hacked` ${{ github.token }}\n")
    commit(branch, "wrong")
    with forge() as server:
        code, runner = run_job(branch, tmp_path, server, args="--exclude $(touch${IFS}hacked)")
        assert (code, server.calls) == (1, []) and "title=reconciler%3A invalid-spec" in runner.printed
        assert "secret-token" not in runner.printed and not (branch.root / "hacked").exists()


def test_no_module_of_the_project_is_imported(branch: Scratch, tmp_path: Path) -> None:
    """Python looks for modules in the working directory first, unless it is isolated: a branch can put them there."""
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    for name in ("json", "sys", "venv", "pip"):
        branch.write(f"{name}.py", "open('hacked', 'w').close()\n")
    commit(branch, "dawn")
    with forge() as server:
        code, runner = run_job(branch, tmp_path, server)
        assert (code, server.calls) == (2, ["POST"]), runner.printed
    assert not (branch.root / "hacked").exists()
    for step in STEPS:
        for call in re.findall(r"""(?:python3|bin/python"|"\$python") (\S+)""", step.get("run", "")):
            assert call == "-I", step["run"]


def test_a_gallery_is_written_where_it_is_asked_for(branch: Scratch, tmp_path: Path) -> None:
    branch.edit("specs/hero.yaml", "dusk", "dawn")
    commit(branch, "dawn")
    with forge() as server:
        _, runner = run_job(branch, tmp_path, server, gallery="true", comment="false")
        assert (runner.temp / "gallery.html").read_text().startswith("<!"), runner.printed
        assert server.calls == []
