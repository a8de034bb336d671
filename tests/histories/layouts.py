"""How often two branches that add different assets conflict as text, by the layout of the lockfile.

`python -m tests.histories.layouts --pairs 200` gives the numbers of docs/decisions/0009-a-lockfile-for-each-spec.md.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import dump_entry, join
from tests.core.locks import a_entry

Files = dict[str, str]
FOLDERS = ("icons", "tiles", "web/cards")
WORDS = [
    f"{first}-{second}"
    for first in ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "hazel", "ivory", "jade")
    for second in ("axe", "bow", "cap", "dirk", "elm", "fan", "gem", "hat", "ink", "jar", "key", "lamp", "map", "net")
]


def digest(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def text(names: Iterable[str]) -> str:
    return join((dump_entry(AssetId(name), a_entry(f"A picture of {name}")) for name in names), (), version=1)


def grouped_by(key: Callable[[str], object]) -> Callable[[set[str]], Files]:
    def files(names: set[str]) -> Files:
        groups: dict[str, list[str]] = {}
        for name in sorted(names):
            groups.setdefault(str(key(name)), []).append(name)
        return {group: text(members) for group, members in groups.items()}

    return files


LAYOUTS: dict[str, Callable[[set[str]], Files]] = {
    "one file, by id": grouped_by(lambda _: "all"),
    "one file, by hash": lambda names: {"all": text(sorted(names, key=digest))},
    "a file for each folder": grouped_by(lambda name: name.rpartition("/")[0]),
    "64 files, by hash": grouped_by(lambda name: digest(name) % 64),
    "a file for each spec": grouped_by(lambda name: name),
}


def conflicts(base: Files, ours: Files, theirs: Files) -> bool:
    """Whether git merges the three versions of some file with a conflict."""
    for name in ours.keys() | theirs.keys():
        versions = {side: files.get(name) for side, files in (("ours", ours), ("base", base), ("theirs", theirs))}
        if len({versions["ours"], versions["theirs"]}) == 1 or versions["base"] in (
            versions["ours"],
            versions["theirs"],
        ):
            continue
        if None in versions.values():
            return True
        with tempfile.TemporaryDirectory() as folder:
            for side, content in versions.items():
                Path(folder, side).write_text(str(content))
            merged = subprocess.run(
                ["git", "merge-file", "-q", "-p", *versions], cwd=folder, capture_output=True, check=False
            )
        if merged.returncode:
            return True
    return False


def added(chance: random.Random, existing: set[str], count: int, how: str, *, branch: str) -> set[str]:
    """The names that a branch adds."""
    found: set[str] = set()
    while len(found) < count:
        folder = chance.choice(FOLDERS) if how == "anywhere" else "icons"
        number = f"{len([name for name in existing if name.startswith('icons/')]) + len(found):03}{branch}"
        name = f"{folder}/{number if how == 'at the end' else chance.choice(WORDS)}"
        found |= {name} - existing
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.histories.layouts", description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    pairs = parser.parse_args().pairs
    chance = random.Random(0)
    print(f"| two branches each add | {' | '.join(LAYOUTS)} |\n|---|{'---|' * len(LAYOUTS)}")
    for how in ("anywhere", "in one folder", "at the end"):
        for count in (1, 5):
            found = dict.fromkeys(LAYOUTS, 0)
            for _ in range(pairs):
                base = added(chance, set(), 60, "anywhere", branch="")
                ours = added(chance, base, count, how, branch="a")
                theirs = added(chance, base | ours, count, how, branch="b")
                for layout, files in LAYOUTS.items():
                    found[layout] += conflicts(files(base), files(base | ours), files(base | theirs))
            shown = " | ".join(f"{number * 100 / pairs:.0f} %" for number in found.values())
            print(f"| {count} {how} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
