"""The routes of a ComfyUI server, one request each. Answers are bounded, and believed nothing.

Source: server.py and comfy_execution/jobs.py of ComfyUI. All routes are there with and without the prefix `/api`, but
`/api/jobs`, which older servers do not have.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.core.outcome import InDoubt, NotSent
from reconciler.core.ports import Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line
from reconciler.core.value import replace, value
from reconciler.providers.comfyui.answers import ServerImage
from reconciler.providers.declaration import OpenHttp
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import Attachment, Part, WireRequest, form_request, json_request
from reconciler.providers.http.spool_file import open_picture, unlink

MOST_JSON = 8 << 20
"""Bytes of an answer in JSON. That about a job has its workflow in it."""
_MESSAGE = 500


@value
class JsonAnswer:
    """An answer with its JSON; None where it has none, or one that is too large."""

    status: int
    body: Any


@value
class Lost:
    """No answer. `sent`: the server may have read the request. `unreachable`: it could not be reached at all."""

    message: str
    sent: bool
    unreachable: bool = False


class ComfyServer:
    """One server, at an address that may hold prompts and images of the project."""

    def __init__(self, settings: ProviderSettings, base: Base, spool: Spool, http: OpenHttp) -> None:
        self.base = base
        self._spool = spool
        self._images = http(settings)
        self._answers = http(replace(settings, body_limit=min(settings.body_limit, MOST_JSON)))

    async def queue(self, body: dict[str, Any]) -> JsonAnswer | Lost:
        """Queue a workflow. The server answers with the id of the job, which is ours unless the server is old."""
        return await self._ask(json_request(self.base.url("/prompt"), body))

    async def job(self, name: str) -> JsonAnswer | Lost:
        return await self._ask(WireRequest("GET", self.base.url(f"/api/jobs/{quote(name, safe='')}")))

    async def history(self, name: str) -> JsonAnswer | Lost:
        """The job if it has ended, in a mapping by its id; an empty mapping if not."""
        return await self._ask(WireRequest("GET", self.base.url(f"/history/{quote(name, safe='')}")))

    async def queued(self) -> JsonAnswer | Lost:
        """Every job that runs or waits."""
        return await self._ask(WireRequest("GET", self.base.url("/queue")))

    async def node_class(self, name: str) -> JsonAnswer | Lost:
        """A mapping with the description of a class of nodes; an empty one if the server has none of this name."""
        return await self._ask(WireRequest("GET", self.base.url(f"/object_info/{quote(name, safe='')}")))

    async def system(self) -> JsonAnswer | Lost:
        return await self._ask(WireRequest("GET", self.base.url("/system_stats")))

    async def cancel(self, name: str, *, running: bool) -> None:
        """Take a job out of the queue, or stop it if it is `running`: older servers stop whatever runs."""
        answered = await self._ask(json_request(self.base.url(f"/api/jobs/{quote(name, safe='')}/cancel"), {}))
        if isinstance(answered, JsonAnswer) and answered.status == 200:
            return
        await self._ask(json_request(self.base.url("/queue"), {"delete": [name]}))
        if running:
            await self._ask(json_request(self.base.url("/interrupt"), {"prompt_id": name}))

    async def upload(self, file: Attachment, name: str, *, boundary: str) -> JsonAnswer | Lost:
        """Put an image into the folder from which nodes load images; it replaces a file of this name."""
        parts = (Part("image", file, name), Part("type", "input"), Part("overwrite", "true"))
        return await self._ask(form_request(self.base.url("/upload/image"), parts, boundary=boundary))

    async def image(self, file: ServerImage, spool: Spool) -> HttpAnswer | Lost:
        """Download an image that a job has made. The caller takes the file over."""
        query = urlencode({"filename": file.name, "subfolder": file.folder, "type": file.kind})
        answered = await self._images.send(
            WireRequest("GET", self.base.url(f"/view?{query}")), secret=None, spool=spool
        )
        return answered if isinstance(answered, HttpAnswer) else self._lost(answered)

    async def _ask(self, request: WireRequest) -> JsonAnswer | Lost:
        answered = await self._answers.send(request, secret=None, spool=self._spool)
        if not isinstance(answered, HttpAnswer):
            return self._lost(answered)
        try:
            body = await asyncio.to_thread(_json_in, answered.path) if answered.whole else None
        finally:
            unlink(answered.path)
        return JsonAnswer(answered.status, body)

    def _lost(self, answered: NotSent | InDoubt) -> Lost:
        message = one_line(f"{self.base.origin}: {answered.message}", _MESSAGE)
        return Lost(message, isinstance(answered, InDoubt), isinstance(answered, NotSent) and answered.unreachable)


def _json_in(path: Path) -> Any:
    """The JSON in a file; None if it is none."""
    with open_picture(path) as file:
        try:
            return json.loads(file.read())
        except (ValueError, RecursionError):
            return None
