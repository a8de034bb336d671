"""Inside a process that reads images of strangers: no key in its environment, and limits of CPU time and memory.

It ends when its standard input ends, which is when its parent does. SIGINT is blocked: Ctrl-C reaches the whole group,
and the parent decides what ends.

The limit of memory is RLIMIT_AS, on top of what the process has when Pillow is loaded. macOS accepts that limit and
does not enforce it: there, the ceiling of pixels alone bounds the memory.
"""

from __future__ import annotations

import importlib
import os
import resource
import time
from contextlib import suppress
from pathlib import Path

from reconciler.imaging.child_process import READY

_PLUGINS = {"webp": "WebP", "avif": "Avif"}
"""Formats whose plug-in Pillow does not load by itself before it loads all 40 of them."""


def confine(memory: int) -> int:
    """Set the limits, and say to the parent that the process is ready; the descriptor for answers. In bytes."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a library that prints must not write into an answer
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _address_space() + memory)
    send_all(out, READY)
    return out


def allow_seconds(seconds: int) -> None:
    """So many seconds of CPU time from now on; then the system ends the process."""
    _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)


def load_plugin(form: str) -> None:
    """Load Pillow's plug-in of a format, if it has one of its own."""
    plugin = _PLUGINS.get(form)
    if plugin:
        with suppress(ImportError):  # an older Pillow; the image is then unidentified
            module = importlib.import_module(f"PIL.{plugin}ImagePlugin")
            if plugin == "Avif":
                module.__dict__["DEFAULT_MAX_THREADS"] = 1  # each thread would take its own share of the limits


def read_exactly(count: int) -> bytes:
    """So many bytes of standard input; b"" at its end."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, min(count - len(data), 1 << 20))
        if not piece:
            return b""
        data += piece
    return bytes(data)


def send_all(out: int, data: bytes) -> None:
    """Write all of an answer."""
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _limit(kind: int, most: int) -> None:
    """Lower the limit to `most`, or to what the process may have if that is less."""
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):  # a system without this limit
        resource.setrlimit(kind, (allowed, hard))
