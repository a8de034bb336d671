"""The lockfile with one file for each spec: which file an asset is in, and the text of each file.

`assets.lock` is then a header that never changes, and the assets are in `assets.lock.d/<the id of the spec>.lock`, each
a lockfile of its own. Two branches that add different specs change no common file. A version of reconciler that does
not know the header refuses it, since its number is newer: it must not take the project for one without images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce

from reconciler.core.digest import AssetId
from reconciler.core.lock.entry import Lock
from reconciler.core.lock.lockfile import dumps
from reconciler.core.lock.merge import ContentOf, merge
from reconciler.core.specs.paths import same_file_key
from reconciler.core.value import replace

PARTS = "assets.lock.d"
"""The folder of the parts, beside `assets.lock`."""
SUFFIX_OF_PART = ".lock"
HEADER = '{\n  "lockfile": 3,\n  "per": "spec"\n}\n'
"""The whole of `assets.lock` in such a project."""
OTHERS = f"{PARTS}/_{SUFFIX_OF_PART}"
"""The part of assets whose ids are no path for a file."""
_STEP = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,180}")
_LONGEST = 800


def part_of(asset: AssetId) -> str:
    """The path of the file that an asset is locked in, below the project."""
    steps = asset.partition("#")[0].split("/")
    plain = all(_STEP.fullmatch(step) and not step.endswith(SUFFIX_OF_PART) for step in steps)
    if not plain or sum(map(len, steps)) > _LONGEST or steps == ["_"]:
        return OTHERS
    return f"{PARTS}/{'/'.join(steps)}{SUFFIX_OF_PART}"


def part_texts(lock: Lock) -> dict[str, str]:
    """The text of each part, by its path. Paths that are one file where case does not count share a part."""
    parts: dict[str, tuple[dict, dict]] = {}  # type: ignore[type-arg]  # entries and answers by asset
    names: dict[str, str] = {}
    for asset in sorted({*lock.entries, *lock.answers}):
        path = part_of(asset)
        path = names.setdefault(same_file_key(path), path)
        entries, answers = parts.setdefault(path, ({}, {}))
        if asset in lock.entries:
            entries[asset] = lock.entries[asset]
        if asset in lock.answers:
            answers[asset] = lock.answers[asset]
    return {path: dumps(Lock(entries, answers)) for path, (entries, answers) in parts.items()}


def joined_parts(parts: Mapping[str, Lock], content_of: ContentOf | None) -> Lock:
    """One lock of all parts. An asset that is in two of them, as after a merge, is merged as two sides are."""
    return reduce(lambda one, other: _joined(one, other, content_of), parts.values(), Lock())


def _joined(one: Lock, other: Lock, content_of: ContentOf | None) -> Lock:
    if one.entries.keys() & other.entries.keys() or one.answers.keys() & other.answers.keys():
        return replace(merge(one, other, content_of=content_of), merged=True)
    return Lock(
        {**one.entries, **other.entries},
        {**one.answers, **other.answers},
        one.merged or other.merged,
        {**one.settled, **other.settled},
    )
