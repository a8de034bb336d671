"""An environment of its own, with this package and further distributions installed by pip. No index is needed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = Path(__file__).parent
PLUGINS = ROOT / "plugins"
TOOLS = ("hatchling", "pip", "pytest")
INSTALL = ("install", "--no-index", "--no-build-isolation", "--no-deps", "--no-compile")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment. The dependencies, and pytest, are those of the environment that runs the tests."""

    folder: Path

    def run(
        self, *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished process of a command in this environment; its first word is looked up there."""
        program, *arguments = command
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def environment(folder: Path, *names: str) -> Environment:
    """A new environment in this folder with the package and the named distributions of this directory."""
    missing = [tool for tool in TOOLS if importlib.util.find_spec(tool) is None]
    if missing:
        pytest.skip(f"NOT TESTED, these tools are not installed: {', '.join(missing)}")
    made = Environment(folder / "env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made.folder], check=True)
    python = made.folder / "bin" / "python"
    paths = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    # a .pth file adds the dependencies, but not the package: .pth files of a directory added so are not read
    Path(paths.stdout.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    copies = [copy(name, folder / "source") for name in names]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python]
    done = subprocess.run([*pip, *INSTALL, ROOT, *copies], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    give_bytecode(Path(paths.stdout.strip()))
    return made


def give_bytecode(site: Path) -> None:
    """Copy the compiled modules of this package beside the installed ones, which are the same: to compile all of them
    again takes seconds."""
    for source in (site / "reconciler").rglob("*.py"):
        here = ROOT / source.relative_to(site)
        compiled = Path(importlib.util.cache_from_source(str(here)))
        if compiled.exists() and (data := compiled.read_bytes())[8:16] == _stamp(here):
            assert source.read_bytes() == here.read_bytes()
            target = Path(importlib.util.cache_from_source(str(source)))
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data[:8] + _stamp(source) + data[16:])


def _stamp(source: Path) -> bytes:
    """The time and the size by which a compiled module is known to be that of a source."""
    found = source.stat()
    return b"".join((int(number) & 0xFFFFFFFF).to_bytes(4, "little") for number in (found.st_mtime, found.st_size))


def copy(name: str, into: Path) -> Path:
    """A copy of a distribution outside of this repository, so that nothing here configures it."""
    source = next(folder / name for folder in (DISTRIBUTIONS, PLUGINS) if (folder / name).is_dir())
    return Path(shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__")))
