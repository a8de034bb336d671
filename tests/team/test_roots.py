"""Roots and lists of garbage: their formats, and names that no two projects or branches share by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import ContentHash
from reconciler.core.errors import BucketError
from reconciler.core.team.keys_file import read_keys
from reconciler.core.team.layout import is_name, project_of_root, root_name
from reconciler.core.team.roots import (
    BranchRoot,
    Doomed,
    branch_slug,
    decode_doomed,
    decode_root,
    encode_doomed,
    encode_root,
    needed_by_these_alone,
    project_slug,
    remote_identity,
)

FORMATS = Path(__file__).parents[1] / "formats"
CONTENTS = (ContentHash("sha256:" + "ab" * 32), ContentHash("sha256:" + "cd" * 32))
AT = "2026-11-28T07:00:00Z"


def test_version_1_is_read_and_written_for_ever() -> None:
    root, garbage = (FORMATS / f"team-{kind}-v1.json" for kind in ("root", "garbage"))
    assert decode_root(root.read_bytes(), "x") == BranchRoot(AT, frozenset(CONTENTS))
    assert encode_root(reversed(CONTENTS), at=AT) == root.read_bytes()
    assert decode_doomed(garbage.read_bytes(), "x") == Doomed(AT, CONTENTS)
    assert encode_doomed(Doomed(AT, CONTENTS)) == garbage.read_bytes()


def test_the_keys_of_version_1_are_read_for_ever() -> None:
    keys, problems = read_keys((FORMATS / "reconciler-v1.keys").read_bytes())
    assert not problems
    assert sorted(keys.names.values()) == [("ana@acme",), ("bob@acme", "ci@acme")]


@given(st.binary(max_size=200))
def test_other_bytes_are_an_error(data: bytes) -> None:
    for read in (decode_root, decode_doomed):
        with pytest.raises(BucketError):
            read(data, "roots/p/main.json")


@given(name=st.text(max_size=60), identity=st.text(max_size=60), branch=st.text(min_size=1, max_size=120))
def test_any_branch_of_any_project_has_a_root(name: str, identity: str, branch: str) -> None:
    root = root_name(project_slug(name, identity), branch_slug(branch))
    assert is_name(root)
    assert project_of_root(root) == project_slug(name, identity)


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_two_branches_have_two_roots(one: str, other: str) -> None:
    assert (branch_slug(one) == branch_slug(other)) == (one == other)


@pytest.mark.parametrize("branch", ["main", "feature/x", "release-1.2", "a_b/c"])
def test_a_plain_branch_is_its_own_name(branch: str) -> None:
    assert branch_slug(branch) == branch


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:acme/art.git", "https://github.com/acme/art", "https://ana:token@github.com/acme/art.git/",
        "ssh://git@GitHub.com/acme/art.git", "ssh://git@github.com:22/acme/art",
    ],
)  # fmt: skip
def test_every_address_of_a_repository_is_one_project(address: str) -> None:
    assert remote_identity(address) == "github.com/acme/art"
    assert "token" not in project_slug(remote_identity(address), remote_identity(address))


@given(st.dictionaries(st.sampled_from("abcd"), st.frozensets(st.sampled_from(CONTENTS)), min_size=1), st.data())
def test_only_what_no_other_root_needs_is_needed_by_some_alone(
    contents: dict[str, frozenset[ContentHash]], data: st.DataObject
) -> None:
    roots = {name: BranchRoot(AT, each) for name, each in contents.items()}
    chosen = data.draw(st.sets(st.sampled_from(sorted(roots))))
    others = frozenset[ContentHash]().union(*(each for name, each in contents.items() if name not in chosen))
    mine = frozenset[ContentHash]().union(*(contents[name] for name in chosen))
    assert needed_by_these_alone(roots, chosen) == mine - others
