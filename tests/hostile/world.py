"""Pieces of projects for the corpus: files, a git repository, lock entries, journal records, things in our state."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from reconciler.core.recipe import Recipe

PAYLOAD = b'[core]\n\tfsmonitor = "touch pwned"\n'
"""What the next `git status` would run if it stood in `.git/config`."""
AT = "2026-11-22T16:00:00Z"
SWORD = "specs/sword.yaml"


@functools.cache
def png(colour: str = "teal", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def write(root: Path, name: str, data: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    return path


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def start(root: Path, *, project: str = "provider: draft\n", spec: str | None = "prompt: A sword\n") -> None:
    """A repository with a project file and one spec."""
    git(root, "init", "-q", ".")
    write(root, "reconciler.yaml", project)
    write(root, "Makefile", "all:\n\ttrue\n")
    if spec is not None:
        write(root, SWORD, spec)


def content(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def entry(
    output: str, data: bytes, *, prompt: str = "An orphan", provider: str = "gravitex", **more: Any
) -> dict[str, Any]:
    """A lock entry that says that `data` was made for this prompt and lies at `output`."""
    recipe = Recipe(prompt)
    return {
        "output": output,
        "content": content(data),
        "image": {"bytes": len(data), "format": "png", "height": 48, "width": 64},
        "recipe": {"key": recipe.key(), **recipe.manifest()},
        "made": {"at": AT, "provider": provider, "cost": "0.039 USD", "model": "m"},
    } | more


def lock(root: Path, entries: Mapping[str, Any], **more: Any) -> None:
    write(root, "assets.lock", json.dumps({"lockfile": 1, "assets": dict(entries), **more}, indent=2) + "\n")


def stored(root: Path, data: bytes) -> Path:
    """An object that the store holds."""
    digits = hashlib.sha256(data).hexdigest()
    return write(root, f".reconciler/store/objects/{digits[:2]}/{digits}", data)


def journal(root: Path, *events: Mapping[str, Any]) -> None:
    """Records as the journal keeps them: length, checksum and a line of JSON."""
    from reconciler.core.journal_lines import decode_event
    from reconciler.store.state.journal import Journal

    (root / ".reconciler").mkdir(exist_ok=True)
    log = Journal(root / ".reconciler/journal")
    log.record_all(tuple(decode_event(json.dumps(event).encode()) for event in events))
    log.close()


def raw_journal(root: Path, *lines: bytes) -> None:
    """Records of any bytes, each with a right length and checksum."""
    write(root, ".reconciler/journal", b"".join(_record(line) for line in lines))


def _record(payload: bytes) -> bytes:
    return b"%d %08x " % (len(payload), zlib.crc32(payload)) + payload + b"\n"


def committed(root: Path) -> None:
    """Everything is in a commit, what git ignores too, as `git add -f` of a pull request does it."""
    git(root, "add", "-f", ".")
    git(root, "commit", "-qm", "a pull request")
