"""A worker program of the user: how much of its time an `apply` leaves unused."""

from __future__ import annotations

import json
import shlex
import shutil

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import prompt
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, interleaved

IMAGES, SECONDS = 300, 0.1


def command(*, runs: int) -> Row:
    """300 images of 512x512 that take 100 ms each, by one worker, and by the same program without us."""
    root = DATA / "command"
    program = [PYTHON, str(REPOSITORY / "benchmarks" / "slow_worker.py"), str(SECONDS)]

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        (root / "specs").mkdir(parents=True)
        provider = {"type": "command", "command": program}
        (root / "reconciler.yaml").write_text(json.dumps({"provider": "gpu", "providers": {"gpu": provider}}))
        for number in range(IMAGES):
            text = json.dumps({"prompt": prompt(number), "size": "512x512"})
            (root / f"specs/a{number:04}.yaml").write_text(text)

    trusted = {"RECONCILER_TRUSTED_COMMANDS": shlex.join(program)}
    apply = Contestant("reconciler apply", (RECONCILER, "apply", "--yes"), root, before=fresh, environment=trusted)
    bare = Contestant("the same program alone", (*program, "--bare", str(IMAGES)), REPOSITORY)
    ours, alone = interleaved([apply, bare], runs=runs, warm_up=0)
    shutil.rmtree(root, ignore_errors=True)
    claims = (
        Claim("images a second / of the program alone", alone.wall / ours.wall, 0.97, kind="least"),
        Claim("CPU of an image beside the program's", (ours.cpu - alone.cpu) / IMAGES * 1000, kind="told", unit=" ms"),
    )
    return Row(f"`apply` of {IMAGES} images by a worker that takes {SECONDS:g} s for each", (ours, alone), claims)
