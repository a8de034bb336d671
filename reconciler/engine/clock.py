"""The clock of the engine; tests pass another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from reconciler.core.value import value


def _utc() -> datetime:
    return datetime.now(UTC)


@value
class Clock:
    """`monotonic` and `sleep` in seconds; `utc` is the wall clock, for messages and records."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    utc: Callable[[], datetime] = _utc


def stamp(moment: datetime) -> str:
    """UTC, ISO 8601 to the second: `2026-11-22T16:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
