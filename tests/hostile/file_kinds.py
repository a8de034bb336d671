"""Other kinds of files in place of every file that a command reads: no command waits, fails by a bug, or replaces them.

`python -m tests.hostile.file_kinds [--few] [KIND…]` prints each rule that was broken. A process without threads builds
one project, and forks for each place: a fork has loaded everything, and a command in it takes milliseconds.
"""

from __future__ import annotations

import ctypes
import io
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from reconciler.cli.entry_point import _ended
from tests.hostile.world import committed, git, png, start, write

_SECONDS = 100
"""A command that waits for a pipe waits for ever; one on a busy machine does not take so long."""
_ADDRESS_SPACE = 6 << 30
_CODES = frozenset({0, 1, 2, 3, 4})
_FEW = (
    "check", "check --require-approved", "plan --against HEAD", "gallery --embed full -o page.html",
    "provenance --verify", "release verify release.json", "import bananarama manifest.yaml --dry-run",
    "apply --plan plan.json", "apply --yes", "derive", "restore * --yes", "adopt hero --yes", "store gc --yes",
)  # fmt: skip
_ALL = (
    "validate", "plan", "ls", "show hero", "show public/hero-16.png", "explain hero", "review --list", "costs",
    "store verify", "choose hero", "fmt --check", "graph", "import csv table.csv --dry-run", "check --strict", *_FEW,
    "derive --refresh", "restore public/hero-16.png --yes", "approve hero --by ada@x.org --yes", "recover",
    "review --compact --yes", "prune --yes", "git lock --per spec", "git setup", "init --schemas",
    "release manifest -o release.json",
)  # fmt: skip
_ALONE = (
    "reconciler.yaml", "specs/hero.yaml", "specs/_defaults.yaml", "specs/_styles.yaml", "specs/_derive.yaml",
    "specs/_bundles.yaml", "specs/new.yaml", "specs/sub", "specs", "assets.lock", "assets.lock.d", "derived.lock",
    "reviews/new.jsonl", "reviews", "people/allowed_signers", "table.csv", "manifest.yaml", "plan.json",
    "release.json", ".gitignore", ".gitattributes", ".mailmap", ".git/index", ".reconciler/journal", ".reconciler/index",
    ".reconciler/parsed", ".reconciler/lock", ".reconciler/.gitignore", ".reconciler/derived.lock",
)  # fmt: skip
_TOGETHER = {
    "pictures": ("assets/hero.png", "assets/mascot.png", "refs/style.png"),
    "derived files": ("public/hero-16.png", "public/hero-16.webp", "public/images.json", "public/atlas.png"),
    "objects": (".reconciler/store/objects/??/*", ".reconciler/store/recipes/??/*", ".reconciler/thumbs/*/*/*/*"),
}
PLACES = {**{name: (name,) for name in _ALONE}, **_TOGETHER}
"""Paths, or patterns of them, that are replaced together."""
_OURS = (".reconciler/", ".git", "plan.json", "release.json")
"""What a command may replace: our own state, and files that its options name."""


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def _endless(path: Path) -> None:
    path.touch()
    os.truncate(path, 20 << 30)


def _unreadable(path: Path) -> None:
    path.write_text("x")
    path.chmod(0)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("x")


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "folder": _folder,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "endless": _endless,
    "unreadable": _unreadable,
    "loop": lambda path: path.symlink_to(path.name),
}


def main(arguments: list[str]) -> int:
    """Print the rules that are broken; 1 if there are any."""
    kinds = [each for each in arguments if each in KINDS]
    commands = _FEW if "--few" in arguments else _ALL
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder, "template"))
        for kind, (place, patterns) in itertools.product(kinds or KINDS, PLACES.items()):
            if kind == "endless" and place in _TOGETHER:  # hashing takes as long as the image that was checked out
                continue
            for fact in _forked(kind, patterns, commands, Path(folder)):
                print(f"{kind} in place of {place}: {fact}", flush=True)
                broken = 1
    return broken


