"""The lockfile's text: a fixture that must load for ever, round trips, and every way in which it can be broken."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.digest import AssetId, Json, content_hash, recipe_key
from reconciler.core.errors import LockfileError
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import (
    Answer,
    AnswerKind,
    Lock,
    Made,
    dump_answer,
    dump_entry,
    dumps,
    join,
    loads,
    verify_recipe_keys,
)
from reconciler.core.value import replace
from tests.core.locks import a_entry, a_lock, json_values, locks

ROOT = Path(__file__).parents[2]
FIXTURE = (ROOT / "tests/formats/lockfile-v1.lock").read_bytes().decode()
SCHEMA = Draft202012Validator(json.loads((ROOT / "schemas/lockfile.schema.json").read_text()))

HERO, SWORD, CAFE, GHOST = (AssetId(name) for name in ("hero", "icons#sword", "mañana/café", "ghost"))


def test_version_1_loads_for_ever() -> None:
    lock = loads(FIXTURE)
    assert list(lock.entries) == [HERO, SWORD, CAFE]
    hero, sword, cafe = lock.entries.values()
    assert hero.output == "public/hero.png"
    assert hero.content == "sha256:ae6c79d10f1fd410650790e63186ec108fa106325b52fbd88de21a43540e6f2c"
    assert hero.image == ImageFacts("png", 2752, 1536, 1532412)
    assert hero.key == "r1:6df4592beda3b8192ac1f52ef94b6c1fdb83f3f9766bbb9d3ec13cc1b952a692"
    assert hero.recipe == {
        "image_size": "2K",
        "model": "gemini-3-pro-image-preview",
        "prompt": "A lighthouse at dusk on a basalt cliff, calm sea.",
        "references": ["sha256:23c075a035f3889718034dcf3b77008cf38c1714b8940712a77962a01d4ed508"],
        "size": "16:9",
    }
    assert hero.made == Made(
        provider="gravitex",
        at="2026-11-22T16:00:00Z",
        model="gemini-3-pro-image",
        request="20261122-7f",
        cost="0.134 USD",
        usage={"total_tokens": 1300, "input_tokens_details": {"text_tokens": 12, "image_tokens": 0}},
    )
    assert sword.made == Made("draft", "2026-11-20T08:30:00Z")
    assert sword.recipe == {
        "format": "webp",
        "params": {"seed": 7, "guidance": 1.5},
        "prompt": "a sword",
        "take": 2,
    }
    assert cafe.output == "assets/mañana/café.jpg"
    assert cafe.recipe["turns"] == [{"role": "user", "parts": [{"text": "warmer"}, {"image": content_hash(b"coast")}]}]
    refusal_key = "r1:3bb24a009659aa3666dec63d594cd09e25910deffdebebc1c407e6b6685b7f43"
    assert lock.answers == {
        GHOST: Answer(refusal_key, "I can't draw that:\n“no ghosts”", "2026-11-22T16:05:00Z")  # type: ignore[arg-type]  # a literal
    }
    verify_recipe_keys(lock)
    assert dumps(lock) == FIXTURE
    SCHEMA.validate(json.loads(FIXTURE))


def test_version_2_loads_for_ever() -> None:
    text = (ROOT / "tests/formats/lockfile-v2.lock").read_bytes().decode()
    lock, before = loads(text), loads(FIXTURE)
    crow, ghost, skull = lock.answers.values()
    assert ghost == before.answers[GHOST]
    assert (crow.kind, crow.message, crow.content, crow.cost) == (AnswerKind.FAILED, "502 empty_response", None, "")
    assert skull == Answer(
        recipe_key({"prompt": "a skull", "size": "16:9"}),
        "the picture is 1024x1024, which is not 16:9",
        "2026-11-22T16:07:00Z",
        AnswerKind.MISMATCHED,
        content_hash(b"a square skull"),
        "0.134 USD",
        "0f1e2d3c",
        {"4b5a6978": "0.134 USD"},
    )
    assert lock.entries[HERO] == replace(before.entries[HERO], original=content_hash(b"the JPEG that came"))
    edited = next(entry.made for entry in lock.entries.values() if entry.made.by_hand)
    assert edited.edited == content_hash(b"before a person edited it")
    assert dumps(lock) == text
    SCHEMA.validate(json.loads(text))


def test_version_4_loads_for_ever() -> None:
    text = (ROOT / "tests/formats/lockfile-v4.lock").read_bytes().decode()
    lock, before = loads(text), loads((ROOT / "tests/formats/lockfile-v2.lock").read_bytes().decode())
    assert lock.entries[HERO] == replace(before.entries[HERO], made=replace(before.entries[HERO].made, via="batch"))
    assert replace(lock, entries={**lock.entries, HERO: before.entries[HERO]}) == before
    assert dumps(lock) == text
    SCHEMA.validate(json.loads(text))


def test_the_number_of_a_header_is_that_of_no_lockfile() -> None:
    text = (ROOT / "tests/formats/lockfile-v4.lock").read_bytes().decode()
    with pytest.raises(LockfileError, match="not a lockfile"):
        loads(text.replace('"lockfile": 4', '"lockfile": 3'))


@given(locks)
def test_a_lock_is_written_in_the_oldest_version_that_can_hold_it(lock: Lock) -> None:
    """A lockfile of version 1 without need of a later one stays as it is, to the byte."""
    root = json.loads(dumps(lock))
    if any(entry.made.via for entry in lock.entries.values()):
        assert root["lockfile"] == 4
        return
    plain = {asset: Answer(one.key, one.message, one.at) for asset, one in lock.answers.items()}
    entries = {asset: replace(entry, original=None) for asset, entry in lock.entries.items()}
    assert root["lockfile"] == (1 if lock == Lock(entries, plain) else 2)
    assert ("answered" in root, "refused" in root) == (
        bool(plain) and root["lockfile"] == 2,
        bool(plain) and root["lockfile"] == 1,
    )


def test_an_answer_of_an_unknown_kind_is_an_error() -> None:
    answer = Answer(recipe_key({"prompt": "x"}), "", "", AnswerKind.FAILED)
    text = dumps(Lock({}, {GHOST: answer})).replace('"failed"', '"forgiven"')
    with pytest.raises(
        LockfileError, match=r"answered\.ghost: outcome: 'forgiven' is none of refused, mismatched, failed"
    ):
        loads(text)


def test_an_empty_lock() -> None:
    assert dumps(Lock()) == '{\n  "lockfile": 1,\n  "assets": {}\n}\n'
    assert loads(dumps(Lock())) == Lock()


@settings(max_examples=40)
@given(locks)
def test_what_is_written_is_read_and_is_what_the_schema_says(lock: Lock) -> None:
    text = dumps(lock)
    assert loads(text) == lock
    verify_recipe_keys(loads(text))
    assert not list(SCHEMA.iter_errors(json.loads(text)))
    assert text.encode().decode() == text and text.endswith("}\n") and "\r" not in text


@settings(max_examples=25)
@given(locks, st.randoms(use_true_random=False))
def test_equal_locks_are_equal_bytes_however_they_came_about(lock: Lock, rng: random.Random) -> None:
    entries, refusals = list(lock.entries.items()), list(lock.answers.items())
    shuffled = Lock(dict(rng.sample(entries, len(entries))), dict(rng.sample(refusals, len(refusals))))
    assert dumps(shuffled) == dumps(lock)
    assert join(
        [dump_entry(asset, lock.entries[asset]) for asset in sorted(lock.entries)],
        [dump_answer(asset, lock.answers[asset], version=lock.version) for asset in sorted(lock.answers)],
        version=lock.version,
    ) == dumps(lock)


def test_each_asset_has_lines_of_its_own() -> None:
    before, after = (dumps(a_lock(a=a_entry("a"), b=a_entry(prompt), c=a_entry("c"))) for prompt in ("b", "b, larger"))
    changed = [old for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert [line.split('"')[1] for line in changed] == ["content", "image", "recipe"]


def test_what_a_provider_says_never_spoils_the_file() -> None:
    odd = a_entry(made=Made("gravitex", "2026-11-22T16:00:00Z", usage={"n": [float("nan"), float("inf"), "\ud83d"]}))
    text = dumps(Lock({HERO: odd}, {GHOST: Answer(odd.key, "half a pair: \udc00", "")})).encode().decode()
    lock = loads(text)
    assert lock.entries[HERO].made.usage == {"n": [None, None, "\ud83d"]}
    assert lock.answers[GHOST].message == "half a pair: \udc00"


BROKEN_MEANING = [
    ('"lockfile": 1,', '"lockfile": true,', "assets.lock: not a lockfile"),
    ('"lockfile": 1,', '"lockfile": 0,', "assets.lock: not a lockfile"),
    (
        '"lockfile": 1,',
        '"lockfile": 5,',
        "assets.lock: lockfile version 5 is newer than 4\n  hint: it was written by a n",
    ),
    ('"lockfile": 1,', '"lockfile": 1, "serial": 7,', "assets.lock: serial: unknown key"),
    ('"assets": {', '"asset": {', "assets.lock: asset: unknown key"),
    ('"output": "public', '"out": "public', "assets.lock:4: assets.hero: out: unknown key"),
    ('"output": "public/hero.png",', "", "assets.lock:4: assets.hero: output: missing"),
    ('"public/hero.png"', '"../hero.png"', 'assets.lock:4: assets.hero: output: "../hero.png" may leave'),
    ('"public/hero.png"', '"public/../../hero.png"', "may leave the project"),
    ('"public/hero.png"', '"/etc/passwd"', "is not below the project root"),
    ('"public/hero.png"', '"a\\u0000.png"', "has a name that some file systems cannot hold"),
    ('"public/hero.png"', '""', "output: names no file"),
    ('"sha256:a44c', '"sha256:../44c', "assets.lock:11: assets.icons#sword: content: 'sha256:../44c"),
    (
        '"format": "webp", "height"',
        '"format": "gif", "height"',
        "assets.lock:11: assets.icons#sword: image.format: 'gif'",
    ),
    ('"bytes": 4096', '"bytes": true', "image.bytes: not a whole number"),
    ('"bytes": 4096', '"bytes": 0', "image: a size is less than 1"),
    ('"bytes": 4096', '"bytes": 4096.5', "image.bytes: not a whole number"),
    ('"key": "r1:6df4', '"key": "r1:zzzz', "assets.hero: recipe.key: 'r1:zzzz"),
    ('"key": "r1:6df4', '"kye": "r1:6df4', "assets.hero: recipe.key: missing"),
    (' "provider": "draft"', ' "provider": null', "assets.icons#sword: made.provider: not a string"),
    ('"usage": {', '"used": {', "assets.hero: made.used: unknown key"),
    ('"words": "', '"word": "', "assets.lock:27: refused.ghost: word: unknown key"),
    ('"refused": {', '"refused": {"x": [], ', "refused.x: not a mapping"),
]
BROKEN_TEXT = [
    ('"lockfile": 1,', '"lockfile": 1', "assets.lock:3:3: not JSON: expecting ',' delimiter"),
    ('"bytes": 4096', '"bytes": NaN', "assets.lock: not JSON that a lockfile can hold: NaN"),
    ('"bytes": 4096', f'"bytes": {"9" * 5000}', "assets.lock: not JSON that a lockfile can hold"),
    ('"public/hero.png"', '"\\ud800.png"', 'assets.lock:4: assets.hero: output: "\\ud800.png" is not valid Unicode'),
    ('"seed": 7', '"seed": 7, "seed": 8', 'assets.lock:15: "seed" appears 2 times'),
    ('"lockfile": 1,', '"lockfile": 1, "assets": {},', 'assets.lock:3: "assets" appears 2 times'),
    ('"content": "sha256:a44c', '"output": "x.png", "content": "sha256:a44c', '"output" appears 2 times'),
    ('"seed": 7', '"seed": ' + "[" * 200_000, "assets.lock"),
    ('"seed": 7', '"seed": ' + "[" * 90 + "]" * 90, "assets.lock:11: assets.icons#sword: recipe: nested too deeply"),
    ('"key": "r1:6df4', '"key": "r2:6df4', "is not r1: and 64 hex digits\n  hint: it was written by a newer version"),
]


@pytest.mark.parametrize(("old", "new", "says"), BROKEN_MEANING + BROKEN_TEXT)
def test_a_broken_lockfile_says_where_and_what_to_do(old: str, new: str, says: str) -> None:
    broken = FIXTURE.replace(old, new, 1)
    assert broken != FIXTURE
    with pytest.raises(LockfileError) as raised:
        loads(broken)
    assert says in str(raised.value)
    assert raised.value.hint
    if (old, new, says) in BROKEN_MEANING:
        assert list(SCHEMA.iter_errors(json.loads(broken))), "the schema lets it pass"


@pytest.mark.parametrize("field", ["recipe", "made.usage"])
@pytest.mark.parametrize(("levels", "read"), [(64, True), (65, False)])
def test_a_recipe_and_its_usage_are_read_up_to_64_levels_deep(field: str, levels: int, read: bool) -> None:
    deep: Json = 7
    for _ in range(levels):
        deep = [deep]
    made = Made("gravitex", "2026-11-22T16:00:00Z", usage={"params": deep})
    lock = a_lock(hero=a_entry(recipe={"params": deep}) if field == "recipe" else a_entry(made=made))
    if read:
        assert loads(dumps(lock)) == lock
    else:
        with pytest.raises(LockfileError, match=rf"{re.escape(field)}: nested too deeply"):
            loads(dumps(lock))


def test_one_asset_three_times_is_no_merge_of_two_branches() -> None:
    with pytest.raises(LockfileError, match=r'assets\.lock:18: "hero" appears 3 times'):
        loads(
            join([dump_entry(HERO, a_entry(prompt)) for prompt in "abc"], [], version=1),
            content_of=lambda _: content_hash(b"a"),
        )


@given(st.text())
def test_any_text_is_a_lock_or_an_error(text: str) -> None:
    with pytest.raises(LockfileError):
        loads(text)


@given(
    st.integers(0, len(FIXTURE)), st.integers(0, 40), st.sampled_from(["", "{", "}", '"', "7", "null", "\n=======\n"])
)
def test_any_damage_is_read_or_refused(start: int, length: int, instead: str) -> None:
    damaged = FIXTURE[:start] + instead + FIXTURE[start + length :]
    try:
        lock = loads(damaged)
    except LockfileError as error:
        refused = error
        assert str(refused).startswith("assets.lock") and refused.hint
    else:
        assert loads(dumps(lock)) == lock


@settings(max_examples=50)
@given(json_values)
def test_any_json_is_refused_wherever_it_stands(value: object) -> None:
    for whole in (value, {"lockfile": 1, "assets": value}, {"lockfile": 1, "assets": {"hero": value}}):
        if whole == {"lockfile": 1, "assets": {}}:
            continue
        with pytest.raises(LockfileError):
            loads(json.dumps(whole))


def test_a_recipe_edited_by_hand_is_named() -> None:
    fine, edited = a_entry("a"), replace(a_entry("b"), recipe={"prompt": "b, larger"})
    beyond = replace(a_entry("c"), recipe={"params": {"x": float("inf")}})
    with pytest.raises(LockfileError, match=r"assets\.lock: .* beside it: b, c\n  hint: "):
        verify_recipe_keys(a_lock(a=fine, b=edited, c=beyond))
    with pytest.raises(LockfileError, match="a0, a1, a2, a3, a4 and 2 more"):
        verify_recipe_keys(a_lock(**{f"a{number}": edited for number in range(7)}))
