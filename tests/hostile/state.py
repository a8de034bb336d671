"""What a forced add can bring below `.reconciler/`: links, journals, caches, and state that is tracked at all."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from reconciler.core.recipe import Recipe
from tests.hostile.case import CANARY, Case
from tests.hostile.world import (
    AT,
    PAYLOAD,
    committed,
    content,
    entry,
    journal,
    lock,
    png,
    raw_journal,
    start,
    stored,
    write,
)

COMMANDS = (
    "check", "plan", "apply --yes", "restore * --yes", "prune --yes", "store ls", "store verify", "store gc", "recover", "costs",
    "show sword", "choose sword", "gallery -o page.html",
)  # fmt: skip
KEY = Recipe("A sword").key()
HEX = KEY.partition(":")[2]


def _link(name: str, to: str, root: Path) -> None:
    """A link below the state folder, which is not tracked: an unpacked archive, a shared machine."""
    start(root)
    path = root / ".reconciler" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def _journal_of(root: Path, target: str) -> None:
    start(root)
    stored(root, PAYLOAD)
    event = {"v": 1, "kind": "published", "asset": "gone", "entry": entry(target, PAYLOAD), "how": "made"}
    journal(root, event)


def _journal_git_config(root: Path) -> None:
    start(root)
    stored(root, PAYLOAD)
    event = {"v": 1, "kind": "published", "asset": "gone", "entry": entry(".git/config", PAYLOAD), "how": "made"}
    raw_journal(root, json.dumps(event).encode())


def _heads(root: Path) -> None:
    """A damaged journal of many record heads: each would be checked to the end of the file."""
    start(root)
    write(root, ".reconciler/journal", b"x " + b"3999999 00000000 " * 230_000)


def _big_journal(root: Path) -> None:
    start(root)
    path = write(root, ".reconciler/journal", b"")
    os.truncate(path, 40 << 30)


def _big(name: str, root: Path) -> None:
    start(root)
    path = write(root, f".reconciler/{name}", b"")
    os.truncate(path, 20 << 30)


def _parsed(value: bytes, root: Path) -> None:
    start(root)
    write(root, ".reconciler/parsed", value)


def _tracked(root: Path) -> None:
    start(root)
    write(root, ".reconciler/store/recipes/aa/x.jsonl", "{}\n")
    committed(root)


def _tracked_in_capitals(root: Path) -> None:
    """The state folder of a file system that ignores case."""
    start(root)
    write(root, ".Reconciler/journal", "x\n")
    committed(root)


def _tracked_index(root: Path) -> None:
    start(root)
    write(root, ".reconciler/index", b"anything")
    committed(root)


def _many_lines(root: Path) -> None:
    """A recipe's memory with 200,000 lines."""
    start(root)
    made = {"at": AT, "cost": "", "model": "", "provider": "gravitex", "request": "", "usage": {}}
    image = {"bytes": 1, "format": "png", "height": 1, "width": 1}
    line = json.dumps({"schema": 1, "content": content(b"x"), "image": image, "made": made}) + "\n"
    write(root, f".reconciler/store/recipes/{HEX[:2]}/{HEX}.jsonl", line * 60_000)


def _link_to_secret(root: Path) -> None:
    """An object that is a link to a file beside the project, and a lock that asks to have it restored."""
    start(root)
    lock(root, {"sword": entry("assets/sword.png", CANARY.encode(), prompt="A sword")})
    digits = content(CANARY.encode()).partition(":")[2]
    path = root / f".reconciler/store/objects/{digits[:2]}/{digits}"
    path.parent.mkdir(parents=True)
    path.symlink_to(root.parent / "secret.txt")


def _linked_picture(root: Path) -> None:
    """The same with a picture that stands outside: bytes that match are not read through a link either."""
    start(root)
    picture = png("plum")
    write(root.parent, "outside/plum.png", picture)
    lock(root, {"sword": entry("assets/sword.png", picture, prompt="A sword")})
    digits = content(picture).partition(":")[2]
    path = root / f".reconciler/store/objects/{digits[:2]}/{digits}"
    path.parent.mkdir(parents=True)
    path.symlink_to(root.parent / "outside/plum.png")


def _deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


LINKS = (
    (f"store/recipes/{HEX[:2]}/{HEX}.jsonl", "/dev/zero"), (f"store/recipes/{HEX[:2]}", "/tmp"), ("store/recipes", "/tmp"),
    (f"store/objects/{HEX[:2]}", "../../../../outside"), ("store/objects", "../../../outside"), ("store/spool", "../../../outside"),
    ("store", "../../outside"), ("journal", "/dev/zero"), ("journal", "../../secret.txt"), ("index", "/dev/zero"), ("parsed", "/dev/zero"),
    ("thumbs", "../../outside"), ("thumbs/1", "../../../outside"), ("lock", "../../outside/kept.png"), (".gitignore", "../../outside/new"), ("store/spool/x.part", "/dev/zero"), (f"store/objects/aa/aa{HEX[2:]}", "/dev/zero"),
)  # fmt: skip

CASES = (
    *(Case(f"link: .reconciler/{name} -> {to}", partial(_link, name, to), COMMANDS) for name, to in LINKS),
    Case("an object is a link to a secret", _link_to_secret, COMMANDS),
    Case("an object is a link to a picture outside", _linked_picture, COMMANDS),
    Case("the journal publishes .git/config", _journal_git_config, COMMANDS),
    Case("a journal of 230,000 false heads", _heads, COMMANDS),
    Case("a journal of 40 GiB", _big_journal, COMMANDS),
    *(Case(f"{name} of 20 GiB", partial(_big, name), COMMANDS) for name in ("index", "parsed", f"store/recipes/{HEX[:2]}/{HEX}.jsonl")),
    Case("a recipe with 60,000 answers", _many_lines, COMMANDS),
    *(
        Case(f"parsed: {name}", partial(_parsed, value), ("check", "plan", "validate"))
        for name, value in {
            "nested 3,000 deep": _deep(3000), "nested 300,000 deep": _deep(300_000), "a number": b"7", "null": b"null", "text": b"\xff\xfe",
            "wrong shapes": b'{"schema": 1, "specs": {"specs/sword.yaml": [1, 2]}}', "deep specs": b'{"v": ' + _deep(3000) + b"}",
        }.items()
    ),
    Case("tracked state", _tracked, COMMANDS, says={"check": ".reconciler"}, codes=frozenset({1})),
    Case("tracked state in capitals", _tracked_in_capitals, COMMANDS, says={"check": ".Reconciler"}, codes=frozenset({1})),
    Case("a tracked index", _tracked_index, COMMANDS, says={"check": ".reconciler"}, codes=frozenset({1})),
)  # fmt: skip
