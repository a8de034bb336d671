"""Two branches that both made pictures: with real git, and rule by rule."""

from __future__ import annotations

import itertools
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, ContentHash, content_hash
from reconciler.core.errors import LockfileError
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Lock, LockEntry, dumps, loads, merge
from reconciler.core.value import replace
from tests.core.locks import a_entry, a_lock, a_refusal, few_locks

HERO = AssetId("hero")
STYLES = ("--no-diff3", "--diff3", "--zdiff3")


def git_merge(folder: Path, ours: str, base: str, theirs: str, *, style: str = "--no-diff3") -> tuple[str, int]:
    """What git makes of three texts, and in how many places it gave up."""
    for name, text in {"ours": ours, "base": base, "theirs": theirs}.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = ["git", "merge-file", "-p", style, "ours", "base", "theirs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode < 128, done.stderr
    return done.stdout.decode(), done.returncode


def test_branches_that_touch_different_assets_merge_without_a_conflict(tmp_path: Path) -> None:
    base = a_lock(**{name: a_entry(name) for name in ("axe", "bow", "helm", "ring", "sword")})
    changed, removed = dict(base.entries), dict(base.entries)
    changed[AssetId("axe")] = a_entry("axe, larger")
    changed[AssetId("cape")] = a_entry("cape")
    removed[AssetId("ring")] = a_entry("ring", data="again", at="2026-12-01T00:00:00Z")
    removed[AssetId("staff")] = a_entry("staff")
    text, conflicts = git_merge(tmp_path, dumps(Lock(changed)), dumps(base), dumps(Lock(removed)))
    assert conflicts == 0
    expected = Lock({**changed, AssetId("ring"): removed[AssetId("ring")], AssetId("staff"): removed[AssetId("staff")]})
    assert text == dumps(expected)


@pytest.mark.parametrize("style", STYLES)
def test_both_add_an_asset_at_the_same_place(tmp_path: Path, style: str) -> None:
    base = a_lock(axe=a_entry("axe"))
    ours, theirs = (Lock({**base.entries, AssetId(name): a_entry(name)}) for name in ("bow", "cape"))
    text, conflicts = git_merge(tmp_path, dumps(ours), dumps(base), dumps(theirs), style=style)
    assert conflicts == 1
    assert loads(text) == loads(text.replace("\n", "\r\n")) == Lock({**ours.entries, **theirs.entries})


def test_both_add_one_asset_and_git_sees_no_conflict(tmp_path: Path) -> None:
    """Git keeps both, one below the other: a reader that takes the last of two would lose one without a word."""
    old, left, right = (a_entry(name, image=ImageFacts("png", 1, 1, len(name))) for name in ("old", "right", "longer"))
    base = a_lock(k1=old, k3=replace(old, output="3.png"), k5=replace(old, output="5.png"))
    ours = Lock({**base.entries, AssetId("k2"): left, AssetId("k4"): left})
    theirs = Lock({**base.entries, AssetId("k1"): right, AssetId("k3"): right, AssetId("k4"): right})
    text, conflicts = git_merge(tmp_path, dumps(ours), dumps(base), dumps(theirs))
    assert conflicts == 0 and text.count('"k4"') == 2

    def read_with(content: ContentHash) -> Lock:
        return loads(text, content_of=lambda _: content)

    for side, other in ((ours, theirs), (theirs, ours)):
        read = read_with(side.entries[AssetId("k4")].content)
        assert read == Lock({**ours.entries, **theirs.entries, AssetId("k4"): side.entries[AssetId("k4")]}), other
    with pytest.raises(LockfileError, match="both sides of the merge changed k4"):
        loads(text)


def test_a_lockfile_says_whether_it_was_merged(tmp_path: Path) -> None:
    base, ours, theirs = (a_lock(axe=a_entry("axe"), **{name: a_entry(name)}) for name in ("hero", "tall", "small"))
    assert not loads(dumps(base)).merged
    assert loads(git_merge(tmp_path, dumps(ours), dumps(base), dumps(theirs))[0]).merged
    twice = dumps(ours).replace('"axe"', '"tall"')
    assert loads(twice, content_of=lambda _: a_entry("tall").content).merged


@pytest.mark.parametrize("style", STYLES)
def test_both_changed_one_asset_and_the_file_on_disk_decides(tmp_path: Path, style: str) -> None:
    base, ours, theirs = (a_lock(axe=a_entry("axe"), hero=a_entry(prompt)) for prompt in ("hero", "tall", "small"))
    text, conflicts = git_merge(tmp_path, dumps(ours), dumps(base), dumps(theirs), style=style)
    assert conflicts == 1
    for side in (ours, theirs):
        assert loads(text, content_of={"assets/sword.png": side.entries[HERO].content}.get) == side
    for nobody in (None, lambda _: None, lambda _: content_hash(b"painted over")):
        with pytest.raises(LockfileError, match=r"both sides of the merge changed hero, and") as raised:
            loads(text, content_of=nobody)
        assert "git checkout --ours" in raised.value.hint
        assert "delete" not in str(raised.value)


def edited(rng: random.Random, lock: Lock, clock: itertools.count[int]) -> Lock:
    """The lock after up to three things that a branch does to it."""
    entries = dict(lock.entries)
    for _ in range(rng.randrange(4)):
        name = AssetId(f"k{rng.randrange(8)}")
        old = entries.get(name)
        deed = rng.choice(["prompt", "size", "replace", "move", "drop"]) if old else "new"
        if old and deed == "move":
            entries[name] = replace(old, output=f"img{rng.randrange(3)}/{name}.png")
        elif deed == "drop":
            del entries[name]
        else:
            recipe = {"prompt": f"a {name}", "size": "1:1", **(old.recipe if old else {})}
            recipe |= {"prompt": {"prompt": f"another {name}"}, "size": {"size": "16:9"}}.get(deed, {})
            tick = next(clock)
            made = a_entry(
                recipe=recipe,
                data=str(tick),
                at=f"2026-11-22T16:{tick // 60:02}:{tick % 60:02}Z",
                image=ImageFacts("png", 64, 48, 1000 + tick),
            )
            entries[name] = replace(made, output=old.output if old else f"assets/{name}.png")
    return Lock(entries)


@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False), style=st.sampled_from(STYLES))
def test_whatever_git_makes_of_it_no_entry_is_a_mixture(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, style: str
) -> None:
    clock = itertools.count()
    base = edited(rng, edited(rng, Lock(), clock), clock)
    ours, theirs = edited(rng, base, clock), edited(rng, base, clock)
    changed = [
        {name: entry for name, entry in side.entries.items() if entry != base.entries.get(name)}
        for side in (ours, theirs)
    ]
    rng.shuffle(changed)
    tree = [base.entries, *changed]  # git takes a picture that one side changed, and a person chose where both did
    disk = {entry.output: entry.content for side in tree for entry in side.values()}
    text, conflicts = git_merge(tmp_path_factory.mktemp("merge"), dumps(ours), dumps(base), dumps(theirs), style=style)
    read, wanted = (merged(text, disk), ideal(ours, theirs, base, disk))
    if conflicts == 0 or style == "--diff3":
        assert read == wanted
    elif read is not None:
        for name, entry in read.entries.items():
            assert entry in (ours.entries.get(name), theirs.entries.get(name))
        assert wanted is not None
        assert wanted.entries.items() <= read.entries.items()  # what one side dropped may still be there


