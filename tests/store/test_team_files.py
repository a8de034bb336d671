"""The files below `.reconciler/team/`: what a checkout knows of its team's store, and its own claims."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError, LockfileError, ProjectError
from reconciler.core.lock.lockfile import Answer, Made
from reconciler.core.ports import StoredImage
from reconciler.core.team.catalogue import Catalogue, KnownRecipe
from reconciler.core.team.claim import Claim, ClaimEnd
from reconciler.core.team.own_claims import OwnClaim, decode_own_claim, encode_own_claim
from reconciler.core.value import replace
from reconciler.store.team.catalogue_file import (
    CATALOGUE,
    decode_catalogue,
    encode_catalogue,
    last_catalogue,
    read_catalogue,
    write_catalogue,
)
from reconciler.store.team.checkout import checkout_id
from reconciler.store.team.own_claim_files import OwnClaimFiles
from tests.builders import PICTURE, a_recipe, bytes_of

FORMATS = Path(__file__).parents[1] / "formats"
KEY, OTHER = a_recipe().key(), a_recipe("a crown").key()
AT = "2026-11-28T10:00:00Z"
MOST = 1 << 20
URL = "s3://acme-art/reconciler"
CLAIM = Claim(2, "0" * 32, AssetId("hero"), OTHER, "gravitex", "0.134 USD", AT, "ana@acme", "ci-771", "c", "p", AT)
IMAGE = StoredImage(bytes_of("one"), PICTURE, Made("gravitex", AT, "m", "r", "0.134 USD", {}), "a1")
KNOWN = Catalogue(
    URL,
    {
        KEY: KnownRecipe(AT, (IMAGE,)),
        OTHER: KnownRecipe(AT, (), (CLAIM,), Answer(OTHER, "no crowns", AT)),
    },
    {IMAGE.content: AT},
)
OWN = OwnClaim(CLAIM, ClaimEnd(CLAIM.attempt, "Done", AT, IMAGE.content))


def test_version_1_of_the_catalogue_is_read_for_ever() -> None:
    data = (FORMATS / "catalogue-v1.json").read_bytes()
    assert decode_catalogue(data) == KNOWN
    assert encode_catalogue(KNOWN) == data


def test_version_1_of_an_own_claim_is_read_for_ever() -> None:
    data = (FORMATS / "own-claim-v1.json").read_bytes()
    assert decode_own_claim(data) == OWN
    assert encode_own_claim(OWN) == data
    assert decode_own_claim(encode_own_claim(OwnClaim(CLAIM))) == OwnClaim(CLAIM)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a catalogue"),
        (b"[" * 100_000, "not a catalogue"),
        (b"{}", "catalogue: missing"),
        (b'{"catalogue":2}', "version 2 of a catalogue"),
        (b'{"catalogue":1,"url":"","contents":{"x":""},"recipes":{}}', "is not sha256:"),
        (b'{"catalogue":1,"url":"","contents":{},"recipes":{"r1:x":{}}}', "is not r1:"),
        (
            b'{"catalogue":1,"url":"","contents":{},"recipes":{"%s":{"at":"","images":[{}]}}}' % KEY.encode(),
            "not an image",
        ),
    ],
)
def test_what_is_no_catalogue_is_refused_with_the_way_out(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / CATALOGUE
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(LockfileError, match=said) as raised:
        read_catalogue(tmp_path, URL, most=MOST)
    assert "reconciler fetch" in (raised.value.hint or "")
    write_catalogue(tmp_path, KNOWN, most=MOST)
    assert read_catalogue(tmp_path, URL, most=MOST) == KNOWN


def test_the_catalogue_of_another_store_says_nothing_of_this_one(tmp_path: Path) -> None:
    assert last_catalogue(tmp_path, most=MOST) is None
    write_catalogue(tmp_path, KNOWN, most=MOST)
    assert read_catalogue(tmp_path, "s3://other", most=MOST) == Catalogue("s3://other")
    assert last_catalogue(tmp_path, most=MOST) == KNOWN


def test_a_catalogue_is_never_larger_than_is_read_again(tmp_path: Path) -> None:
    """With less room it names the newest image of each recipe. What is too large still is refused."""
    images = tuple(replace(IMAGE, content=bytes_of(str(number))) for number in range(50))
    many = replace(KNOWN, recipes={**KNOWN.recipes, KEY: KnownRecipe(AT, images)})
    room = len(encode_catalogue(KNOWN)) + 100
    write_catalogue(tmp_path, many, most=room)
    found = read_catalogue(tmp_path, URL, most=room)
    assert found.recipes[KEY].images == images[-1:] and found.recipes[OTHER] == KNOWN.recipes[OTHER]
    write_catalogue(tmp_path, many, most=MOST)
    assert read_catalogue(tmp_path, URL, most=MOST) == many
    with pytest.raises(DiskError, match="more than") as raised:
        write_catalogue(tmp_path, many, most=100)
    assert "reconciler fetch ID" in (raised.value.hint or "")
    assert read_catalogue(tmp_path, URL, most=MOST) == many


def test_a_link_in_place_of_the_folder_is_followed_nowhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".reconciler").mkdir()
    (tmp_path / ".reconciler" / "team").symlink_to(tmp_path / "elsewhere")
    for call in (
        lambda: read_catalogue(tmp_path, URL, most=MOST),
        lambda: write_catalogue(tmp_path, KNOWN, most=MOST),
        lambda: OwnClaimFiles(tmp_path),
        lambda: checkout_id(tmp_path, lambda: "x"),
    ):
        with pytest.raises((DiskError, ProjectError), match="link"):
            call()
    assert not [*(tmp_path / "elsewhere").iterdir()]


def test_own_claims_are_kept_until_they_are_dropped(tmp_path: Path) -> None:
    files = OwnClaimFiles(tmp_path)
    assert files.read() == ()
    files.write(OwnClaim(CLAIM))
    files.write(OWN)
    assert OwnClaimFiles(tmp_path).read() == (OWN,)
    files.drop(CLAIM.attempt)
    files.drop(CLAIM.attempt)
    assert files.read() == ()


def test_a_damaged_own_claim_is_named_and_not_taken_for_none(tmp_path: Path) -> None:
    files = OwnClaimFiles(tmp_path)
    files.write(OWN)
    (tmp_path / ".reconciler" / "team" / "claims" / f"{'1' * 32}.json").write_bytes(b"{")
    with pytest.raises(LockfileError, match=r"1111\.json: not a claim"):
        files.read()


def test_a_copy_of_a_checkout_is_another_checkout(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    assert checkout_id(first, lambda: "a") == checkout_id(first, lambda: "b") == "a"
    shutil.copytree(first, tmp_path / "copy")
    assert checkout_id(tmp_path / "copy", lambda: "b") == "b"
    first.rename(tmp_path / "moved")
    assert checkout_id(tmp_path / "moved", lambda: "c") == "a"
