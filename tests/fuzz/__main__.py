"""Fuzz the readers of foreign files: `python -m tests.fuzz [--inputs 1000000] [--engine atheris] [TARGET…]`.

The engine `atheris` (libFuzzer) follows the coverage of the package; half of its inputs come from `mutations`. `random`
needs nothing but this project. An input that breaks a rule is saved below `fuzz-found/`, and its rule is printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.mutations import MAX_SIZE, mutated

FOUND = Path("fuzz-found")
_MEMORY = 2 << 30


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--engine", choices=("atheris", "random"), default="random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    if options.target:
        return _fuzz(options.target, options.inputs, options.engine, options.seed)
    from tests.fuzz.targets import TARGETS

    chosen = options.targets or list(TARGETS)
    each = -(-options.inputs // len(chosen))
    failures = 0
    for name in chosen:
        command = [sys.executable, "-m", "tests.fuzz", "--target", name, "--inputs", str(each)]
        command += ["--engine", options.engine, "--seed", str(options.seed)]
        begin = time.monotonic()
        ended = subprocess.run(command, check=False, stderr=subprocess.PIPE)  # a process for each, which may die
        took = time.monotonic() - begin
        if ended.returncode:
            sys.stderr.buffer.write(ended.stderr[-4_000:])
        result = "BROKEN" if ended.returncode else "holds"
        print(f"{name:<10} {each:>9,} inputs {took:7.1f} s  {result}", flush=True)
        failures += ended.returncode != 0
    print(f"{each * len(chosen):,} inputs, {failures} targets broken")
    return 1 if failures else 0


def _fuzz(name: str, inputs: int, engine: str, seed: int) -> int:
    if engine == "atheris":
        return _with_atheris(name, inputs, seed)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import run

    random, pool, found = Random(f"{seed} {name}"), seeds()[name], 0
    for number in range(inputs):
        data = mutated(random.choice(pool), random)
        if not _holds(name, data, run):
            found += 1
            if found == 5:
                break
        elif number % 10 == 0 and len(pool) < 2_000:
            pool.append(data)
    return 1 if found else 0


def _holds(name: str, data: bytes, run: Callable[[str, bytes], None]) -> bool:
    try:
        run(name, data)
    except Exception as error:
        FOUND.mkdir(exist_ok=True)
        path = FOUND / f"{name}-{abs(hash(data)):x}"
        path.write_bytes(data)
        print(f"{name}: {type(error).__name__}: {str(error)[:300]}\n  {path}", flush=True)
        return False
    return True


def _with_atheris(name: str, inputs: int, seed: int) -> int:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore] # only in the environment of `make fuzz`

    with atheris.instrument_imports(include=["reconciler"]):
        from tests.fuzz.targets import run
    from tests.fuzz.seeds import seeds

    corpus = Path(os.environ.get("FUZZ_CORPUS") or f"/tmp/reconciler-fuzz-corpus-{os.getuid()}") / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()[name]):
        (corpus / f"seed-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        if not _holds(name, data, run):
            raise RuntimeError("a rule does not hold")

    def mutate(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)
        changed = mutated(data, random) if random.random() < 0.5 else atheris.Mutate(data, len(data) + 64)
        return bytes(changed[:most])

    options = [f"-runs={inputs}", f"-seed={seed}", f"-max_len={MAX_SIZE}", "-timeout=20", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
