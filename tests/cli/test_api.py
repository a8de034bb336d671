"""The Python API: the same values as the JSON of the commands, and the same consents."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import reconciler
from reconciler import Project
from reconciler.core.errors import ConsentNeeded, InvalidInput, ProjectError
from tests.cli.conftest import Scratch


def test_plan_and_check_are_those_of_the_commands(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    opened = Project.open(project.root)
    assert opened.plan().json == project.done("plan", "--format", "json").json
    checked = opened.check()
    assert checked.json == project.run("check", "--format", "json").json
    assert [(each.rule, each.asset) for each in checked.findings] == [("stale", "hero")] and not checked.clean
    (step,) = opened.plan("hero").steps
    assert (step.action, step.words, step.changes[0].after) == ("generate", "prompt changed", "A lighthouse at dawn")
    assert [asset.id for asset in opened.assets] == ["hero", "mascot", "pair"]
    assert opened.check(strict=True).plan.kept == 2


def test_results_do_not_change(project: Scratch) -> None:
    with pytest.raises(AttributeError):
        Project.open(project.root).plan().kept = 7  # type: ignore[misc]  # that is the test


def answering(answer: Any, seen: list[Any]) -> Any:
    """A consent that notes the plans that it is asked about."""

    def consent(plan: Any) -> Any:
        seen.append(plan)
        return answer

    return consent


def test_apply_asks_for_consent_and_keeps_to_the_budget(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    opened = Project.open(project.root)
    seen: list[Any] = []
    for answer in (False, 1, "yes", None):
        with pytest.raises(ConsentNeeded):
            opened.apply(budget="1", consent=answering(answer, seen))
    assert [plan.steps[0].asset for plan in seen] == ["hero"] * 4 and not opened.check().clean
    done = opened.apply(budget=0, consent=lambda plan: True)
    assert (done.ok, dict(done.results), done.cost) == (True, {"hero": "made"}, "0 USD")
    assert opened.apply(budget=0, consent=lambda plan: False).results == {}, "nothing to do asks nothing"
    for amount in ("-1", "much", "nan"):
        with pytest.raises(ProjectError):
            opened.apply(budget=amount, consent=lambda plan: True)


def test_a_paid_image_needs_a_budget_that_it_fits(project: Scratch) -> None:
    text = "provider: gravitex\ndefaults: {model: gemini-3-pro-image-preview}\n"
    project.write("reconciler.yaml", text)
    project.write("specs/moon.yaml", "prompt: A moon\n")
    opened = Project.open(project.root, environ={})
    asked: list[Any] = []
    with pytest.raises(ProjectError):  # no key: raised before consent is asked for
        opened.apply("moon", budget="1", consent=answering(True, asked))
    assert asked == []


def test_derive_makes_files(project: Scratch) -> None:
    project.write(
        "specs/_derive.yaml", "web: {widths: [32], formats: [png], output: 'public/${name}-${width}.${ext}'}\n"
    )
    project.edit("specs/hero.yaml", "size:", "derive: [web]\nsize:")
    opened = Project.open(project.root)
    assert not opened.check().clean
    assert opened.derive().ok and (project.root / "public/hero-32.png").exists()
    assert opened.check().clean


def test_errors_are_those_of_the_commands(project: Scratch) -> None:
    project.write("specs/hero.yaml", "prompt: x\nsize: wide\n")
    with pytest.raises(InvalidInput, match=r"specs/hero.yaml:2:1: size"):
        Project.open(project.root).plan()
    with pytest.raises(ProjectError):
        Project.open("/")


def test_importing_it_loads_nothing() -> None:
    script = (
        "import __future__, sys; before = set(sys.modules); from reconciler import Project; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['reconciler', 'reconciler.project', 'reconciler.project.api']"


def test_no_other_name_is_in_the_package() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = reconciler.Nothing
