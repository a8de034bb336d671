"""The real thing under the sweeps: `reconciler apply --yes` of eight images against the billing fake.

The journal, the store and the lockfile are read by code of our own, so that a wrong reader is found too.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import re
import shutil
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.testing.gateway import Gateway, running
from reconciler.testing.gateway.ledger import Ledger
from tests.crash import native
from tests.crash import tree as trees
from tests.crash.fork_server import ForkServer, leased
from tests.crash.native import Fault, Faulted, Ran
from tests.crash.rules import Bill, Look

IMAGES = 8
CONCURRENCY = 4
CALLS = (75, 50)
"""About so many calls are counted in an apply, and so many more for each image: where an earlier kill may lie."""
PACKAGE = Path(__file__).resolve().parents[2]
ENTRY = "import sys; sys.path.insert(0, {!r}); from reconciler.cli.entry_point import entry; sys.exit(entry())"
ENTRY_POINT = ("reconciler.cli.entry_point", "entry")
PRELOAD = (
    "reconciler.cli.main", "reconciler.cli.commands.adopt", "reconciler.cli.commands.apply",
    "reconciler.cli.commands.check", "reconciler.cli.commands.derive", "reconciler.cli.commands.plan",
    "reconciler.cli.commands.validate", "reconciler.project.incremental_plan", "reconciler.project.paid_providers",
    "httpx", "httpcore", "h11", "anyio.streams.tls", "anyio._backends._asyncio", "jsonschema", "jsonschema_rs", "yaml",
    "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin",
    "tests.forked.warmed",
)  # fmt: skip
"""What commands import as they go. Whatever lacks here is imported by each run, and costs time only."""
NO_FAULTS: Mapping[str, Sequence[str]] = {}
WEIGHT = 16_384
"""Bytes of an image: several blocks of a disk, whatever few pixels it has."""
PROJECT = """\
provider: gravitex
defaults: {{model: any-model, size: 128x128}}
providers:
  gravitex: {{base_url: "{url}", api_key_env: GRAVITEX_API_KEY, concurrency: {concurrency}}}
"""
OBJECT = re.compile(r"\.reconciler/store/objects/[0-9a-f]{2}/([0-9a-f]{64})")


@dataclass
class PaidApply:
    """Implements World."""

    folder: Path
    gateway: Gateway
    ledger: Path
    images: int
    concurrency: int
    package: Path
    second: ForkServer
    chance: random.Random | None
    stack: ExitStack
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "project"

    def is_bill(self, line: bytes) -> bool:
        return b'"billed":true' in line

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(f"image{n}" for n in range(self.images))

    @property
    def command(self) -> Sequence[str]:
        return [sys.executable, "-I", "-c", ENTRY.format(str(self.package)), "apply", "--yes"]

    @property
    def flight(self) -> int:
        """Beside those that are being answered, as many whose answers wait for the disk. Those of an earlier kill stay
        in doubt beside those of this one."""
        return open_at_once(self.concurrency) * (1 if self.chance is None else 2)

    @property
    def fine(self) -> tuple[int, ...]:
        return (0, 1, 3) if self.faults else (0, 3)

    @property
    def env(self) -> Mapping[str, str]:
        home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**home, "GRAVITEX_API_KEY": self.gateway.key, "TMPDIR": str(self.folder)}

    def reset(self) -> None:
        specs = {f"specs/{asset}.yaml": trees.File(f"prompt: a picture of {asset}\n".encode()) for asset in self.assets}
        self.restore({"": trees.Folder(), "specs": trees.Folder(), **specs}, b"")
        if self.chance is not None:
            least, each = CALLS
            point = self.chance.randrange(1, least + each * self.images)
            native.kill_at(point, self.command, root=self.root, env=self.env)
            self.settle()

    @cached_property
    def first(self) -> ForkServer:
        """Its runs can meet disk faults."""
        return self.stack.enter_context(leased(self.package, ENTRY_POINT, PRELOAD, under=native.shim()))

    def restore(self, tree: trees.Tree, ledger: bytes) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        trees.materialise(tree, self.root)
        project = PROJECT.format(
            url=self.gateway.url(), concurrency=self.concurrency
        )  # each world has a port of its own
        (self.root / "reconciler.yaml").write_text(project)
        os.truncate(self.ledger, 0)
        with self.ledger.open("ab") as bills:
            bills.write(ledger)
        self.gateway.ledger.clear()
        if self.faults:  # from the first one on, at each point
            self.gateway.rules.clear()
            for words, names in self.faults.items():
                self.gateway.when(words, *names)

    def settle(self) -> None:
        """Two questions of ours wait behind everything that was sent before them; then the last answer ends."""
        host = self.gateway.url().removeprefix("http://")
        for _ in range(2):
            connection = http.client.HTTPConnection(host, timeout=10)
            connection.request("GET", "/nothing", headers={"Connection": "close"})
            connection.getresponse().read()
            connection.close()
        self.gateway.settle()

    def again(self) -> Ran:
        return self._apply(self.second, self.env)

    def disturb(self, fault: Fault) -> Faulted:
        return native.disturb(fault, lambda told: self._apply(self.first, {**self.env, **told}), paths=[self.root])

    def _apply(self, runner: ForkServer, env: Mapping[str, str]) -> Ran:
        ended = runner.run(["reconciler", "apply", "--yes"], env=env, cwd=self.root)
        return Ran(ended.exit, ended.stdout, ended.stderr)

    def look(self) -> Look:
        lines = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        bills = [line for line in lines if line["line"] == "request" and line["billed"]]
        files = {name: node.data for name, node in trees.snapshot(self.root).items() if isinstance(node, trees.File)}
        objects = objects_of(files)
        pictures = {name: data for name, data in files.items() if re.fullmatch(r"assets/image\d+\.png", name)}
        outputs = {name: picture_hash(data) for name, data in pictures.items()}
        answered = {image for bill in bills for image in bill["images"]}
        torn = [f"store: {name} is torn" for name, found in objects.items() if name != found]
        converted = {name for name, found in objects.items() if name == found}
        torn += [f"{name} is torn" for name, found in outputs.items() if found not in answered | converted]
        lockfile = files.get("assets.lock", b'{"assets": {}}')
        try:
            entries, originals, held = locked(lockfile), originals_of(lockfile), answers_of(lockfile)
        except ValueError as error:
            torn, entries, originals, held = [*torn, f"assets.lock is torn: {error}"], {}, {}, frozenset()
        journal = files.get(".reconciler/journal", b"")
        in_doubt, recorded = journalled(journal)
        return Look(
            tuple(Bill(bill["prompt"].rpartition(" ")[2], (bill["images"] or [""])[0]) for bill in bills),
            frozenset(name for name, found in objects.items() if name == found), tuple(torn), entries,
            {Path(name).stem: found for name, found in outputs.items()}, recorded, in_doubt, originals,
            held | ended_without_image(journal),
        )  # fmt: skip


def open_at_once(concurrency: int) -> int:
    """How many requests an apply can leave open in the journal."""
    return 2 * concurrency


def objects_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """What the store's objects are called, and the hash of what they hold."""
    return {found[1]: picture_hash(data) for name, data in files.items() if (found := OBJECT.fullmatch(name))}


