"""Derived files of a stranger: rules and bundles without an end, locks that name files of others, links, bombs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core.recipe import Recipe
from tests.hostile.case import Case
from tests.hostile.text import NASTY
from tests.hostile.world import committed, content, entry, lock, png, start, write

COMMANDS = ("validate", "check", "plan", "derive", "apply --yes")
RULES = "web: {widths: [16], formats: [png], output: 'public/${name}-${width}.${ext}'}\n"
SPEC = "prompt: A sword\nderive: [web]\n"


def project(root: Path, rules: str = RULES, *, bundles: str = "", spec: str = SPEC) -> None:
    """One asset, locked and in place, from which a rule derives."""
    start(root, spec=spec)
    write(root, "specs/_derive.yaml", rules)
    if bundles:
        write(root, "specs/_bundles.yaml", bundles)
    made = Recipe("A sword", format="png")
    lock(root, {"sword": entry("assets/sword.png", png()) | {"recipe": {"key": made.key(), **made.manifest()}}})
    write(root, "assets/sword.png", png())


def line(data: bytes, **changes: Any) -> dict[str, Any]:
    """A line that says that `data` was derived."""
    return {"bytes": len(data), "content": content(data), "key": f"d1:{'0' * 64}", "made": "1"} | changes


def derived_lock(root: Path, lines: dict[str, Any], *, name: str = "old~web") -> None:
    write(root, "derived.lock", json.dumps({"derived": 1, "sets": {name: lines}}))


def _names(path: str, root: Path) -> None:
    """The lock calls a file of somebody else a derived one, which nothing derives any more."""
    project(root)
    target = root / path
    if not target.exists():
        write(root, path, b"{}")
    derived_lock(root, {path: line(target.read_bytes())})


def _stays(path: str, root: Path) -> Iterator[str]:
    if not (root / path).exists():
        yield f"{path} is gone"


def _kept(path: str, root: Path) -> Iterator[str]:
    """A text that went has a copy in the store."""
    if not (root / path).exists() and not list((root / ".reconciler/store/objects").rglob("*")):
        yield f"{path} is gone for good"


def _names_with(lines: dict[str, Any], root: Path, *, name: str = "old~web") -> None:
    project(root)
    derived_lock(root, lines, name=name)


_ICONS = "icons: {icons: {from: sword, output: public/icons, sets: [favicon]}}\n"


def _bundle_names(path: str, root: Path) -> None:
    """The lock says that a bundle has made the image of an asset; the bundle is made anew, without it."""
    project(root, bundles=_ICONS)
    derived_lock(root, {path: line(png())}, name="icons")


def _rule_names_orphan(root: Path) -> None:
    """A rule makes a file at the path of an image that no spec wants any more, which the lock calls a derived one."""
    project(root, RULES.replace("public/${name}-${width}", "assets/${name}-${width}"))
    made = Recipe("A sword", format="png")
    entries = {
        name: entry(path, png()) | {"recipe": {"key": made.key(), **made.manifest()}}
        for name, path in (("sword", "assets/sword.png"), ("old", "assets/sword-16.png"))
    }
    lock(root, entries)
    write(root, "assets/sword-16.png", png())
    derived_lock(root, {"assets/sword-16.png": line(png())}, name="sword~web")


def _unchanged(path: str, root: Path) -> Iterator[str]:
    if not (root / path).exists() or (root / path).read_bytes() != png():
        yield f"{path} is gone, or has other bytes"


def _made_by(text: str, root: Path) -> None:
    _names_with({"public/sword-16.png": line(b"", made=text)}, root, name=text)


def _rule_called(text: str, root: Path) -> None:
    project(root, f"{json.dumps(text)}: {{formats: [png]}}\n")


def _alt(text: str, root: Path) -> None:
    bundles = "m: {manifest: {from: sword, use: web, output: public/m.json, html: public/h}}\n"
    project(root, spec=f"{SPEC}alt: {json.dumps(text)}\n", bundles=bundles)


def _raw(data: str | bytes, root: Path) -> None:
    project(root)
    write(root, "derived.lock", data)


def _large(size: int, root: Path) -> None:
    project(root)
    os.truncate(write(root, "derived.lock", b"{"), size)


def _many_lines(count: int, root: Path) -> None:
    project(root)
    derived_lock(root, {f"public/{number}.png": line(b"", made="1 pillow 13.0.0") for number in range(count)})


def _linked_lock(root: Path) -> None:
    project(root)
    (root / "derived.lock").symlink_to("../secret.txt")


def _linked(name: str, to: str, root: Path) -> None:
    project(root)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to, target_is_directory=True)


def _state(name: str, data: bytes, root: Path) -> None:
    project(root)
    write(root, f".reconciler/{name}", data)


def _forced(root: Path) -> None:
    project(root)
    write(root, ".reconciler/deriving", json.dumps({"derived": 1, "sets": {"a": {".git/config": line(b"")}}}) + "\n")
    committed(root)


def _many_assets(root: Path) -> None:
    """Ten thousand assets, each with all files that one rule can have."""
    widths = ", ".join(str(width) for width in range(1, 33))
    rules = f"web: {{widths: [{widths}], formats: [avif, webp, jpeg, png], output: 'p/${{id}}-${{width}}.${{ext}}'}}\n"
    values = ", ".join(f"v{number}" for number in range(10_000))
    project(root, rules, spec=f"prompt: x\nderive: [web]\nmatrix: {{n: [{values}]}}\n")


def _many_atlases(root: Path) -> None:
    """As many atlases as there may be, at eight densities each, beside many derived files."""
    rules = "s: {size: 8x8, densities: [1, 2, 3, 4, 5, 6, 7, 8], formats: [png], output: 'p/${id}${at}.png'}\n"
    bundles = "".join(f"b{n}: {{atlas: {{from: 'tag:t', use: s, output: a/b{n}}}}}\n" for n in range(200))
    values = ", ".join(f"v{number}" for number in range(1_000))
    project(root, rules, bundles=bundles, spec=f"prompt: x\nderive: [s]\ntags: [t]\nmatrix: {{n: [{values}]}}\n")


def _many_patterns(root: Path) -> None:
    patterns = ", ".join(f"'*a*a*a*{number}'" for number in range(1_000))
    bundles = "".join(f"b{n}: {{atlas: {{from: [{patterns}], output: a/b{n}}}}}\n" for n in range(50))
    project(root, bundles=bundles, spec="prompt: x\nmatrix: {n: [" + ", ".join(map(str, range(1_000))) + "]}\n")


def _bomb(root: Path) -> None:
    """A picture of a few KiB with 2,500 megapixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 << 20), 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    project(root)
    made = Recipe("A sword", format="png")
    lock(root, {"sword": entry("assets/sword.png", bomb) | {"recipe": {"key": made.key(), **made.manifest()}}})
    write(root, "assets/sword.png", bomb)


