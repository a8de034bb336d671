"""`reconciler derive` under the sweeps: files to make, to make anew, to remove, to keep out of git, and a bundle.

Nothing is billed. A derived file counts as an asset of the rules: it is finished when its bytes are those of a run
without a fault, and `derived.lock` says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from tests.crash import native
from tests.crash import tree as trees
from tests.crash.fork_server import ForkServer, leased
from tests.crash.native import Fault, Faulted, Ran
from tests.crash.rules import Look
from tests.crash.scenario import ENTRY, ENTRY_POINT, PACKAGE, PRELOAD

RULES = """\
web: {widths: [8, 16], aspect: "4:3", formats: [webp, png], output: "img/${name}-${width}.${ext}"}
local: {size: 4x4, formats: [png], commit: false, output: "build/${name}.png"}
"""
EARLIER = """\
web: {widths: [8, 12], aspect: "1:1", formats: [webp, png], output: "img/${name}-${width}.${ext}"}
"""
BUNDLES = "images: {manifest: {from: '*', use: web, output: img/images.json, html: img/html}}\n"
_DERIVED = re.compile(r"(img|build)/.*\.(png|webp|json|html)")


@dataclass
class Deriving:
    """Implements World: some files are there from earlier rules, and the rules have changed."""

    folder: Path
    package: Path
    second: ForkServer
    stack: ExitStack
    start: trees.Tree = field(default_factory=dict)
    final: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    fine: tuple[int, ...] = (0,)
    flight: int = 0

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(self.final)

    @property
    def command(self) -> Sequence[str]:
        return [sys.executable, "-I", "-c", ENTRY.format(str(self.package)), "derive", "--jobs", "1"]

    @property
    def env(self) -> Mapping[str, str]:
        return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def is_bill(self, line: bytes) -> bool:
        return False

    def prepare(self) -> None:
        """Derive by the earlier rules, and once more by the later ones to know the end."""
        self.ledger.touch()
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / "specs").mkdir(parents=True)
        (self.root / "art").mkdir()
        (self.root / "reconciler.yaml").write_text("provider: draft\n")
        (self.root / "specs/_derive.yaml").write_text(EARLIER)
        for name, colour in (("a", "teal"), ("b", "maroon")):
            (self.root / f"specs/{name}.yaml").write_text(f"prompt: {name}\nderive: [web]\noutput: art/{name}.png\n")
            Image.new("RGB", (40, 30), colour).save(self.root / f"art/{name}.png")
        self._done("adopt", "*", "--yes")
        self._done("derive")
        self.before = self._files()
        for name in ("a", "b"):
            spec = self.root / f"specs/{name}.yaml"
            spec.write_text(spec.read_text().replace("[web]", "[web, local]"))
        (self.root / "specs/_derive.yaml").write_text(RULES)
        (self.root / "specs/_bundles.yaml").write_text(BUNDLES)
        self.start = trees.snapshot(self.root)
        self._done("derive")
        self.final = self._files()

    def _done(self, *arguments: str) -> None:
        ended = self.second.run(["reconciler", *arguments], env=self.env, cwd=self.root)
        assert ended.exit == 0, ended.stderr

    def _files(self) -> dict[str, str]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        names = ((str(path.relative_to(self.root)), path) for path in found)
        return {name: _hash(path.read_bytes()) for name, path in names if _DERIVED.fullmatch(name)}

    def reset(self) -> None:
        self.restore(self.start, b"")

    def restore(self, tree: trees.Tree, ledger: bytes) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        trees.materialise(tree, self.root)

    def settle(self) -> None:
        """No server to wait for."""

    def again(self) -> Ran:
        ended = self.second.run(["reconciler", "derive"], env=self.env, cwd=self.root)
        return Ran(ended.exit, ended.stdout, ended.stderr)

    def disturb(self, fault: Fault) -> Faulted:
        def run(told: Mapping[str, str]) -> Ran:
            done = subprocess.run(
                self.command, cwd=self.root, env={**self.env, **told}, capture_output=True, text=True, check=False
            )
            return Ran(done.returncode, done.stdout, done.stderr)

        return native.disturb(fault, run, paths=[self.root])

    def look(self) -> Look:
        files = {name: node.data for name, node in trees.snapshot(self.root).items() if isinstance(node, trees.File)}
        outputs = {name: _hash(data) for name, data in files.items() if _DERIVED.fullmatch(name)}
        allowed = {*self.final.items(), *self.before.items()}
        torn = [f"{name} has bytes of nobody" for name, _ in sorted(outputs.items() - allowed)]
        locked: dict[str, str] = {}
        for name in ("derived.lock", ".reconciler/derived"):
            try:
                sets = json.loads(files.get(name, b'{"sets": {}}'))["sets"]
            except ValueError as error:
                torn.append(f"{name} is torn: {error}")
                continue
            lines = {path: line for block in sets.values() for path, line in block.items()}
            locked |= {path: line["content"].removeprefix("sha256:") for path, line in lines.items()}
        return Look(stored=frozenset(self.final.values()), torn=tuple(torn), locked=locked, outputs=outputs)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def deriving(folder: Path, *, package: Path = PACKAGE) -> Iterator[Deriving]:
    """The scenario."""
    with ExitStack() as stack:
        second = stack.enter_context(leased(package, ENTRY_POINT, PRELOAD))
        world = Deriving(folder.resolve(), package, second, stack)
        world.prepare()
        yield world