def merged(text: str, disk: dict[str, ContentHash]) -> Lock | None:
    try:
        return loads(text, content_of=disk.get)
    except LockfileError as error:
        if "both sides of the merge changed" not in error.fact:
            raise
        return None


def ideal(ours: Lock, theirs: Lock, base: Lock, disk: dict[str, ContentHash]) -> Lock | None:
    try:
        return merge(ours, theirs, base=base, content_of=disk.get)
    except LockfileError:
        return None


OLD = a_entry("old", at="2026-01-01T00:00:00Z")
LEFT = a_entry("left", at="2026-02-01T00:00:00Z")
RIGHT = a_entry("right", at="2026-03-01T00:00:00Z")
MOVED = replace(LEFT, output="public/hero.png")
READOPTED = replace(LEFT, made=replace(LEFT.made, at="2026-04-01T00:00:00Z"))
OTHER_KEY = replace(LEFT, key=RIGHT.key, recipe=RIGHT.recipe, made=RIGHT.made)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "disk", "expected"),
    [
        (OLD, OLD, RIGHT, None, RIGHT),
        (OLD, OLD, None, None, None),
        (OLD, LEFT, None, None, LEFT),  # changed here, dropped there: nothing that was paid for is forgotten
        (OLD, LEFT, LEFT, None, LEFT),
        (None, LEFT, RIGHT, LEFT, LEFT),
        (OLD, LEFT, RIGHT, OLD, "undecided"),
        (OLD, LEFT, READOPTED, None, READOPTED),  # one picture, recorded twice: the later record
        (OLD, LEFT, OTHER_KEY, LEFT, OTHER_KEY),
        (OLD, LEFT, OTHER_KEY, None, "undecided"),
        (OLD, RIGHT, MOVED, MOVED, MOVED),
    ],
)
def test_one_asset(
    base: LockEntry | None, ours: LockEntry, theirs: LockEntry, disk: LockEntry, expected: LockEntry | str | None
) -> None:
    def lock(entry: LockEntry | None) -> Lock:
        return Lock({HERO: entry} if entry else {})

    def content_of(output: str) -> ContentHash | None:
        return disk.content if disk and disk.output == output else None

    for one, two in ((ours, theirs), (theirs, ours)):
        if expected == "undecided":
            with pytest.raises(LockfileError, match="changed hero"):
                merge(lock(one), lock(two), base=lock(base), content_of=content_of)
        else:
            assert merge(lock(one), lock(two), base=lock(base), content_of=content_of) == lock(expected)  # type: ignore[arg-type]  # a str is handled above


