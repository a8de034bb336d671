"""Ask a ComfyUI server whether it works: its version, and the devices on which it draws. Free, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.ports import Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line
from reconciler.providers.comfyui.answers import versions_in
from reconciler.providers.comfyui.server import ComfyServer, Lost
from reconciler.providers.declaration import OpenHttp, ServerTest
from reconciler.providers.http.origins import BadBase, parse_base

_NAMES = {"comfyui": "ComfyUI", "pytorch": "PyTorch"}
_MOST_DEVICES = 16
_NAME = 100


async def server_test(settings: ProviderSettings, spool: Spool, http: OpenHttp, *, home: str) -> ServerTest:
    """One request for `/system_stats`."""
    base = parse_base(settings.base_url or home)
    if isinstance(base, BadBase):
        return ServerTest(False, base.why)
    told = await ComfyServer(settings, base, spool, http).system()
    if isinstance(told, Lost):
        return ServerTest(False, told.message)
    versions = versions_in(told.body)
    if told.status != 200 or "comfyui" not in versions:
        return ServerTest(False, f"{base.origin}: {told.status}, which is not the answer of a ComfyUI server")
    named = ", ".join(f"{_NAMES[name]} {version}" for name, version in versions.items())
    devices = tuple(_devices(told.body))
    return ServerTest(True, f"{base.origin}: works, {named}; {', '.join(devices) or 'no device is named'}")


def _devices(body: Any) -> Iterator[str]:
    """`cuda:0 NVIDIA H200 (139 GiB, 120 GiB free)`."""
    devices = body.get("devices")
    for device in devices[:_MOST_DEVICES] if isinstance(devices, list) else ():
        name = device.get("name") if isinstance(device, Mapping) else None
        if isinstance(name, str) and name:
            total, free = (_gib(device.get(key)) for key in ("vram_total", "vram_free"))
            memory = f" ({total}{f', {free} free' if free else ''})" if total else ""
            yield f"{one_line(name, _NAME)}{memory}"


def _gib(size: object) -> str:
    """A size in GiB; "" for none."""
    return f"{size / (1 << 30):.1f} GiB" if isinstance(size, int) and 1 << 20 <= size < 1 << 60 else ""
