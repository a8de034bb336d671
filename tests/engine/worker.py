"""A process that draws: a pickled request and the bytes that it refers to in, what becomes of it out.

`python -m tests.engine.worker` reads one job from its standard input. It writes one pickled pair when the response is
complete, and one with the outcome and its bytes.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

from reconciler.core.digest import ContentHash, hex_of
from reconciler.core.outcome import Done
from reconciler.core.ports import ImageRequest
from reconciler.engine.references import LocalReferences
from reconciler.providers.draft.provider import Draft
from reconciler.testing.memory_ports import MemorySpool


def tell(what: str, *told: Any) -> None:
    sys.stdout.buffer.write(pickle.dumps((what, *told)))
    sys.stdout.buffer.flush()


def work(request: ImageRequest, pictures: dict[ContentHash, bytes], folder: Path) -> None:
    references = LocalReferences()
    for content, data in pictures.items():
        file = folder / hex_of(content)
        file.write_bytes(data)
        references.share(content, file)
    outcome = asyncio.run(Draft(MemorySpool(folder / "spool"), references).generate(request))
    tell("response")
    assert sys.stdin.buffer.read(1) == b"!", "the caller did not hear that the response is complete"
    tell("outcome", outcome, outcome.spooled.path.read_bytes() if isinstance(outcome, Done) else b"")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        request, pictures = pickle.load(sys.stdin.buffer)
        work(request, pictures, Path(directory))
