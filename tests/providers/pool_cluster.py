"""A stand-in for the process that runs Ray: it speaks to the run as that one does, and draws in this process.

A prompt with one of these words makes a worker die once: `dies` in the middle of an image, `late` before it can draw.
One with `ends` ends the whole process, once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.ports import ImageRequest
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.ray_pool.dispatcher import WorkerLostError
from reconciler.providers.ray_pool.serve import PoolServer
from reconciler.providers.ray_pool.wire import PoolReply, PoolStart, read_message, send_reply, unpack_request
from reconciler.providers.ray_pool.worker import PoolWorker

ROOT = Path(__file__).parents[2]
HERE = (
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.providers.pool_cluster import run_here; run_here()",
)
"""The stand-in for the process that runs Ray."""


class HereWorker:
    """A PooledWorker in this process."""

    def __init__(self, inner: ProviderSettings, seen: Path) -> None:
        self._worker = PoolWorker(inner)
        self._seen = seen

    async def ready(self) -> None:
        assert await self._worker.ready()

    async def draw(self, packed: bytes, pictures: Mapping[ContentHash, str]) -> PoolReply:
        request = unpack_request(packed)
        if self._once("late", request):
            raise WorkerLostError("it died before", sent=False)
        if self._once("ends", request):
            os._exit(9)
        reply = await self._worker.draw(packed, {content: _read(path) for content, path in pictures.items()})
        if self._once("dies", request):
            raise WorkerLostError("it died", sent=True)
        return PoolReply(0, *reply)

    async def end(self, *, busy: bool) -> None:
        await self._worker.end()

    def _once(self, word: str, request: ImageRequest) -> bool:
        mark = self._seen / f"{word}-{request.asset}"
        if word not in request.recipe.prompt or mark.exists():
            return False
        mark.touch()
        return True


class HereCluster:
    """A Cluster in this process. What has died once is in a folder beside that of the process, which comes anew."""

    def __init__(self, pool: ProviderSettings) -> None:
        assert pool.inner is not None
        self._inner = pool.inner
        self._seen = Path(pool.address)

    def new_worker(self) -> HereWorker:
        return HereWorker(self._inner, self._seen)


async def _read(path: str) -> bytes:
    return await asyncio.to_thread(Path(path).read_bytes)


def run_here() -> None:
    """As `process.run_ray`."""
    stream, out = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    begin = read_message(stream)
    assert isinstance(begin, PoolStart)
    server = PoolServer(HereCluster(begin.pool), out, charges=begin.pool.charges, most=begin.pool.concurrency)
    send_reply(out, PoolReply(0, "ready"))
    asyncio.run(server.serve(stream))
