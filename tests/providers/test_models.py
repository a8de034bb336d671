"""What a known model cannot do is said before anything is paid; about an unknown one nothing is said."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import Json, content_hash
from reconciler.core.money.cost import FREE, Cost, parse_cost
from reconciler.providers.declaration import price_of
from reconciler.providers.models import capabilities as abilities
from reconciler.providers.models import table as models
from reconciler.providers.models.capabilities import price, problems, warnings
from reconciler.providers.models.table import cost_of_usage, model_table
from reconciler.providers.registry import REGISTRY
from tests.providers.builders import a_recipe, turns

TABLE = model_table()
PICTURE = content_hash(b"x")


@pytest.mark.parametrize(
    ("model", "fields", "fact"),
    [
        ("gemini-2.5-flash-image", {"size": "16:9", "quality": "high", "image_size": "1k"}, ""),
        ("gemini-2.5-flash-image", {"size": "1:4"}, "size: "),
        ("gemini-2.5-flash-image", {"size": "1536x1024"}, ""),
        ("gemini-2.5-flash-image", {"size": "64x64"}, "size: "),
        ("gemini-2.5-flash-image", {"size": "1376x768"}, ""),
        ("gemini-3-pro-image", {"size": "4096x4096"}, "size: "),
        ("gemini-3-pro-image", {"size": "4096x4096", "image_size": "4K"}, ""),
        ("gemini-3-pro-image", {"image_size": "3K"}, "image_size: "),
        ("gemini-2.5-flash-image", {"size": "1600x100"}, "size: "),
        ("gemini-2.5-flash-image", {"image_size": "2K"}, "image_size: "),
        ("gemini-2.5-flash-image", {"references": (PICTURE,) * 4}, "references: "),
        ("gemini-2.5-flash-image", {"references": (PICTURE,) * 3}, ""),
        ("gemini-2.5-flash-image", {"background": "transparent"}, "background: "),
        ("gemini-2.5-flash-image", {"format": "webp"}, ""),
        ("gemini-2.5-flash-image", {"mask": PICTURE}, "mask: "),
        ("gemini-2.5-flash-image", {"params": {"seed": 1}}, ""),
        ("gemini-2.5-flash-image", {"params": {"n": 4}}, "params.n: "),
        ("gemini-3.1-flash-image-preview", {"size": "1:8", "image_size": "512"}, ""),
        ("gemini-3-pro-image-preview", {"references": (PICTURE,) * 15}, "references: "),
        ("gpt-image-2", {"size": "16:9", "image_size": "4K", "quality": "low"}, ""),
        ("gpt-image-2", {"size": "4:1"}, "size: "),
        ("gpt-image-2", {"size": "1000x1000"}, "size: "),
        ("gpt-image-2", {"size": "4096x2048"}, "size: "),
        ("gpt-image-2", {"size": "512x512"}, "size: "),
        ("gpt-image-2", {"quality": "ultra"}, "quality: "),
        ("gpt-image-2", {"background": "transparent"}, "background: "),
        ("gpt-image-2", {"params": {"seed": 1}}, "params.seed: "),
        ("gpt-image-2", {"turns": turns(("user", "x"))}, "turns: "),
        ("gpt-image-1.5", {"background": "transparent"}, ""),
        ("gpt-image-1.5", {"background": "transparent", "format": "jpeg"}, "background: "),
        ("gpt-image-1.5", {"size": "16:9"}, "size: "),
        ("gpt-image-1.5", {"image_size": "2K"}, "image_size: "),
        ("gpt-image-1.5", {"size": "1536x1024"}, ""),
        ("qwen-image-plus", {"size": "21:9"}, "size: "),
        ("qwen-image-edit-plus", {}, "references: "),
        ("doubao-seedream-3-0-t2i-250415", {"references": (PICTURE,)}, "references: "),
        ("never-heard-of", {"size": "1:8", "image_size": "4K", "background": "transparent", "mask": PICTURE}, ""),
        ("never-heard-of", {"params": {"prompt": "x"}}, "params.prompt: "),
    ],
)
def test_problems(model: str, fields: dict[str, Any], fact: str) -> None:
    found = problems(a_recipe(model=model, **fields), TABLE)
    assert [text.partition(": ")[0] + ": " for text in found] == ([fact] if fact else [])


@pytest.mark.parametrize(
    ("kind", "model", "fields", "cost"),
    [
        ("gravitex", "gemini-2.5-flash-image", {}, "0.039 USD"),
        ("gemini", "gemini-3-pro-image-preview", {}, "0.134 USD"),
        ("gemini", "gemini-3-pro-image-preview", {"image_size": "4k"}, "0.24 USD"),
        ("gemini", "gemini-3-pro-image-preview", {"image_size": "3K"}, "at most 0.24 USD"),
        ("gemini", "gemini-3.1-flash-image-preview", {"quality": "high"}, "0.067 USD"),
        ("gravitex", "gemini-3.1-flash-image-preview", {"quality": "high"}, "at most 0.151 USD"),
        ("gravitex", "gemini-3.1-flash-image-preview", {"quality": "high", "image_size": "1K"}, "at most 0.151 USD"),
        ("gemini", "gemini-3-pro-image", {"image_size": "512"}, None),
        ("gemini", "gemini-3.1-flash-image-preview", {"image_size": "512"}, "0.045 USD"),
        ("openai", "gpt-image-1", {"size": "1:1", "quality": "medium"}, "0.042 USD"),
        ("openai", "gpt-image-1.5", {"size": "1024x1024", "quality": "high"}, "0.133 USD"),
        ("openai", "gpt-image-1.5", {"size": "3:2", "quality": "high"}, None),
        ("openai", "gpt-image-1.5", {"size": "1:1"}, None),
        ("openai", "gpt-image-2", {}, None),
        ("openai", "never-heard-of", {}, None),
    ],
)
def test_prices(kind: str, model: str, fields: dict[str, Any], cost: str | None) -> None:
    found = price_of(REGISTRY.built_in[kind], a_recipe(model=model, **fields), TABLE)
    assert (found and f"{'at most ' * found.at_most}{found}") == cost


def test_a_draft_costs_nothing_and_tokens_are_counted() -> None:
    assert price_of(REGISTRY.built_in["draft"], a_recipe(), TABLE) == FREE
    usage: dict[str, Json] = {"input_tokens_details": {"text_tokens": 1000, "image_tokens": 500}, "output_tokens": 4000}
    expected = Cost(parse_cost("0.129 USD").amount)  # type: ignore[union-attr] # a price that reads
    assert cost_of_usage(TABLE.find("gpt-image-2"), usage) == expected
    assert cost_of_usage(TABLE.find("gpt-image-2"), {"output_tokens": 1}) is None
    assert cost_of_usage(TABLE.find("gpt-image-1"), usage) is None
    assert cost_of_usage(None, usage) is None


def test_a_retired_model_is_a_warning_from_its_day_on() -> None:
    recipe = a_recipe(model="gpt-image-1")
    assert warnings(recipe, TABLE, date(2026, 10, 22)) == ()
    assert "retired on 2026-10-23" in warnings(recipe, TABLE, date(2026, 10, 23))[0]
    assert problems(recipe, TABLE) == ()
    assert warnings(a_recipe(model="never-heard-of"), TABLE, date(2100, 1, 1)) == ()


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "avif"])
def test_a_format_that_a_model_does_not_return_is_neither_a_warning_nor_an_error(form: str) -> None:
    """It is converted, for nothing."""
    for model in ("gemini-3-pro-image-preview", "gemini-2.5-flash-image", "gpt-image-2"):
        recipe = a_recipe(model=model, format=form)
        assert warnings(recipe, TABLE, date(2026, 1, 1)) == problems(recipe, TABLE) == ()


def test_the_project_extends_and_overrides_field_by_field() -> None:
    table = model_table({
        "gemini-2.5-flash-image": {"prices": {"": 0.05}, "image_sizes": ["1K", "2K"]},
        "mine": {"series": "gpt", "references": 1, "free_pixels": {"multiple": 8}},
    })  # fmt: skip
    assert table.problems == ()
    recipe = a_recipe(image_size="2K")
    assert problems(recipe, table) == ()
    assert str(price(recipe, table, quality_sets_size=True)) == "0.05 USD"
    assert problems(a_recipe(references=(PICTURE,) * 4), table)
    assert problems(a_recipe(model="mine", references=(PICTURE,) * 2), table)
    assert table.series("mine") == "gpt"
    assert model_table() == TABLE


@pytest.mark.parametrize(
    "row",
    [{"prices": {"": 0}}, {"prices": {"1K": "0.038"}}, {"prices": {"": 9}, "currency": "JPY"}, {"prices": {}}],
)
def test_no_row_of_the_project_makes_a_listed_model_cheaper(row: Any) -> None:
    made = price(a_recipe(), model_table({"gemini-2.5-flash-image": row}), quality_sets_size=True)
    assert made == price(a_recipe(), TABLE, quality_sets_size=True)


@pytest.mark.parametrize("row", [{"tokens": {"out": 0}}, {"tokens": {}}, {"currency": "JPY"}])
def test_no_row_of_the_project_makes_a_token_cheaper(row: Any) -> None:
    usage: dict[str, Json] = {"input_tokens_details": {"text_tokens": 10, "image_tokens": 0}, "output_tokens": 1000}
    own, listed = model_table({"gpt-image-2": row}).find("gpt-image-2"), TABLE.find("gpt-image-2")
    assert cost_of_usage(own, usage) == cost_of_usage(listed, usage)
    assert cost_of_usage(own, usage) is not None


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"currency": "usd"}, "models.m.currency: not three capital letters"),
        ({"prices": {"1K": "1e999999999"}}, "models.m.prices.1K: not an amount"),
        ({"price": "1"}, 'models.m.price: there is no such field (did you mean "prices"?)'),
        ({"references": "3"}, "models.m.references: not a whole number"),
        ({"references": True}, "models.m.references: not a whole number"),
        ({"ratios": "1:1"}, "models.m.ratios: not a list of strings"),
        ({"prices": {"1K": "cheap"}}, "models.m.prices.1K: not an amount"),
        ({"prices": {"1K": -1}}, "models.m.prices.1K: not an amount"),
        ({"prices": []}, "models.m.prices: not a mapping"),
        ({"seed": "yes"}, "models.m.seed: not true or false"),
        ({"batch": "1.5"}, "models.m.batch: not a share between 0 and 1"),
        ({"batch": 0}, "models.m.batch: not a share between 0 and 1"),
        ({"batch": "half"}, "models.m.batch: not an amount"),
        ({"free_pixels": {"most": 0}}, "models.m.free_pixels: not whole numbers under"),
        ("x", "models.m: not a mapping"),
    ],
)
def test_a_row_that_cannot_be_read_is_told(row: Any, problem: str) -> None:
    (found,) = model_table({"m": row}).problems
    assert str(found).startswith(problem)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("gemini-9-image", "gemini"), ("openai/gpt-image-9", "gpt"), ("chatgpt-image-latest", "gpt"), ("gpt-4o", ""),
        ("doubao-seedream-9", "seedream"), ("doubao-seededit-9", "seedream"), ("qwen-image-9", "qwen"), ("sdxl", ""),
    ],
)  # fmt: skip
def test_series(name: str, series: str) -> None:
    assert TABLE.series(name) == series


def test_the_table_is_dated_data() -> None:
    data = json.loads(Path(models.__file__).with_name("models.json").read_bytes())
    assert (TABLE.date, TABLE.basis) == ("2026-11", "upstream list price, 2026-11") == (data["date"], data["basis"])
    assert abilities.OURS.isdisjoint({"seed", "size", "quality", "response_format"})
