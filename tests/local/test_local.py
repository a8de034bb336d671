"""A diffusion pipeline with random weights draws on the CPU, from the spec to the locked file. `make test-local`."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from tests.cli.conftest import PROGRAM

ROOT = Path(__file__).parents[2]
WANTED = "RECONCILER_LOCAL"
BINARIES = ROOT / ".venv-local" / "bin"

if os.environ.get(WANTED) != "1":
    reason = f"no model is run: `make test-local` installs PyTorch (1.3 GB) and sets {WANTED}=1"
    pytest.skip(reason, allow_module_level=True)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline of 8 MB that needs 0.1 s a step."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    subprocess.run([BINARIES / "python", ROOT / "tests/gpu/make_pipe.py", folder], check=True, capture_output=True)
    return folder


class Local:
    """A project whose images the pipeline draws."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root = root
        self.command = [str(BINARIES / "reconciler-diffusers"), "--model", str(model), "--offline", "--device", "cpu"]
        settings = {
            "provider": "gpu",
            "providers": {"gpu": {"type": "command", "command": self.command}},
            "defaults": {"size": "64x64", "params": {"num_inference_steps": 2}},
        }
        (root / "specs").mkdir(parents=True)
        (root / "reconciler.yaml").write_text(json.dumps(settings))

    def spec(self, name: str, **fields: Any) -> None:
        (self.root / f"specs/{name}.yaml").write_text(json.dumps(fields))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, TRUSTED_COMMANDS: shlex.join(self.command)}
        return subprocess.run(
            [*PROGRAM, *arguments], cwd=self.root, env=environ, capture_output=True, text=True, check=False
        )

    def outputs(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.root / "assets").glob("*.png"))}


@pytest.fixture
def local(tmp_path: Path, model: Path) -> Local:
    return Local(tmp_path / "project", model)


def test_the_same_specs_are_drawn_byte_for_byte_the_same_twice(local: Local) -> None:
    local.spec("sword", prompt="A sword")
    local.spec("axe", prompt="An axe")
    local.spec("again", prompt="A sword", take=2)
    local.spec("scene", prompt="A sword in a stone", references=[{"asset": "sword"}], params={"strength": 0.6})
    done = local.run("apply", "--yes")
    assert (done.returncode, "made 4 (0 USD)" in done.stdout) == (0, True), done
    first = local.outputs()
    assert len(set(first.values())) == 4
    shutil.rmtree(local.root / ".reconciler")
    shutil.rmtree(local.root / "assets")
    (local.root / "assets.lock").unlink()
    assert local.run("apply", "--yes").returncode == 0
    assert local.outputs() == first
    assert local.run("check", "--strict").returncode == 0


def test_a_parameter_that_the_pipeline_lacks_costs_one_asset(local: Local) -> None:
    local.spec("wrong", prompt="A sword", params={"steps": 3})
    local.spec("right", prompt="A sword")
    done = local.run("apply", "--yes")
    assert done.returncode == 1
    assert "params: steps cannot be set; it takes " in done.stderr + done.stdout
    assert list(local.outputs()) == ["right.png"]


def test_a_model_that_is_not_there_is_told_with_the_last_words_of_the_worker(tmp_path: Path) -> None:
    local = Local(tmp_path / "project", tmp_path / "nothing")
    local.spec("sword", prompt="A sword")
    done = local.run("apply", "--yes")
    assert done.returncode == 1
    assert "the worker of gpu: it ended with exit code 1" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
