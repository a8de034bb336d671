"""The plan of derived files: which are made, kept, removed and left alone, and which of a bundle together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.decide_files import (
    AwaitSource,
    FileConflict,
    KeepFile,
    MakeFile,
    RemoveFile,
    RestoreFile,
)
from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.derived_plan import Sources, sources_of
from reconciler.core.derived.key import NO_KEY
from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.value import replace
from tests.builders import a_spec, an_entry, bytes_of, planned, seen
from tests.core.derived.builders import HERO, LADDER, a_derivation, made_lock, planned_files, sources, steps_by_path

MANIFEST = "images: {manifest: {from: hero, use: web, output: images.json}}\n"
FOUR = ["img/hero-320.webp", "img/hero-320.jpg", "img/hero-640.webp", "img/hero-640.jpg"]


def test_everything_is_made_once_and_kept_then() -> None:
    first = planned_files(a_derivation())
    assert [step.name for step in first.steps] == ["hero~web"]
    assert {path: each.action for path, each in steps_by_path(first).items()} == dict.fromkeys(FOUR, MakeFile())
    lock, found = made_lock(first)
    again = planned_files(a_derivation(), lock=lock, found=found)
    assert again.count(KeepFile) == 4
    assert not again.drift
    assert not again.left


def test_a_new_width_makes_only_its_own_files() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    more = a_derivation(rules=LADDER.replace("640]", "640, 960]"))
    plan = planned_files(more, lock=lock, found=found)
    made = [path for path, each in steps_by_path(plan).items() if isinstance(each.action, MakeFile)]
    assert made == ["img/hero-960.webp", "img/hero-960.jpg"]
    assert plan.count(KeepFile) == 4


def test_a_renamed_rule_makes_nothing() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    renamed = a_derivation({"hero": HERO.replace("web", "page")}, LADDER.replace("web:", "page:"))
    plan = planned_files(renamed, lock=lock, found=found)
    assert (plan.count(KeepFile), len(plan.steps), plan.behind) == (4, 1, True)


def test_a_new_image_makes_all_anew_over_the_old_ones() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    plan = planned_files(a_derivation(), images=sources(hero="another"), lock=lock, found=found)
    assert all(each.action == MakeFile(found[path], changed=True) for path, each in steps_by_path(plan).items())


def test_files_wait_for_an_image_that_is_generated_and_are_no_drift_of_their_own() -> None:
    waits = Sources({AssetId("hero"): bytes_of("old")}, frozenset({AssetId("hero")}))
    for images in (waits, Sources({})):
        plan = planned_files(a_derivation(bundles=MANIFEST), images=images)
        actions = {each.action for step in plan.steps for each in step.files}
        assert actions == {AwaitSource((AssetId("hero"),))}
        assert not plan.left


def test_while_an_image_is_awaited_its_old_files_stay() -> None:
    rules = "web: {formats: [png], output: 'o/${name}-${key8}.png'}\n"
    lock, found = made_lock(planned_files(a_derivation(rules=rules)))
    plan = planned_files(a_derivation(rules=rules), images=Sources({}), lock=lock, found=found)
    assert plan.count(AwaitSource) == 1
    assert not plan.drift


def test_a_name_with_a_key_changes_with_the_image() -> None:
    rules = "web: {formats: [png], output: 'o/${name}-${key8}.png'}\n"
    lock, found = made_lock(planned_files(a_derivation(rules=rules)))
    ((path, _),) = found.items()
    plan = planned_files(a_derivation(rules=rules), images=sources(hero="new"), lock=lock, found=found)
    (new,) = [step.path for step in plan.steps[0].files]
    assert new != path
    assert [each.action for each in plan.steps[0].files] == [MakeFile()]
    assert plan.steps[1].files[0].path == path
    assert plan.steps[1].files[0].action == RemoveFile(found[path])


def test_what_nothing_derives_any_more_is_removed_unless_it_was_edited() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    found["img/hero-320.jpg"] = bytes_of("edited")
    plan = planned_files(a_derivation({"hero": "prompt: x\n"}), lock=lock, found=found)
    (step,) = plan.steps
    assert step.wanted is None
    assert (plan.count(RemoveFile), plan.count(FileConflict)) == (3, 1)


def test_a_file_of_somebody_else_stays_whatever_the_lock_says() -> None:
    """A forged lock calls an image of an asset a derived file: its line counts for nothing, and goes."""
    line = DerivedLine(NO_KEY, bytes_of("hero"), 1, "1")
    lock = DerivedLock({"old~web": {"assets/Hero.png": line, "assets/other.png": line}})
    found = dict.fromkeys(("assets/Hero.png", "assets/other.png"), bytes_of("hero"))
    plan = planned_files(a_derivation({"hero": "prompt: x"}), lock=lock, found=found, protected={"assets/hero.png"})
    actions = {path: each.action for path, each in steps_by_path(plan).items()}
    assert actions == {"assets/other.png": RemoveFile(bytes_of("hero"))}
    assert plan.behind, "the lock is written without the line"


def test_a_missing_file_is_restored_if_a_source_has_it() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    gone = found.pop(FOUR[0])
    assert isinstance(gone, str)
    plan = planned_files(a_derivation(), lock=lock, found=found, restorable=frozenset({gone}))
    assert steps_by_path(plan)[FOUR[0]].action == RestoreFile(gone)
    assert steps_by_path(planned_files(a_derivation(), lock=lock, found=found))[FOUR[0]].action == MakeFile()


@given(st.sampled_from([*FOUR, "images.json", "snippets/hero.html"]), st.booleans())
def test_a_bundle_is_made_whole_or_not_at_all(path: str, edited: bool) -> None:
    """Whatever happens to one of its files: the others follow it, and one that was edited holds them all."""
    bundles = MANIFEST.replace("images.json", "images.json, html: snippets")
    derivation = a_derivation(bundles=bundles)
    lock, found = made_lock(planned_files(derivation))
    block = lock.sets["images"]
    extra = {"snippets/hero.html": replace(block["images.json"], content=bytes_of("html"))}
    lock = DerivedLock({**lock.sets, "images": {**block, **extra}})
    found["snippets/hero.html"] = bytes_of("html")
    del found[path]
    if edited:
        found[path] = bytes_of("edited")
    plan = planned_files(derivation, lock=lock, found=found)
    (bundle,) = [step for step in plan.steps if step.bundle is not None]
    if path in FOUR:
        assert bundle.count(KeepFile) == 2
    elif edited:
        assert (bundle.count(FileConflict), bundle.count(KeepFile)) == (1, 1)
    else:
        assert bundle.count(MakeFile) == 2


def test_a_manifest_depends_on_its_files_and_on_alt() -> None:
    keys = []
    for specs, rules in (
        ({"hero": HERO}, LADDER),
        ({"hero": f"{HERO}alt: A tower\n"}, LADDER),
        ({"hero": f'{HERO}alt: ""\n'}, LADDER),
        ({"hero": HERO}, LADDER.replace("640", "800")),
        ({"hero": HERO}, LADDER.replace("[webp, jpeg]", "[jpeg, webp]")),
    ):
        plan = planned_files(a_derivation(specs, rules, MANIFEST))
        keys.append(plan.steps[-1].key)
    assert len(set(keys)) == len(keys)
    other = planned_files(a_derivation(bundles=MANIFEST), images=sources(hero="new"))
    assert other.steps[-1].key not in keys


def test_files_that_git_ignores_have_a_lock_of_their_own() -> None:
    local = LADDER.replace("web:\n", "web:\n  commit: false\n")
    lock, found = made_lock(planned_files(a_derivation(rules=local, bundles=MANIFEST)))
    apart = DerivedLock({"hero~web": lock.sets["hero~web"]})
    kept = DerivedLock({"images": lock.sets["images"]})
    plan = planned_files(a_derivation(rules=local, bundles=MANIFEST), lock=kept, local=apart, found=found)
    assert (plan.count(KeepFile), plan.left) == (5, False)
    bare = planned_files(
        a_derivation(rules=local, bundles=MANIFEST), lock=kept, found={"images.json": found["images.json"]}, built=False
    )
    assert [step.name for step in bare.steps] == ["images"]
    assert not bare.left
    late = planned_files(a_derivation(rules=local, bundles=MANIFEST), lock=lock, found=found, built=False)
    assert (late.drift, late.behind) == ((), True)
    committed = planned_files(a_derivation(bundles=MANIFEST), lock=kept, local=apart, found=found)
    assert (committed.count(KeepFile), committed.behind) == (5, True)


def test_a_merged_lock_has_to_be_written() -> None:
    lock, found = made_lock(planned_files(a_derivation()))
    plan = planned_files(a_derivation(), lock=replace(lock, merged=True), found=found)
    assert (plan.drift, plan.behind, plan.left) == ((), True, True)


def test_the_images_are_those_that_the_plan_leaves() -> None:
    """One that is kept, one that is generated, one that a person has changed, and one that does not exist."""
    kept, stale, edited, new = (a_spec(name, prompt=name) for name in ("kept", "stale", "edited", "new"))
    lock = Lock(
        {
            kept.id: an_entry(kept, got="kept", output=kept.output),
            stale.id: an_entry(a_spec("stale", prompt="old"), got="stale", output=stale.output),
            edited.id: an_entry(edited, got="edited", output=edited.output),
        }
    )
    there = seen({kept.output: "kept", stale.output: "stale", edited.output: "by hand"})
    found = sources_of(planned([kept, stale, edited, new], lock, there), ProvenanceSettings())
    assert found.generating == {stale.id, new.id}
    assert found.contents == {kept.id: bytes_of("kept"), edited.id: bytes_of("edited")}
