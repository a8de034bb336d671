"""The settings of `type: ray`, and what a project is told without Ray."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from tests.cli.conftest import Scratch

PROJECT: dict[str, Any] = {
    "local": {"type": "command", "command": ["x"]},
    "farm": {"type": "ray", "worker": "local", "actors": 3},
}


def validated(project: Scratch, **farm: Any) -> str:
    providers = PROJECT | {"farm": {key: value for key, value in (PROJECT["farm"] | farm).items() if value is not None}}
    project.write("reconciler.yaml", json.dumps({"provider": "farm", "providers": providers}))
    project.write("specs/sword.yaml", "prompt: A sword\n")
    return project.run("validate").err


@pytest.mark.parametrize(
    ("farm", "words"),
    [
        ({"worker": None}, "providers.farm.worker: is missing"),
        ({"worker": "locals"}, 'there is no provider "locals"'),
        ({"worker": "farm"}, '"farm" is a pool itself'),
        ({"worker": "gemini"}, '"gemini" sends a key, so it is not run in a pool'),
        ({"command": ["x"]}, "command: is a setting of type: command alone"),
        ({"actors": 0}, "actors"),
        ({"resources": {"num_gpus": "all"}}, "num_gpus"),
    ],
)
def test_wrong_settings_are_told(scratch: Scratch, farm: dict[str, Any], words: str) -> None:
    assert words in validated(scratch, **farm)


def test_a_setting_of_a_pool_is_for_pools(scratch: Scratch) -> None:
    providers = {"gemini": {"worker": "draft"}, "local": {"type": "command", "command": ["x"], "address": "ray://x"}}
    scratch.write("reconciler.yaml", json.dumps({"provider": "draft", "providers": providers}))
    scratch.write("specs/sword.yaml", "prompt: A sword\n")
    said = scratch.run("validate").err
    assert said.count("is a setting of type: ray alone") == 2


def test_a_pool_is_as_free_and_as_good_as_its_worker(scratch: Scratch) -> None:
    assert validated(scratch) == ""
    (step,) = scratch.done("plan", "--format", "json").json["steps"]
    assert step["cost"] == "0 USD"
    scratch.edit("reconciler.yaml", '"command": ["x"]', '"command": ["x"], "charges": true, "deterministic": true')
    (step,) = scratch.done("plan", "--format", "json").json["steps"]
    assert step["cost"] is None, "an unknown price needs consent"


def test_without_ray_one_error_says_how_to_install_it(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else found(name, *rest))
    monkeypatch.setenv(TRUSTED_COMMANDS, "x")
    assert validated(scratch) == ""
    said = scratch.run("apply", "--yes")
    assert (said.code, "Ray is not installed" in said.err, "image-reconciler[ray]" in said.err) == (1, True, True)
