"""A slice of the random histories: `make histories` merges 500 of them in each way."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.forked.program import program
from tests.histories.history import History, ways


@pytest.mark.slow
@pytest.mark.parametrize("way", ways(""))
def test_a_merge_loses_no_asset_and_nothing_is_paid_again(way: str, tmp_path: Path) -> None:
    for seed in range(4):
        root = tmp_path / str(seed)
        root.mkdir()
        outcome = ways(str(program()))[way](root, random.Random(seed))
        assert outcome.wrong == (), f"seed {seed}"
        assert not outcome.conflict or way == "one file, as text"


def test_neighbours_conflict_as_text_only_in_one_file(tmp_path: Path) -> None:
    """Two branches add assets between the same two others."""
    conflicts = []
    for number, (layout, driver) in enumerate((("file", ""), ("file", str(program())), ("spec", ""))):
        root = tmp_path / str(number)
        root.mkdir()
        history = History(root, random.Random(0), layout=layout)
        history.base, history.shared = {"icons/axe": "Axe", "icons/pin": "Pin"}, None
        history.ours, history.theirs = ({**history.base, f"icons/{name}": name} for name in ("bow", "gem"))
        outcome = history.merged(driver=driver)
        assert outcome.wrong == ()
        conflicts.append(outcome.conflict)
    assert conflicts == [True, False, False]
