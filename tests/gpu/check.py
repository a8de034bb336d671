"""The facts of one card that `docs/local-models.md` relies on, as a table. It ends within five minutes.

    python make_pipe.py PIPE --width 512
    python check.py PIPE --out RESULT [--device cuda]

It needs torch, diffusers, and the commands `reconciler` and `reconciler-diffusers` in this environment; no network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STEPS = 4
SIDE = 256
COUNT = 64
_RIGHT = "equal"
_DRAW = "import sys, check; print(check.digest(*sys.argv[1:4], int(sys.argv[4])))"


def digest(model: str, device: str, dtype: str, batch: int, *, deterministic: bool = True) -> str:
    """The hash of the pixels of the first image of a batch, each with the same seed."""
    import torch
    from diffusers import StableDiffusionPipeline

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    made = StableDiffusionPipeline.from_pretrained(model, torch_dtype=getattr(torch, dtype), local_files_only=True)
    pipeline = made.to(device)
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator("cpu").manual_seed(7) for _ in range(batch)]
    images = pipeline(
        ["a sword"] * batch, generator=generators, num_inference_steps=STEPS, width=SIDE, height=SIDE
    ).images
    return hashlib.sha256(images[0].tobytes()).hexdigest()


def elsewhere(model: str, device: str, dtype: str) -> str:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _DRAW, model, device, dtype, "1"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()[-1]


def same(one: str, other: str) -> str:
    return _RIGHT if one == other else "different"


def determinism(model: str, device: str) -> Iterator[tuple[str, str]]:
    """Rows 1 and 2: the same seed again, in another process, in a batch, and on the CPU."""
    for dtype in ("float32", "bfloat16"):
        for deterministic in (True, False):
            first = digest(model, device, dtype, 1, deterministic=deterministic)
            mode = f"{dtype}, deterministic {'on' if deterministic else 'off'}"
            yield (
                f"the same seed twice, {mode}",
                same(first, digest(model, device, dtype, 1, deterministic=deterministic)),
            )
            yield (
                f"batch of 1 and of 4, {mode}",
                same(first, digest(model, device, dtype, 4, deterministic=deterministic)),
            )
        yield f"two processes, {dtype}", same(elsewhere(model, device, dtype), elsewhere(model, device, dtype))
    yield (
        f"{device} and the CPU, float32",
        same(digest(model, device, "float32", 1), digest(model, "cpu", "float32", 1)),
    )


class Project:
    """A project whose images a worker draws."""

    def __init__(
        self, root: Path, model: str, device: str, *, count: int, concurrency: int = 1, dtype: str = "float32"
    ):
        shutil.rmtree(root, ignore_errors=True)
        (root / "specs").mkdir(parents=True)
        program = shutil.which("reconciler-diffusers") or "reconciler-diffusers"
        self.command = [program, "--model", model, "--device", device, "--dtype", dtype, "--offline"]
        provider = {"type": "command", "command": self.command, "concurrency": concurrency}
        settings: dict[str, Any] = {
            "provider": "gpu",
            "providers": {"gpu": provider},
            "defaults": {"size": f"{SIDE}x{SIDE}", "params": {"num_inference_steps": STEPS}},
        }
        (root / "reconciler.yaml").write_text(json.dumps(settings))
        spec = {"prompt": "sword ${n}", "matrix": {"n": list(range(count))}}
        (root / "specs/sword.yaml").write_text(json.dumps(spec))
        self.root = root

    def start(self) -> subprocess.Popen[str]:
        environ = {**os.environ, "RECONCILER_TRUSTED_COMMANDS": shlex.join(self.command)}
        return subprocess.Popen(
            ["reconciler", "apply", "--yes"], cwd=self.root, env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def apply(self) -> tuple[int, float, str]:
        """Exit code, seconds and output of an apply."""
        begun = time.monotonic()
        process = self.start()
        said, _ = process.communicate()
        return process.returncode, time.monotonic() - begun, said

    def made(self) -> int:
        return len(list((self.root / "assets").rglob("*.png"))) if (self.root / "assets").exists() else 0


def bare_loop(model: str, device: str, count: int) -> float:
    """Seconds for the pipeline alone, with its images saved, after it is loaded."""
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(model, local_files_only=True).to(device)
    pipeline.set_progress_bar_config(disable=True)
    begun = time.monotonic()
    for number in range(count):
        image = pipeline(
            f"sword {number}", generator=torch.Generator("cpu").manual_seed(number), num_inference_steps=STEPS,
            width=SIDE, height=SIDE,
        ).images[0]  # fmt: skip
        image.save(os.devnull, "PNG")
    return time.monotonic() - begun


def throughput(model: str, device: str, out: Path) -> Iterator[tuple[str, str]]:
    """Row 3: an apply of many assets beside the bare loop; the start is measured by an apply of one."""
    _, start, _ = Project(out / "one", model, device, count=1).apply()
    code, seconds, said = Project(out / "many", model, device, count=COUNT).apply()
    bare = bare_loop(model, device, COUNT)
    rate = bare / COUNT * (COUNT - 1) / max(seconds - start, 1e-9)
    yield (
        f"apply of {COUNT}, images a second beside the bare loop",
        f"{rate:.2f} (exit code {code})" + (f": {said.splitlines()[-1]}" if code else ""),
    )


def killed(model: str, device: str, out: Path) -> Iterator[tuple[str, str]]:
    """Row 4: a worker that is killed costs one image of this run, and the next apply makes it."""
    project = Project(out / "killed", model, device, count=8)
    process = project.start()
    while project.made() < 2 and process.poll() is None:
        time.sleep(0.02)
    found = subprocess.run(["pgrep", "-f", shlex.join(project.command)], capture_output=True, text=True, check=False)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    process.communicate()
    missing = 8 - project.made()
    code, _, _ = project.apply()
    yield "worker killed: exit code, images missing", f"{process.returncode}, {missing}"
    yield "the next apply: exit code, images missing", f"{code}, {8 - project.made()}"


def two_workers(model: str, device: str, out: Path) -> Iterator[tuple[str, str]]:
    """Row 5: two workers on one card."""
    code, _, _ = Project(out / "two", model, device, count=8, concurrency=2).apply()
    yield "two workers on one card: exit code", str(code)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pipe", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    import torch

    card = torch.cuda.get_device_name() if given.device.startswith("cuda") else "CPU"
    model = str(given.pipe.resolve())
    print(f"{card}, torch {torch.__version__}")
    parts: tuple[Callable[[], Iterator[tuple[str, str]]], ...] = (
        lambda: determinism(model, given.device),
        lambda: throughput(model, given.device, given.out),
        lambda: killed(model, given.device, given.out),
        lambda: two_workers(model, given.device, given.out),
    )
    for part in parts:
        for fact, found in part():
            print(f"| {fact} | {found} |", flush=True)


if __name__ == "__main__":
    main()