def _build(root: Path) -> None:
    """A project with one of everything, up to date."""
    root.mkdir()
    start(root, project="provider: draft\ndefaults: {image_size: '512'}\n", spec=None)
    write(root, "specs/_defaults.yaml", "tags: [web]\n")
    write(root, "specs/_styles.yaml", "flat: {prompt_suffix: flat, references: [refs/style.png]}\n")
    write(
        root,
        "specs/_derive.yaml",
        "web: {widths: [16], formats: [png, webp], output: 'public/${name}-${width}.${ext}'}\n",
    )
    write(
        root,
        "specs/_bundles.yaml",
        "atlas: {atlas: {from: mascot, output: public/atlas}}\nlist: {manifest: {from: hero, use: web, output: public/images.json}}\n",
    )
    write(
        root, "specs/hero.yaml", "prompt: A lighthouse\nstyle: [flat]\nderive: [web]\nreferences: [{asset: mascot}]\n"
    )
    write(root, "specs/mascot.yaml", "prompt: A robot\n")
    write(root, "specs/sub/small.yaml", "prompt: A boat\n")
    write(root, "refs/style.png", png("red"))
    write(root, "table.csv", "id,prompt\nx,y\n")
    write(root, "manifest.yaml", "images: [{id: x, prompt: y}]\n")
    write(root, "assets/hero.png", png())
    for command in (
        "apply mascot sub/small --yes",
        "adopt hero --generated --model m",
        "derive",
        "approve hero --by ada@x.org --yes",
        "plan -o plan.json",
        "release manifest -o release.json",
        "gallery -o page.html",
    ):
        code, said = _ran(root, command)
        assert code == 0, said
    write(
        root,
        "people/allowed_signers",
        "ada@x.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjaFLxks07jhaLbjuDUOinQPRon/rzRAUyW8r6xDgS+\n",
    )
    write(
        root,
        "reconciler.yaml",
        "provider: draft\ndefaults: {image_size: '512'}\nreview: {require: [hero], signed: people/allowed_signers}\n",
    )
    committed(root)
    git(root, "rm", "-rq", "--cached", ".reconciler")


def _ran(root: Path, command: str) -> tuple[int, str]:
    os.chdir(root)
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = _ended(command.split(" "))
    return int(code), said.getvalue()


def _forked(kind: str, patterns: tuple[str, ...], commands: tuple[str, ...], folder: Path) -> Iterator[str]:
    """The rules that the commands break with such files in these places, found by a child process."""
    root = folder / "project"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(folder / "template", root, symlinks=True)
    placed = [root / pattern for pattern in patterns if "*" not in pattern]
    placed += [path for pattern in patterns if "*" in pattern for path in sorted(root.glob(pattern))]
    for path in placed:
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        KINDS[kind](path)
    before = {path: _kind(path) for path in placed if not str(path.relative_to(root)).startswith(_OURS)}
    report = folder / "report.jsonl"
    report.write_text("")
    pid = os.fork()
    if not pid:
        _child(root, commands, report)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    facts = [json.loads(line) for line in report.read_text().splitlines()]
    if status:
        last = facts[-1] if facts else "nothing"
        yield f"waits without end: {last}" if status == -signal.SIGALRM else f"ends with {status}: {last}"
    yield from (f"{command}: exit code {code}: {said[-300:]}" for command, code, said in facts if _is_wrong(code, said))
    yield from (f"{path.relative_to(root)} is replaced" for path, was in before.items() if _kind(path) != was)


def _child(root: Path, commands: tuple[str, ...], report: Path) -> None:
    """Run the commands, and end the process."""
    try:
        _obey_permissions()
        signal.alarm(_SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        with report.open("a", buffering=1) as lines:
            for command in commands:
                print(json.dumps([command, 0, "has begun"]), file=lines)
                print(json.dumps([command, *_ran(root, command)]), file=lines)
    except BaseException as error:
        report.write_text(json.dumps(["", 70, f"{type(error).__name__}: {error}"]))
        os._exit(1)
    os._exit(0)


def _is_wrong(code: int, said: str) -> bool:
    return code not in _CODES or "Traceback" in said or "a bug in reconciler" in said


def _kind(path: Path) -> int:
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except OSError:
        return 0


def _obey_permissions() -> None:
    """Root may read every file: give up the two capabilities that say so, where the system has any."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for effective_or_permitted in (0, 1):
        sets[effective_or_permitted] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    libc.capset(header, sets)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
