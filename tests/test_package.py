"""What is shipped: a wheel that works where nothing else is installed, and an sdist that it can be built from."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from reconciler import __version__
from reconciler.store.schemas.files import NAMES
from tests.distributions.environment import give_bytecode

ROOT = Path(__file__).parents[1]
IMPORT_ALL = """
import importlib, pkgutil, reconciler
for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
    if module.name.rpartition(".")[2] not in ("plugin", "ray_cluster"):  # they need pytest, and the extra `ray`
        importlib.import_module(module.name)
print(reconciler.__file__)
"""
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def call(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def build(target: str, source: Path, into: Path) -> Path:
    done = call(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into, cwd=source)
    assert done.returncode == 0, done.stderr
    (made,) = into.iterdir()
    return made


def install(wheel: Path, python: Path, folder: Path) -> None:
    """Install the wheel, and beside it what it requires and nothing else: links to what is installed here."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python)
    done = call(*pip, "install", "--no-index", "--no-deps", "--no-compile", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    (packages,) = python.parents[1].glob("lib/*/site-packages")
    give_bytecode(packages)
    for name in required(next(iter(metadata.distributions(name="image-reconciler", path=[str(packages)])))):
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (packages / top).is_symlink():  # a namespace of several
                (packages / top).symlink_to(Path(str(distribution.locate_file(top))))


def required(distribution: metadata.Distribution) -> set[str]:
    """The names of the distributions that one requires without an extra, directly or not."""
    found: set[str] = set()
    left = [distribution]
    while left:
        for requirement in map(Requirement, left.pop().requires or ()):
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and requirement.name not in found:
                found.add(requirement.name)
                left.append(metadata.distribution(requirement.name))
    return found


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the unpacked sdist, so that what one lacks the other lacks."""
    unpacked = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_file_of_the_package_and_the_schemas(wheel: Path) -> None:
    assert wheel.name == f"image_reconciler-{__version__}-py3-none-any.whl"
    held = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", "reconciler"], cwd=ROOT, capture_output=True, text=True, check=True)
    # a file that another branch of work is about to delete may still be listed
    wanted = {name for name in listed.stdout.split() if (ROOT / name).is_file()}
    wanted |= {f"reconciler/schemas/{name}.schema.json" for name in NAMES} | {"reconciler/py.typed"}
    assert wanted <= held
    assert all(name.startswith(("reconciler/", f"image_reconciler-{__version__}.dist-info/")) for name in held)


def test_init_apply_and_check_work_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    call(sys.executable, "-m", "venv", "--without-pip", "env", cwd=tmp_path)
    binaries = tmp_path / "env" / "bin"
    install(wheel, binaries / "python", tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    call("git", "init", "-q", cwd=project)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return call(binaries / "reconciler", *arguments, cwd=project, env=BARE)

    where = call(binaries / "python", "-c", IMPORT_ALL, cwd=project, env=BARE)
    assert where.stdout.startswith(os.fspath(tmp_path)), where.stderr
    for step in (("init",), ("apply", "--yes"), ("check", "--strict")):
        done = run(*step)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (step, done.stdout, done.stderr)
    assert (project / "assets.lock").is_file()
    assert [path for path in project.rglob("*.png") if ".reconciler" not in path.parts]
    assert run("schema", "spec").stdout == (ROOT / "schemas" / "spec.schema.json").read_text()
