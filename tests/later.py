"""A clock that tests move: that of every workspace which is opened from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.project import workspace as workspaces

Later = Callable[[timedelta], None]


def moved_clock(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the clock, by so much more at each call."""

    class Moved(datetime):
        by = timedelta()

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # a datetime, not one of this class
            return datetime.now(tz) + cls.by

    monkeypatch.setattr(workspaces, "datetime", Moved)

    def move(by: timedelta) -> None:
        Moved.by += by

    return move
