"""The page of images as text: its data cannot leave its element, its policy names its own script alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.plan.actions import Generate, Keep, RecipeChanged
from reconciler.core.plan.plan import AssetStep
from reconciler.core.recipe import Change
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.reviews.verdicts import ReviewState, Standing
from reconciler.core.value import replace
from reconciler.project.gallery.page_parts import page_parts
from reconciler.report.gallery.facts import Earlier, GalleryFacts, PageAsset, PageImage, PageMode
from reconciler.report.gallery.page import PAGE_MARK, gallery_page, page_policy, script_json
from reconciler.report.gallery.page_data import page_json
from tests.builders import a_spec, an_entry, bytes_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "\u2028alert(1)\u2029",
    "'\"><img src=x onerror=alert(1)>",
    "@@SCRIPT@@",
    "\u202egnp.exe",
    "##[error]x",
    "\x1b[31mred",
    "\\u003c/script>",
]


def an_asset_of_a_page(name: str = "sword", **changes: Any) -> PageAsset:
    spec = a_spec(name)
    entry = an_entry(spec)
    return replace(PageAsset(AssetStep(AssetId(name), Keep(), spec, entry), entry, entry.content), **changes)


def facts(*assets: PageAsset, **changes: Any) -> GalleryFacts:
    images = {asset.now: PageImage(asset.now, 64, 48, "png", 100, "data:,p") for asset in assets if asset.now}
    return replace(GalleryFacts("shop", PageMode.STATIC, NOW, assets, images), **changes)


def data_of(page: str) -> Any:
    """What a browser finds in the element with the data."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_data_names_each_image_once_and_assets_by_their_place() -> None:
    one, other = an_asset_of_a_page("a"), an_asset_of_a_page("b")
    data = page_json(facts(one, other))
    assert [image["content"] for image in data["images"]] == [one.now]
    assert [(asset["id"], asset["now"], asset["state"]) for asset in data["assets"]] == [
        ("a", 0, "current"),
        ("b", 0, "current"),
    ]


def test_prompts_are_compared_word_by_word_with_the_image_before_and_with_the_spec() -> None:
    asset = an_asset_of_a_page("a")
    assert asset.entry is not None
    before = Earlier("main", bytes_of("old"), {**asset.entry.recipe, "prompt": "a dull sword", "size": "1:1"})
    wanted = {**asset.entry.recipe, "prompt": "a sharp sword"}
    changed = Generate(RecipeChanged((Change("prompt", "a sword", "a sharp sword"),)), None)
    step = AssetStep(asset.step.asset, changed, a_spec("a"), asset.entry)
    (shown,) = page_json(facts(replace(asset, step=step, before=before, wanted=wanted)))["assets"]
    assert shown["before"]["prompt"] == [["=", "a"], ["-", "dull"], ["=", "sword"]]
    assert shown["before"]["changes"] == [["size", "1:1", ""]]
    assert shown["next"] == {"prompt": [["=", "a"], ["+", "sharp"], ["=", "sword"]]}


def test_long_prompts_are_not_compared_word_by_word() -> None:
    asset = an_asset_of_a_page("a")
    assert asset.entry is not None
    long = " ".join(f"w{number}" for number in range(1500))
    before = Earlier("main", bytes_of("old"), {**asset.entry.recipe, "prompt": long})
    entry = replace(asset.entry, recipe={**asset.entry.recipe, "prompt": f"{long} end"})
    (shown,) = page_json(facts(replace(asset, entry=entry, before=before)))["assets"]
    assert [kind for kind, _ in shown["before"]["prompt"]] == ["-", "+"]


def test_the_reviews_of_an_image_are_with_it() -> None:
    asset = an_asset_of_a_page("a")
    assert asset.now is not None and asset.entry is not None
    verdict = Verdict(
        AssetId("a"), asset.now, asset.entry.key, "ada@example.com", "2026-11-27T12:00:00Z", Judgement.APPROVE, "fine"
    )
    standing = Standing(ReviewState.APPROVED, (verdict,))
    data = page_json(facts(asset, standings={asset.now: standing}))
    assert data["images"][0]["review"]["state"] == "approved"
    assert data["images"][0]["review"]["verdicts"] == [["ada@example.com", "approve", "2026-11-27T12:00:00Z", "fine"]]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_in_the_data(text: str) -> None:
    plain = gallery_page(facts(an_asset_of_a_page("a")), page_parts())
    asset = an_asset_of_a_page(text)
    page = gallery_page(facts(asset, title=text), page_parts())
    tags = re.compile(r"<(script|/script|style|img|!--|meta)", re.IGNORECASE)
    assert len(tags.findall(page)) == len(tags.findall(plain))
    (shown,) = data_of(page)["assets"]
    assert shown["id"] == text
    assert "\x1b" not in page and "\u202e" not in page


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_data_in_a_script_is_the_same_data_and_has_no_markup(value: Any) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_policy_allows_the_scripts_of_the_page_and_no_other() -> None:
    parts = page_parts()
    page = gallery_page(facts(), parts)
    assert page.startswith(PAGE_MARK)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for text, rule in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}';" in page_policy(PageMode.STATIC, parts)
    assert "connect-src 'none'" in page_policy(PageMode.STATIC, parts)
    assert "connect-src 'self'" in page_policy(PageMode.REVIEW, parts)
    assert "img-src 'self' data:;" in page_policy(PageMode.REVIEW, parts)
    assert " style=" not in page and not re.search(r"\son[a-z]+=", parts.template)


def test_a_page_of_no_assets_is_whole() -> None:
    assert data_of(gallery_page(facts(), page_parts()))["assets"] == []
    assert facts().images == {}
    assert ContentHash("x") not in facts().images
