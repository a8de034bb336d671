"""`push` and `pull` of images of a megabyte at SeaweedFS, beside its bare client and our own durable writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import output, write_specs
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Failed, clean_environment, interleaved
from tests.team.servers import WEED, seaweed

_SIZE = (600, 555)
"""Noise, stored without compression: a megabyte."""


def transfer(images: int, *, runs: int) -> Row:
    """Push and pull so many images."""
    if not WEED.exists():
        raise Failed("there is no SeaweedFS: `make team` installs it")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-team-"))
        server = stack.enter_context(seaweed(Path(folder)))
        ours = _project(images)
        clone = DATA / "team-clone"
        key = {"RECONCILER_SIGNING_KEY": str(ours / "key"), "RECONCILER_TRUSTED_STORES": server.url}
        environment = {**server.environ, **key}
        numbers = iter(range(1_000))

        def fresh(root: Path) -> Callable[[], None]:
            return lambda: _name_store(root, f"{server.url}/{next(numbers)}")

        filled = f"{server.url}/filled"
        _name_store(ours, filled)
        subprocess.run([RECONCILER, "push"], cwd=ours, env=clean_environment() | environment, check=True)
        bare = f"{server.url}/bare"
        objects = ours / ".reconciler/store/objects"

        aside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aside-", dir=DATA)))

        def set_aside(folder: Path) -> None:
            """Deleted at the end: for minutes ext4 passes over the inode of each deleted file, one by one."""
            if folder.exists():
                folder.rename(aside / str(next(numbers)))

        def cloned() -> None:
            set_aside(clone)
            shutil.copytree(ours, clone, ignore=shutil.ignore_patterns("assets", ".reconciler"))
            _name_store(clone, filled)

        kept = DATA / "team-kept"

        def emptied() -> None:
            set_aside(kept)
            kept.mkdir()

        def script(name: str, *words: str, before: Callable[[], None] = lambda: None) -> Contestant:
            command = (PYTHON, "-m", "benchmarks.buckets", *words)
            return Contestant(name, command, REPOSITORY, before, environment=environment)

        fill = [PYTHON, "-m", "benchmarks.buckets", "put", bare, str(objects)]
        subprocess.run(fill, cwd=REPOSITORY, env=clean_environment() | environment, check=True)
        contestants = [
            script("bare put", "put-anew", bare, str(objects)),
            Contestant("reconciler push", (RECONCILER, "push"), ours, fresh(ours), environment=environment),
            script("bare get", "get", bare, str(objects)),
            script("our durable writes", "keep", str(ours), str(kept), before=emptied),
            Contestant("reconciler pull", (RECONCILER, "pull"), clone, cloned, environment=environment),
        ]
        cloned()
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
