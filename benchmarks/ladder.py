"""A bare Pillow loop: three widths and three formats of each master, on all cores, and nothing else.

`python -m benchmarks.ladder FOLDER OUT`. The same decoder, filter and encoder settings as a rule's; no hash, no lock,
no limits, no check of what came out.
"""

from __future__ import annotations

import os
import shutil
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.masters import QUALITY, WIDTHS

_SETTINGS: dict[str, dict[str, Any]] = {
    "avif": {"speed": 8, "max_threads": 1},
    "webp": {"method": 4},
    "jpeg": {"progressive": True, "optimize": True},
}


def _derive(job: tuple[Path, Path]) -> None:
    path, out = job
    with Image.open(path) as master:
        master.load()
        for width in WIDTHS:
            small = master.resize((width, round(width * master.height / master.width)), Image.Resampling.LANCZOS)
            for form, quality in QUALITY.items():
                small.save(out / f"{path.stem}-{width}.{form}", form, quality=quality, **_SETTINGS[form])


def main(folder: Path, out: Path) -> None:
    """Derive from every PNG in the folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for _ in pool.imap_unordered(_derive, [(path, out) for path in sorted(folder.glob("*.png"))]):
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
