"""Names of objects: each is read back as it was made, and no other name is taken for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import ContentHash, RecipeKey, content_hash, recipe_key
from reconciler.core.team.layout import (
    ClaimName,
    ReceiptName,
    claim_end_name,
    claim_name,
    claim_of,
    claims_of,
    is_name,
    object_name,
    object_of,
    own_names,
    project_of_root,
    receipt_name,
    receipt_of,
    receipts_of,
    root_name,
)

KEYS = st.text(max_size=5).map(lambda text: recipe_key({"prompt": text}))
CONTENTS = st.binary(max_size=5).map(content_hash)


@given(key=KEYS, content=CONTENTS, number=st.integers(1, 99_999))
def test_a_name_says_what_it_was_made_of(key: RecipeKey, content: ContentHash, number: int) -> None:
    assert object_of(object_name(content)) == content
    assert receipt_of(receipt_name(key, content)) == ReceiptName(key, content)
    assert claim_of(claim_name(key, number)) == ClaimName(key, number, ended=False)
    assert claim_of(claim_end_name(key, number)) == ClaimName(key, number, ended=True)
    assert receipt_name(key, content).startswith(receipts_of(key))
    assert claim_name(key, number).startswith(claims_of(key))
    assert is_name(object_name(content))
    assert is_name(claim_end_name(key, number))


def test_the_layout_is_a_promise() -> None:
    key, content = RecipeKey("r1:" + "ab" * 32), ContentHash("sha256:" + "cd" * 32)
    assert object_name(content) == f"objects/cd/{'cd' * 32}"
    assert receipt_name(key, content) == f"receipts/ab/{'ab' * 32}/{'cd' * 32}.json"
    assert claim_name(key, 1) == f"claims/ab/{'ab' * 32}/1.json"
    assert claim_end_name(key, 12) == f"claims/ab/{'ab' * 32}/12.end.json"
    assert root_name("acme-art", "feature/x") == "roots/acme-art/feature/x.json"
    assert project_of_root("roots/acme-art/feature/x.json") == "acme-art"


def test_a_name_in_the_wrong_folder_is_nobodys() -> None:
    digits = "ab" * 32
    assert object_of(f"objects/cd/{digits}") is None
    assert receipt_of(f"receipts/cd/{digits}/{digits}.json") is None
    assert claim_of(f"claims/cd/{digits}/1.json") is None
    for number in ("0", "01", "100000", "-1", "1.5", "٣", ""):
        assert claim_of(f"claims/ab/{digits}/{number}.json") is None
    assert object_of(f"objects/ab/{digits}\n") is None


def test_no_name_leads_out_of_the_store() -> None:
    for name in (
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/.",
        ".a",
        "a/.hidden",
        "a\\b",
        "a\n",
        "a b",
        "é",
        "x" * 513,
    ):
        assert not is_name(name), name
    assert own_names(["b", "a", "../x", "b", "a/.b"]) == ("a", "b")


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_is_not(text: str) -> None:
    if object_of(text) or receipt_of(text) or claim_of(text) or project_of_root(text):
        assert is_name(text)
