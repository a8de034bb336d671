"""Verdicts of a stranger: lines that are none, files and lines without an end, text, links, rules and signatures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core.recipe import Recipe
from tests.hostile.case import Case
from tests.hostile.text import NASTY
from tests.hostile.world import content, entry, git, lock, png, start, write

FILE = "reviews/2026-11-27-eve-00000000.jsonl"
REQUIRED = "check --require-approved"
COMMANDS = ("plan", "check", REQUIRED, f"{REQUIRED} --format json", "review --list", "show sword", "choose sword")
_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIHjaFLxks07jhaLbjuDUOinQPRon/rzRAUyW8r6xDgS+"
"""A public key, of which nobody here has the private part."""
_BLOB = "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgeNoUvGSzTuOFotuO4NQ6KdA9Gif+vNEBTJbyvrEOBL4A"


def line(**changes: Any) -> str:
    """A verdict on the locked image of `sword`."""
    fields = {
        "asset": "sword",
        "at": "2026-11-27T12:00:00Z",
        "by": "eve@example.com",
        "content": content(png()),
        "note": "",
        "recipe": Recipe("A sword").key(),
        "v": 1,
        "verdict": "approve",
    }
    return json.dumps(fields | changes)


def project(root: Path, *lines: str, review: str = "") -> None:
    """One asset, locked and in place, and these lines about it."""
    start(root, project=f"provider: gravitex\ndefaults: {{model: m}}\n{review}")
    made = Recipe("A sword", model="m", format="png")
    locked = entry("assets/sword.png", png()) | {"recipe": {"key": made.key(), **made.manifest()}}
    lock(root, {"sword": locked})
    write(root, "assets/sword.png", png())
    write(root, FILE, "".join(f"{each}\n" for each in lines))


def _foreign(*lines: str) -> Callable[[Path], None]:
    return lambda root: project(root, *lines)


def _torn(root: Path) -> None:
    project(root)
    write(root, FILE, line()[:-9])


def _large(size: int, root: Path) -> None:
    project(root)
    each = f"{line(verdict='reject', content='sha256:' + '0' * 64)}\n"
    write(root, FILE, each * (size // len(each)))


def _different(size: int, root: Path) -> None:
    """As many verdicts as fit, all rejections of different images by different people."""
    project(root)
    compact = {"separators": (",", ":")}
    lines = (json.dumps(json.loads(line(verdict="reject", content=f"sha256:{n:064x}", by=str(n))), **compact) for n in range(size // 290))  # type: ignore[arg-type]  # fmt: skip  # options by name
    write(root, FILE, "".join(f"{each}\n" for each in lines))


def _bytes(root: Path) -> None:
    project(root)
    write(root, FILE, bytes(range(256)) * 4_000)


def _many_files(root: Path) -> None:
    project(root)
    for number in range(10_001):
        write(root, f"reviews/{number}.jsonl", "")


def _linked(folder: bool, root: Path) -> None:
    project(root)
    (root / FILE).unlink()
    write(root.parent, "outside/verdicts.jsonl", line() + "\n")
    if folder:
        (root / "reviews").rmdir()
        (root / "reviews").symlink_to(root.parent / "outside")
    else:
        (root / FILE).symlink_to(root.parent / "outside/verdicts.jsonl")


def _signed(count: int, root: Path) -> None:
    """Rejections with signatures that an allowed person never made."""
    forged = (line(verdict="reject", sig=_BLOB + "AAAA" * 40, note=str(number)) for number in range(count))
    project(root, *forged, review="review: {signed: allowed_signers}\n")
    write(root, "allowed_signers", f"eve@example.com ssh-ed25519 {_KEY}\n")


def _signers(path: str, root: Path) -> None:
    project(root, line(), review=f"review: {{signed: {json.dumps(path)}}}\n")
    (root / "away").symlink_to(root.parent)


def _deleted(root: Path) -> None:
    """The base rejects the image and names the reviewers; the branch deletes both, and approves."""
    project(root, line(verdict="reject", by="ada@example.com"), review="review: {reviewers: [ada@example.com]}\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    git(root, "branch", "base")
    project(root, line())


def _approved(root: Path) -> Iterator[str]:
    """What must not be: a verdict that was never given shows as an approval."""
    for index in (root / ".reconciler").glob("index"):
        if b"required image is approved" in index.read_bytes():
            yield "the index says that the image is approved"


def _never(name: str, build: Callable[[Path], None], says: str, **more: Any) -> Case:
    """A case in which no command may say that the image is approved."""
    return Case(name, build, COMMANDS, says={REQUIRED: says}, holds=_approved, **more)


_NOT_JSON = "is not JSON"
CASES = (
    *(_never(f"verdict note: {ascii(value)[1:-1]}", _foreign(line(note=value, verdict="reject")), "rejected by") for value in NASTY),
    *(_never(f"verdict by: {ascii(value)[1:-1]}", _foreign(line(by=value)), "by: ") for value in (NASTY[0], *NASTY[3:8])),
    *(_never(f"verdict key: {ascii(value)[1:-1]}", _foreign(line(**{value: value})), "unknown key") for value in NASTY[:8]),
    *(_never(f"verdict time: {value!r}", _foreign(line(at=value)), "at: ") for value in ("9999-99-99T00:00:00Z", "now", "\u0661" * 20)),
    _never("verdict: a line from the end of time", _foreign(line(at="9999-12-31T23:59:59Z", verdict="reject")), "rejected by"),
    _never("verdict: a torn line", _torn, "an unfinished line is not read"),
    _never("verdict: conflict markers", _foreign("<<<<<<< HEAD", line(), "=======", line(), ">>>>>>> x"), _NOT_JSON),
    _never("verdict: a key twice", _foreign(line(verdict="reject")[:-1] + ', "verdict": "approve"}'), "has a key twice"),
    _never("verdict: deep JSON", _foreign('{"a":' * 2_500 + "1" + "}" * 2_500), _NOT_JSON),
    _never("verdict: a long line", _foreign(line(note="x" * (9 << 20))), "is no verdict"),
    _never("verdict: another version", _foreign(line(v=2)), "is newer than 1"),
    _never("verdict: bytes", _bytes, "hint: "),
    _never("verdicts: 15 MiB", partial(_large, 15 << 20), "not approved"),
    _never("verdicts: 15 MiB of different images", partial(_different, 15 << 20), "not approved"),
    _never("verdicts: 40 MiB", partial(_large, 40 << 20), "is larger than 15 MiB"),
    _never("verdicts: 10,001 files", _many_files, "more than 10,000 files"),
    _never("verdicts: a linked file", partial(_linked, False), "is a symbolic link"),
    _never("verdicts: a linked folder", partial(_linked, True), "is a symbolic link"),
    _never("verdicts: 200 forged signatures", partial(_signed, 200), "does not count", cpu=4.0),
    _never("verdicts: 21,000 forged signatures", partial(_signed, 21_000), "signatures would have to be verified"),
    *(_never(f"signers: {path}", partial(_signers, path), "review.signed: ") for path in ("../secret.txt", "away/secret.txt", "/etc/passwd", ".git/config", "none")),
    _never("signers: the project", partial(_signers, "."), "review.signed: "),
    Case("base: a deleted rejection", _deleted, (f"{REQUIRED} --against base", REQUIRED), says={f"{REQUIRED} --against base": "rejected by ada@example.com"}),
    *(Case(f"base: {name!r}", _foreign(line()), (f"{REQUIRED} --against={name}",)) for name in ("--upload-pack=touch", "HEAD:x", "a..b")),
)  # fmt: skip
