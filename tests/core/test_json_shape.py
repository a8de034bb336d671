"""Fields of a mapping by exact type, and JSON that every reader accepts."""

from __future__ import annotations

import json

import pytest

from reconciler.core.digest import Json
from reconciler.core.errors import LockfileError
from reconciler.core.lock.json_shape import Shape, a_content, a_key, compact_json, shallow, shaped
from tests.builders import a_recipe, bytes_of

SHAPE = Shape({"name": str, "size": int}, {"tags": list})


def test_a_number_that_json_does_not_have_is_null_wherever_it_stands() -> None:
    value: Json = {"deep": [float("inf"), {"er": (float("nan"), 1.5)}], "plain": float("-inf")}
    assert json.loads(compact_json(value)) == {"deep": [None, {"er": [None, 1.5]}], "plain": None}


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert compact_json("\ud83d é") == '"\\ud83d é"'


def test_a_mapping_of_the_shape_is_read() -> None:
    assert shaped({"name": "a", "size": 1}, SHAPE) == {"name": "a", "size": 1}
    assert shaped({"name": "a", "size": 1, "tags": []}, SHAPE)["tags"] == []


@pytest.mark.parametrize(
    "value",
    [[], {}, {"name": "a"}, {"name": "a", "size": True}, {"name": "a", "size": "1"}, {"name": "a", "size": 1, "x": 1}],
)
def test_any_other_mapping_is_refused(value: Json) -> None:
    with pytest.raises(LockfileError):
        shaped(value, SHAPE)


def test_a_hash_is_read_and_another_text_is_refused() -> None:
    assert a_content(bytes_of("fox"), "content") == bytes_of("fox")
    with pytest.raises(LockfileError, match="content"):
        a_content("sha256:fox", "content")


def test_a_key_of_a_newer_version_names_the_upgrade() -> None:
    assert a_key(a_recipe().key(), "key") == a_recipe().key()
    with pytest.raises(LockfileError) as unknown:
        a_key("fox", "key")
    with pytest.raises(LockfileError) as newer:
        a_key("r9:" + "0" * 64, "key")
    assert (unknown.value.hint, bool(newer.value.hint)) == ("", True)


@pytest.mark.parametrize("levels", [3, 4])
def test_nesting_is_bounded(levels: int) -> None:
    value: list[Json] = []
    for _ in range(levels):
        value = [value]
    if levels <= 3:
        shallow(value, "recipe", left=3)
    else:
        with pytest.raises(LockfileError, match="recipe: nested too deeply"):
            shallow(value, "recipe", left=3)
