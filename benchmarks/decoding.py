"""The peak memory of the process that derives, as a multiple of its decoded master.

`python -m benchmarks.decoding FILE WIDTH FORMAT…` prints the ratio: what the process took at most while it made the
files, less what it had before, by width x height x 4 bytes.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from reconciler.core.derived.operations import Encoding, Resize
from reconciler.core.derived.work import WantedFile
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.derive.wire import FilesRequest, Pixels
from reconciler.derive.worker import answers
from reconciler.imaging.confined import load_plugin


def main(path: Path, width: int, formats: list[str]) -> None:
    """Make the files in this process."""
    facts = sniff(path.read_bytes())
    assert isinstance(facts, ImageFacts)
    files = tuple(WantedFile(form, (Resize(width),), Encoding(form, 0 if form == "png" else 60)) for form in formats)
    for form in (facts.format, *formats):
        load_plugin(form)
    before = _peak()
    for _ in answers(FilesRequest(Pixels(path, facts), files)):
        pass
    print((_peak() - before) / (4 * facts.width * facts.height))


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
