"""A slice of `make team-sweep`: schedules of eight checkouts with kills, and the planted faults."""

from __future__ import annotations

import pytest

from tests.team.mutants import MUTANTS
from tests.team.peers import Layers, PlainReceipts
from tests.team.sweep import sweep

SLICE = 6


def test_nothing_is_billed_twice_without_consent_and_nothing_is_lost() -> None:
    bills, problems = sweep(range(SLICE), Layers(), PlainReceipts)
    assert not problems
    assert bills > SLICE


@pytest.mark.parametrize("fault", MUTANTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    layers, receipts = MUTANTS[fault]
    assert any(sweep([seed], layers, receipts)[1] for seed in range(SLICE))
