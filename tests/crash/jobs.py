"""`reconciler apply --yes` of images that a service accepts as jobs, under the sweeps.

What was accepted is never in doubt here: the rules then demand that the second run finishes it, without paying again.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reconciler.testing.job_server import JobServer
from tests.crash import native
from tests.crash import tree as trees
from tests.crash.fork_server import ForkServer, leased
from tests.crash.native import Fault, Faulted, Ran
from tests.crash.rules import Bill, Look
from tests.crash.scenario import (
    ENTRY,
    ENTRY_POINT,
    PACKAGE,
    PRELOAD,
    ended_without_image,
    locked,
    objects_of,
    open_at_once,
    picture_hash,
    sound_events,
)

CONCURRENCY = 2
PROMPTS = {"image0": "job:soon", "image1": "job:quick", "image2": "job:quick", "image3": "job:soon"}
PROJECT = """\
provider: {api}
defaults: {{model: {model}, size: 128x128}}
providers:
  {api}: {{base_url: "{url}", api_key_env: {key}, concurrency: {concurrency}}}
"""
MODELS = {"fal": "fal-ai/flux/dev", "replicate": "black-forest-labs/flux-dev", "bfl": "flux-2-pro"}
KEYS = {"fal": "FAL_KEY", "replicate": "REPLICATE_API_TOKEN", "bfl": "BFL_API_KEY"}


@dataclass
class JobApply:
    """Implements World."""

    folder: Path
    server: JobServer
    ledger: Path
    package: Path
    second: ForkServer
    stack: ExitStack
    fine: tuple[int, ...] = (0,)
    flight: int = open_at_once(CONCURRENCY)

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(PROMPTS)

    @property
    def command(self) -> Sequence[str]:
        return [sys.executable, "-I", "-c", ENTRY.format(str(self.package)), "apply", "--yes"]

    @property
    def env(self) -> Mapping[str, str]:
        home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**home, KEYS[self.server.api]: self.server.key, "TMPDIR": str(self.folder)}

    def is_bill(self, line: bytes) -> bool:
        return True

    def reset(self) -> None:
        specs = {
            f"specs/{asset}.yaml": trees.File(f"prompt: 'a picture {fault} of {asset}'\n".encode())
            for asset, fault in PROMPTS.items()
        }
        self.restore({"": trees.Folder(), "specs": trees.Folder(), **specs}, b"")

    def restore(self, tree: trees.Tree, ledger: bytes) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        trees.materialise(tree, self.root)
        api = self.server.api
        named = {"api": api, "model": MODELS[api], "key": KEYS[api]}
        project = PROJECT.format(url=self.server.url, concurrency=CONCURRENCY, **named)
        (self.root / "reconciler.yaml").write_text(project)
        self.ledger.write_bytes(ledger)
        self.server.jobs.clear()

    def settle(self) -> None:
        """Questions of ours wait behind everything that was sent before them; then the last answer ends."""
        host = self.server.url.removeprefix("http://")
        for _ in range(2):
            connection = http.client.HTTPConnection(host, timeout=10)
            connection.request("GET", "/files/nothing", headers={"Connection": "close"})
            connection.getresponse().read()
            connection.close()
        end = time.monotonic() + 10
        while self.server.active and time.monotonic() < end:
            time.sleep(0.001)

    @cached_property
    def first(self) -> ForkServer:
        """Its runs can meet disk faults."""
        return self.stack.enter_context(leased(self.package, ENTRY_POINT, PRELOAD, under=native.shim()))

    def again(self) -> Ran:
        return self._apply(self.second, self.env)

    def disturb(self, fault: Fault) -> Faulted:
        return native.disturb(fault, lambda told: self._apply(self.first, {**self.env, **told}), paths=[self.root])

    def _apply(self, runner: ForkServer, env: Mapping[str, str]) -> Ran:
        ended = runner.run(["reconciler", "apply", "--yes"], env=env, cwd=self.root)
        return Ran(ended.exit, ended.stdout, ended.stderr)

    def look(self) -> Look:
        bills = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        files = {name: node.data for name, node in trees.snapshot(self.root).items() if isinstance(node, trees.File)}
        objects = objects_of(files)
        pictures = {name: data for name, data in files.items() if re.fullmatch(r"assets/image\d+\.png", name)}
        outputs = {Path(name).stem: picture_hash(data) for name, data in pictures.items()}
        answered = {bill["image"] for bill in bills}
        torn = [f"store: {name} is torn" for name, found in objects.items() if name != found]
        torn += [f"{name} is torn" for name, found in outputs.items() if found not in answered]
        try:
            entries = locked(files.get("assets.lock", b'{"assets": {}}'))
        except ValueError as error:
            torn, entries = [*torn, f"assets.lock is torn: {error}"], {}
        journal = files.get(".reconciler/journal", b"")
        in_doubt, recorded = settled_jobs(journal)
        looked_at = {job.prompt.rpartition(" ")[2] for job in self.server.jobs if job.looks}
        torn += [f"{asset} is in doubt although its job was looked at" for asset in sorted(looked_at & in_doubt)]
        return Look(
            tuple(Bill(bill["prompt"].rpartition(" ")[2], bill["image"]) for bill in bills),
            frozenset(name for name, found in objects.items() if name == found), tuple(torn), entries,
            outputs, recorded, in_doubt, answered=ended_without_image(journal),
        )  # fmt: skip


def settled_jobs(data: bytes) -> tuple[frozenset[str], dict[str, str]]:
    """Whose request has neither an end nor a job, and what was stored for whom."""
    opened: dict[str, str] = {}
    accepted: dict[str, str] = {}
    recorded: dict[str, str] = {}
    for event in sound_events(data):
        match event["kind"]:
            case "requested":
                opened[event["attempt"]] = event["asset"]
            case "accepted":
                accepted[event["attempt"]] = event["job"]
            case "job_lost":
                accepted.pop(event["attempt"], None)
            case "stored" | "ended" | "forgotten":
                opened.pop(event["attempt"], None)
        if event["kind"] == "stored":
            recorded[event["asset"]] = event["content"].removeprefix("sha256:")
    return frozenset(asset for attempt, asset in opened.items() if attempt not in accepted), recorded


@contextmanager
def job_apply(folder: Path, *, package: Path = PACKAGE, api: str = "fal") -> Iterator[JobApply]:
    """The scenario. `package` is the folder that holds the `reconciler` to test."""
    ledger = folder / "ledger"
    ledger.touch()
    with ExitStack() as stack:
        server = stack.enter_context(JobServer(api, ledger=ledger))
        second = stack.enter_context(leased(package, ENTRY_POINT, PRELOAD))
        yield JobApply(folder.resolve(), server, ledger, package, second, stack)


@contextmanager
def replicate_apply(folder: Path, *, package: Path = PACKAGE) -> Iterator[JobApply]:
    """The same with an API that lists its jobs."""
    with job_apply(folder, package=package, api="replicate") as world:
        yield world


@contextmanager
def bfl_apply(folder: Path, *, package: Path = PACKAGE) -> Iterator[JobApply]:
    """The same with an API whose images are there for minutes."""
    with job_apply(folder, package=package, api="bfl") as world:
        yield world
