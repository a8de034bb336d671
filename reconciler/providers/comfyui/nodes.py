"""What a server says about the nodes of a workflow: whether it has them, whether they charge, where they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from reconciler.core.digest import Json
from reconciler.core.text import one_line
from reconciler.providers.comfyui.answers import is_paid, pack_of, versions_in
from reconciler.providers.comfyui.filled import RunnableTemplate
from reconciler.providers.comfyui.server import ComfyServer, Lost


class Nodes:
    """The classes of nodes of one server, each asked for once a run, and the versions of its programs."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._versions: dict[str, str] | None = None
        self._lock = asyncio.Lock()

    async def refusal(self, server: ComfyServer, template: RunnableTemplate, *, charges: bool) -> str | Lost:
        """Why the workflow is not run: a node is missing, or costs money although the provider does not charge."""
        async with self._lock:
            if self._versions is None:
                told = await server.system()
                if isinstance(told, Lost):
                    return told
                self._versions = versions_in(told.body)
            for kind in template.kinds:
                if kind in self._known:
                    continue
                answered = await server.node_class(kind)
                if isinstance(answered, Lost):
                    return answered
                title = one_line(template.title_of(kind), 100)
                if (
                    answered.status != 200
                    or not isinstance(answered.body, dict)
                    or not _is_description(answered.body, kind)
                ):
                    return f'the server does not describe the node "{title}" ({answered.status}): it may cost money'
                if kind not in answered.body:
                    return f'the server has no node {one_line(kind, 100)} ("{title}"): install its node pack'
                self._known[kind] = answered.body[kind]
        paid = [kind for kind in template.kinds if is_paid(self._known[kind])]
        if paid and not charges:
            title = one_line(template.title_of(paid[0]), 100)
            return f'the node "{title}" calls a service that costs money: write charges: true for this provider'
        return ""

    def environment(self, template: RunnableTemplate) -> dict[str, Json]:
        """The versions and the node packs that made an image. Recorded, and no reason to make another one."""
        packs = sorted({pack for kind in template.kinds if (pack := pack_of(self._known.get(kind)))})
        return {**(self._versions or {}), **({"node_packs": ", ".join(packs)[:500]} if packs else {})}


def _is_description(body: Any, kind: str) -> bool:
    """Whether an answer describes a class, or says that there is none of this name: it is empty then."""
    return isinstance(body, Mapping) and (isinstance(body.get(kind), Mapping) or not body)
