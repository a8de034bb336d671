"""Warnings of retired models: told each time and once a model, never a reason to make, to fail or to stay warm."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns

import pytest

from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project, remember
from reconciler.project.workspace import Workspace
from reconciler.report.plan_report import PlanFacts, cached_answers
from reconciler.store.index import snapshot
from reconciler.store.index.index import FOREVER, Index
from reconciler.store.worktree.observe import TreeObserver
from tests.cli.conftest import Scratch, picture

FLASH = "gemini-2.5-flash-image"  # the table retires it on 2027-03-15
LAST_DAY = datetime(2027, 3, 14, 23, 59, tzinfo=UTC)
RETIRED = datetime(2027, 3, 15, tzinfo=UTC)
GONE = "gemini-3-pro-image-preview"


@pytest.fixture(name="adopted")
def an_adopted_project(scratch: Scratch) -> Scratch:
    """Two assets of a model, locked without having been paid for."""
    scratch.write("reconciler.yaml", json.dumps({"provider": "gravitex", "defaults": {"model": FLASH}}))
    for name in ("a", "b"):
        scratch.write(f"specs/{name}.yaml", f"prompt: {name}\n")
        scratch.write(f"assets/{name}.png", picture())
    scratch.done("adopt", "*", "--yes")
    return scratch


def remembered(root: Path, now: datetime) -> tuple[set[str], float]:
    """The commands that may answer from the index after a plan on that day, and until when."""
    workspace = Workspace(root, strict=False, utc=lambda: now)
    # as if ten seconds had passed: an index believes nothing of files that may still change unseen
    workspace.index = Index(root, root / ".reconciler/index", now_ns=lambda: time_ns() + 10**10)
    workspace.tree = TreeObserver(root, workspace.index)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    remember(workspace, planned, cached_answers(PlanFacts(planned.plan, now)))
    found = snapshot.load(str(root / ".reconciler/index"))
    assert found is not None
    return set(found.says), found.until


def test_what_a_warm_run_says_holds_until_the_next_model_retires(adopted: Scratch) -> None:
    assert remembered(adopted.root, LAST_DAY) == ({"plan", "check"}, RETIRED.timestamp())
    assert remembered(adopted.root, RETIRED) == ({"check"}, FOREVER)


def test_it_is_told_once_a_model_with_its_assets_and_makes_nothing_stale(adopted: Scratch) -> None:
    for name in ("a", "b"):
        adopted.edit(f"specs/{name}.yaml", "prompt", f"model: {GONE}\noutput: assets/{name}.jpg\nprompt")
        adopted.write(f"assets/{name}.jpg", picture(form="jpeg"))
    adopted.done("adopt", "*", "--yes")
    warning = re.compile(rf"^warning: model: {GONE} was to be retired on 2026-06-25 .*: 2 assets$", re.MULTILINE)
    for command in (("validate",), ("plan", "--exit-code"), ("plan",), ("apply", "--yes")):
        said = adopted.done(*command)
        assert len(warning.findall(said.err)) == 1, command
        assert "warning" not in said.out
    assert adopted.done("check").err == ""
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        (told,) = adopted.done(*command, "--format", "json").json["warnings"]
        assert (told["model"], told["assets"]) == (GONE, 2)


def test_drafts_are_not_warned_of(adopted: Scratch) -> None:
    for name, model in (("a", GONE), ("b", "gemini-2.5-flash-imgae")):
        adopted.edit(f"specs/{name}.yaml", "prompt", f"model: {model}\nprovider: draft\nprompt")
    assert adopted.done("validate").err == ""


def test_an_unknown_model_is_a_warning_with_a_suggestion_and_no_error(adopted: Scratch) -> None:
    """Sizes and qualities are not checked against anything, since nothing is known about it."""
    adopted.edit("specs/a.yaml", "prompt", "model: gemini-2.5-flash-imgae\nsize: 1000x100\nquality: best\nprompt")
    adopted.edit("specs/b.yaml", "prompt", "model: somebodys-model\nprompt")
    said = [line for line in adopted.done("validate").err.splitlines() if line]
    assert said == [
        'warning: specs/a.yaml:1:1: model: "gemini-2.5-flash-imgae" is not in the table of models; its price is unknown'
        ": 1 asset",
        '  hint: did you mean "gemini-2.5-flash-image"?',
        'warning: specs/b.yaml:1:1: model: "somebodys-model" is not in the table of models; its price is unknown'
        ": 1 asset",
        "  hint: if the name is right, a row under models: in reconciler.yaml gives its price",
    ]
    (told, _) = adopted.done("validate", "--format", "json").json["warnings"]
    assert (told["model"], told["file"], told["line"]) == ("gemini-2.5-flash-imgae", "specs/a.yaml", 1)


def test_an_unknown_model_in_the_defaults_is_one_warning(adopted: Scratch) -> None:
    adopted.write("reconciler.yaml", "provider: gravitex\ndefaults:\n  model: gemini-2.5-flash\n")
    said = adopted.done("plan", "--format", "json").json["warnings"]
    assert [(told["file"], told["line"], told["field"], told["assets"]) for told in said] == [
        ("reconciler.yaml", 3, "defaults.model", 2)
    ]


def test_a_row_of_the_project_makes_a_model_known(adopted: Scratch) -> None:
    project = {"provider": "gravitex", "defaults": {"model": "mine"}, "models": {"mine": {"prices": {"": "0.01"}}}}
    adopted.write("reconciler.yaml", json.dumps(project))
    assert "warning" not in adopted.done("plan").err


def test_a_server_of_ones_own_has_models_that_no_table_knows(adopted: Scratch) -> None:
    own = {"type": "openai", "base_url": "http://127.0.0.1:9", "api_key_env": ""}
    project = {"provider": "own", "providers": {"own": own}, "defaults": {"model": "sdxl-turbo"}}
    adopted.write("reconciler.yaml", json.dumps(project))
    assert "warning" not in adopted.done("plan").err
    adopted.write("reconciler.yaml", json.dumps(project | {"defaults": {"model": "gpt-image1"}}))
    assert 'did you mean "gpt-image-1"?' in adopted.done("plan").err


def test_the_project_can_correct_the_date(adopted: Scratch) -> None:
    project = {"provider": "gravitex", "defaults": {"model": FLASH}, "models": {FLASH: {"retires": "2026-01-01"}}}
    adopted.write("reconciler.yaml", json.dumps(project))
    assert "was to be retired on 2026-01-01" in adopted.done("plan").err
