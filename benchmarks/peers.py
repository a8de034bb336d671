"""The same assets for ninja, make, doit, git and dvc: one rule an asset, all up to date, in the same folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.masters import derived_outputs
from benchmarks.places import PYTHON, peer
from benchmarks.projects import name, output, spec
from benchmarks.timing import Contestant, Failed, clean_environment

NINJA, MAKE, DOIT, GIT, DVC = "ninja -n", "make -q", "doit", "git status", "dvc status"
MAKE_BARE = "make -rRq"
_DODO = '''"""One task an asset."""
DOIT_CONFIG = {"verbosity": 0}


def nothing():
    """What a task does, once; afterwards it is up to date."""


def task_asset():
    """Every asset."""
    with open("assets.list") as names:
        for name in map(str.strip, names):
            yield {
                "name": name,
                "file_dep": [f"specs/{name}.yaml"],
                "targets": [f"assets/{name}.png"],
                "actions": [nothing],
            }
'''
_CLEAN = {NINJA: b"no work to do", GIT: b"working tree clean", DVC: b"up to date"}


def contestants(root: Path, assets: int, names: tuple[str, ...]) -> list[Contestant]:
    """Those of `names` that are installed, set up in the project and seen to say that nothing is to be done."""
    found = [one for one in names if peer(one.split()[0])]
    return [_ready(one, root, assets) for one in found]


def _ready(kind: str, root: Path, assets: int) -> Contestant:
    program, *arguments = kind.split()
    ready = Contestant(kind, (str(peer(program)), *arguments), root)
    _SET_UP[program](root, assets)
    said = _run(root, *ready.command)
    if said.returncode != 0 or _CLEAN.get(kind, b"") not in said.stdout:
        raise Failed(f"{kind} finds work to do in {root}: {(said.stdout + said.stderr)[-300:]!r}")
    return ready


def with_derived(root: Path, assets: int) -> Contestant | None:
    """ninja for the same assets and nine derived files of each: an edge a master, which makes all nine."""
    if not peer("ninja"):
        return None
    if not (root / ".ninja_log").exists():
        edges = [f"build {output(number)}: copy {spec(number)}\n" for number in range(assets)]
        edges += [f"build {' '.join(derived_outputs(number))}: copy {output(number)}\n" for number in range(assets)]
        (root / "build.ninja").write_text("rule copy\n  command = :\n" + "".join(edges))
        _do(root, str(peer("ninja")), "--quiet")
        _do(root, str(peer("ninja")), "-t", "recompact")
    return _ready(NINJA, root, assets)


def _run(root: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=root, env=clean_environment(), capture_output=True, check=False)


def _do(root: Path, *command: str) -> None:
    done = _run(root, *command)
    if done.returncode:
        raise Failed(f"{command[0]}: {done.stderr[-400:]!r}")


def _ninja(root: Path, assets: int) -> None:
    """A real run of a command that does nothing writes .ninja_log: the outputs are there, newer than the specs."""
    if (root / ".ninja_log").exists():
        return
    edges = (f"build {output(number)}: copy {spec(number)}\n" for number in range(assets))
    (root / "build.ninja").write_text("rule copy\n  command = :\n" + "".join(edges))
    _do(root, str(peer("ninja")), "--quiet")
    _do(root, str(peer("ninja")), "-t", "recompact")


def _make(root: Path, assets: int) -> None:
    if (root / "Makefile").exists():
        return
    outputs = " ".join(map(output, range(assets)))
    rules = (f"{output(number)}: {spec(number)}\n\tcp $< $@\n" for number in range(assets))
    (root / "Makefile").write_text(f"all: {outputs}\n" + "".join(rules))


def _doit(root: Path, assets: int) -> None:
    if (root / "dodo.py").exists():
        return
    (root / "assets.list").write_text("".join(f"{name(number)}\n" for number in range(assets)))
    (root / "dodo.py").write_text(_DODO)
    _do(root, str(peer("doit")))


def _git(root: Path, assets: int) -> None:
    if not (root / ".git" / "set-up").exists():
        ours = "build.ninja\n.ninja_*\nMakefile\ndodo.py\nassets.list\n.doit.db*\n__pycache__\n.dvc*\ndvc.*\n"
        (root / ".gitignore").write_text(ours)
        for command in (
            ("init", "--quiet"),
            ("-c", "gc.auto=0", "add", "."),
            ("-c", "gc.auto=0", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "-m", "assets"),
        ):
            _do(root, str(peer("git")), *command)
        (root / ".git" / "set-up").touch()
    time.sleep(1.1)  # git reads again what is not older than its index; from now on a refreshed index is
    _do(root, str(peer("git")), "status")


def _dvc(root: Path, assets: int) -> None:
    """dvc.yaml and dvc.lock written at once: `dvc stage add` and `dvc repro` for each of 1,000 take half an hour."""
    if (root / "dvc.lock").exists():
        return
    _do(root, str(peer("dvc")), "init", "--no-scm", "--force", "--quiet")
    for setting in ("core.analytics", "core.check_update"):
        _do(root, str(peer("dvc")), "config", setting, "false")
    stages, locked = {}, {}
    for number in range(assets):
        source, target, command = spec(number), output(number), f"cp {spec(number)} {output(number)}"
        stages[f"a{number}"] = {"cmd": command, "deps": [source], "outs": [target]}
        got = _seen(root, target)
        locked[f"a{number}"] = {"cmd": command, "deps": [_seen(root, source)], "outs": [got]}
        cached = root / ".dvc/cache/files/md5" / got["md5"][:2] / got["md5"][2:]
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / target, cached)
    (root / "dvc.yaml").write_text(json.dumps({"stages": stages}))  # JSON is YAML
    (root / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": locked}))


def _seen(root: Path, path: str) -> dict[str, Any]:
    digest = hashlib.md5((root / path).read_bytes(), usedforsecurity=False).hexdigest()
    return {"path": path, "hash": "md5", "md5": digest, "size": os.path.getsize(root / path)}


def python(cwd: Path, what: str) -> Contestant:
    """The interpreter alone, running `what`."""
    return Contestant(f"python -c '{what}'", (PYTHON, "-c", what), cwd)


_SET_UP = {"ninja": _ninja, "make": _make, "doit": _doit, "git": _git, "dvc": _dvc}
