"""The account of a run that dies three times: to the last bill. `make soak` does it with two thousand images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.conftest import SEED
from tests.crash.soak import soak
from tests.needs import needs_proc

pytestmark = [pytest.mark.slow, needs_proc]


def test_what_was_billed_is_stored_or_in_doubt(tmp_path: Path) -> None:
    soaked = soak(tmp_path, images=60, kills=3, seed=SEED)
    assert soaked.violations == ()
    assert soaked.stored
    assert soaked.kills
