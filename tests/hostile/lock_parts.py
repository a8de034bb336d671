"""What a pull request can put into a divided lockfile, and into the texts that reports show."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from reconciler.core.lock.parts import HEADER
from tests.hostile.case import CANARY, Case
from tests.hostile.world import PAYLOAD, entry, start, write

COMMANDS = (
    "check", "plan", "apply --yes", "prune --yes", "git lock --per project", "git lock --per spec",
    "check --format markdown", "check --format sarif", "graph",
)  # fmt: skip


def _divided(root: Path, parts: dict[str, bytes]) -> None:
    start(root)
    write(root, "assets.lock", HEADER)
    for path, data in parts.items():
        write(root, f"assets.lock.d/{path}", data)


def _part(asset: str, output: str) -> bytes:
    return (json.dumps({"lockfile": 1, "assets": {asset: entry(output, PAYLOAD)}}, indent=2) + "\n").encode()


def _linked(root: Path, name: str) -> None:
    """A folder or a part that is a link to a place outside, with a spec that is locked there."""
    _divided(root, {"sword.lock": _part("sword", "assets/sword.png")})
    write(root, "specs/icons/bow.yaml", "prompt: A bow\n")
    (root / "assets.lock.d" / name).symlink_to(root.parent)


def _whole_folder(root: Path) -> None:
    start(root)
    write(root, "assets.lock", HEADER)
    (root / "assets.lock.d").symlink_to(root.parent)


def _large(root: Path) -> None:
    _divided(root, {})
    with write(root, "assets.lock.d/sword.lock", b"").open("r+b") as file:
        file.truncate(20 << 30)


CASES = (
    Case("parts: ids that lead out", partial(_divided, parts={"x.lock": _part("../../evil", "assets/x.png")}), COMMANDS),
    Case("parts: an output in .git", partial(_divided, parts={"x.lock": _part("x", ".git/config")}), COMMANDS),
    Case("parts: zero bytes that pose as other files", partial(_divided, parts={"x.lock": _part("x", "a.png") + b"\0specs/sword.yaml\0{}"}), COMMANDS),
    Case("parts: a link to a folder outside", partial(_linked, name="icons"), COMMANDS),
    Case("parts: a link in place of a part", partial(_linked, name="icons.lock"), COMMANDS),
    Case("parts: the folder is a link", _whole_folder, COMMANDS),
    Case("parts: a part of 20 GiB", _large, COMMANDS),
    Case("parts: the same asset in many parts", partial(_divided, parts={f"p{n}.lock": _part("sword", f"assets/{n}.png") for n in range(300)}), COMMANDS),
    Case("parts: words of a workflow", partial(_divided, parts={"x.lock": _part(f"x\u202e ::error::{CANARY[:0]} ##[error]", "assets/x.png")}), COMMANDS),
    Case("parts: deep folders", partial(_divided, parts={"/".join("d" * 60) + "/x.lock": _part("x", "assets/x.png")}), COMMANDS),
)  # fmt: skip
