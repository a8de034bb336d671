"""A lost image is drawn again only where its provider draws the same one, for nothing."""

from __future__ import annotations

import pytest

from reconciler.core.plan.actions import (
    Action,
    By,
    Consent,
    Frozen,
    Generate,
    Hold,
    OutputLost,
    OutputMissing,
    RecipeChanged,
    RedrawnDifferently,
    Restore,
)
from reconciler.core.plan.observed import Observed
from reconciler.core.plan.plan import draws
from reconciler.core.plan.policy import Policy
from reconciler.core.ports import SourceFailure, StoredImage
from reconciler.core.traits import Traits
from reconciler.core.value import replace
from tests.builders import a_lock, a_spec, a_stored, an_asset, an_entry, bytes_of, planned, seen, the_action, the_step

GPU = Traits(free=True, local=True, needs_key=False, needs_model=False, deterministic=True)
SWORD = a_spec(provider="gpu")
OUT, KEY = SWORD.output, SWORD.base_recipe.key()
DRAWN = an_entry(SWORD, provider="gpu")
LOCK = a_lock({"sword": DRAWN})
AGAIN = Restore(OutputLost(), bytes_of("made"), by=By.REDRAW)


def decided(observed: Observed, *, traits: Traits = GPU, policy: Policy | None = None) -> Action:
    return the_action(planned([SWORD], LOCK, observed, policy=policy, more={"gpu": traits}))


def test_it_is_drawn_again_where_no_source_has_its_bytes() -> None:
    assert decided(seen()) == AGAIN
    assert decided(seen(failures={OUT: SourceFailure("git-lfs is not installed")})) == AGAIN
    assert decided(seen(sources=[("made", OUT)])) == Restore(OutputMissing(), bytes_of("made"))


@pytest.mark.parametrize(
    "traits",
    [
        replace(GPU, free=False),
        replace(GPU, local=False),
        replace(GPU, deterministic=False),
        replace(GPU, placeholder=True),
    ],
)
def test_no_other_provider_draws_it_again(traits: Traits) -> None:
    action = decided(seen(), traits=traits)
    assert not isinstance(action, Restore)
    assert action.reason == OutputLost()


@pytest.mark.parametrize("made", [{"provider": "other"}, {"provider": "by hand"}])
def test_an_image_of_another_provider_is_not_drawn_again(made: dict[str, str]) -> None:
    lock = a_lock({"sword": an_entry(SWORD, **made)})
    action = the_action(planned([SWORD], lock, seen(), more={"gpu": GPU}))
    assert action == Hold(OutputLost(), Consent.REGENERATE_MISSING, Generate(OutputLost(), KEY))


def test_a_changed_recipe_is_no_reason_to_draw_the_old_image_again() -> None:
    edited = a_spec(provider="gpu", prompt="a long sword")
    action = the_action(planned([edited], LOCK, seen(), more={"gpu": GPU}))
    assert isinstance(action, Generate)
    assert isinstance(action.reason, RecipeChanged)
    frozen = the_action(planned([replace(edited, freeze=True)], LOCK, seen(), more={"gpu": GPU}))
    assert isinstance(frozen, Hold), "the recipe of the lockfile cannot be requested"


def drawn(got: str, *, provider: str = "gpu") -> StoredImage:
    return a_stored(got, provider=provider)


def test_another_image_is_held_until_a_person_decides() -> None:
    other = seen(stored={KEY: (drawn("old"), drawn("other"))})
    held = Hold(RedrawnDifferently(bytes_of("other")), Consent.REGENERATE_MISSING, Generate(OutputLost(), KEY))
    assert decided(other) == held
    agreed = Policy(frozenset({Consent.REGENERATE_MISSING}))
    assert decided(other, policy=agreed) == Generate(OutputLost(), KEY)


def test_images_of_others_and_conversions_are_not_what_it_has_drawn() -> None:
    converted = replace(drawn("converted"), original=bytes_of("made"))
    assert decided(seen(stored={KEY: (drawn("bought", provider="gravitex"), drawn("made"), converted)})) == AGAIN
    lock = a_lock({"sword": replace(DRAWN, original=bytes_of("answer"))})
    kept = seen(stored={KEY: (drawn("answer"),)})
    assert the_action(planned([SWORD], lock, kept, more={"gpu": GPU})) == AGAIN


def test_a_provider_is_needed_for_it_and_images_that_refer_to_it_stay() -> None:
    pair = a_spec("pair", provider="gpu", references=(an_asset("sword"),))
    recipe = replace(pair.base_recipe, references=(bytes_of("made"),))
    lock = a_lock({"sword": DRAWN, "pair": an_entry(recipe, got="pair", provider="gpu", output=pair.output)})
    plan = planned([SWORD, pair], lock, seen({pair.output: "pair"}), more={"gpu": GPU})
    assert the_action(plan) == AGAIN
    assert [step.asset for step in plan.drift] == ["sword"]
    assert plan.generating_providers == {"gpu"}
    assert [draws(the_step(plan, name).action) for name in ("sword", "pair")] == [True, False]


def test_a_frozen_image_is_drawn_again_too() -> None:
    frozen = replace(SWORD, freeze=True)
    action = the_action(planned([frozen], LOCK, seen(), more={"gpu": GPU}))
    assert action == AGAIN
    assert not isinstance(action.reason, Frozen)
