"""A scratch project, driven as a user drives it: commands in, exit code, both streams and the files out."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reconciler.cli.main import run
from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.events import Durable
from reconciler.core.ports import ImageRequest, References
from reconciler.providers.draft import provider as draft
from reconciler.providers.draft.card import Card, paint
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.state.journal import Journal
from tests.forked.program import program

PROGRAM = (sys.executable, "-c", "from reconciler.cli.entry_point import entry; entry()")
"""For tests of how a process starts and ends; the others use `tests.forked.program`."""
PROJECT = "provider: draft\ndefaults: {image_size: '512'}\n"
HERO = 'prompt: A lighthouse at dusk\nsize: "16:9"\n'


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Tree:
    """The files of one project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    @property
    def lock(self) -> dict[str, dict[str, Any]]:
        assets: dict[str, dict[str, Any]] = json.loads(self.read("assets.lock"))["assets"]
        return assets


class Scratch(Tree):
    """One project in a folder of its own, which is the working directory."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(root)
        self._capsys = capsys

    def run(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        code = run(list(arguments))
        said = self._capsys.readouterr()
        return Said(int(code), said.out, said.err)

    def done(self, *arguments: str) -> Said:
        """A command that must succeed."""
        said = self.run(*arguments)
        assert said.code == 0, said
        return said

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """The same as a process of its own."""
        return self._started((*PROGRAM, *arguments), options)

    def forked(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """The same as a forked process, where the start is not what is tested."""
        return self._started((str(program()), *arguments), options)

    def _started(self, command: tuple[str, ...], options: Mapping[str, Any]) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | dict(options)
        return subprocess.Popen(command, cwd=self.root, text=True, **streams)

    def plan(self) -> dict[str, tuple[str, str]]:
        """Asset to action and reason, of what is not kept."""
        steps = self.done("plan", "--format", "json").json["steps"]
        return {step["asset"]: (step["action"], step["reason"]) for step in steps}

    def journal(self, *events: Durable) -> tuple[Durable, ...]:
        """Append events; all that the journal has."""
        journal = Journal(self.root / ".reconciler/journal")
        journal.record_all(events)
        journal.close()
        return journal.read()

    def stored(self, data: bytes) -> bool:
        path = ContentStore(self.root).find(content_hash(data))
        return path is not None and path.read_bytes() == data

    def snapshot(self) -> Mapping[str, bytes]:
        """Every file but the index, which may be deleted at any time."""
        files = (path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.parts)
        return {str(path): path.read_bytes() for path in files if path.name not in ("index", "lock")}


def _drawn(request: ImageRequest, size: tuple[int, int], references: References) -> bytes:
    """A draft. One without references is drawn once for all tests: its bytes are the same each time."""
    if request.recipe.images():
        return DRAW(request, size, references)
    return _encoded(draft.card(request, size), request.recipe.format)


@functools.lru_cache(maxsize=400)
def _encoded(card: Card, form: str) -> bytes:
    return draft._encode(paint(card), form)


DRAW = draft.draw


def picture(colour: str = "teal", form: str = "png") -> bytes:
    """A whole image that no provider of ours made."""
    buffer = BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, form)
    return buffer.getvalue()


def pointer(content: ContentHash | str, size: int = 1234) -> str:
    oid = str(content).removeprefix("sha256:")
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


@pytest.fixture
def scratch(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """A folder without anything, and an environment without keys or CI."""
    for name in [name for name in os.environ if name == "CI" or name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(draft, "draw", _drawn)
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    return Scratch(root, capsys)


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean project: `hero` alone, `mascot`, and `pair`, which refers to the mascot."""
    root = tmp_path_factory.mktemp("applied")
    files = {
        "reconciler.yaml": PROJECT,
        "specs/hero.yaml": HERO,
        "specs/mascot.yaml": "prompt: A round robot\n",
        "specs/pair.yaml": "prompt: Two of image 1\nreferences: [{asset: mascot}]\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    subprocess.run([program(), "apply", "--yes"], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def project(scratch: Scratch, applied: Path) -> Scratch:
    """A copy of `applied`."""
    shutil.copytree(applied, scratch.root, symlinks=True, dirs_exist_ok=True)
    return scratch