def test_both_pictures_are_on_disk_at_different_places() -> None:
    with pytest.raises(LockfileError, match="changed hero"):
        merge(
            Lock({HERO: RIGHT}),
            Lock({HERO: MOVED}),
            content_of={RIGHT.output: RIGHT.content, MOVED.output: MOVED.content}.get,
        )


def test_refusals() -> None:
    early, late = a_refusal(at="2026-11-22T16:00:00Z"), a_refusal(message="still no", at="2026-11-23T00:00:00Z")
    other = a_refusal("a skull")
    ghost, skull = AssetId("ghost"), AssetId("skull")
    assert merge(Lock({}, {ghost: late}), Lock({}, {ghost: early, skull: other})).answers == {
        ghost: late,
        skull: other,
    }
    assert not merge(Lock({}, {ghost: early}), Lock(), base=Lock({}, {ghost: early})).answers
    drawn = Lock({ghost: a_entry("a ghost", key=early.key, at="2026-11-22T20:00:00Z")})
    assert not merge(Lock({}, {ghost: early}), drawn).answers
    assert merge(Lock({}, {ghost: late}), drawn).answers == {ghost: late}
    assert merge(Lock({}, {ghost: other}), drawn).answers == {ghost: other}


@given(few_locks, few_locks, few_locks)
def test_merging_is_symmetric_and_a_side_that_did_nothing_says_nothing(base: Lock, ours: Lock, theirs: Lock) -> None:
    assert merge(ours, ours) == merge(ours, base, base=base) == merge(base, ours, base=base) == ours
    both = [ideal(*sides, base, {}) for sides in ((ours, theirs), (theirs, ours))]
    assert both[0] == both[1]


def test_a_criss_cross_base_with_conflicts_of_its_own_is_no_base() -> None:
    ours, theirs = (dumps(a_lock(hero=a_entry(prompt))) for prompt in ("left", "right"))
    inner = f"<<<<<<<<< one\n{ours}=========\n{theirs}>>>>>>>>> two\n"
    text = f"<<<<<<< ours\n{ours}||||||| base\n{inner}=======\n{theirs}>>>>>>> theirs\n"
    assert loads(text, content_of=lambda _: content_hash(b"left")) == loads(ours)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<<<<<<< ours\n{}\n", "assets.lock:3: a conflict is not closed"),
        ("<<<<<<< ours\n{}\n>>>>>>> theirs\n", "assets.lock:3: this conflict marker does not follow"),
        ("{}\n=======\n<<<<<<< ours\n", "assets.lock:2: this conflict marker does not follow"),
        ("<<<<<<< ours\n<<<<<<< ours\n", "assets.lock:2: this conflict marker does not follow"),
        ("<<<<<<< ours\n{\n=======\n{}\n>>>>>>> theirs\n", "(on one side of the conflict)\n  hint: resolve"),
        (
            '{\n<<<<<<< o\n  "lockfile": 1,\n=======\n  "lockfile": 5,\n>>>>>>> t\n  "assets": {}\n}\n',
            "version 5 is newer than 4 (on one side of the conflict)\n  hint: it was written by a newer",
        ),
    ],
)
def test_a_spoilt_conflict_says_where(text: str, says: str) -> None:
    with pytest.raises(LockfileError) as raised:
        loads(text)
    assert says in str(raised.value)
    assert raised.value.hint


def test_a_side_keeps_the_line_numbers_of_the_file() -> None:
    text = (
        dumps(a_lock(hero=a_entry()))
        .replace('  "assets"', '<<<<<<< o\n=======\n>>>>>>> t\n  "assets"')
        .replace("64", "-1")
    )
    with pytest.raises(LockfileError, match=r"^assets\.lock:7: assets\.hero: image: "):
        loads(text)
