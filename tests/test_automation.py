"""Workflows, scripts and pins are consistent: they run on other machines, where this suite does not see them fail."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reconciler import __version__

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

workflows = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(workflow).values():
        yield from job.get("steps", [])


def commands(workflow: Path) -> list[list[str]]:
    lines = [line for step in steps(workflow) for line in step.get("run", "").splitlines()]
    return [shlex.split(line) for line in lines]


def assert_can_run(program: str, *arguments: str) -> None:
    """A step is a make target or a script of `.ci`: anything else could not be run by hand."""
    if program == "make":
        assert {word for word in arguments if "=" not in word} <= TARGETS, arguments
    else:
        assert program.startswith(".ci/") and os.access(ROOT / program, os.X_OK), program


def test_there_are_workflows_for_tests_and_for_a_release() -> None:
    assert [path.name for path in WORKFLOWS] == ["release.yml", "test.yml"]


@workflows
def test_every_step_names_a_target_or_a_script(workflow: Path) -> None:
    found = commands(workflow)
    assert found
    for command in found:
        assert_can_run(*command)


def test_the_gate_runs_lint_types_and_tests_by_their_targets() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    made = [shlex.split(line, comments=True) for line in lines if line.startswith("make ")]
    assert made == [["make", "lint"], ["make", "types"], ["make", "test"]]
    assert {target for _, target in made} <= TARGETS


@workflows
def test_a_job_may_read_the_repository_and_one_may_publish(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in jobs(workflow).items() if "permissions" in job}
    assert granted == ({"publish": {"id-token": "write"}} if workflow.name == "release.yml" else {})


@workflows
def test_an_action_is_pinned_by_its_commit(workflow: Path) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"]), step
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_release_is_tested_built_and_installed_before_it_is_published() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    assert (release["test"]["uses"], release["build"]["needs"]) == ("./.github/workflows/test.yml", "test")
    assert (release["publish"]["needs"], release["publish"]["environment"]["name"]) == ("build", "pypi")
    assert [step["run"] for step in release["build"]["steps"] if "run" in step] == [
        '.ci/build "$GITHUB_REF_NAME"',
        ".ci/smoke",
    ]


def test_every_python_that_the_package_names_is_tested() -> None:
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", line)}
    matrix = jobs(ROOT / ".github/workflows/test.yml")["test"]["strategy"]["matrix"]
    assert set(matrix["python"]) == named
    assert {each["os"] for each in matrix["include"]} == {"macos-latest"}


def test_a_tag_that_is_not_the_version_builds_nothing() -> None:
    for tag in ("v0.0.0", __version__, f"v{__version__}.1", ""):
        done = subprocess.run([ROOT / ".ci/build", tag], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, ""), tag
        assert f"the version of the package is {__version__}" in done.stderr


def test_every_development_tool_has_one_exact_version() -> None:
    lines = (ROOT / "dev-constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]
    assert all(re.fullmatch(r"==[^*]+", str(pin.specifier)) for pin in pins)
    pinned = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert len(pinned) == len(pins)
    extras = PROJECT["optional-dependencies"]
    for wanted in map(Requirement, [*PROJECT["dependencies"], *extras["dev"], *extras["release"]]):
        version = pinned.get(canonicalize_name(wanted.name), "none")
        assert version in wanted.specifier, f"{wanted}, and {version} is pinned: run `make constraints`"


@workflows
def test_a_workflow_is_valid_by_the_schema_of_github(workflow: Path) -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", "vendor.github-workflows", str(workflow)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
