"""A team's store of a stranger: addresses, keys, and a folder in the project with receipts, claims, images and roots."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core.recipe import Recipe
from tests.hostile.case import Case
from tests.hostile.text import NASTY
from tests.hostile.world import content, entry, git, lock, png, start, write

COMMANDS = ("plan", "check", "fetch", "pull", "team", "push", "team gc --yes", "store verify --remote")
KEY = Recipe("A sword", model="m", format="png").key()
DIGITS = KEY.partition(":")[2]
IMAGE = content(png()).partition(":")[2]
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHjaFLxks07jhaLbjuDUOinQPRon/rzRAUyW8r6xDgS+"
"""A public key, of which nobody here has the private part."""


def project(root: Path, *, url: str = "", more: str = "", keys: str | bytes = "") -> None:
    """One asset that is not there, and a store: a folder of the project, which needs no trust."""
    (root / "shared").mkdir()
    at = url or f"file://{os.path.realpath(root)}/shared"
    start(root, project=f"provider: gravitex\ndefaults: {{model: m}}\nteam: {{url: {json.dumps(at)}{more}}}\n")
    git(root, "config", "user.email", "reader@example.com")
    if keys:
        write(root, "reconciler.keys", keys)


def _address(url: str, root: Path) -> None:
    project(root, url=url)


def _keys(text: str | bytes, root: Path) -> None:
    project(root, keys=text)


def _linked_keys(root: Path) -> None:
    project(root)
    (root / "reconciler.keys").symlink_to("../secret.txt")


def _object(name: str, data: bytes | str, root: Path, *, more: str = ", receipts: any") -> None:
    project(root, more=more)
    write(root, f"shared/{name}", data)


def receipt(by: str = "eve@example.com", **changes: Any) -> str:
    """An unsigned receipt for the image of `sword`."""
    image = {"bytes": len(png()), "format": "png", "height": 48, "width": 64}
    made = {"at": "2026-11-27T12:00:00Z", "cost": "", "model": "m", "provider": "gravitex", "request": "", "usage": {}}
    line = {"key": KEY, "schema": 1, "content": content(png()), "image": image, "made": made} | changes
    payload = base64.b64encode(json.dumps(line).encode()).decode()
    return json.dumps({"v": 1, "payload": payload, "by": by, "sig": ""})


def claim(**changes: Any) -> str:
    """An open claim on the recipe of `sword`."""
    fields = {
        "v": 1, "attempt": "a1", "asset": "sword", "provider": "gravitex", "cost": "0.1 USD",
        "at": "2026-11-27T12:00:00Z", "by": "eve@example.com", "run": "ci", "checkout": "x", "project": "p",
        "again": [], "answers_by": "2026-11-27T12:10:00Z",
    }  # fmt: skip
    return json.dumps(fields | changes)


def _wrong_bytes(root: Path) -> None:
    """The lockfile names an image, and the store has other bytes under its name."""
    project(root)
    lock(root, {"sword": entry("assets/sword.png", png(), prompt="A sword")})
    write(root, f"shared/objects/{IMAGE[:2]}/{IMAGE}", b"other bytes")


def _linked_object(root: Path) -> None:
    _wrong_bytes(root)
    path = root / f"shared/objects/{IMAGE[:2]}/{IMAGE}"
    path.unlink()
    path.symlink_to(root.parent / "secret.txt")


def _linked_folder(root: Path) -> None:
    project(root)
    (root / "shared/objects").symlink_to(root.parent / "outside")
    lock(root, {"sword": entry("assets/sword.png", png(), prompt="A sword")})


def _pipes(root: Path) -> None:
    project(root, more=", receipts: any")
    for name in (
        f"receipts/{DIGITS[:2]}/{DIGITS}/{IMAGE}.json",
        f"claims/{DIGITS[:2]}/{DIGITS}/1.json",
        "roots/p/x.json",
    ):
        (root / "shared" / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(root / "shared" / name)


def _many(kind: str, number: int, root: Path) -> None:
    """A folder with very many names."""
    project(root, more=", receipts: any")
    folder = root / f"shared/{kind}/{DIGITS[:2]}/{DIGITS}"
    folder.mkdir(parents=True)
    for n in range(1, number + 1):
        (folder / (f"{n:064x}.json" if kind == "receipts" else f"{n}.json")).touch()


def _odd_names(root: Path) -> None:
    project(root)
    for name in ("objects/ab/x\n::error::INJ", "claims/\x1b[2J/x", ".hidden/x", "objects/ab/.x", "receipts/é/x"):
        path = root / "shared" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _nothing_inside(root: Path) -> Iterator[str]:
    """No bytes but those of the image are put in place, and nothing is written beside the store's own names."""
    placed = root / "assets/sword.png"
    if placed.exists() and placed.read_bytes() != png():
        yield "other bytes are in place"