def _case(
    name: str, build: Callable[[Path], None], *, says: str = "", holds: Callable[[Path], Iterator[str]] | None = None, **more: Any
) -> Case:  # fmt: skip
    command = more.pop("told_by", "check")
    return Case(
        f"derived: {name}", build, more.pop("commands", COMMANDS), says={command: says} if says else None, holds=holds, **more
    )  # fmt: skip


CASES = (
    *(_case(f"the lock names {path}", partial(_names, path), says="belongs to a tool") for path in (".git/hooks/x.json", ".reconciler/x.json", ".GIT/x.png")),
    _case("the lock names a file outside", partial(_names_with, {"../secret.json": line(b"")}), says="may leave the project"),
    _case("the lock names a source", partial(_names_with, {"Makefile": line(b"")}), says="not named as a derived file"),
    _case("the lock names an image of an asset", partial(_names, "assets/sword.png"), holds=partial(_stays, "assets/sword.png")),
    _case("the lock names an image in other letters", partial(_names_with, {"Assets/Sword.PNG": line(png())}), holds=partial(_stays, "assets/sword.png")),
    _case("the lock of a bundle names an image of an asset", partial(_bundle_names, "assets/sword.png"), holds=partial(_unchanged, "assets/sword.png")),
    _case("the lock of a bundle names an image in other letters", partial(_bundle_names, "Assets/Sword.PNG"), holds=partial(_unchanged, "assets/sword.png")),
    _case("a rule takes the path of an orphaned image", _rule_names_orphan, holds=partial(_unchanged, "assets/sword-16.png")),
    _case("the lock names a text", partial(_names, "package.json"), holds=partial(_kept, "package.json")),
    *(_case(f"made: {ascii(value)[1:-1]}", partial(_made_by, value), commands=(*COMMANDS, "show public/sword-16.png", "explain public/sword-16.png")) for value in NASTY),
    _case("a lock of deep JSON", partial(_raw, "[" * 1_000_000), says="derived.lock"),
    _case("a lock of conflict markers", partial(_raw, "<<<<<<< a\n" * 200_000), says="derived.lock"),
    _case("a lock of bytes", partial(_raw, bytes(range(256)) * 4_000), says="not UTF-8"),
    _case("a lock of 40 GB", partial(_large, 40 << 30), says="is larger than"),
    _case("a lock of 20,000 lines", partial(_many_lines, 20_000), cpu=4.0),
    _case("a linked lock", _linked_lock, says="is a symbolic link"),
    _case("a linked folder of outputs", partial(_linked, "public", ".."), told_by="derive"),
    _case("a linked output", partial(_linked, "public/sword-16.png", "../../secret.txt"), told_by="derive"),
    _case("a linked folder of units", partial(_linked, ".reconciler/deriving.tmp", "../.."), told_by="derive", says="is a symbolic link"),
    _case("a linked record", partial(_linked, ".reconciler/deriving", "../../secret.txt"), told_by="derive"),
    _case("a record of bytes", partial(_state, "deriving", bytes(range(256)) * 4_000)),
    _case("a local lock of bytes", partial(_state, "derived", bytes(range(256)) * 4_000)),
    _case("a committed record", _forced, says="git tracks"),
    _case("10,000 assets x 128 files", _many_assets, told_by="validate", says="more than 200,000 files are derived", commands=("validate", "check"), cpu=6.0, memory=600),
    _case("200 atlases x 8 densities", _many_atlases, commands=("validate",), cpu=6.0),
    _case("50 bundles x 1,000 globs", _many_patterns, commands=("validate",), cpu=6.0),
    _case("deep rules", lambda root: project(root, "a: " + "{ops: [" * 30), commands=("validate",)),
    *(_case(f"rule: {ascii(value)[1:-1]}", partial(_rule_called, value), commands=("validate",)) for value in NASTY),
    *(_case(f"alt: {ascii(value)[1:-1]}", partial(_alt, value)) for value in (*NASTY, "<script>", '" onload="x')),
    _case("a picture of 2,500 megapixels", _bomb, told_by="derive", says="too many to decode"),
)  # fmt: skip
