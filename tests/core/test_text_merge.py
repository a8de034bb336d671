"""The merge of texts is the merge of locks, and the text of a lock for a diff has all of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from reconciler.core.digest import AssetId
from reconciler.core.errors import LockfileError
from reconciler.core.lock.lockfile import Lock, dumps, loads
from reconciler.core.lock.merge import merge
from reconciler.core.lock.text_merge import merge_texts, readable_lock, split_lock
from reconciler.core.value import replace
from tests.core.locks import a_entry, a_lock, a_refusal, few_locks, locks


def by_values(base: Lock, ours: Lock, theirs: Lock) -> str:
    try:
        return dumps(merge(ours, theirs, base=base))
    except LockfileError as error:
        return error.fact


def by_texts(base: Lock, ours: Lock, theirs: Lock) -> str:
    try:
        return merge_texts(dumps(base), dumps(ours), dumps(theirs))
    except LockfileError as error:
        return error.fact


@settings(max_examples=100)
@given(few_locks, few_locks, few_locks)
def test_texts_merge_as_values_do(base: Lock, ours: Lock, theirs: Lock) -> None:
    assert by_texts(base, ours, theirs) == by_values(base, ours, theirs)


@given(locks)
def test_every_lockfile_is_split_without_loss(lock: Lock) -> None:
    split = split_lock(dumps(lock))
    assert split is not None
    assert list(split.entries) == sorted(lock.entries) and list(split.answers) == sorted(lock.answers)
    assert by_texts(lock, lock, lock) == dumps(lock)


@pytest.mark.parametrize("asset", [": {", '": {', ": {\n", ",\n    ", "\n    }", '\n  },\n  "answered": {\n'])
def test_an_asset_whose_name_looks_like_syntax_is_split(asset: str) -> None:
    name = AssetId(asset)
    for lock in (
        Lock({name: a_entry()}),
        Lock(answers={name: a_refusal()}),
        Lock({name: a_entry()}, {name: a_refusal()}),
    ):
        split = split_lock(dumps(lock))
        assert split is not None and {*split.entries, *split.answers} == {name}
        assert by_texts(lock, lock, lock) == dumps(lock)


@pytest.mark.parametrize(
    "change", [("  ", "   "), ("\n}\n", "\n}"), ("lockfile", "lockfille"), ('"assets"', '"a"'), ("{", "[")]
)
def test_any_other_text_is_not_split(change: tuple[str, str]) -> None:
    text = dumps(a_lock(a=a_entry(), b=a_entry("b")))
    assert split_lock(text.replace(*change)) is None


def test_a_text_in_another_form_is_parsed_as_a_whole() -> None:
    base, ours = a_lock(a=a_entry()), a_lock(a=a_entry(), b=a_entry("b"))
    compact = dumps(ours).replace("\n", " ")
    assert merge_texts(dumps(base), compact, dumps(base)) == dumps(ours)


def test_two_sides_that_add_the_file_and_an_asset_that_both_changed() -> None:
    ours, theirs = a_lock(a=a_entry("one")), a_lock(b=a_entry("two"))
    assert loads(merge_texts("", dumps(ours), dumps(theirs))).entries.keys() == {"a", "b"}
    with pytest.raises(LockfileError, match="both sides of the merge changed a"):
        merge_texts("", dumps(ours), dumps(a_lock(a=a_entry("two"))))
    with pytest.raises(LockfileError):
        merge_texts("", "not a lockfile", dumps(ours))


def test_a_large_lockfile_is_merged_in_half_a_second() -> None:
    entry = a_entry("x" * 400)
    base = dumps(Lock({AssetId(f"a{n:05}"): replace(entry, output=f"assets/a{n}.png") for n in range(13_000)}))
    assert len(base) > 10_000_000
    ours, theirs = base.replace('"a00042"', '"a00042a"'), base.replace('"a09000"', '"a09000a"')
    began = time.process_time()
    merged = merge_texts(base, ours, theirs)
    assert time.process_time() - began < 0.5
    assert '"a00042a"' in merged and '"a09000a"' in merged and '"a00042"' not in merged


def test_a_lock_for_a_diff_is_a_paragraph_for_each_asset() -> None:
    long = "A lighthouse " * 12
    lock = Lock(a_lock(b=a_entry("short"), a=a_entry(long.strip())).entries, {AssetId("c"): a_refusal()})
    first, second, third = readable_lock(dumps(lock)).removesuffix("\n").split("\n\n")
    assert first.startswith("a\n  output: assets/sword.png\n  content: sha256:")
    assert all(len(line) <= 86 for line in first.splitlines())
    assert " ".join(first.split()).count("A lighthouse") == 12
    assert second.splitlines()[4:] == ["  prompt: short", "  made: 2026-11-22T16:00:00Z by draft"]
    assert third.splitlines()[:2] == ["c", "  refused: no ghosts"]
