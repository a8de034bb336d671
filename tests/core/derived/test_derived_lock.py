"""derived.lock: the same lock gives the same bytes, whatever is read is checked, and git can merge it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock, derived_path, dump_derived, load_derived
from reconciler.core.derived.key import DerivedKey
from reconciler.core.digest import ContentHash
from reconciler.core.errors import LockfileError
from tests.builders import bytes_of

Sets = Mapping[str, Mapping[str, DerivedLine]]


def a_line(name: str, *, key: str = "a", made: str = "1 pillow 13.0.0", width: int = 0) -> DerivedLine:
    digest = bytes_of(key).partition(":")[2]
    return DerivedLine(DerivedKey(f"d1:{digest}"), bytes_of(name), 10, made, width, width)


def absent(_: str) -> ContentHash | None:
    return None


def loaded(text: str, content_of: Callable[[str], ContentHash | None] = absent) -> DerivedLock:
    return load_derived(text, file="derived.lock", content_of=content_of)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
paths = st.from_regex(r"[a-z]{1,8}(/[a-z@0-9-]{1,8}){0,2}\.(png|webp|json|html)", fullmatch=True).filter(
    lambda path: isinstance(derived_path(path), str)  # Windows reserves aux.png
)
lines = st.builds(a_line, names, made=st.sampled_from(["1", "by hand", "2 pillow 14"]), width=st.integers(0, 99999))
sets = st.dictionaries(names, st.dictionaries(paths, lines, min_size=1, max_size=4), max_size=4)


@given(sets)
def test_what_is_written_is_read(found: Sets) -> None:
    text = dump_derived(found)
    assert loaded(text) == DerivedLock(found)
    assert dump_derived(loaded(text).sets) == text
    assert text.isascii() or text.encode()
    json.loads(text)


def test_the_text_is_one_line_a_file_sorted() -> None:
    text = dump_derived(
        {"b~web": {"z.png": a_line("z", made="1 p", width=5), "a.json": a_line("a", made="1")}, "a": {}}
    )
    key, content = a_line("z").key, a_line("z").content
    assert text.splitlines() == [
        "{",
        '  "derived": 1,',
        '  "sets": {',
        '    "b~web": {',
        f'      "a.json": {{"bytes": 10, "content": "{a_line("a").content}", "key": "{key}", "made": "1"}},',
        f'      "z.png": {{"bytes": 10, "content": "{content}", "key": "{key}", "made": "1 p", "size": "5x5"}}',
        "    }",
        "  }",
        "}",
    ]


def test_the_fixture_of_version_1_is_read() -> None:
    text = (Path(__file__).parents[2] / "formats/derived-v1.lock").read_text()
    lock = loaded(text)
    assert dump_derived(lock.sets) == text
    assert sorted(lock.sets) == ["hero~web", "items"]
    line = lock.sets["hero~web"]["public/img/hero-640.avif"]
    assert (line.width, line.height, line.size, line.made) == (640, 360, 21804, "1 pillow 13.0.0 avif 1.4.2")


GOOD = json.dumps({"bytes": 1, "content": f"sha256:{'a' * 64}", "key": f"d1:{'b' * 64}", "made": "1"})


def one(path: str, line: str = GOOD) -> str:
    """A lock with one line."""
    return f'{{"derived": 1, "sets": {{"a": {{"{path}": {line}}}}}}}'


BAD = {
    "no JSON": ("{", "derived.lock:1:2: not JSON"),
    "a list": ("[]", "not a mapping"),
    "no version": ('{"sets": {}}', "derived: missing"),
    "a newer version": ('{"derived": 2, "sets": {}}', "has version 2"),
    "an older version": ('{"derived": 0, "sets": {}}', "derived: is 0"),
    "an unknown block": ('{"derived": 1, "sets": {}, "more": {}}', "more: unknown key"),
    "a set that is none": ('{"derived": 1, "sets": {"a": []}}', "a: not a mapping"),
    "a path that leaves the project": (one("../x.png"), "may leave"),
    "a path of a tool": (one(".git/x.png"), "belongs to a tool"),
    "a source file": (one("src/x.py"), "not named as a derived file"),
    "a hidden file": (one(".json"), "not named as a derived file"),
    "a line that is none": ('{"derived": 1, "sets": {"a": {"x.png": 1}}}', "a.x.png: not a mapping"),
    "another key": (
        one("x.png", GOOD.replace("d1:", "d2:")),
        "is not d1: and 64 hex digits",
    ),
    "no hash": (
        one("x.png", GOOD.replace("sha256:", "md5:")),
        "is not sha256:",
    ),
    "an unknown field": (
        one("x.png", GOOD.replace('"made"', '"mode"')),
        "mode: unknown key",
    ),
    "a size that is none": (
        one("x.png", GOOD.replace("}", ', "size": "big"}')),
        "is not a size in pixels",
    ),
    "bytes below nothing": (
        one("x.png", GOOD.replace('"bytes": 1', '"bytes": -1')),
        "is not a size",
    ),
    "a made that is long": (
        one("x.png", GOOD.replace('"made": "1"', f'"made": "{"1" * 201}"')),
        "more than 200 characters",
    ),
    "deep nesting": ("[" * 100_000, "derived.lock"),
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD.keys())
def test_a_lock_that_is_none_is_refused_with_a_hint(given: tuple[str, str]) -> None:
    text, fact = given
    with pytest.raises(LockfileError) as caught:
        loaded(text)
    assert fact in caught.value.fact
    assert caught.value.fact.startswith("derived.lock")
    assert caught.value.hint


def test_a_newer_key_says_that_the_program_is_old() -> None:
    text = one("x.png", GOOD.replace("d1:", "d2:"))
    with pytest.raises(LockfileError, match="d1:") as caught:
        loaded(text)
    assert "upgrade" in caught.value.hint


def content_there(name: str, _: str) -> ContentHash:
    return bytes_of(name)


def conflict(ours: str, theirs: str) -> str:
    return f"<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n"


def test_of_both_sides_of_a_merge_the_line_counts_whose_file_is_there() -> None:
    ours = dump_derived({"a": {"x.png": a_line("ours"), "only.png": a_line("o")}})
    theirs = dump_derived({"a": {"x.png": a_line("theirs", key="b")}, "b": {"y.png": a_line("y")}})
    for there, line in (("ours", a_line("ours")), ("theirs", a_line("theirs", key="b")), ("else", a_line("ours"))):
        lock = loaded(conflict(ours, theirs), partial(content_there, there))
        assert lock.merged
        assert lock.sets["a"] == {"only.png": a_line("o"), "x.png": line}
        assert lock.sets["b"] == {"y.png": a_line("y")}


def test_a_set_that_git_kept_twice_is_read_as_both_sides() -> None:
    twice = f'"a": {{"x.png": {GOOD}}}, "a": {{"y.png": {GOOD}}}'
    lock = loaded(f'{{"derived": 1, "sets": {{{twice}}}}}')
    assert lock.merged
    assert sorted(lock.sets["a"]) == ["x.png", "y.png"]


def merged(base: Sets, ours: Sets, theirs: Sets, folder: Path) -> tuple[int, str]:
    for name, found in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(dump_derived(found))
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_git_merges_two_branches_that_derive_other_files(tmp_path: Path) -> None:
    """One branch makes the files of one set anew, another adds a file to the set beside it, and a set after it."""
    base = {name: {f"{name}-{width}.png": a_line(f"{name}{width}") for width in (1, 2)} for name in "abc"}
    ours = base | {"a": {path: a_line("anew", key="b") for path in base["a"]}}
    theirs = base | {"b": base["b"] | {"b-3.png": a_line("b3")}}
    code, text = merged(base, ours, theirs, tmp_path)
    assert code == 0
    assert loaded(text) == DerivedLock(ours | {"b": theirs["b"]})
