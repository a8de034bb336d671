"""What a person allows: freeze, ignored changes, consent, selection, replacement and the budget."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.money.cost import FREE, Cost
from reconciler.core.plan.actions import (
    Adopt,
    Asked,
    Conflict,
    Consent,
    Doubtful,
    Frozen,
    Generate,
    Hold,
    Ignored,
    Keep,
    Move,
    NeverGenerated,
    NotSelected,
    Orphaned,
    OutputLost,
    OutputMissing,
    OverBudget,
    Placeholder,
    RecipeChanged,
    Restore,
    UpstreamUnavailable,
)
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.policy import Policy, within_budget
from reconciler.core.recipe import Change
from reconciler.core.specs.settings import Budget
from reconciler.core.value import replace
from tests.builders import (
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
)

SWORD = a_spec()
OUT = SWORD.output
LOCK = a_lock({"sword": an_entry(SWORD)})
EDITED = a_spec(prompt="a long sword")
CHANGES = (Change("prompt", "a sword", "a long sword"),)
HAD = [("made", OUT)]
FROZEN = (replace(EDITED, freeze=True), Frozen(RecipeChanged(CHANGES)))
UNHEEDED = (replace(EDITED, ignore_changes=frozenset({"prompt", "size"})), Ignored(CHANGES))


def decided(spec: Any, lock: Any = LOCK, observed: Any = None, **policy: Any) -> Any:
    return the_action(planned([spec], lock, observed or seen({OUT: "made"}), policy=Policy(**policy)), spec.id)


def consents(*given: Consent) -> dict[str, Any]:
    return {"consents": frozenset(given)}


@pytest.mark.parametrize(("spec", "reason"), [FROZEN, UNHEEDED])
class TestFrozenOrIgnored:
    """The locked image has to do, and has to be where it should be."""

    def test_is_kept(self, spec: Any, reason: Any) -> None:
        assert decided(spec) == Keep(reason)

    def test_is_not_changed_for_nothing_either(self, spec: Any, reason: Any) -> None:
        stored = {EDITED.base_recipe.key(): (a_stored(),)}
        assert decided(spec, observed=seen({OUT: "made"}, stored=stored)) == Keep(reason)

    def test_is_restored_as_it_was(self, spec: Any, reason: Any) -> None:
        assert decided(spec, observed=seen(sources=HAD)) == Restore(OutputMissing(), bytes_of("made"))

    def test_is_adopted_where_what_is_wanted_stands_there_already(self, spec: Any, reason: Any) -> None:
        stored = {EDITED.base_recipe.key(): (a_stored(),)}
        action = decided(spec, observed=seen({OUT: "stored"}, sources=HAD, stored=stored))
        assert (type(action), action.content) == (Adopt, bytes_of("stored"))

    def test_is_moved_as_it_was(self, spec: Any, reason: Any) -> None:
        for moved in (replace(spec, output="public/sword.png"), replace(spec, id=AssetId("blade"))):
            action = decided(moved)
            assert (type(action), action.content) == (Move, bytes_of("made"))

    def test_is_made_again_only_when_lost_and_allowed(self, spec: Any, reason: Any) -> None:
        lost = decided(spec, observed=seen())
        assert (lost.reason, lost.consent) == (OutputLost(), Consent.REGENERATE_MISSING)
        again = decided(spec, observed=seen(), **consents(Consent.REGENERATE_MISSING))
        assert again == Generate(OutputLost(), EDITED.base_recipe.key())

    def test_is_not_overwritten(self, spec: Any, reason: Any) -> None:
        assert isinstance(decided(spec, observed=seen({OUT: "painted"})), Conflict)

    def test_is_not_held_for_a_refusal_or_an_upstream(self, spec: Any, reason: Any) -> None:
        refused = a_lock(LOCK.entries, refused={"sword": EDITED.base_recipe})
        assert decided(spec, refused) == Keep(reason)

    def test_is_replaced_where_a_person_asks(self, spec: Any, reason: Any) -> None:
        assert isinstance(decided(spec, replace=frozenset({SWORD.id})), Generate)


def test_freeze_keeps_a_placeholder_and_makes_what_was_never_made() -> None:
    frozen = replace(SWORD, freeze=True)
    drafted = a_lock({"sword": an_entry(SWORD, provider="draft")})
    assert decided(frozen, drafted) == Keep(Frozen(Placeholder()))
    assert decided(frozen, a_lock(), seen()).reason == NeverGenerated()


def test_a_change_beside_the_ignored_ones_is_none_of_them() -> None:
    spec = a_spec(prompt="a long sword", base_recipe={"model": "other"}, ignore_changes=frozenset({"prompt"}))
    reason = decided(spec).reason
    assert [change.field for change in reason.changes] == ["model", "prompt"]


def test_an_ignored_reference_does_not_hide_a_changed_prompt_while_a_new_upstream_is_made() -> None:
    spec = replace(EDITED, references=(an_asset("new"),), ignore_changes=frozenset({"references"}))
    made = planned([spec, a_spec("new", prompt="an owl")], LOCK, seen({OUT: "made"}))
    assert isinstance(the_action(made), Generate)


def test_an_orphan_is_not_replaced() -> None:
    made = planned([], LOCK, seen({OUT: "made"}), policy=Policy(replace=frozenset({SWORD.id})))
    assert the_action(made) == Keep(Orphaned())


class TestConsent:
    """Each option allows what it names and nothing else."""

    @pytest.mark.parametrize("given", Consent)
    def test_allows_its_own(self, given: Consent) -> None:
        cases: dict[Consent, Callable[..., Any]] = {
            Consent.RETRY_IN_DOUBT: decided_in_doubt,
            Consent.RETRY_REFUSED: lambda **p: decided(
                SWORD, a_lock(refused={"sword": SWORD.base_recipe}), seen(), **p
            ),
            Consent.REGENERATE_MISSING: lambda **p: decided(SWORD, observed=seen(), **p),
        }
        for needed, decide_with in cases.items():
            action = decide_with(**consents(given))
            assert isinstance(action, Generate if needed is given else Hold), needed

    def test_to_retry_in_doubt_allows_no_second_thing(self) -> None:
        refused = a_lock(refused={"sword": SWORD.base_recipe})
        both = seen(in_doubt={SWORD.id: (a_request(),)})
        assert isinstance(decided(SWORD, refused, both, **consents(Consent.RETRY_IN_DOUBT)), Hold)
        assert isinstance(
            decided(SWORD, refused, both, **consents(Consent.RETRY_IN_DOUBT, Consent.RETRY_REFUSED)), Generate
        )

    def test_to_retry_does_not_unfreeze(self) -> None:
        observed = replace(seen({OUT: "made"}), in_doubt={SWORD.id: (a_request(),)})
        assert isinstance(decided(FROZEN[0], observed=observed), Hold)
        assert decided(FROZEN[0], observed=observed, **consents(Consent.RETRY_IN_DOUBT)) == Keep(FROZEN[1])


def decided_in_doubt(**policy: Any) -> Any:
    return decided(SWORD, a_lock(), seen(in_doubt={SWORD.id: (a_request(),)}), **policy)


class TestReplace:
    """A person asked for another image: the only way over a person's bytes."""

    policy: ClassVar[Any] = {"replace": frozenset({SWORD.id})}

    @pytest.mark.parametrize("there", ["made", "painted"])
    def test_generates_over_whatever_file_is_there(self, there: str) -> None:
        action = decided(SWORD, observed=seen({OUT: there}), **self.policy)
        assert action == Generate(Asked(), SWORD.base_recipe.key(), replacing=bytes_of(there))

    @pytest.mark.parametrize("asset", ["sword", "old"])
    def test_asks_where_its_recipe_is_in_doubt_even_under_another_id(self, asset: str) -> None:
        request = a_request(asset, key=SWORD.base_recipe.key())
        there = seen({OUT: "made"}, in_doubt={request.asset: (request,)})
        again = Generate(Asked(), SWORD.base_recipe.key(), replacing=bytes_of("made"))
        assert decided(SWORD, observed=there, **self.policy) == Hold(
            Doubtful((request,)), Consent.RETRY_IN_DOUBT, again
        )
        assert decided(SWORD, observed=there, **self.policy, **consents(Consent.RETRY_IN_DOUBT)) == again

    def test_not_over_a_directory(self) -> None:
        assert isinstance(decided(SWORD, observed=seen({OUT: Blocked("a directory")}), **self.policy), Conflict)

    def test_not_without_the_pictures_it_needs(self) -> None:
        hero = replace(SWORD, references=(an_asset("fox"),))
        fox = a_spec("fox")
        lock = a_lock(refused={"fox": fox.base_recipe})
        made = planned([hero, fox], lock, policy=Policy(**self.policy))
        assert isinstance(the_action(made), Hold)

    def test_touches_no_other_asset_and_no_orphan(self) -> None:
        axe = a_spec("axe")
        lock = a_lock({"axe": an_entry(axe)})
        assert decided(axe, lock, seen({axe.output: "made"}), **self.policy) == Keep()
        assert isinstance(the_action(planned([], LOCK, policy=Policy(**self.policy))), Keep)

    def test_what_refers_to_it_waits_and_asks(self) -> None:
        hero = a_spec("hero", references=(an_asset("sword"),))
        made = planned([SWORD, hero], policy=Policy(**self.policy))
        action = the_action(made, "hero")
        assert isinstance(action, Generate) and action.after == ("sword",)


