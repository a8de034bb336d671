"""Four applies at once: a few schedules, the same in every run. `make concurrency` runs two hundred of eight."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.concurrent import run_concurrently
from tests.crash.conftest import SEED

pytestmark = pytest.mark.slow


def test_a_crowd_pays_for_each_image_once(tmp_path: Path) -> None:
    crowded = run_concurrently(tmp_path, schedules=3, crowd=4, seed=SEED)
    assert crowded.violations == ()
    assert crowded.ended["told who holds the lock"]
    assert crowded.ended["done"]
