"""Which paths a spec may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.specs.paths import BadPath, project_path, same_file_key, suffix_format


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.png", "a.png"),
        ("./a//b/./c.png", "a/b/c.png"),
        ("public/é.png", "public/é.png"),
        ("a/.hidden.png", "a/.hidden.png"),
        ("content.png", "content.png"),
        ("console/com10.png", "console/com10.png"),
        ("..a/b...c.png", "..a/b...c.png"),
        ("gitx/.gitignore.png", "gitx/.gitignore.png"),
    ],
)
def test_in_normal_form(text: str, path: str) -> None:
    assert project_path(text) == path


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "names no file"),
        ("./", "names no file"),
        ("/etc/a.png", "not below the project root"),
        ("~/a.png", "not below the project root"),
        ("C:/a.png", "not below the project root"),
        ("../a.png", "may leave the project"),
        ("a/../../b.png", "may leave the project"),
        ("a/../b.png", "may leave the project"),
        ("a\\b.png", "a backslash"),
        ("https://x.org/a.png", "a URL"),
        (".git/a.png", "belongs to a tool"),
        (".GIT/a.png", "belongs to a tool"),
        ("./.reconciler/a.png", "belongs to a tool"),
        ("a/con.png", "Windows reserves (con.png)"),
        ("NUL", "Windows reserves"),
        ("lpt1.tar.png", "Windows reserves"),
        ("com¹.png", "Windows reserves"),
        ("aux/a.png", "Windows reserves"),
        ("a?.png", "some file systems cannot hold"),
        ("a\x00.png", "some file systems cannot hold"),
        ("a\n.png", "some file systems cannot hold"),
        ("a./b.png", "some file systems cannot hold"),
        ("a /b.png", "some file systems cannot hold"),
        (" a.png", "some file systems cannot hold"),
        ("é" * 101 + ".png", "over 200 bytes"),
        ("a/" * 600 + "b.png", "over 1,000 bytes"),
    ],
)
def test_refused(text: str, fact: str) -> None:
    found = project_path(text)
    assert isinstance(found, BadPath)
    assert fact in found.fact


@given(st.text(st.sampled_from("ab./\\:~ é?\x00"), max_size=12))
def test_what_is_accepted_stays_below_the_root_and_is_its_own_normal_form(text: str) -> None:
    path = project_path(text)
    if isinstance(path, str):
        assert project_path(path) == path
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("a.png", "png"),
        ("a.JPG", "jpeg"),
        ("a.jpeg", "jpeg"),
        ("a.tar.webp", "webp"),
        ("a.avif", "avif"),
        ("a", None),
        ("a.gif", None),
        ("x.png/a", None),
        ("a/.png", None),
    ],
)
def test_the_format_of_a_suffix(path: str, format_: str | None) -> None:
    assert suffix_format(path) == format_


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A.png", "a.PNG", True),
        ("caf\u00e9.png", "cafe\u0301.png", True),
        ("CAFE\u0301.png", "caf\u00e9.png", True),
        ("straße.png", "STRASSE.png", True),
        ("a.png", "b.png", False),
        ("a/b.png", "a-b.png", False),
    ],
)
def test_whether_a_file_system_may_take_two_for_one(one: str, other: str, same: bool) -> None:
    assert (same_file_key(one) == same_file_key(other)) is same


PARTS = ("a", "B-1", "con", "CON", "com1", "lpt10", "x_y", "é", "~", ".", "..", ".git", "...", "/", "/", " ", ":")


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join).filter(lambda text: not text.startswith("/")))
def test_a_dot_before_it_changes_nothing(text: str) -> None:
    """Most paths are settled at one look; one that starts with ./ never is."""
    quick, careful = project_path(text), project_path(f"./{text}")

    assert quick == careful or (isinstance(quick, BadPath) and isinstance(careful, BadPath))
