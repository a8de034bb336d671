"""A project whose images a worker process draws: trust, settings, and an apply that costs nothing."""

from __future__ import annotations

import json
import shlex
import shutil
from typing import Any

import pytest

from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from tests.cli.conftest import Scratch
from tests.workers import stripes_command


def gpu(project: Scratch, *options: str, **more: Any) -> None:
    given = {"type": "command", "command": list(stripes_command(*options)), **more}
    project.write("reconciler.yaml", json.dumps({"provider": "gpu", "providers": {"gpu": given}}))
    project.write("specs/sword.yaml", "prompt: A sword\nsize: 320x200\n")


def test_a_provider_test_asks_for_trust_and_looks_for_the_program(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"gpu": {"type": "command", "command": ["no-such-worker"]}}
    scratch.write("reconciler.yaml", json.dumps({"provider": "gpu", "providers": settings}))
    said = scratch.run("providers", "--test", "gpu")
    assert (said.code, "the command of providers.gpu is not run" in said.out) == (1, True), said
    monkeypatch.setenv("RECONCILER_TRUSTED_COMMANDS", "no-such-worker")
    said = scratch.run("providers", "--test", "gpu")
    assert (said.code, "the program no-such-worker is not found" in said.out) == (1, True), said
    settings["gpu"]["command"] = ["sh"]
    scratch.write("reconciler.yaml", json.dumps({"provider": "gpu", "providers": settings}))
    monkeypatch.setenv("RECONCILER_TRUSTED_COMMANDS", "sh")
    assert "works on this machine and costs nothing" in scratch.done("providers", "--test", "gpu").out


def test_apply_runs_it_for_nothing_once_the_user_trusts_it(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(scratch)
    said = scratch.run("apply", "--yes")
    assert (said.code, "may name any program" in said.err, TRUSTED_COMMANDS in said.err) == (1, True, True)
    assert not (scratch.root / "assets").exists()
    monkeypatch.setenv(TRUSTED_COMMANDS, shlex.join(stripes_command()))
    scratch.done("apply", "--yes")
    made = scratch.lock["sword"]["made"]
    assert (made["provider"], made["model"], made["cost"]) == ("gpu", "stripes", "0 USD")
    assert scratch.run("check", "--strict").code == 0
    drawn = scratch.read("assets/sword.png")
    shutil.rmtree(scratch.root / ".reconciler")
    (scratch.root / "assets.lock").unlink()
    (scratch.root / "assets/sword.png").unlink()
    scratch.done("apply", "--yes")
    assert scratch.read("assets/sword.png") == drawn, "the seed is of the recipe"


@pytest.mark.parametrize(
    ("provider", "fact"),
    [
        ({"type": "command"}, "is missing"),
        ({"type": "command", "command": ["tools/worker.py"]}, "is a path below a folder that can be any"),
        ({"type": "openai", "command": ["x"]}, "is a setting of type: command alone"),
        ({"type": "gemini", "charges": True}, "is a setting of type: command and comfyui alone"),
        ({"type": "comfyui", "command": ["x"]}, "is a setting of type: command alone"),
        ({"type": "command", "command": []}, "command"),
        ({"type": "command", "command": "python x"}, "command"),
    ],
)
def test_wrong_settings_are_told_with_their_place(scratch: Scratch, provider: dict[str, Any], fact: str) -> None:
    scratch.write("reconciler.yaml", json.dumps({"provider": "draft", "providers": {"gpu": provider}}))
    scratch.write("specs/sword.yaml", "prompt: A sword\n")
    said = scratch.run("validate")
    assert said.code == 1
    assert "reconciler.yaml:1:" in said.err
    assert fact in said.err


def test_command_is_no_provider_without_its_settings(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: command\n")
    scratch.write("specs/sword.yaml", "prompt: A sword\n")
    said = scratch.run("validate")
    assert said.code == 1
    assert "providers.command.command is missing" in said.err


def test_a_worker_that_charges_is_not_free_in_a_plan_and_needs_consent(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu(scratch, charges=True)
    monkeypatch.setenv(TRUSTED_COMMANDS, shlex.join(stripes_command()))
    (step,) = scratch.done("plan", "--format", "json").json["steps"]
    assert (step["action"], step["cost"]) == ("generate", None)
    said = scratch.run("apply")
    assert (said.code, "pass --yes to run non-interactively" in said.err) == (3, True), said
    said = scratch.run("apply", "--yes", "--max-cost", "1")
    assert (said.code, "its price in USD is unknown" in said.err) == (3, True), said
    assert not (scratch.root / "assets").exists()
    scratch.done("apply", "--yes", "--max-images", "1")
    assert scratch.lock["sword"]["made"]["provider"] == "gpu"