def picture_hash(data: bytes) -> str:
    """As the ledger has it."""
    return hashlib.sha256(data).hexdigest()


def locked(text: bytes) -> dict[str, str]:
    """Each asset's content."""
    return {asset: entry["content"].removeprefix("sha256:") for asset, entry in json.loads(text)["assets"].items()}


def originals_of(text: bytes) -> dict[str, str]:
    """The content that was answered, of each asset whose image was converted."""
    entries = json.loads(text)["assets"]
    return {asset: one["original"].removeprefix("sha256:") for asset, one in entries.items() if "original" in one}


def answers_of(text: bytes) -> frozenset[str]:
    """Whose recipe was answered without an image to lock."""
    return frozenset(json.loads(text).get("answered", {}))


def journalled(data: bytes) -> tuple[frozenset[str], dict[str, str]]:
    """Whose request has no end, and what was stored for whom, up to the first record that is not sound."""
    opened: dict[str, str] = {}
    recorded: dict[str, str] = {}
    for event in sound_events(data):
        if event["kind"] == "requested":
            opened[event["attempt"]] = event["asset"]
        elif event["kind"] in ("stored", "ended", "forgotten"):
            opened.pop(event["attempt"], None)
        if event["kind"] == "stored":
            recorded[event["asset"]] = event["content"].removeprefix("sha256:")
    return frozenset(opened.values()), recorded


def ended_without_image(data: bytes) -> frozenset[str]:
    """Whose request was answered without an image to lock, by the journal."""
    kinds = ("Mismatched", "BadOutput", "Refused")
    return frozenset(one["asset"] for one in sound_events(data) if one["kind"] == "ended" and one["outcome"] in kinds)


def sound_events(data: bytes) -> Iterator[dict[str, Any]]:
    """The events of a journal, up to the first record that is not sound."""
    at = 0
    while head := re.match(rb"(\d+) ([0-9a-f]{8}) ", data[at : at + 32]):
        payload = data[at + head.end() : at + head.end() + int(head[1])]
        if len(payload) < int(head[1]) or zlib.crc32(payload) != int(head[2], 16):
            return
        at += head.end() + len(payload) + 1
        yield from map(json.loads, payload.split(b"\n"))


@contextmanager
def paid_apply(
    folder: Path, *, images: int = IMAGES, concurrency: int = CONCURRENCY, package: Path = PACKAGE,
    faults: Mapping[str, Sequence[str]] = NO_FAULTS, **options: Any,
) -> Iterator[PaidApply]:  # fmt: skip
    """The scenario. `package` is the folder that holds the `reconciler` to test: this one, or a mutant's. `faults` of
    the gateway are by words of the prompt, in turn; the other options are the gateway's own."""
    path = folder / "ledger"
    ledger = Ledger(path, keep="lines")
    with ExitStack() as stack:
        gateway = stack.enter_context(running(ledger=ledger, size=WEIGHT, **options))
        second = stack.enter_context(leased(package, ENTRY_POINT, PRELOAD))
        world = PaidApply(folder.resolve(), gateway, path, images, concurrency, package, second, None, stack)
        world.faults = faults
        yield world


@contextmanager
def killed_before(folder: Path, *, seed: int = 0, **options: Any) -> Iterator[PaidApply]:
    """The scenario of a second crash: each fresh project was killed once already, anywhere; now its recovery is."""
    with paid_apply(folder, **options) as world:
        world.chance = random.Random(f"{seed} {folder}")
        yield world


MOODS = {
    "image0": ("wrong_ratio",),
    "image1": ("empty_data",),
    "image2": ("wrong_format",),
    "image3": ("stop_with_text",),
    "image4": ("wrong_format",),
}


@contextmanager
def moody(folder: Path, **options: Any) -> Iterator[PaidApply]:
    """The scenario of a model that ignores the ratio, fails, refuses, and answers in another format."""
    with paid_apply(folder, faults=MOODS, **options) as world:
        yield world


@contextmanager
def moody_killed_before(folder: Path, *, seed: int = 0, **options: Any) -> Iterator[PaidApply]:
    """The same, killed once already."""
    with moody(folder, **options) as world:
        world.chance = random.Random(f"{seed} {folder}")
        yield world
