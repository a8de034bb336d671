"""Paths in the lockfile, the journal, specs and plan files that lead to what is no picture of the project."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.case import Case
from tests.hostile.world import PAYLOAD, committed, content, entry, git, lock, png, start, stored, write

WRITERS = (
    "validate",
    "check",
    "plan",
    "restore * --yes",
    "prune --yes",
    "apply --yes",
    "adopt * --yes",
    "check --strict",
)
TARGETS = (
    ".git/config", ".git/x.png", ".GIT/x.png", ".git/hooks/x.png", "sub/.git/x.png", ".g\u200cit/x.png", "GIT~1/x.png", ".git./x.png",
    ".git /x.png", ".git::$INDEX_ALLOCATION/x.png", ".reconciler/x.png", ".reconciler/store/objects/x.png", ".RECONCILER/x.png",
    ".github/x.png", ".github/workflows/x.yml", ".GitHub/x.png", "specs/x.png", "SPECS/x.png", "specs/sword.yaml", "reconciler.yaml",
    "assets.lock", "Makefile", "src/x.py", "assets/x.svg", "assets/x", "./assets/../x.png", "assets//x.png", "assets/./x.png",
    "/etc/x.png", "../outside/x.png", "a\\b.png", "C:x.png", "con.png", "assets/x.png\n", "assets/\u202egnp.x.png", "x.png/", "",
    ".gitmodules", ".gitlab-ci.yml", ".gitlab/x.png", ".vscode/x.png", ".circleci/x.png",
)  # fmt: skip


def _orphan(root: Path, target: str) -> None:
    """An entry without a spec, its payload force-added to the store."""
    start(root)
    lock(root, {"gone": entry(target, PAYLOAD)})
    stored(root, PAYLOAD)
    committed(root)


def _orphan_untracked(root: Path, target: str) -> None:
    """The same, its payload in the store by an earlier merge: nothing of the state is tracked."""
    start(root)
    lock(root, {"gone": entry(target, PAYLOAD)})
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    stored(root, PAYLOAD)


def _known_file(root: Path, target: str) -> None:
    """The lock names a file of the project, whose hash anybody knows: `prune` would delete it, a rename would move it."""
    start(root, spec="prompt: An orphan\n")
    write(root, ".github/workflows/release.yml", "on: push\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    lock(root, {"old": entry(target, (root / target).read_bytes())})


def _linked_folder(root: Path, to: str) -> None:
    """The outputs' folder is a link."""
    start(root)
    picture = png()
    (root / "assets").symlink_to(to)
    lock(root, {"gone": entry("assets/x.png", picture)})
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    stored(root, picture)


def _text_for_a_picture(root: Path) -> None:
    """A locked output whose bytes are no picture, in place and in the store."""
    start(root)
    data = b"#!/bin/sh\ntouch pwned\n"
    lock(root, {"sword": entry("assets/sword.png", data, prompt="A sword"), "gone": entry("assets/gone.png", data)})
    write(root, "assets/sword.png", data)
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    stored(root, data)


def _moved_text(root: Path) -> None:
    """A renamed asset would move a file that is no picture."""
    start(root, spec="prompt: An orphan\n")
    data = b"#!/bin/sh\n"
    write(root, "assets/old.png", data)
    lock(root, {"old": entry("assets/old.png", data)})
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")


def _plan_file(root: Path, target: str) -> None:
    start(root)
    step = {
        "asset": "sword",
        "action": "generate",
        "reason": "NeverGenerated",
        "output": target,
        "content": content(PAYLOAD),
        "vacates": target,
    }
    write(root, "p.json", json.dumps({"plan": 1, "steps": [step], "options": {}, "lock": ""}))


def _spec_output(root: Path, target: str) -> None:
    start(root, spec=f"prompt: A sword\noutput: {json.dumps(target)}\n")


def _outputs_folder(root: Path, folder: str) -> None:
    start(root, project=f"provider: draft\noutputs: {json.dumps(folder)}\n")


def _reference(root: Path, target: str) -> None:
    start(root, spec=f"prompt: A sword\nreferences: [{json.dumps(target)}]\n")
    (root / "refs").mkdir()
    (root / "refs/link.png").symlink_to("../../secret.txt")
    (root / "refs/zero.png").symlink_to("/dev/zero")


def _named(
    build: Callable[..., None], name: str, *values: str, commands: tuple[str, ...] = WRITERS
) -> tuple[Case, ...]:
    return tuple(Case(f"{name}: {ascii(value)[1:-1]}", partial(_applied, build, value), commands) for value in values)


def _applied(build: Callable[[Path, str], None], value: str, root: Path) -> None:
    build(root, value)


CASES = (
    *_named(_orphan, "orphan, forced state", ".git/config", "assets/x.png"),
    *_named(_orphan_untracked, "orphan", *TARGETS),
    *_named(_known_file, "lock names", ".git/HEAD", ".git/config", "reconciler.yaml", "Makefile", ".github/workflows/release.yml"),
    *_named(_linked_folder, "outputs are a link to", ".git", "../outside", ".reconciler", "/tmp", ".github", "specs", "assets"),
    Case("a locked output is no picture", _text_for_a_picture, WRITERS, says={"check": "its output is not an image"}),
    Case("a moved output is no picture", _moved_text, WRITERS),
    *_named(_plan_file, "plan file", ".git/config", commands=("apply --plan p.json --yes",)),
    *_named(_spec_output, "spec output", *(target for target in TARGETS if target)),
    *_named(_outputs_folder, "outputs folder", ".git", ".github/x", "specs", "..", "/tmp", ".reconciler/x", "assets\n"),
    *_named(_reference, "reference", "../secret.txt", "/etc/passwd", "refs/link.png", "refs/zero.png", ".git/config", "refs"),
)  # fmt: skip
