"""The plan of a whole project: how the action on one asset bears on those that refer to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock, LockEntry, Made
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import (
    Action,
    Conflict,
    Consent,
    Current,
    Doubtful,
    Generate,
    Hold,
    Ignored,
    Keep,
    MadeByHand,
    Move,
    NeverGenerated,
    Placeholder,
    RealImage,
    RecipeChanged,
    Restore,
    UpstreamChanged,
    UpstreamUnavailable,
)
from reconciler.core.plan.observed import Observed
from reconciler.core.plan.plan import DoubtStep, Plan, locked_entry
from reconciler.core.plan.policy import Policy
from reconciler.core.recipe import Change, Recipe
from reconciler.core.specs.settings import Cascade
from reconciler.core.specs.spec import SpecTurn
from reconciler.core.value import replace
from tests.builders import (
    AT,
    a_file,
    a_lock,
    a_request,
    a_spec,
    a_stored,
    an_asset,
    an_entry,
    bytes_of,
    planned,
    seen,
    the_action,
    the_asset_step,
    the_step,
)

MASCOT = a_spec("mascot", prompt="a fox")
HERO = a_spec("hero", references=(an_asset("mascot"),))
OTHER_MASCOT = a_spec("mascot", prompt="a red fox")
THERE = {MASCOT.output: "fox", HERO.output: "hero"}
CASCADE = Policy(cascade=Cascade.CASCADE)


def recipe_with(*pictures: str, prompt: str = "a sword") -> Recipe:
    return Recipe(prompt, references=tuple(bytes_of(picture) for picture in pictures))


def locked(mascot: str = "fox", *, hero_used: str = "fox", provider: str = "gravitex") -> Lock:
    entries: dict[str, LockEntry] = {
        "mascot": an_entry(MASCOT, got=mascot, provider=provider),
        "hero": an_entry(recipe_with(hero_used), got="hero", output=HERO.output, provider=provider),
    }
    return a_lock(entries)


def actions(made: Plan) -> dict[str, Any]:
    return {step.asset: step.action for step in made.steps}


def test_a_reference_counts_by_its_locked_content() -> None:
    assert not planned([MASCOT, HERO], locked(), seen(THERE)).drift
    painted = actions(planned([MASCOT, HERO], locked(), seen(THERE | {MASCOT.output: "painted"})))
    assert (type(painted["mascot"]), painted["hero"]) == (Conflict, Keep())


def test_a_new_asset_waits_for_its_new_upstream() -> None:
    made = planned([HERO, MASCOT])
    assert [step.asset for step in made.steps] == ["mascot", "hero"]
    assert the_action(made, "hero") == Generate(NeverGenerated(), None, after=(MASCOT.id,))


def test_an_asset_that_waits_has_the_price_of_what_is_known_of_its_recipe() -> None:
    made = planned([MASCOT, HERO], price=lambda _, recipe: Cost(Decimal(len(recipe.prompt))))
    action = the_action(made, "hero")
    assert isinstance(action, Generate)
    assert (action.after, action.cost) == ((MASCOT.id,), Cost(Decimal(len("a sword"))))


def test_a_stale_asset_waits_for_its_stale_upstream() -> None:
    hero = a_spec("hero", prompt="a long sword", references=(an_asset("mascot"),))
    action = actions(planned([OTHER_MASCOT, hero], locked(), seen(THERE)))["hero"]
    assert (type(action), action.key, action.after, type(action.reason)) == (Generate, None, ("mascot",), RecipeChanged)


def test_what_the_store_holds_with_the_old_picture_is_no_substitute_for_the_new_one() -> None:
    hero = a_spec("hero", prompt="a long sword", references=(an_asset("mascot"),))
    stored = {recipe_with("fox", prompt="a long sword").key(): (a_stored(),)}
    assert isinstance(the_action(planned([MASCOT, hero], locked(), seen(THERE, stored=stored)), "hero"), Restore)
    assert isinstance(the_action(planned([OTHER_MASCOT, hero], locked(), seen(THERE, stored=stored)), "hero"), Generate)


class TestOnlyTheUpstreamChanges:
    """`cascade: ask | ignore | cascade`, while the upstream is about to change and after it has."""

    about_to = ([OTHER_MASCOT, HERO], locked(), seen(THERE))
    has = ([MASCOT, HERO], locked("red fox"), seen({MASCOT.output: "red fox", HERO.output: "hero"}))
    why = UpstreamChanged((MASCOT.id,))

    def test_asks(self) -> None:
        for specs, lock, observed in (self.about_to, self.has):
            action = the_action(planned(specs, lock, observed), "hero")
            assert isinstance(action, Hold)
            assert (action.reason, action.consent, type(action.otherwise)) == (self.why, Consent.CASCADE, Generate)

    def test_cascades(self) -> None:
        allowed = (CASCADE, Policy(consents=frozenset({Consent.CASCADE})))
        for policy in (*allowed, replace(allowed[1], cascade=Cascade.IGNORE)):
            waiting = the_action(planned(*self.about_to, policy=policy), "hero")
            assert waiting == Generate(self.why, None, None, bytes_of("hero"), (MASCOT.id,))
            known = the_action(planned(*self.has, policy=policy), "hero")
            assert known == Generate(self.why, recipe_with("red fox").key(), None, bytes_of("hero"))

    def test_is_ignored(self) -> None:
        for specs, lock, observed in (self.about_to, self.has):
            assert the_action(planned(specs, lock, observed, policy=Policy(cascade=Cascade.IGNORE)), "hero") == Keep()

    def test_is_ignored_by_a_spec_that_ignores_its_references(self) -> None:
        hero = replace(HERO, ignore_changes=frozenset({"references"}))
        for (_, *specs), lock, observed in (self.about_to, self.has):
            assert specs == [HERO]
            assert isinstance(the_action(planned([self.about_to[0][0], hero], lock, observed), "hero"), Keep)

    def test_is_ignored_in_one_field_whatever_another_field_refers_to(self) -> None:
        hero = replace(HERO, mask=an_asset("logo"), ignore_changes=frozenset({"references"}))
        logo = a_spec("logo", prompt="a logo")
        recipe = replace(recipe_with("fox"), mask=bytes_of("logo"))
        mine = {"hero": an_entry(recipe, got="hero", output=HERO.output), "logo": an_entry(logo, got="logo")}
        lock = a_lock({**locked().entries, **mine})
        made = planned([OTHER_MASCOT, logo, hero], lock, seen({**THERE, logo.output: "logo"}))
        assert the_action(made, "hero") == Keep(Ignored(()))

    def test_does_not_hide_a_missing_or_a_moved_file(self) -> None:
        hero = replace(HERO, output="public/hero.png")
        there = {MASCOT.output: "fox", HERO.output: "hero"}
        for cascade in (Cascade.ASK, Cascade.IGNORE):
            policy = Policy(cascade=cascade)
            gone = seen({MASCOT.output: "fox"}, sources=[("hero", HERO.output)])
            restored = the_action(planned([OTHER_MASCOT, HERO], locked(), gone, policy=policy), "hero")
            moved = the_action(planned([OTHER_MASCOT, hero], locked(), seen(there), policy=policy), "hero")
            assert (type(restored), type(moved)) == (Restore, Move)

    def test_follows_for_nothing_where_the_store_holds_it(self) -> None:
        specs, lock, observed = self.has
        observed = replace(observed, stored={recipe_with("red fox").key(): (a_stored("red hero"),)})
        assert the_action(planned(specs, lock, observed), "hero") == Restore(
            self.why, bytes_of("red hero"), bytes_of("hero")
        )
        assert the_action(planned(specs, lock, observed, policy=Policy(cascade=Cascade.IGNORE)), "hero") == Keep()

    def test_does_not_excuse_a_placeholder(self) -> None:
        lock = locked("red fox", provider="draft")
        lock = a_lock({**lock.entries, "mascot": an_entry(MASCOT, got="red fox")})
        action = the_action(planned(self.has[0], lock, self.has[2], policy=Policy(cascade=Cascade.IGNORE)), "hero")
        assert (type(action), action.reason) == (Generate, Placeholder())

    def test_under_a_new_name_asks_as_well(self) -> None:
        fox = a_spec("fox", prompt="a red fox", output=MASCOT.output)
        hero = a_spec("hero", references=(an_asset("fox"),))
        action = the_action(planned([fox, hero], locked(), seen(THERE)), "hero")
        assert (type(action), action.reason) == (Hold, UpstreamChanged((fox.id,)))

    def test_names_those_that_have_changed_or_will(self) -> None:
        names = ("changed", "pending", "same")
        hero = a_spec("hero", references=tuple(an_asset(name) for name in names))
        specs = {name: a_spec(name, prompt=name) for name in names}
        entries = {name: an_entry(spec, got=name) for name, spec in specs.items()}
        used = recipe_with("before", "pending", "same")
        lock = a_lock({**entries, "hero": an_entry(used, got="hero", output=hero.output)})
        there = {spec.output: name for name, spec in specs.items()} | {hero.output: "hero"}
        pending = a_spec("pending", prompt="another")
        action = the_action(planned([specs["changed"], specs["same"], pending, hero], lock, seen(there)), "hero")
        assert action.reason == UpstreamChanged((AssetId("changed"), AssetId("pending")))


class TestFreeWorkFollowsItsUpstream:
    """Consent is for money: a free provider needs none, unless its image would replace one that it did not make."""

    hero = replace(HERO, provider="draft")
    why = UpstreamChanged((MASCOT.id,))

    def action(self, made_by: str, policy: Policy | None = None, *, fox: str = "fox") -> Action:
        mascot = OTHER_MASCOT if fox == "fox" else MASCOT
        lock = locked(fox)
        entry = replace(lock.entries[HERO.id], made=Made(made_by, AT))
        lock = a_lock({**lock.entries, "hero": entry})
        return the_action(
            planned([mascot, self.hero], lock, seen({**THERE, MASCOT.output: fox}), policy=policy), "hero"
        )

    def test_before_and_after_the_upstream_is_made(self) -> None:
        assert self.action("draft") == Generate(self.why, None, None, bytes_of("hero"), (MASCOT.id,))
        known = Generate(self.why, recipe_with("red fox").key(), None, bytes_of("hero"))
        assert self.action("draft", fox="red fox") == known

    @pytest.mark.parametrize(("made_by", "kept"), [("gravitex", RealImage), ("adopted", MadeByHand)])
    def test_but_replaces_no_image_that_was_paid_for_or_brought(self, made_by: str, kept: type) -> None:
        for policy in (None, CASCADE):
            action = self.action(made_by, policy)
            assert isinstance(action, Hold)
            assert (action.reason, action.consent) == (kept(self.why), None)

    def test_and_the_project_may_ignore_it(self) -> None:
        assert self.action("draft", Policy(cascade=Cascade.IGNORE)) == Keep()


def test_an_upstream_that_is_restored_counts_as_what_is_restored() -> None:
    stored = {OTHER_MASCOT.base_recipe.key(): (a_stored("red fox"),)}
    made = actions(planned([OTHER_MASCOT, HERO], locked(), seen(THERE, stored=stored), policy=CASCADE))
    assert isinstance(made["mascot"], Restore)
    assert (made["hero"].key, made["hero"].after) == (recipe_with("red fox").key(), ())


def test_an_upstream_that_is_missing_and_restored_changes_nothing_below() -> None:
    observed = seen({HERO.output: "hero"}, sources=[("fox", MASCOT.output)])
    made = actions(planned([MASCOT, HERO], locked(), observed))
    assert (type(made["mascot"]), made["hero"]) == (Restore, Keep())


def test_an_upstream_that_only_moves_changes_nothing_below() -> None:
    fox = replace(a_spec("fox", prompt="a fox"), output="public/fox.png")
    hero = a_spec("hero", references=(an_asset("fox"),))
    made = actions(planned([fox, hero], locked(), seen(THERE)))
    assert (type(made["fox"]), made["hero"]) == (Move, Keep())


def test_without_a_picture_of_its_upstream_an_asset_is_held() -> None:
    refused = a_lock(refused={"mascot": MASCOT.base_recipe})
    untracked = seen({MASCOT.output: "mine"})
    doubtful = seen(in_doubt={MASCOT.id: (a_request("mascot"),)})
    for lock, observed in ((refused, seen()), (Lock(), untracked), (Lock(), doubtful)):
        made = planned([MASCOT, HERO], lock, observed)
        assert the_action(made, "hero") == Hold(UpstreamUnavailable((MASCOT.id,)))


def test_an_orphan_that_is_not_taken_over_yet_is_no_upstream() -> None:
    lock = a_lock({"old": an_entry(a_spec("old", prompt="a dog"), got="dog", output=MASCOT.output)})
    refused = a_lock(lock.entries, refused={"mascot": MASCOT.base_recipe})
    made = actions(planned([MASCOT, HERO], refused, seen({MASCOT.output: "dog"})))
    assert made["hero"] == Hold(UpstreamUnavailable((MASCOT.id,)))


def test_an_upstream_that_is_held_keeps_its_old_picture_for_those_below() -> None:
    observed = replace(seen(THERE), in_doubt={MASCOT.id: (a_request("mascot"),)})
    made = actions(planned([OTHER_MASCOT, HERO], locked(), observed))
    assert (type(made["mascot"]), made["hero"]) == (Hold, Keep())


def test_what_changed_is_told_while_a_new_upstream_is_made() -> None:
    hero = a_spec("hero", prompt="a long sword", references=(an_asset("mascot"), an_asset("new")))
    specs = [MASCOT, hero, a_spec("new", prompt="an owl")]
    reason = the_action(planned(specs, locked(), seen(THERE)), "hero").reason
    changes = (
        Change("prompt", "a sword", "a long sword"),
        Change("references", [bytes_of("fox")], ["asset:new"]),
    )
    assert reason == RecipeChanged(changes)


def test_a_refusal_with_the_old_picture_does_not_hold_the_new_one() -> None:
    hero = a_spec("hero", prompt="a ghost", references=(an_asset("mascot"),))
    lock = a_lock(locked().entries, refused={"hero": recipe_with("fox", prompt="a ghost")})
    assert isinstance(the_action(planned([MASCOT, hero], lock, seen(THERE)), "hero"), Hold)
    assert isinstance(the_action(planned([OTHER_MASCOT, hero], lock, seen(THERE)), "hero"), Generate)


def test_a_request_in_doubt_with_the_old_picture_does_not_hold_the_new_one() -> None:
    hero = a_spec("hero", prompt="a ghost", references=(an_asset("mascot"),))
    asked = a_request("old", key=recipe_with("fox", prompt="a ghost").key())
    there = seen(THERE, in_doubt={asked.asset: (asked,)})
    assert isinstance(the_action(planned([MASCOT, hero], locked(), there), "hero"), Hold)
    assert isinstance(the_action(planned([OTHER_MASCOT, hero], locked(), there), "hero"), Generate)


def test_pictures_in_turns_and_masks_are_edges_too() -> None:
    turns = (SpecTurn("user", (an_asset("mascot"),)),)
    for hero in (a_spec("hero", turns=turns), a_spec("hero", mask=an_asset("mascot"))):
        action = the_action(planned([MASCOT, hero]), "hero")
        assert isinstance(action, Generate) and action.after == ("mascot",)


def test_a_reference_file_counts_by_its_content() -> None:
    hero = a_spec("hero", references=(a_file("refs/coast.png"),))
    lock = a_lock({"hero": an_entry(recipe_with("coast"), got="hero", output=hero.output)})

    def with_file(name: str) -> Observed:
        return replace(seen({hero.output: "hero"}), files={"refs/coast.png": bytes_of(name)})

    assert the_action(planned([hero], lock, with_file("coast")), "hero") == Keep()
    changed = the_action(planned([hero], lock, with_file("another coast")), "hero")
    change = Change("references", [bytes_of("coast")], [bytes_of("another coast")])
    assert changed.reason == RecipeChanged((change,))


def test_a_changed_file_beside_a_changed_upstream_is_no_mere_cascade() -> None:
    hero = a_spec("hero", references=(an_asset("mascot"), a_file("refs/coast.png")))
    entries = {
        "mascot": an_entry(MASCOT, got="red fox"),
        "hero": an_entry(recipe_with("fox", "coast"), got="hero", output=hero.output),
    }
    for coast, reason in (("coast", UpstreamChanged), ("another coast", RecipeChanged)):
        there = seen({MASCOT.output: "red fox", hero.output: "hero"}, files={"refs/coast.png": bytes_of(coast)})
        made = planned([MASCOT, hero], a_lock(entries), there)
        assert isinstance(the_action(made, "hero").reason, reason)


def test_orphans_come_last_by_id_and_are_no_drift() -> None:
    lock = a_lock({name: an_entry(a_spec(name, prompt=name), got=name) for name in ("z", "a", "m")})
    made = planned([a_spec("m", prompt="m")], lock, seen({"assets/m.png": "m"}))
    assert [step.asset for step in made.steps] == ["m", "a", "z"]
    assert not made.drift


def test_a_step_carries_its_spec_its_output_and_its_entry() -> None:
    lock = locked()
    step = the_asset_step(planned([MASCOT, HERO], lock, seen(THERE)), "hero")
    assert (step.spec, step.output, step.entry, step.origin) == (HERO, HERO.output, lock.entries[HERO.id], None)
    assert step.action == Keep(Current())


def test_a_request_in_doubt_without_a_spec_or_an_entry_is_a_step_without_an_output() -> None:
    request = a_request("gone")
    made = planned([MASCOT], locked(), seen(THERE, in_doubt={request.asset: (request,)}))
    step = the_step(made, "gone")
    assert step == DoubtStep(request.asset, Hold(Doubtful((request,))))
    assert (step.output, locked_entry(step)) == ("", None)
