"""The recipe, its manifest and its key: what changes the key, and what does not."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import Json, canonical, plain, recipe_key
from reconciler.core.recipe import (
    PICTURE_FIELDS,
    Change,
    ImagePart,
    Recipe,
    TextPart,
    Turn,
    changes,
    comparable,
    manifest_images,
)
from reconciler.core.recipe_reader import recipe_of
from reconciler.core.value import fields, replace
from tests.builders import a_recipe, bytes_of

ONE, TWO = bytes_of("one"), bytes_of("two")
RELEASED = Recipe(
    prompt="a sword",
    model="m",
    size="16:9",
    image_size="2K",
    quality="high",
    format="webp",
    background="opaque",
    references=(ONE, TWO),
    mask=ONE,
    turns=(Turn("user", (TextPart("more"), ImagePart(ONE))),),
    params={"seed": 7},
    take=2,
)
"""Every field of the first release. The key of this recipe is fixed."""
FULL = replace(RELEASED, workflow="w1:1")
"""Every field. A value of a newer field goes into the call above, so that RELEASED keeps its key."""
OTHERS: dict[str, list[Any]] = {
    "prompt": ["a Sword", "a sword.", "sword a"],
    "model": ["n", ""],
    "size": ["9:16", "1536x864", ""],
    "image_size": ["4K", ""],
    "quality": ["low", ""],
    "workflow": ["w1:2", ""],
    "format": ["png", "jpeg"],
    "background": ["transparent", ""],
    "references": [(TWO, ONE), (ONE,), (), (ONE, TWO, TWO)],
    "mask": [TWO, None],
    "turns": [
        (),
        (Turn("model", (TextPart("more"), ImagePart(ONE))),),
        (Turn("user", (TextPart("less"), ImagePart(ONE))),),
        (Turn("user", (ImagePart(ONE), TextPart("more"))),),
        (Turn("user", (TextPart("more"), ImagePart(TWO))),),
        (Turn("user", (TextPart("more"),)), Turn("user", (ImagePart(ONE),))),
    ],
    "params": [{"seed": 8}, {"seed": "7"}, {"seeds": 7}, {}, {"seed": 7, "x": None}, {"seed": True}, {"seed": [7]}],
    "take": [1, 3],
}


def test_every_field_is_tried() -> None:
    names = {field.name for field in fields(Recipe) if field.init}
    assert names == set(FULL.manifest()), "give FULL a value of it that is not the default"
    assert names == set(OTHERS), "give OTHERS values that differ from the one in FULL"


def test_every_field_of_another_type_has_a_reader() -> None:
    """Nothing reads a field from a spec if its default is no text, number, truth value or mapping."""
    read_by_name = ("references", "mask", "turns")
    assert read_by_name == PICTURE_FIELDS, "read the field in read_asset of core/specs/fields.py, and name it here"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in OTHERS.items() for value in values])
def test_a_change_of_any_field_changes_the_key_and_is_named(name: str, value: Any) -> None:
    other = replace(FULL, **{name: value})
    assert other.key() != FULL.key()
    assert [change.field for change in changes(FULL.manifest(), other.manifest())] == [name]


def test_true_in_place_of_one_is_a_change() -> None:
    before, after = (a_recipe(params={"hd": value}).manifest() for value in (1, True))
    assert changes(before, after) == (Change("params", {"hd": 1}, {"hd": True}),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_recipe("a  sword\n"), a_recipe("a sword")),
        (a_recipe("caf\u00e9"), a_recipe("cafe\u0301")),
        (a_recipe(params={"a": 1, "b": {"c": 2, "d": 3}}), a_recipe(params={"b": {"d": 3, "c": 2}, "a": 1})),
        (a_recipe(params={"seed": 7.0}), a_recipe(params={"seed": 7})),
        (a_recipe(image_size="2k"), a_recipe(image_size="2K")),
        (a_recipe(format="png", take=1, references=(), params={}), a_recipe()),
        (
            a_recipe(turns=(Turn("user", (TextPart(" more  words "),)),)),
            a_recipe(turns=(Turn("user", (TextPart("more words"),)),)),
        ),
    ],
)
def test_what_makes_no_difference(one: Recipe, other: Recipe) -> None:
    assert one.key() == other.key()
    assert changes(one.manifest(), other.manifest()) == ()


def test_the_prompt_is_sent_as_written() -> None:
    assert a_recipe("a  cafe\u0301\n").prompt == "a  cafe\u0301\n"


def test_the_manifest_survives_the_lockfile() -> None:
    again = json.loads(json.dumps(FULL.manifest()))
    assert recipe_key(again) == FULL.key()
    assert changes(FULL.manifest(), again) == ()
    assert manifest_images(again) == FULL.images() == (ONE, TWO, ONE, ONE)
    assert manifest_images(a_recipe().manifest()) == ()


def test_the_key_is_for_ever() -> None:
    """Keys are in the lockfiles of others: if this fails, the change buys every image of everyone again."""
    assert a_recipe().key() == "r1:43f0882bc651f1d6f438164765a60d42741f859dbb8ab1fb390e4c840c8b5e1c"
    assert RELEASED.key() == "r1:b1eaff5df39cbb78fb3c9dcba328d7b33c4ae1719a3f448d412d1b3a4a9f6c93"


def test_a_key_that_was_worked_out_is_not_that_of_a_copy() -> None:
    assert FULL.key() != replace(FULL, take=9).key()


def test_canonical_json() -> None:
    value: Json = {"b": [1.0, "é"], "a": {"y": None, "x": True}}
    assert canonical(plain(value)) == '{"a":{"x":true,"y":null},"b":[1,"é"]}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})


@given(st.text(st.sampled_from("ab  \t\n\r\x0b\x1c\x1f\x7f\x85\xa0e\u0301\u00e9\u2028\u3000")) | st.text())
def test_every_spelling_of_a_prompt_is_compared_in_one_form(text: str) -> None:
    assert comparable(text) == " ".join(unicodedata.normalize("NFC", text).split())


def test_a_recipe_is_read_back_from_its_manifest() -> None:
    for recipe in (FULL, Recipe("a sword"), replace(FULL, prompt="  a \n sword ")):
        read = recipe_of(json.loads(json.dumps(recipe.manifest())))
        assert read is not None
        assert read.key() == recipe.key()
        assert read.prompt == comparable(recipe.prompt)


@pytest.mark.parametrize(
    "manifest",
    [
        {"prompt": 3},
        {"prompt": "a", "newer": 1},
        {"prompt": "a", "references": "x"},
        {"prompt": "a", "references": [1]},
        {"prompt": "a", "mask": []},
        {"prompt": "a", "turns": [{"role": "user"}]},
        {"prompt": "a", "turns": [{"role": "user", "parts": [{"text": 1}]}]},
        {"prompt": "a", "size": ""},
        {"prompt": " a "},
        {"prompt": "a", "params": "x"},
    ],
)
def test_what_is_no_manifest_is_no_recipe(manifest: dict[str, Json]) -> None:
    assert recipe_of(manifest) is None
