"""Checkouts with a team's store: what a second one pays, what claims cost, what several gain by sharing the work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.places import DATA, RECONCILER
from benchmarks.rows.paid import Gateway, gateway
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Failed, Figure, Run, clean_environment, figure, interleaved

IMAGES, SECOND, SHARED, PEERS, IN_FLIGHT, SIZE = 200, 1_000, 120, 3, 8, 100_000
_ROOT = DATA / "team"


def team(*, runs: int) -> Row:
    """The gateway answers after a second, and the store is a directory on the same disk."""
    with gateway(SIZE) as place:
        plain, claimed = interleaved([_apply(place, "plain"), _apply(place, "claims")], runs=runs, warm_up=0)
        second, restored = _second_checkout(place)
        one, together, billed = _peers(place)
    shutil.rmtree(_ROOT, ignore_errors=True)
    claims = (
        Claim(f"apply of {IMAGES} images with claims / without", claimed.wall / plain.wall, 1.02),
        Claim(f"{PEERS} checkouts at once / one alone, {SHARED} recipes", together.wall / one.wall, 0.6),
        Claim(f"billed for {SHARED} recipes that {PEERS} checkouts want", billed, SHARED, unit=""),
        Claim(f"restored of {SECOND:,} images in a second checkout, for 0 USD", restored, SECOND, "least", ""),
    )
    figures = (plain, claimed, second, one, together)
    return Row("a team's store in a directory", figures, claims, (f"{SIZE:,} bytes an image, {IN_FLIGHT} in flight",))


def _checkout(place: Gateway, name: str, images: int, *, shared: bool = True) -> Path:
    root = _ROOT / name
    shutil.rmtree(root, ignore_errors=True)
    (root / "specs").mkdir(parents=True)
    shop = {"type": "gravitex", "base_url": place.url, "api_key_env": "BENCH_KEY", "concurrency": IN_FLIGHT}
    defaults = {"model": "gemini-2.5-flash-image", "size": "1:1"}
    settings = {"provider": "shop", "providers": {"shop": shop}, "defaults": defaults}
    store = {"team": {"url": f"file://{_ROOT}/bucket", "receipts": "any"}} if shared else {}
    (root / "reconciler.yaml").write_text(json.dumps({**settings, **store}))
    assets = {f"i{number:04}": {"prompt": f"icon {number}"} for number in range(images)}
    (root / "specs" / "icons.yaml").write_text(json.dumps({"assets": assets}))
    return root


def _environment(place: Gateway) -> dict[str, str]:
    (_ROOT / "gitconfig").write_text("[user]\n\temail = bench@example.com\n")
    trusted = {"RECONCILER_TRUSTED_KEYS": "BENCH_KEY", "RECONCILER_TRUSTED_STORES": f"file://{_ROOT}/bucket"}
    return {"BENCH_KEY": place.key, **trusted, "GIT_CONFIG_GLOBAL": str(_ROOT / "gitconfig")}


def _empty_bucket() -> None:
    shutil.rmtree(_ROOT / "bucket", ignore_errors=True)
    (_ROOT / "bucket").mkdir(parents=True)


def _apply(place: Gateway, name: str) -> Contestant:
    def fresh() -> None:
        _empty_bucket()
        _checkout(place, name, IMAGES, shared=name == "claims")

    _empty_bucket()
    title = f"apply of {IMAGES} images, {'with claims and pushes' if name == 'claims' else 'without a team'}"
    command = (RECONCILER, "apply", "--yes", "--max-cost", "1000")
    return Contestant(title, command, _ROOT / name, before=fresh, environment=_environment(place))


def _second_checkout(place: Gateway) -> tuple[Figure, int]:
    """The first checkout buys and pushes; the second has its lockfile, and restores."""
    _empty_bucket()
    first, second = (_checkout(place, name, SECOND) for name in ("first", "second"))
    _run(place, first)
    shutil.copy(first / "assets.lock", second)
    took = _run(place, second)
    restored = len([*second.glob("assets/**/*.png")])
    return figure(f"apply in a second checkout of {SECOND:,} images", [Run(took, 0.0, 0.0)]), restored


def _peers(place: Gateway) -> tuple[Figure, Figure, int]:
    """One checkout alone, then several at once, each time with an empty store."""
    _empty_bucket()
    alone = _run(place, _checkout(place, "alone", SHARED))
    _empty_bucket()
    roots = [_checkout(place, f"peer{number}", SHARED) for number in range(PEERS)]
    began = time.perf_counter()
    processes = [_start(place, root) for root in roots]
    for process in processes:
        if process.wait():
            raise Failed(f"a checkout ended with {process.returncode}")
    together = time.perf_counter() - began
    billed = len([*(_ROOT / "bucket").glob("claims/*/*/*[0-9].json")])
    names = (f"apply of {SHARED} recipes, one checkout", f"the same, {PEERS} checkouts at once")
    return figure(names[0], [Run(alone, 0.0, 0.0)]), figure(names[1], [Run(together, 0.0, 0.0)]), billed


def _start(place: Gateway, root: Path) -> subprocess.Popen[bytes]:
    environment = clean_environment() | _environment(place)
    command = (RECONCILER, "apply", "--yes", "--max-cost", "1000")
    with open(os.devnull, "r+b") as null:
        return subprocess.Popen(command, cwd=root, env=environment, stdin=null, stdout=null, stderr=null)


def _run(place: Gateway, root: Path) -> float:
    began = time.perf_counter()
    code = _start(place, root).wait()
    if code:
        raise Failed(f"apply in {root.name} ended with {code}")
    return time.perf_counter() - began
