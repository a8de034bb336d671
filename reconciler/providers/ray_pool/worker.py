"""The part of a pool that runs in each of its processes: the provider that draws, with a folder of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import IO, Any

from reconciler.aio import CallSlot
from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.core.errors import ReconcilerError
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest, Spool, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.providers.declaration import Dialect, Resources
from reconciler.providers.decoding.children import CHILDREN
from reconciler.providers.ray_pool.wire import MAX_REPLY, PoolReply, content_file, unpack_request
from reconciler.providers.registry import REGISTRY
from reconciler.providers.secret import NO_KEY_SENT

_MOST_PICTURES = 256
"""Reference images that a process keeps."""


class PoolWorker:
    """Draws one image at a time, while another request may wait.

    It is a core.ports.References and a core.ports.Spool for the provider inside."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="reconciler-pool-")
        self._pictures = Path(self._folder.name, "pictures")
        self._pictures.mkdir()
        self._kept: dict[ContentHash, Path] = {}
        self._ends: list[Callable[[], None]] = []
        declared = REGISTRY.declared(settings)
        if isinstance(declared, Dialect):
            raise ReconcilerError(f"providers.{settings.name} sends requests to a server, and draws nothing itself")
        # one image at a time: its process, or its card, belongs to this worker
        alone = replace(settings, concurrency=1)
        self._provider = declared.create(alone, Resources(self, self, NO_KEY_SENT, self._ends.append))
        self._drawing: set[asyncio.Task[Outcome]] = set()
        self._places = asyncio.Semaphore(1)

    async def ready(self) -> bool:
        """Answers once the process is there."""
        return True

    async def draw(self, request: bytes, pictures: Mapping[ContentHash, Awaitable[bytes]]) -> list[Any]:
        """What becomes of a packed request: the fields of a PoolReply but its number, which Ray sends as they are.
        `pictures` are the reference images; those that are here already are not fetched."""
        for content in [content for content in pictures if content in self._kept]:
            self._kept[content] = self._kept.pop(content)  # the next one to go is none of this request's
        for content, data in pictures.items():
            fetched = b"" if content in self._kept else await data
            if content not in self._kept:  # else the request before this one has it, and may be reading it
                self._keep(content, fetched)
        drawing = asyncio.ensure_future(self._drawn(unpack_request(request)))
        self._drawing.add(drawing)
        try:
            reply = _reply(await drawing)
            return [reply.kind, reply.message, reply.model, reply.final, reply.data]
        finally:
            self._drawing.discard(drawing)

    async def _drawn(self, request: ImageRequest) -> Outcome:
        """The outcome of a request. The next one is drawn while this one is verified."""
        await self._places.acquire()
        slot = CallSlot(self._places, ignore_response)
        try:
            return await self._provider.generate(request, on_response=slot.response_complete)
        finally:
            slot.release()

    async def end(self) -> None:
        """End what the provider has started, also in the middle of an image."""
        for drawing in self._drawing:
            drawing.cancel()
        await asyncio.gather(*self._drawing, return_exceptions=True)
        for end in self._ends:
            end()
        CHILDREN.end()
        self._folder.cleanup()

    def share(self, content: ContentHash, path: Path) -> None:
        """See core.ports.References. Pictures come with a request."""
        self._kept[content] = path

    def fetch(self, content: ContentHash) -> Path | None:
        """See core.ports.References."""
        return self._kept.get(content)

    def open(self) -> tuple[Path, IO[bytes]]:
        """See core.ports.Spool."""
        handle, name = tempfile.mkstemp(dir=self._folder.name)
        os.close(handle)
        return Path(name), Path(name).open("wb")

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        """See core.ports.Spool."""
        return self.open()

    def for_attempt(self, attempt: str) -> Spool:
        """See core.ports.Spool. The names of files here mean nothing to a later run."""
        return self

    def _keep(self, content: ContentHash, data: bytes) -> None:
        if content_of_hex(hashlib.sha256(data).hexdigest()) != content:
            return  # the provider says that it is not available
        while len(self._kept) >= _MOST_PICTURES:
            self._kept.pop(next(iter(self._kept))).unlink(missing_ok=True)
        path = content_file(self._pictures, content)
        with path.open("wb") as file:
            file.write(data)
        self._kept[content] = path


def _reply(outcome: Outcome) -> PoolReply:
    """An outcome with the bytes of its image. Blocking, as short as a read of what was just written."""
    spooled: Any = None
    match outcome:
        case Done(spooled=spooled) | Mismatched(done=Done(spooled=spooled)) | BadOutput(kept=spooled) if spooled:
            model = outcome.done.model if isinstance(outcome, Mismatched) else getattr(outcome, "model", "")
            try:
                if spooled.size > MAX_REPLY:
                    return PoolReply(0, "bad_output", f"the image has over {MAX_REPLY >> 20} MiB")
                return PoolReply(0, "image", model=model, data=spooled.path.read_bytes())
            finally:
                spooled.path.unlink(missing_ok=True)
        case NotSent(message=message, final=final):
            return PoolReply(0, "not_sent", message, final=final)
        case InDoubt(message=message):
            return PoolReply(0, "in_doubt", message)
        case Refused(message=message):
            return PoolReply(0, "refused", message)
        case Rejected(message=message):
            return PoolReply(0, "rejected", message)
        case _:
            return PoolReply(0, "bad_output", outcome.message)
