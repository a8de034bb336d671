"""`team:` of reconciler.yaml: what is read, and which addresses are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.errors import InvalidInput
from reconciler.core.team.settings import TeamSettings, Transfer
from reconciler.core.team.store_url import BadStoreUrl, StoreUrl, parse_store_url
from reconciler.providers.registry import REGISTRY
from reconciler.store.documents.project import parse_project


def read_team(text: str) -> TeamSettings | None:
    return parse_project(Path("/nowhere"), text.encode(), REGISTRY).settings.team


def test_a_project_without_a_team_has_none() -> None:
    assert read_team("provider: draft\n") is None


def test_the_defaults_are_the_careful_ones() -> None:
    assert read_team("team: {url: 's3://acme-art/reconciler/'}\n") == TeamSettings(
        "s3://acme-art/reconciler", Transfer.AUTO, Transfer.AUTO, claims=True, receipts=True
    )


def test_every_field_is_read() -> None:
    text = "team: {url: 'file:///mnt/art', push: manual, pull: never, claims: off, receipts: any}\n"
    assert read_team(text) == TeamSettings(
        "file:///mnt/art", Transfer.MANUAL, Transfer.NEVER, claims=False, receipts=False
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("team: {}", "url"),
        ("team: {url: 's3://acme', pushes: auto}", "pushes"),
        ("team: {url: 's3://acme', push: always}", "push"),
        ("team: {url: 'http://acme.example/x'}", "is not encrypted"),
        ("team: {url: 's3://key:secret@acme/x'}", "is not an address of a store"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read_team(text + "\n")
    assert caught.value.problems[0].place.line == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://acme-art", StoreUrl("s3", "acme-art", "")),
        ("s3://acme-art/a/b/", StoreUrl("s3", "acme-art", "a/b")),
        ("gs://acme/x", StoreUrl("gs", "acme", "x")),
        ("az://pictures/x", StoreUrl("az", "pictures", "x")),
        ("file:///mnt/Ünder/art", StoreUrl("file", "", "mnt/Ünder/art")),
        ("https://art.example/x", StoreUrl("https", "art.example", "x")),
        ("https://art.example:8443/", StoreUrl("https", "art.example:8443", "")),
        ("http://127.0.0.1:8080/x", StoreUrl("http", "127.0.0.1:8080", "x")),
    ],
)
def test_an_address_has_one_spelling(text: str, url: StoreUrl) -> None:
    assert parse_store_url(text) == url
    assert parse_store_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "acme", "s3:acme", "s3://", "s3://acme/../x", "s3://acme/.hidden", "s3://acme//x", "s3://acme/x?y",
        "s3://acme/x#y", "s3://acme/%2e", "S3://acme/x", "s3://user:secret@acme/x", "file://mnt/art", "file:///",
        "file:///a/../b", "file:///a//b", "file:///a b", "file:///a,b", "file:////a", "file:///a\n", "https://a:0/",
        "https://a:99999/x", "http://art.example/x", "http://10.0.0.1/x", "ftp://acme/x", "memory:///",
        "https://user@acme.example/x", "https://acme.example\\@other/x", "s3://" + "a" * 500,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    assert isinstance(parse_store_url(text), BadStoreUrl)