def _case(name: str, build: Callable[[Path], None], **more: Any) -> Case:
    return Case(name, build, COMMANDS, holds=_nothing_inside, **more)


_RECEIPT = f"receipts/{DIGITS[:2]}/{DIGITS}/{IMAGE}.json"
_CLAIM = f"claims/{DIGITS[:2]}/{DIGITS}/1.json"
_NOT_TRUSTED = {"team": "is not used before you trust it", "push": "is not used before you trust it"}
CASES = (
    *(_case(f"team: {url}", partial(_address, url), says=_NOT_TRUSTED) for url in (
        "s3://eve/x", "gs://eve", "az://eve-art", "file:///etc", "file:///tmp", "http://127.0.0.1:9/x", "https://169.254.169.254/latest", "https://metadata.internal/x",
    )),
    *(_case(f"team: {url!a}", partial(_address, url), says={"team": "team.url: is not "}) for url in (
        "s3://key:secret@eve/x", "s3://eve/x?y", "file://../x", "http://eve.example/x", "s3://eve/\n::error::x", *NASTY[2:6],
    )),
    *(_case(f"team keys: {ascii(value)[1:-1]}", partial(_keys, f"{value} {_KEY}\n"), says={"team": "reconciler.keys:1"}) for value in ("*", "!eve", *NASTY[3:8])),
    _case("team keys: 20 MB", partial(_keys, f"eve@x {_KEY}\n" * 200_000), says={"team": "larger than 1 MiB"}),
    _case("team keys: a MiB of problems", partial(_keys, "x\n" * 500_000), says={"team": "reconciler.keys:1"}),
    _case("team keys: bytes", partial(_keys, bytes(range(256)) * 4_000), says={"team": "reconciler.keys:"}),
    _case("team keys: one line", partial(_keys, "a" * (1 << 20)), says={"team": "the line is too long"}),
    _case("team keys: a link", _linked_keys, says={"team": "is a link that leaves the project"}),
    *(_case(f"team receipt by: {ascii(value)[1:-1]}", partial(_object, _RECEIPT, receipt(by=value))) for value in NASTY),
    *(_case(f"team receipt: {what}", partial(_object, _RECEIPT, data)) for what, data in (
        ("deep JSON", "[" * 100_000), ("2 MB", "x" * (2 << 20)), ("empty", ""), ("another image", receipt(content=content(b"x"))), ("version 2", receipt().replace('"v": 1', '"v": 2')),
        ("no object", receipt()),
    )),
    *(_case(f"team claim: {ascii(value)[1:-1]}", partial(_object, _CLAIM, claim(by=value, run=value, provider=value, asset=value))) for value in NASTY),
    *(_case(f"team claim: {what}", partial(_object, _CLAIM, data)) for what, data in (("deep JSON", "[" * 60_000), ("1 MB", "x" * (1 << 20)), ("empty", ""), ("version 9", claim(v=9)))),
    *(_case(f"team root: {what}", partial(_object, "roots/eve/main.json", data), says={"team gc --yes": says}) for what, data, says in (
        ("version 2", '{"v":2}', "cannot read"), ("deep JSON", "[" * 100_000, "so nothing is deleted"), ("empty", "", "so nothing is deleted"), ("other words", '{"v":1,"contents":["\\u001b[2J"]}', "so nothing is deleted"),
    )),
    _case("team gc: a list of version 2", partial(_object, "gc/x.json", '{"v":2}'), says={"team gc --yes": "cannot read"}),
    _case("team: other bytes", _wrong_bytes),
    _case("team: a linked object", _linked_object),
    _case("team: a linked folder", _linked_folder),
    _case("team: pipes", _pipes),
    _case("team: odd names", _odd_names),
    _case("team: 20,000 receipts for a recipe", partial(_many, "receipts", 20_000), cpu=4.0),
    _case("team: 20,000 claims on a recipe", partial(_many, "claims", 20_000), cpu=4.0),
)  # fmt: skip
