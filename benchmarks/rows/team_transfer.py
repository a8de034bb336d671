"""`push` and `pull` of images of a megabyte at SeaweedFS, beside its bare client and our own durable writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from PIL import Image

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import output, write_specs
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Failed, clean_environment, interleaved
from tests.team.servers import WEED, Server, seaweed

_SIZE = (600, 555)
"""Noise, stored without compression: a megabyte."""
_BARE = (PYTHON, "-m", "benchmarks.buckets")


def transfer(images: int, *, runs: int) -> Row:
    """Push and pull so many images."""
    if not WEED.exists():
        raise Failed("there is no SeaweedFS: `make team` installs it")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-team-"))
        aside = stack.enter_context(tempfile.TemporaryDirectory(prefix="aside-", dir=DATA))
        server = stack.enter_context(seaweed(Path(folder)))
        contestants = _contestants(_project(images), server, Path(aside))
        bare_put, push, bare_get, writes, pull = interleaved(contestants, runs=runs, warm_up=0)
    return Row(
        f"A team's store: {images:,} images of 1 MB at SeaweedFS on this machine",
        (bare_put, push, bare_get, writes, pull),
        (
            Claim("push / bare put", push.wall / bare_put.wall, 1.25),
            Claim("pull / (bare get + our durable writes)", pull.wall / (bare_get.wall + writes.wall), 1.1),
            Claim("peak memory of a pull", pull.rss, 120, unit=" MB"),
            Claim("peak memory of a push", push.rss, 120, unit=" MB"),
        ),
        (
            "whole processes: ours also read the project, plan, sign or verify, and write the root of the branch",
            "a pull also puts the images at their outputs, several at a time",
        ),
    )


def _contestants(ours: Path, server: Server, aside: Path) -> list[Contestant]:
    """What is timed: bare put, push, bare get, durable writes, pull. What a run has left goes `aside`, where it is
    deleted at the end: for minutes ext4 passes over the inode of each deleted file, one by one."""
    clone, kept = DATA / "team-clone", DATA / "team-kept"
    filled, bare = f"{server.url}/filled", f"{server.url}/bare"
    objects = str(ours / ".reconciler/store/objects")
    key = {"RECONCILER_SIGNING_KEY": str(ours / "key"), "RECONCILER_TRUSTED_STORES": server.url}
    environment, numbers = {**server.environ, **key}, count()

    def set_aside(folder: Path) -> None:
        if folder.exists():
            folder.rename(aside / str(next(numbers)))

    def empty_store() -> None:
        _name_store(ours, f"{server.url}/{next(numbers)}")

    def cloned() -> None:
        set_aside(clone)
        shutil.copytree(ours, clone, ignore=shutil.ignore_patterns("assets", ".reconciler"))
        _name_store(clone, filled)

    def emptied() -> None:
        set_aside(kept)
        kept.mkdir()

    def run(*command: str, cwd: Path) -> None:
        subprocess.run(command, cwd=cwd, env=clean_environment() | environment, check=True)

    def script(name: str, *words: str, before: Callable[[], None] = lambda: None) -> Contestant:
        return Contestant(name, (*_BARE, *words), REPOSITORY, before, environment=environment)

    _name_store(ours, filled)
    run(RECONCILER, "push", cwd=ours)
    run(*_BARE, "put", bare, objects, cwd=REPOSITORY)
    cloned()
    return [
        script("bare put", "put-anew", bare, objects),
        Contestant("reconciler push", (RECONCILER, "push"), ours, empty_store, environment=environment),
        script("bare get", "get", bare, objects),
        script("our durable writes", "keep", str(ours), str(kept), before=emptied),
        Contestant("reconciler pull", (RECONCILER, "pull"), clone, cloned, environment=environment),
    ]


def _project(images: int) -> Path:
    """A project whose images were adopted, with a key."""
    root = DATA / f"team-{images}"
    if (root / "assets.lock").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "reconciler.yaml").write_text("provider: gravitex\ndefaults: {model: gemini-2.5-flash-image}\n")
    write_specs(root, images)
    for number in range(images):
        path = root / output(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = os.urandom(_SIZE[0] * _SIZE[1] * 3)
        Image.frombytes("RGB", _SIZE, noise).save(path, "png", compress_level=0)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "key")], check=True)
    public = (root / "key.pub").read_text().split()
    (root / "reconciler.keys").write_text(f"bench@example.com {public[0]} {public[1]}\n")
    adopt = [RECONCILER, "adopt", "*", "--yes"]
    subprocess.run(adopt, cwd=root, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)
    return root


def _name_store(root: Path, url: str) -> None:
    path = root / "reconciler.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("team:")]
    path.write_text("\n".join([*kept, f"team: {{url: '{url}'}}", ""]))
