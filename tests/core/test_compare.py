"""Two versions of a project: a refactor changes no recipe, and every changed field is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.money.cost import Cost
from reconciler.core.plan import actions as do
from reconciler.core.plan.compare import Compared, Version, compare_versions, made_entries, to_pay
from reconciler.core.specs.spec import Spec
from reconciler.core.traits import Traits
from reconciler.core.value import replace
from tests.builders import a_file, a_lock, a_spec, an_asset, an_entry, bytes_of, expanded, planned, seen
from tests.core.spec_layouts import Fields, Layout, assets, rewritten

FILES = {path: bytes_of(path) for path in ("refs/coast.png", "refs/sea.png")}
TRAITS = {"draft": Traits(placeholder=True, free=True), "gravitex": Traits()}


def a_version(*specs: Spec, lock: Lock | None = None, **changes: Any) -> Version:
    return replace(Version({spec.id: spec for spec in specs}, lock or Lock(), FILES, TRAITS), **changes)


def written(layout: Layout) -> Version:
    found = layout.read()
    assert not found.problems, "\n".join(map(str, found.problems))
    return Version(found.specs, Lock(), FILES, TRAITS)


@settings(max_examples=40)
@given(rewritten(), st.data())
def test_a_refactor_changes_no_recipe(project: tuple[list[Fields], Layout], data: st.DataObject) -> None:
    wanted, before = project
    now = Layout(data.draw, wanted)
    note(f"{before.files} {now.files}")
    compared = compare_versions(written(before), written(now))
    assert not compared.differs
    assert len(compared.renamed) == len(set(before.names) - set(now.names))


@settings(max_examples=25)
@given(rewritten(), assets, st.data())
def test_a_changed_field_is_named(project: tuple[list[Fields], Layout], other: Fields, data: st.DataObject) -> None:
    wanted, layout = project
    name = data.draw(st.sampled_from(sorted(other)))
    now = Layout(data.draw, [{**wanted[0], name: other[name]}, wanted[1]])
    now.names[:] = layout.names  # the ids stay
    before, after = written(layout), written(now)
    first = AssetId(layout.names[0])
    if (
        first not in after.specs
        or before.specs[first].base_recipe.manifest() == after.specs[first].base_recipe.manifest()
    ):
        return
    assert name in {each.field for each in compare_versions(before, after).changed[first]}


def test_added_removed_renamed_changed_and_touched() -> None:
    before = a_version(
        a_spec("gone", prompt="gone"),
        a_spec("old", prompt="same"),
        a_spec("hero", prompt="dusk"),
        a_spec("web", tags=("a",)),
    )
    now = a_version(
        a_spec("new", prompt="new"),
        a_spec("name", prompt="same"),
        a_spec("hero", prompt="dawn"),
        a_spec("web", tags=("b",)),
    )
    compared = compare_versions(before, now)
    assert (compared.added, compared.removed, compared.renamed) == (("new",), ("gone",), (("old", "name"),))
    assert [each.field for each in compared.changed[AssetId("hero")]] == ["prompt"]
    assert compared.touched == ("web",)
    assert compared.differs


def test_one_recipe_of_two_removed_assets_is_renamed_once() -> None:
    before = a_version(a_spec("a", prompt="same"), a_spec("b", prompt="same"))
    compared = compare_versions(before, a_version(a_spec("c", prompt="same")))
    assert (compared.renamed, compared.removed) == ((("a", "c"),), ("b",))


def test_a_reference_counts_by_its_content() -> None:
    spec = a_spec("hero", references=(a_file("refs/sea.png"),))
    before, now = a_version(spec), a_version(spec, files={"refs/sea.png": bytes_of("another")})
    assert [each.field for each in compare_versions(before, now).changed[spec.id]] == ["references"]
    pair, mascot = a_spec("pair", references=(an_asset("mascot"),)), a_spec("mascot")
    old, new = (a_lock({"mascot": an_entry(mascot, got=got)}) for got in ("one", "two"))
    assert not compare_versions(a_version(pair, mascot), a_version(pair, mascot)).differs
    assert "pair" in compare_versions(a_version(pair, mascot, lock=old), a_version(pair, mascot, lock=new)).changed
    assert not compare_versions(a_version(pair, mascot, lock=old), a_version(pair, mascot, lock=old)).differs


def test_a_real_provider_in_place_of_drafts_is_to_be_paid_although_the_recipe_is_the_same() -> None:
    drafted, real = a_spec("hero", provider="draft"), a_spec("hero")
    lock = a_lock({"hero": an_entry(drafted, provider="draft")})
    compared = compare_versions(a_version(drafted, lock=lock), a_version(real, lock=lock))
    assert compared.drafted == ("hero",) and compared.differs
    made = planned([real], lock, seen({real.output: "made"}))
    assert [step.asset for step in to_pay(compared, made).steps] == ["hero"]


def test_only_what_the_differences_ask_for_is_to_be_paid() -> None:
    hero, was, due = a_spec("hero", prompt="dawn"), a_spec("hero", prompt="dusk"), a_spec("due", prompt="never made")
    lock = a_lock({"hero": an_entry(was)})
    compared = compare_versions(a_version(was, due, lock=lock), a_version(hero, due, lock=lock))
    made = planned([hero, due], lock, seen({hero.output: "made"}), price=lambda spec, recipe: Cost(Decimal(1)))
    (step,) = to_pay(compared, made).steps
    assert step.asset == "hero" and isinstance(step.action.reason, do.RecipeChanged)
    assert compared.due == ("due",)


def test_what_waits_for_consent_is_to_be_paid_and_a_person_s_image_is_not() -> None:
    generate = do.Generate(do.NeverGenerated(), None)
    held = do.Hold(do.WasRefused("no"), do.Consent.RETRY_REFUSED, generate)
    by_hand = do.Hold(do.MadeByHand(do.NeverGenerated()), None, generate)
    from reconciler.core.plan.plan import AssetStep, Plan

    plan = Plan(tuple(AssetStep(AssetId(name), action, a_spec(name)) for name, action in (("a", held), ("b", by_hand))))
    assert [step.asset for step in to_pay(Compared(added=(AssetId("a"), AssetId("b"))), plan).steps] == ["a"]


def test_images_that_were_made_count_once_and_drafts_do_not() -> None:
    def entry(got: str, **changes: Any) -> LockEntry:
        return an_entry(a_spec(), got=got, **changes)

    before = a_version(lock=a_lock({"a": entry("one")}))
    lock = a_lock({"a": entry("one"), "b": entry("two"), "c": entry("two"), "d": entry("drawn", provider="draft")})
    compared = compare_versions(before, a_version(lock=lock))
    assert [asset for asset, _ in made_entries(compared, lock)] == ["b"]


def test_an_equal_spec_file_is_not_touched() -> None:
    text = {"sword.yaml": "prompt: a\ntags: [x]\n"}
    before, now = (a_version(*expanded(text).specs.values()) for _ in range(2))
    assert compare_versions(before, now) == Compared(due=(AssetId("sword"),))
