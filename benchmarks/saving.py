"""What saving the lockfile costs in one apply: `python -m benchmarks.saving ASSETS` prints the seconds.

A real keeper over a real file, fed one event for each asset as fast as it takes them, the lockfile durable at the end.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.places import DATA
from benchmarks.projects import name, output, prompt
from reconciler.core.digest import AssetId, content_hash
from reconciler.core.events import Published
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import LockEntry, Made
from reconciler.core.recipe import Recipe
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.store.documents.lockfile import LockOnDisk

_FACTS = ImageFacts("png", 1344, 768, 1_000_000)
_MADE = Made("gravitex", "2026-11-22T00:00:00Z", "gemini-2.5-flash-image", "request", "0.039 USD")


def _event(number: int) -> Published:
    recipe = Recipe(prompt(number), model="gemini-2.5-flash-image", size="16:9", image_size="1K", quality="high")
    entry = LockEntry(output(number), content_hash(b"%d" % number), _FACTS, recipe.key(), recipe.manifest(), _MADE)
    return Published(AssetId(name(number)), entry, "made", None)


async def _keep(events: list[Published], root: Path) -> float:
    journal: list[Published] = []
    lockfile_saver = LockfileSaver(LockOnDisk(root, journal=lambda: journal))
    began = time.perf_counter()
    for event in events:
        journal.append(event)
        await lockfile_saver.add(event)
    await lockfile_saver.save()
    return time.perf_counter() - began


if __name__ == "__main__":
    made = [_event(number) for number in range(int(sys.argv[1]))]
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        print(asyncio.run(_keep(made, Path(folder))))
