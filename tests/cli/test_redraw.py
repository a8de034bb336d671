"""A lost image of a deterministic worker: drawn again, put back if it is the same, held if it is another one."""

from __future__ import annotations

import json
import shlex
import shutil

import pytest

from reconciler.core.digest import content_hash
from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from tests.cli.conftest import Scratch
from tests.workers import stripes_command

PAIR = "prompt: Two of image 1\nsize: 320x200\nreferences: [{asset: sword}]\n"


@pytest.fixture
def drawn(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A project whose one image was drawn, and is lost with the store."""
    salt = scratch.write("../salt", "1")
    command = stripes_command("--salt", str(salt.resolve()))
    monkeypatch.setenv(TRUSTED_COMMANDS, shlex.join(command))
    given = {"type": "command", "command": list(command), "deterministic": True}
    scratch.write("reconciler.yaml", json.dumps({"provider": "gpu", "providers": {"gpu": given}}))
    scratch.write("specs/sword.yaml", "prompt: A sword\nsize: 320x200\n")
    scratch.done("apply", "--yes")
    lose(scratch)
    return scratch


def lose(project: Scratch) -> None:
    shutil.rmtree(project.root / ".reconciler")
    shutil.rmtree(project.root / "assets")


def test_the_same_image_is_put_back_and_the_lockfile_stays_as_it_is(drawn: Scratch) -> None:
    lock = drawn.read("assets.lock")
    (step,) = drawn.done("plan", "--format", "json").json["steps"]
    assert (step["action"], step["reason"], step["by"]) == ("restore", "OutputLost", "redraw")
    assert "drawn again, and put back only if it is the same image" in drawn.done("plan").out
    assert "no copy was found" in drawn.done("explain", "sword").out
    said = drawn.done("apply", "--yes")
    assert said.out == "restored 1\n"
    assert drawn.read("assets.lock") == lock
    assert content_hash(drawn.read("assets/sword.png")) == drawn.lock["sword"]["content"]
    assert drawn.done("check", "--strict").code == 0


def test_another_image_is_kept_and_held_until_it_is_chosen(drawn: Scratch) -> None:
    lock = drawn.read("assets.lock")
    drawn.write("../salt", "2")
    said = drawn.run("apply", "--yes")
    assert (said.code, "drawn differently: sha256:" in said.err) == (3, True), said
    assert not (drawn.root / "assets/sword.png").exists()
    assert drawn.read("assets.lock") == lock
    (step,) = drawn.done("plan", "--format", "json").json["steps"]
    assert (step["action"], step["reason"], step["consent"]) == ("hold", "RedrawnDifferently", "--regenerate-missing")
    assert "has drawn another image instead" in drawn.done("explain", "sword").out
    assert drawn.run("apply", "--yes").code == 3, "it is not drawn a third time, nor forgotten"
    drawn.done("choose", "sword", "1")
    assert content_hash(drawn.read("assets/sword.png")) == step["redrawn"] == drawn.lock["sword"]["content"]
    assert drawn.done("check", "--strict").code == 0


def test_with_consent_any_image_is_taken(drawn: Scratch) -> None:
    before = drawn.lock["sword"]["content"]
    drawn.write("../salt", "2")
    drawn.done("apply", "--yes", "--regenerate-missing")
    assert content_hash(drawn.read("assets/sword.png")) == drawn.lock["sword"]["content"] != before


def test_an_image_that_refers_to_it_waits_for_it(drawn: Scratch) -> None:
    drawn.write("specs/pair.yaml", PAIR)
    drawn.write("../salt", "2")
    said = drawn.run("apply", "--yes")
    assert "waits for sword, which has no image yet" in said.err
    drawn.write("../salt", "1")
    shutil.rmtree(drawn.root / ".reconciler")
    drawn.done("apply", "--yes")
    assert drawn.done("check", "--strict").code == 0


def test_a_program_that_charges_draws_nothing_again(drawn: Scratch) -> None:
    drawn.edit("reconciler.yaml", '"deterministic": true', '"deterministic": true, "charges": true')
    assert drawn.plan() == {"sword": ("hold", "OutputLost")}


def test_the_setting_is_for_worker_programs(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: gemini\nproviders: {gemini: {deterministic: true}}\n")
    said = scratch.run("validate")
    assert (said.code, "is a setting of type: command alone" in said.err) == (1, True)
