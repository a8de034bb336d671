"""A master is decoded once, and what files have in common is done once."""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.derived.operations import ColourKey, Crop, Encoding, Operation, Pad, Resize, Trim
from reconciler.core.derived.work import WantedFile
from reconciler.derive import pipeline
from reconciler.derive.transform import transformed
from tests.derive.pictures import on_green, scene

LADDER = tuple(
    WantedFile(f"{width}.{form}", (ColourKey(), Trim(), Resize(width)), Encoding(form, 60))
    for width in (32, 16, 8)
    for form in ("avif", "webp", "png")
)


class Counted:
    """Counts what the pipeline does, and how many large pictures live at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoded = 0
        self.done: Counter[str] = Counter()
        self.most = 0
        monkeypatch.setattr(pipeline, "transformed", self._transformed)

    def decode(self) -> Image.Image:
        self.decoded += 1
        return on_green()

    def _transformed(self, image: Image.Image, operation: Operation) -> Image.Image:
        self.done[type(operation).__name__] += 1
        found = transformed(image, operation)
        large = [each for each in gc.get_objects() if isinstance(each, Image.Image) and each.width == 64]
        self.most = max(self.most, len(large))
        return found


def test_a_ladder_takes_each_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    found = {index: image.size for index, image, _ in pipeline.made(counted.decode, LADDER)}
    assert set(found) == set(range(9))
    assert found[0] == found[2] == (32, 32)
    assert found[8] == (8, 8)
    assert counted.decoded == 1
    assert counted.done == {"ColourKey": 1, "Trim": 1, "Resize": 3}


def test_no_more_than_two_decoded_masters_live_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    gc.collect()
    before = sum(isinstance(each, Image.Image) and each.width == 64 for each in gc.get_objects())
    for _ in pipeline.made(counted.decode, LADDER):
        pass
    assert 1 <= counted.most - before <= 2


def test_what_no_later_file_begins_with_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three operations that keep the size: the picture before, the picture after, and none else."""
    counted = Counted(monkeypatch)
    keys = tuple(ColourKey(f"#08a21{number}") for number in (7, 8, 9))
    gc.collect()
    before = sum(isinstance(each, Image.Image) and each.width == 64 for each in gc.get_objects())
    for _ in pipeline.made(counted.decode, (WantedFile("a.png", keys, Encoding("png")),)):
        pass
    assert counted.done == {"ColourKey": 3}
    assert counted.most - before == 2


OPERATIONS = st.lists(
    st.sampled_from([Crop((1, 1)), Pad(3), Resize(20), Resize(30, 10, "fill"), Trim(0, 2)]), max_size=4
).map(tuple)


@settings(max_examples=30)
@given(st.lists(OPERATIONS, min_size=1, max_size=7))
def test_in_whatever_order_each_file_has_its_own_operations(rules: list[tuple[Operation, ...]]) -> None:
    files = tuple(WantedFile(f"{number}.png", rule, Encoding("png")) for number, rule in enumerate(rules))
    found = {index: image.tobytes() for index, image, _ in pipeline.made(scene, files)}
    for index, rule in enumerate(rules):
        image = scene()
        for operation in rule:
            image = transformed(image, operation)
        assert found[index] == image.tobytes()
    assert len(found) == len(rules)