def test_a_selection_leaves_the_rest_alone() -> None:
    made = planned([SWORD, a_spec("axe", prompt="an axe")], policy=Policy(selected=frozenset({SWORD.id})))
    assert the_action(made, "axe") == Keep(NotSelected())
    assert [step.asset for step in made.drift] == ["sword"]


def test_a_selection_goes_before_replace() -> None:
    assert decided(SWORD, selected=frozenset(), replace=frozenset({SWORD.id})) == Keep(NotSelected())


USD = {name: Cost(Decimal(name)) for name in ("0.1", "0.2", "0.3")}


class TestBudget:
    """What would pass a limit is held, in the order of work, and so is what needs it."""

    def held(self, costs: dict[str, Cost | None], budget: Budget, *, specs: Any = None, **run: Any) -> dict[str, str]:
        wanted = specs or [a_spec(name, prompt=name) for name in costs]
        made = within_budget(planned(wanted, price=lambda spec, recipe: costs[spec.id]), budget, **run)
        return {
            step.asset: step.action.reason.limit if isinstance(step.action.reason, OverBudget) else "needs it"
            for step in made.steps
            if isinstance(step.action, Hold)
        }

    def test_without_limits_holds_nothing(self) -> None:
        assert self.held({"a": USD["0.3"], "b": None}, Budget()) == {}

    def test_per_run_lets_through_what_still_fits(self) -> None:
        costs: dict[str, Cost | None] = {"a": USD["0.2"], "b": USD["0.3"], "c": USD["0.1"]}
        assert self.held(costs, Budget(per_run=Decimal("0.3"))) == {"b": "0.3 USD a run"}

    def test_per_asset(self) -> None:
        costs: dict[str, Cost | None] = {"a": USD["0.2"], "b": USD["0.3"]}
        assert self.held(costs, Budget(per_asset=Decimal("0.2"))) == {"b": "0.2 USD an asset"}

    def test_of_images_counts_what_is_paid_or_has_no_price(self) -> None:
        costs = {"a": FREE, "b": None, "c": USD["0.1"]}
        assert self.held(costs, Budget(images=1)) == {"c": "1 images a run"}
        assert self.held(costs, Budget(images=0)) == {"b": "0 images a run", "c": "0 images a run"}

    @pytest.mark.parametrize("unknown", [None, Cost(Decimal("0.1"), "EUR")])
    @pytest.mark.parametrize("budget", [Budget(per_run=Decimal(9)), Budget(per_asset=Decimal(9), images=9)])
    def test_in_money_holds_an_unknown_price(self, unknown: Cost | None, budget: Budget) -> None:
        held = self.held({"a": unknown, "b": USD["0.1"]}, budget)
        assert list(held) == ["a"]
        assert held["a"].startswith("its price in USD is unknown" if unknown is None else "its price is in EUR")

    def test_in_any_currency_lets_through_what_is_free(self) -> None:
        assert self.held({"a": FREE}, Budget(per_run=Decimal(0), currency="EUR")) == {}

    def test_holds_what_needs_what_is_held(self) -> None:
        specs = [a_spec("a"), a_spec("b", references=(an_asset("a"),)), a_spec("c", references=(an_asset("b"),))]
        costs: dict[str, Cost | None] = {"a": USD["0.3"], "b": USD["0.1"], "c": USD["0.1"]}
        budget = Budget(per_run=Decimal("0.25"))
        assert self.held(costs, budget, specs=specs) == {"a": "0.25 USD a run", "b": "needs it", "c": "needs it"}
        made = within_budget(planned(specs, price=lambda spec, recipe: costs[spec.id]), budget)
        assert the_action(made, "c").reason == UpstreamUnavailable((AssetId("b"),))

    @pytest.mark.parametrize(
        ("budget", "limit"),
        [
            (Budget(per_run=Decimal("0.3")), {"a": "0.3 USD a run", "b": "0.3 USD a run"}),
            (Budget(per_asset=Decimal("0.3")), {"a": "0.3 USD an asset"}),
            (Budget(images=1), {"a": "1 images a run", "b": "1 images a run"}),
        ],
    )
    def test_counts_what_is_in_doubt_as_spent(self, budget: Budget, limit: dict[str, str]) -> None:
        costs: dict[str, Cost | None] = {"a": USD["0.2"], "b": USD["0.2"]}
        said = {name: f"{message}; 0.2 USD in doubt counts" for name, message in limit.items()}
        assert self.held(costs, budget, already=[("a", USD["0.2"])]) == said

    def test_counts_every_candidate_as_an_image(self) -> None:
        costs: dict[str, Cost | None] = {"a": USD["0.2"], "b": FREE, "c": USD["0.2"]}
        assert self.held(costs, Budget(images=3), candidates=2) == {"c": "3 images a run"}

    def test_counts_what_a_table_calls_free_but_not_a_draft(self) -> None:
        costs: dict[str, Cost | None] = {"a": Cost(Decimal(0)), "b": FREE}
        assert self.held(costs, Budget(images=0)) == {"a": "0 images a run"}

    def test_leaves_alone_what_is_not_generated(self) -> None:
        made = planned([SWORD], LOCK, seen({OUT: "made"}), price=lambda spec, recipe: USD["0.3"])
        assert within_budget(made, Budget(per_run=Decimal(0), images=0)) == made
