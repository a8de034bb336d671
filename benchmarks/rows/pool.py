"""A pool of Ray: images that take no time to draw, by two actors and by one worker program. `make test-ray` has Ray."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

from benchmarks.places import DATA, PYTHON, REPOSITORY
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Failed, interleaved, run_once

ACTORS = 2
PER_SPEC = 5_000
WITH_RAY = REPOSITORY / ".venv-ray" / "bin" / "reconciler"
STRIPES = REPOSITORY / "tests" / "workers" / "stripes_worker.py"
DRIVER_MB = 600.0


def pool(images: int, *, runs: int) -> Row:
    """So many images of 64x64. What Ray takes to start is told by one image, with it and without it."""
    if not WITH_RAY.exists():
        raise Failed("Ray is not installed: `make test-ray` does it")
    one, two = _contestant("one worker program", images), _contestant("two actors of Ray", images)
    begun = run_once(_contestant("two actors of Ray", 1)).wall - run_once(_contestant("one worker program", 1)).wall
    alone, pooled = interleaved([one, two], runs=runs, warm_up=0)
    for name in ("local", "farm"):
        shutil.rmtree(DATA / f"pool-{name}", ignore_errors=True)
    claims = (
        Claim("two actors, without the start of Ray / one program", (pooled.wall - begun) / alone.wall, 1.05),
        Claim("memory of the run", pooled.rss, DRIVER_MB, unit=" MB"),
        Claim("start of Ray", begun, kind="told", unit=" s"),
        Claim("CPU of an image by one program", alone.cpu / images * 1000, kind="told", unit=" ms"),
    )
    title = f"`apply` of {images:,} images that take no time, by a pool"
    return Row(
        title, (alone, pooled), claims, ("CPU without the processes that Ray has started: they are not waited for",)
    )


def _contestant(name: str, images: int) -> Contestant:
    provider = "farm" if "Ray" in name else "local"
    root = DATA / f"pool-{provider}"
    program = [PYTHON, str(STRIPES)]
    return Contestant(
        name,
        (str(WITH_RAY), "apply", "--yes"),
        root,
        before=lambda: _project(root, provider, program, images),
        environment={"RECONCILER_TRUSTED_COMMANDS": shlex.join(program)},
    )


def _project(root: Path, provider: str, program: list[str], images: int) -> None:
    shutil.rmtree(root, ignore_errors=True)
    (root / "specs").mkdir(parents=True)
    farm = {"type": "ray", "worker": "local", "actors": ACTORS}
    providers = {"local": {"type": "command", "command": program}, "farm": farm}
    settings = {"provider": provider, "providers": providers, "limits": {"assets": images}}
    (root / "reconciler.yaml").write_text(json.dumps(settings))
    for first in range(0, images, PER_SPEC):
        numbers = [str(number) for number in range(first, min(first + PER_SPEC, images))]
        spec = {"prompt": "a ${n}", "id": "a${n}", "size": "64x64", "matrix": {"n": numbers}}
        (root / f"specs/s{first // PER_SPEC:03}.yaml").write_text(json.dumps(spec))
