"""The decision table, row by row, through the plan of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.events import Accepted, Waiting
from reconciler.core.fit import misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.entry import Answer, AnswerKind, Lock, Made
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import (
    Adopt,
    AlreadyThere,
    Asked,
    Awaited,
    ClaimedElsewhere,
    Conflict,
    Consent,
    Doubtful,
    Frozen,
    Generate,
    Hold,
    Keep,
    MadeByHand,
    Move,
    Moved,
    NeverGenerated,
    NotAFile,
    Orphaned,
    OutputLost,
    OutputMissing,
    OutputModified,
    Placeholder,
    RealImage,
    RecipeChanged,
    Restore,
    SourceFailed,
    Untracked,
    WasRefused,
    WasRejected,
)
from reconciler.core.plan.observed import Blocked, Rejection, Rejections
from reconciler.core.plan.plan import OrphanStep
from reconciler.core.plan.policy import OnClaimed, Policy
from reconciler.core.ports import SourceFailure
from reconciler.core.recipe import Change
from reconciler.core.specs.settings import Cascade
from reconciler.core.team.catalogue import requested
from reconciler.core.team.claim import Claim
from reconciler.core.value import replace
from tests.builders import (
    AT,
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
)

SWORD = a_spec()
OUT = SWORD.output
EDITED = a_spec(prompt="a long sword")
KEY = SWORD.base_recipe.key()
LOCK = a_lock({"sword": an_entry(SWORD)})
DRAFTED = a_lock({"sword": an_entry(SWORD, provider="draft")})
HAD = [("made", OUT)]


def decided(spec: Any, lock: Any, observed: Any) -> Any:
    return the_action(planned([spec], lock, observed), spec.id)


def test_current() -> None:
    assert decided(SWORD, LOCK, seen({OUT: "made"})) == Keep()


def test_missing_is_restored() -> None:
    assert decided(SWORD, LOCK, seen(sources=HAD)) == Restore(OutputMissing(), bytes_of("made"))


def test_lost_is_bought_again_only_by_consent() -> None:
    again = Generate(OutputLost(), KEY)
    assert decided(SWORD, LOCK, seen()) == Hold(OutputLost(), Consent.REGENERATE_MISSING, again)


DRAFT = replace(SWORD, provider="draft")


def test_a_lost_draft_is_drawn_again_without_consent_which_is_for_money() -> None:
    assert decided(DRAFT, DRAFTED, seen()) == Generate(OutputLost(), KEY)
    assert decided(DRAFT, DRAFTED, seen(sources=HAD)) == Restore(OutputMissing(), bytes_of("made"))
    failed = SourceFailure("git: no")
    assert decided(DRAFT, DRAFTED, seen(failures={OUT: failed})) == Generate(OutputLost(), KEY)


def test_a_lost_image_that_no_draft_may_replace_is_not_drawn_again() -> None:
    for entry in (an_entry(SWORD), an_entry(SWORD, provider="adopted")):
        assert decided(DRAFT, a_lock({"sword": entry}), seen()).consent is Consent.REGENERATE_MISSING
    frozen = replace(DRAFT, freeze=True, base_recipe=EDITED.base_recipe)
    assert isinstance(decided(frozen, DRAFTED, seen()), Hold)


def test_what_a_place_may_have_that_cannot_be_asked_is_not_bought() -> None:
    failed = SourceFailure("git: dubious ownership", "trust it")
    everything = Policy(consents=frozenset(Consent))
    there = seen(failures={OUT: failed})
    for policy in (None, everything):
        assert the_action(planned([SWORD], LOCK, there, policy=policy)) == Hold(SourceFailed(failed))
    assert decided(SWORD, LOCK, seen(sources=HAD, failures={OUT: failed})) == Restore(OutputMissing(), bytes_of("made"))


def test_bytes_locked_for_another_path_are_no_source() -> None:
    assert isinstance(decided(SWORD, LOCK, seen(sources=[("made", "assets/other.png")])), Hold)


def test_modified_is_a_conflict_even_where_the_locked_bytes_are_at_hand() -> None:
    assert decided(SWORD, LOCK, seen({OUT: "painted"}, sources=HAD)) == Conflict(OutputModified(), bytes_of("painted"))


@pytest.mark.parametrize("there", [{OUT: "made"}, {}])
def test_stale_is_generated_in_place_of_what_is_there(there: dict[str, str]) -> None:
    action = decided(EDITED, LOCK, seen(there, sources=HAD))
    why = RecipeChanged((Change("prompt", "a sword", "a long sword"),))
    assert action == Generate(why, EDITED.base_recipe.key(), replacing=bytes_of("made") if there else None)


def test_stale_is_restored_where_the_store_holds_this_very_recipe() -> None:
    stored = {EDITED.base_recipe.key(): (a_stored("older"), a_stored("newer"))}
    action = decided(EDITED, LOCK, seen({OUT: "made"}, stored=stored))
    assert isinstance(action, Restore)
    assert (action.content, action.replacing) == (bytes_of("newer"), bytes_of("made"))


def test_stale_takes_what_another_asset_has_for_this_very_recipe() -> None:
    twin = a_spec("twin", prompt="a long sword")
    lock = a_lock({"sword": an_entry(SWORD), "twin": an_entry(twin, got="twins")})
    there = {OUT: "made", twin.output: "twins"}
    assert decided_all([EDITED, twin], lock, there)["sword"].content == bytes_of("twins")
    assert isinstance(decided_all([EDITED, twin], lock, {OUT: "made"})["sword"], Generate)  # the twin's bytes are gone


BY_HAND = {
    "adopted": an_entry(SWORD, provider="adopted"),
    "edited": replace(an_entry(SWORD), made=Made("gravitex", AT, edited=bytes_of("original"))),
}
EDIT = RecipeChanged((Change("prompt", "a sword", "a long sword"),))


@pytest.mark.parametrize("how", BY_HAND)
@pytest.mark.parametrize("stored", [{}, {EDITED.base_recipe.key(): (a_stored("older"),)}], ids=["", "stored"])
def test_a_persons_image_is_replaced_by_no_changed_recipe(how: str, stored: Any) -> None:
    lock = a_lock({"sword": BY_HAND[how]})
    instead = Generate(EDIT, EDITED.base_recipe.key(), replacing=bytes_of("made"))
    assert decided(EDITED, lock, seen({OUT: "made"}, stored=stored)) == Hold(MadeByHand(EDIT), None, instead)
    assert decided(EDITED, lock, seen(sources=HAD, stored=stored)) == Restore(OutputMissing(), bytes_of("made"))
    everything = Policy(consents=frozenset(Consent))
    assert isinstance(the_action(planned([EDITED], lock, seen({OUT: "made"}), policy=everything)), Hold)
    replaced = planned([EDITED], lock, seen({OUT: "made"}), policy=Policy(replace=frozenset({SWORD.id})))
    assert isinstance(the_action(replaced), Generate)


@pytest.mark.parametrize("how", BY_HAND)
def test_a_persons_image_moves_along_and_takes_a_recipe_that_it_answers(how: str) -> None:
    lock = a_lock({"sword": BY_HAND[how]})
    moved = replace(EDITED, output="public/sword.png")
    assert isinstance(decided(moved, lock, seen({OUT: "made"})), Move)
    stored = {EDITED.base_recipe.key(): (a_stored("made"),)}
    assert decided(EDITED, lock, seen({OUT: "made"}, stored=stored)) == Restore(
        EDIT, bytes_of("made"), bytes_of("made")
    )


def test_an_image_that_a_model_made_elsewhere_is_as_if_made_here() -> None:
    lock = a_lock({"sword": an_entry(SWORD, provider="imported")})
    assert decided(SWORD, lock, seen({OUT: "made"})) == Keep()
    assert isinstance(decided(EDITED, lock, seen({OUT: "made"})), Generate)


def test_a_draft_replaces_no_real_image() -> None:
    draft = replace(EDITED, provider="draft")
    drawn = {EDITED.base_recipe.key(): (a_stored("real"), a_stored("drawn", provider="draft"))}
    held = decided(draft, LOCK, seen({OUT: "made"}))
    assert (type(held), held.reason) == (Hold, RealImage(EDIT))
    only_drawn = {EDITED.base_recipe.key(): (a_stored("drawn", provider="draft"),)}
    assert decided(draft, LOCK, seen({OUT: "made"}, stored=only_drawn)).reason == RealImage(EDIT)
    assert decided(draft, LOCK, seen({OUT: "made"}, stored=drawn)).content == bytes_of("real")
    assert isinstance(decided(draft, DRAFTED, seen({OUT: "made"})), Generate)


def decided_all(specs: list[Any], lock: Any, there: dict[str, str]) -> dict[str, Any]:
    return {step.asset: step.action for step in planned(specs, lock, seen(there)).steps}


def test_drafts_are_no_substitute_for_a_real_image() -> None:
    stored = {KEY: (a_stored("real"), a_stored("drawn", provider="draft"))}
    assert decided(SWORD, a_lock(), seen(stored=stored)).content == bytes_of("real")
    only_drawn = {KEY: (a_stored("drawn", provider="draft"),)}
    assert isinstance(decided(SWORD, a_lock(), seen(stored=only_drawn)), Generate)
    draft = replace(SWORD, provider="draft")
    assert decided(draft, a_lock(), seen(stored=only_drawn)).content == bytes_of("drawn")
    twin = a_lock({"twin": an_entry(SWORD, got="drawn", provider="draft", output="assets/twin.png")})
    twins = [SWORD, a_spec("twin", provider="draft")]
    assert isinstance(the_action(planned(twins, twin, seen({"assets/twin.png": "drawn"}))), Generate)


def test_stale_and_modified_is_a_conflict_that_says_what_changed() -> None:
    action = decided(EDITED, LOCK, seen({OUT: "painted"}))
    changes = (Change("prompt", "a sword", "a long sword"),)
    assert action == Conflict(OutputModified(changes), bytes_of("painted"))


def test_another_image_of_the_recipe_in_place_of_the_locked_one_is_a_conflict() -> None:
    there = seen({OUT: "other"}, stored={KEY: (a_stored("other"),)})
    assert decided(SWORD, LOCK, there) == Conflict(OutputModified(), bytes_of("other"))


def test_untracked_is_a_conflict() -> None:
    assert decided(SWORD, a_lock(), seen({OUT: "mine"})) == Conflict(Untracked(), bytes_of("mine"))


@pytest.mark.parametrize("lock", [a_lock(), a_lock({"sword": an_entry(EDITED)})])
def test_what_the_store_holds_for_the_recipe_is_adopted_where_it_stands(lock: Any) -> None:
    observed = seen({OUT: "stored"}, stored={KEY: (a_stored(),)})
    assert decided(SWORD, lock, observed) == Adopt(AlreadyThere(), bytes_of("stored"))


def test_of_several_images_for_the_recipe_the_one_that_stands_there_is_adopted() -> None:
    lock = a_lock({"twin": an_entry(SWORD, got="twins", output="assets/twin.png")})
    stored = {KEY: (a_stored("older"), a_stored("newer"))}
    observed = seen({OUT: "older", "assets/twin.png": "twins"}, stored=stored)
    made = planned([SWORD, a_spec("twin")], lock, observed)
    assert the_action(made) == Adopt(AlreadyThere(), bytes_of("older"))


def test_new() -> None:
    action = the_action(planned([SWORD], price=lambda spec, recipe: Cost(Decimal(7))))
    assert action == Generate(NeverGenerated(), KEY, Cost(Decimal(7)))
    assert isinstance(decided(SWORD, a_lock(), seen(stored={KEY: (a_stored(),)})), Restore)


@pytest.mark.parametrize("there", [{OUT: "made"}, {OUT: "painted"}, {}])
def test_an_orphan_is_kept_and_reported(there: dict[str, str]) -> None:
    made = planned([], LOCK, seen(there))
    assert the_action(made) == Keep(Orphaned())
    assert made.steps == (OrphanStep(SWORD.id, Keep(Orphaned()), LOCK.entries[SWORD.id]),)
    assert made.steps[0].output == OUT
    assert not made.drift


def test_a_placeholder_is_generated_and_a_real_image_is_never_drafted_over() -> None:
    there = seen({OUT: "made"})
    assert decided(SWORD, DRAFTED, there) == Generate(Placeholder(), KEY, replacing=bytes_of("made"))
    draft = replace(SWORD, provider="draft")
    assert decided(draft, DRAFTED, there) == Keep()
    assert decided(draft, LOCK, there) == Keep()


def test_a_placeholder_gives_way_to_what_the_store_holds() -> None:
    stored = {KEY: (a_stored("real"), a_stored("made", provider="draft"))}
    assert decided(SWORD, DRAFTED, seen({OUT: "made"}, stored=stored)).content == bytes_of("real")


def test_a_placeholder_that_was_painted_over_is_a_conflict() -> None:
    assert isinstance(decided(SWORD, DRAFTED, seen({OUT: "painted"})), Conflict)


@pytest.mark.parametrize("lock", [a_lock(), LOCK, DRAFTED])
def test_in_doubt_is_held_whatever_else_is_true(lock: Any) -> None:
    request = a_request()
    there = seen({OUT: "made"} if lock.entries else {})
    action = decided(SWORD, lock, replace(there, in_doubt={SWORD.id: (request,)}))
    assert action == Hold(Doubtful((request,)), Consent.RETRY_IN_DOUBT, decided(SWORD, lock, there))


def test_an_orphan_in_doubt_is_held() -> None:
    for lock in (LOCK, a_lock()):
        held = the_action(planned([], lock, seen(in_doubt={SWORD.id: (a_request(),)})))
        assert held == Hold(Doubtful((a_request(),)))


def test_a_new_name_does_not_buy_what_is_in_doubt_under_the_old_one() -> None:
    request = a_request("old", key=KEY)
    action = decided(SWORD, a_lock(), seen(in_doubt={"old": (request,)}))
    assert action == Hold(Doubtful((request,)), Consent.RETRY_IN_DOUBT, Generate(NeverGenerated(), KEY))
    assert isinstance(decided(EDITED, a_lock(), seen(in_doubt={"old": (request,)})), Generate)
    had = seen(in_doubt={"old": (request,)}, stored={KEY: (a_stored(),)})
    assert isinstance(decided(SWORD, a_lock(), had), Restore)
    assert decided(SWORD, LOCK, seen({OUT: "made"}, in_doubt={"old": (request,)})) == Keep()


def test_in_doubt_elsewhere_comes_before_refused() -> None:
    """Consent to ask again after a refusal is not consent to pay twice."""
    refused = a_lock(refused={"sword": SWORD.base_recipe})
    request = a_request("old", key=KEY)
    observed = seen(in_doubt={"old": (request,)})
    held = Hold(Doubtful((request,)), Consent.RETRY_IN_DOUBT, Generate(NeverGenerated(), KEY))
    assert decided(SWORD, refused, observed) == held
    consent = Policy(consents=frozenset({Consent.RETRY_REFUSED}))
    assert the_action(planned([SWORD], refused, observed, policy=consent)) == held


def awaited(identity: str = "sword", *, key: RecipeKey | None = None) -> Waiting:
    request = a_request(identity, key=key)
    return Waiting(request, Accepted(request.attempt, request.asset, "job-7"))


@pytest.mark.parametrize("lock", [a_lock(), LOCK, DRAFTED])
def test_what_a_provider_works_on_is_held_whatever_else_is_true_and_no_consent_buys_it(lock: Any) -> None:
    waiting = awaited()
    there = seen({OUT: "made"} if lock.entries else {})
    held = Hold(Awaited((waiting,)), None, decided(SWORD, lock, there))
    both = replace(there, waiting={SWORD.id: (waiting,)})
    assert decided(SWORD, lock, both) == held
    for consent in Consent:
        policy = Policy(consents=frozenset({consent}))
        assert the_action(planned([SWORD], lock, both, policy=policy)) == held
    doubtful = replace(both, in_doubt={SWORD.id: (a_request(attempt="2"),)})
    assert isinstance(decided(SWORD, lock, doubtful), Hold)
    agreed = Policy(consents=frozenset({Consent.RETRY_IN_DOUBT}))
    assert the_action(planned([SWORD], lock, doubtful, policy=agreed)) == held


def a_claim(*, in_batch: bool = False) -> Claim:
    asked = (1, "theirs", SWORD.id, KEY, "gravitex", "0.1 USD", AT)
    return Claim(*asked, "ana@acme", "ci-771", answers_by=AT, in_batch=in_batch)


def test_what_another_checkout_has_claimed_is_left_to_it() -> None:
    claim = a_claim()
    there = seen(team_claimed=(claim,))
    held = Hold(ClaimedElsewhere((claim,)), None, Generate(NeverGenerated(), KEY))
    assert decided(SWORD, a_lock(), there) == held
    for consent in Consent:
        policy = Policy(consents=frozenset({consent}))
        assert the_action(planned([SWORD], a_lock(), there, policy=policy)) == held
    again = Policy(replace=frozenset({SWORD.id}))
    assert the_action(planned([SWORD], LOCK, there, policy=again)) == replace(held, otherwise=Generate(Asked(), KEY))
    assert decided(SWORD, LOCK, replace(there, outputs={OUT: bytes_of("made")})) == Keep()
    assert isinstance(decided(SWORD, a_lock(), replace(there, stored={KEY: (a_stored(),)})), Restore)
    assert isinstance(decided(EDITED, a_lock(), there), Generate), "it is another recipe"
    assert isinstance(decided(DRAFT, a_lock(), there), Generate), "drafts cost nothing"


@pytest.mark.parametrize("asked_again", [frozenset(), frozenset({SWORD.id})])
@pytest.mark.parametrize(
    ("claimed", "in_batch", "kind"),
    [
        (OnClaimed.LEAVE, False, Hold),
        (OnClaimed.WAIT, False, Generate),
        (OnClaimed.WAIT, True, Hold),
        (OnClaimed.TAKE, True, Generate),
    ],
)
def test_a_run_waits_for_what_others_have_claimed_unless_it_takes_a_day(
    asked_again: Any, claimed: OnClaimed, in_batch: bool, kind: type
) -> None:
    claim = a_claim(in_batch=in_batch)
    policy = Policy(claimed=claimed, replace=asked_again)
    made = the_action(planned([SWORD], a_lock(), seen(team_claimed=(claim,)), policy=policy))
    assert type(made) is kind
    doubtful = seen(team_in_doubt=(requested(claim),))
    assert isinstance(the_action(planned([SWORD], a_lock(), doubtful, policy=policy)), Hold), "that takes consent"


@pytest.mark.parametrize("claimed", [OnClaimed.WAIT, OnClaimed.TAKE])
def test_a_claim_of_another_checkout_gives_no_consent(claimed: OnClaimed) -> None:
    """What is not left to that checkout is held for the same reasons as what nobody has claimed."""
    claim = a_claim()
    policy = Policy(claimed=claimed)
    own, theirs = a_request("other", key=KEY), replace(requested(claim), attempt="overdue")
    refused = a_lock(refused={"sword": SWORD.base_recipe})
    for lock, facts, consent in (
        (a_lock(), seen(in_doubt={"other": (own,)}), Consent.RETRY_IN_DOUBT),
        (a_lock(), seen(team_in_doubt=(theirs,)), Consent.RETRY_IN_DOUBT),
        (refused, seen(), Consent.RETRY_REFUSED),
    ):
        free = the_action(planned([SWORD], lock, facts))
        assert isinstance(free, Hold)
        assert free.consent is consent
        there = replace(facts, team_claimed=(claim,))
        assert decided(SWORD, lock, there) == Hold(ClaimedElsewhere((claim,)), None, free)
        assert the_action(planned([SWORD], lock, there, policy=policy)) == free
        agreed = replace(policy, consents=frozenset({consent}))
        assert isinstance(the_action(planned([SWORD], lock, there, policy=agreed)), Generate)
    retrying = seen(team_in_doubt=(theirs,), team_claimed=(replace(claim, retry_of=("overdue",)),))
    assert isinstance(the_action(planned([SWORD], a_lock(), retrying, policy=policy)), Generate)


def test_an_orphan_that_a_provider_works_on_is_held() -> None:
    for lock in (LOCK, a_lock()):
        held = the_action(planned([], lock, seen(waiting={SWORD.id: (awaited(),)})))
        assert held == Hold(Awaited((awaited(),)))


def test_a_new_name_does_not_buy_what_is_on_its_way_under_the_old_one() -> None:
    waiting = awaited("old", key=KEY)
    held = Hold(Awaited((waiting,)), None, Generate(NeverGenerated(), KEY))
    there = seen(waiting={"old": (waiting,)})
    assert decided(SWORD, a_lock(), there) == held
    assert isinstance(decided(EDITED, a_lock(), there), Generate)
    assert decided(SWORD, LOCK, replace(there, outputs={OUT: bytes_of("made")})) == Keep()
    assert isinstance(decided(SWORD, a_lock(), replace(there, stored={KEY: (a_stored(),)})), Restore)
    anew = Policy(replace=frozenset({SWORD.id}))
    action = the_action(planned([SWORD], a_lock(), there, policy=anew))
    assert action == Hold(Awaited((waiting,)), None, Generate(Asked(), KEY))


def test_refused_is_held_until_the_spec_changes() -> None:
    refused = a_lock(refused={"sword": SWORD.base_recipe})
    again = Generate(NeverGenerated(), KEY)
    assert decided(SWORD, refused, seen()) == Hold(WasRefused("I will not"), Consent.RETRY_REFUSED, again)
    assert isinstance(decided(EDITED, refused, seen()), Generate)
    assert isinstance(decided(SWORD, refused, seen(stored={KEY: (a_stored(),)})), Restore)
    assert isinstance(decided(a_spec("other"), refused, seen()), Hold)  # the recipe is refused, whoever asks


def test_a_directory_at_the_output_is_a_conflict() -> None:
    assert decided(SWORD, LOCK, seen({OUT: Blocked("a directory")})) == Conflict(NotAFile("a directory"))


def test_a_new_canonicaliser_buys_nothing() -> None:
    entry = replace(an_entry(SWORD), key=RecipeKey("r0:" + "0" * 64))
    assert decided(SWORD, a_lock({"sword": entry}), seen({OUT: "made"})) == Keep()
    assert isinstance(decided(SWORD, a_lock({"sword": entry}), seen(sources=HAD)), Restore)


REJECTED = Rejection("ada@x.org", AT, "bent")


def rejecting(*names: str, recipes: Sequence[RecipeKey] = (), originals: Sequence[str] = ()) -> Rejections:
    contents = {bytes_of(name): REJECTED for name in names}
    return Rejections(contents, dict.fromkeys(recipes, REJECTED), {bytes_of(name): REJECTED for name in originals})


LOCKED = WasRejected(REJECTED.by, REJECTED.at, "bent")
ANOTHER = replace(LOCKED, locked=False)


class TestRejected:
    """A rejected image is held, with the price of another one."""

    made = rejecting("made", recipes=[KEY])

    @pytest.mark.parametrize("there", [{OUT: "made"}, {}])
    @pytest.mark.parametrize("sources", [HAD, []])
    def test_the_locked_one(self, there: dict[str, str], sources: Any) -> None:
        again = Generate(LOCKED, KEY, replacing=bytes_of("made") if there else None)
        held = decided(SWORD, LOCK, seen(there, sources=sources, rejected=self.made))
        assert held == Hold(LOCKED, Consent.REPLACE_REJECTED, again)

    def test_what_a_person_has_painted_over_it_is_a_conflict(self) -> None:
        action = decided(SWORD, LOCK, seen({OUT: "painted"}, rejected=self.made))
        assert action == Conflict(OutputModified(), bytes_of("painted"))

    def test_a_persons_own_image_is_replaced_by_name_only(self) -> None:
        lock = a_lock({"sword": an_entry(SWORD, provider="adopted")})
        held = decided(SWORD, lock, seen({OUT: "made"}, rejected=self.made))
        assert (type(held), held.reason, held.consent) == (Hold, LOCKED, None)

    def test_it_moves_first(self) -> None:
        moved = replace(SWORD, output="public/sword.png")
        assert isinstance(decided(moved, LOCK, seen({OUT: "made"}, rejected=self.made)), Move)

    def test_it_gives_way_to_other_words(self) -> None:
        assert isinstance(decided(EDITED, LOCK, seen({OUT: "made"}, rejected=self.made)), Generate)

    def test_a_conversion_of_a_rejected_one(self) -> None:
        lock = a_lock({"sword": replace(an_entry(SWORD), original=bytes_of("png"))})
        assert decided(SWORD, lock, seen({OUT: "made"}, rejected=rejecting("png"))).reason == LOCKED
        assert decided(SWORD, lock, seen({OUT: "made"}, rejected=rejecting(originals=["png"]))) == Keep()

    def test_no_source_brings_one_back(self) -> None:
        """Neither the store, nor the lock entry of another asset, nor the file that stands there."""
        wanted, rejected = EDITED.base_recipe.key(), rejecting("old", recipes=[EDITED.base_recipe.key()])
        held = Hold(ANOTHER, Consent.REPLACE_REJECTED, Generate(EDIT, wanted, replacing=bytes_of("made")))
        stored = {wanted: (a_stored("old"),)}
        assert decided(EDITED, LOCK, seen({OUT: "made"}, stored=stored, rejected=rejected)) == held
        assert decided(EDITED, LOCK, seen({OUT: "made"}, rejected=rejected)) == held, "in a clone without the store"
        twin = a_spec("twin", prompt="a long sword")
        lock = a_lock({"sword": an_entry(SWORD), "twin": an_entry(twin, got="old")})
        there = seen({OUT: "made", twin.output: "old"}, rejected=rejected)
        assert the_action(planned([EDITED, twin], lock, there)) == held
        new = decided(EDITED, a_lock(), seen({OUT: "old"}, stored=stored, rejected=rejected))
        assert new == Conflict(Untracked(), bytes_of("old"))

    def test_nor_one_that_did_not_fit_its_recipe_and_fits_this_one(self) -> None:
        wide, fits = (a_spec(base_recipe={"size": size}) for size in ("16:9", "4:3"))
        key, image = wide.base_recipe.key(), ImageFacts("png", 1024, 768, 100)
        wrong = replace(a_stored("old"), image=image, misfit=misfit(image, wide.base_recipe, transparent=False))
        answer = Answer(key, "not 16:9", AT, AnswerKind.MISMATCHED, wrong.content)
        lock = Lock({}, {SWORD.id: answer})
        stored = {key: (wrong,)}
        assert decided(fits, lock, seen(stored=stored)).content == wrong.content
        assert isinstance(decided(fits, lock, seen(stored=stored, rejected=rejecting("old"))), Generate)

    @pytest.mark.parametrize("how", BY_HAND)
    def test_nor_what_a_person_made_for_other_words(self, how: str) -> None:
        held = decided(EDITED, a_lock({"sword": BY_HAND[how]}), seen(sources=HAD, rejected=self.made))
        assert held == Hold(LOCKED, None, Generate(LOCKED, EDITED.base_recipe.key()))

    def test_the_take_that_nobody_rejected_is_restored(self) -> None:
        wanted = EDITED.base_recipe.key()
        stored = {wanted: (a_stored("good"), a_stored("old"))}
        observed = seen({OUT: "made"}, stored=stored, rejected=rejecting("old", recipes=[wanted]))
        assert decided(EDITED, LOCK, observed).content == bytes_of("good")

    def test_one_of_another_format_or_one_that_was_converted(self) -> None:
        wanted = replace(EDITED, base_recipe=replace(EDITED.base_recipe, format="webp"))
        png = replace(EDITED.base_recipe, format="png").key()
        for rejected in (rejecting("old", recipes=[png]), rejecting(recipes=[png], originals=["old"])):
            held = decided(wanted, LOCK, seen({OUT: "made"}, stored={png: (a_stored("old"),)}, rejected=rejected))
            assert (held.reason, held.consent) == (ANOTHER, Consent.REPLACE_REJECTED)

    def test_a_free_provider_makes_other_words_without_consent_but_not_the_same_ones(self) -> None:
        draft = replace(EDITED, provider="draft")
        rejected = rejecting("made", recipes=[EDITED.base_recipe.key()])
        assert isinstance(decided(draft, DRAFTED, seen({OUT: "made"}, rejected=rejected)), Generate)
        held = decided(DRAFT, DRAFTED, seen({OUT: "made"}, rejected=self.made))
        assert held.consent is Consent.REPLACE_REJECTED, "it would draw the same"

    def test_only_its_own_consent_allows_another(self) -> None:
        there = seen({OUT: "made"}, rejected=self.made)
        others = Policy(consents=frozenset(Consent) - {Consent.REPLACE_REJECTED})
        assert isinstance(the_action(planned([SWORD], LOCK, there, policy=others)), Hold)
        allowed = Policy(consents=frozenset({Consent.REPLACE_REJECTED}))
        assert isinstance(the_action(planned([SWORD], LOCK, there, policy=allowed)), Generate)

    def test_frozen_stays(self) -> None:
        allowed = Policy(consents=frozenset(Consent))
        frozen = replace(SWORD, freeze=True)
        there = seen({OUT: "made"}, rejected=self.made)
        assert the_action(planned([frozen], LOCK, there, policy=allowed)) == Keep(Frozen(LOCKED))
        both = replace(EDITED, freeze=True)
        assert the_action(planned([both], LOCK, there, policy=allowed)) == Keep(Frozen(EDIT))

    def test_what_is_kept_for_ignored_changes_is_judged_as_if_there_were_none(self) -> None:
        ignoring = replace(EDITED, ignore_changes=frozenset({"prompt"}))
        held = decided(ignoring, LOCK, seen({OUT: "made"}, rejected=self.made))
        assert (held.reason, held.otherwise.key) == (LOCKED, EDITED.base_recipe.key())
        below = a_spec("below", references=(an_asset("sword"),))
        before = replace(below_entry(below), output=below.output)
        lock = a_lock({"sword": an_entry(SWORD, got="new"), "below": before})
        there = seen({OUT: "new", below.output: "made"}, rejected=rejecting("made"))
        for cascade in (Cascade.ASK, Cascade.IGNORE):
            made = planned([SWORD, below], lock, there, policy=Policy(cascade=cascade))
            assert the_action(made, "below").reason == LOCKED
        assert isinstance(the_action(planned([SWORD, below], lock, there, policy=CASCADES), "below"), Generate)


CASCADES = Policy(cascade=Cascade.CASCADE)


def below_entry(spec: Any) -> Any:
    """The lock entry of an asset that was made from an older image of its upstream."""
    recipe = replace(spec.base_recipe, references=(bytes_of("older"),))
    return an_entry(recipe, got="made")


class TestMoves:
    """An asset under another name or at another path is the same asset."""

    blade = a_spec("blade")
    elsewhere = replace(SWORD, output="public/sword.png")

    def test_of_the_id_and_the_output(self) -> None:
        action = decided(self.blade, LOCK, seen({OUT: "made"}))
        assert action == Move(Moved(SWORD.id, OUT), bytes_of("made"), None, OUT)

    def test_of_the_id_alone(self) -> None:
        there = replace(self.blade, output=OUT)
        made = planned([there], LOCK, seen({OUT: "made"}))
        assert the_action(made, "blade") == Move(Moved(SWORD.id, OUT), bytes_of("made"))
        assert (the_asset_step(made, "blade").origin, len(made.steps)) == ("sword", 1)

    def test_of_the_output_alone(self) -> None:
        action = decided(self.elsewhere, LOCK, seen({OUT: "made"}))
        assert action == Move(Moved(None, OUT), bytes_of("made"), None, OUT)

    def test_that_a_person_has_done_already(self) -> None:
        action = decided(self.elsewhere, LOCK, seen({self.elsewhere.output: "made"}))
        assert action == Move(Moved(None, OUT), bytes_of("made"))

    def test_with_a_copy_left_behind(self) -> None:
        action = decided(self.elsewhere, LOCK, seen({OUT: "made", self.elsewhere.output: "made"}))
        assert action == Move(Moved(None, OUT), bytes_of("made"), None, OUT)

    def test_of_a_missing_file_restores_it_at_the_new_path(self) -> None:
        for spec in (self.elsewhere, self.blade):
            assert decided(spec, LOCK, seen(sources=HAD)) == Restore(OutputMissing(), bytes_of("made"))

    def test_onto_a_persons_file_is_a_conflict(self) -> None:
        action = decided(self.elsewhere, LOCK, seen({OUT: "made", self.elsewhere.output: "mine"}))
        assert action == Conflict(OutputModified(), bytes_of("mine"))

    @pytest.mark.parametrize("prompt", ["a sword", "a long sword"])
    def test_of_a_modified_file_is_a_conflict(self, prompt: str) -> None:
        spec = a_spec(prompt=prompt, output="public/sword.png")
        action = decided(spec, LOCK, seen({OUT: "painted"}, sources=HAD))
        assert isinstance(action, Conflict)
        assert action.found == bytes_of("painted")

    def test_leave_what_stands_in_place_of_a_picture_that_a_person_moved(self) -> None:
        action = decided(self.elsewhere, LOCK, seen({OUT: "mine", self.elsewhere.output: "made"}))
        assert action == Move(Moved(None, OUT), bytes_of("made"))

    def test_of_a_stale_asset_generates_there_and_clears_the_old_path(self) -> None:
        action = decided(replace(EDITED, output="public/sword.png"), LOCK, seen({OUT: "made"}))
        assert isinstance(action, Generate)
        assert (action.replacing, action.old_path) == (None, OUT)

    def test_swap_two_outputs(self) -> None:
        lock = a_lock({name: an_entry(a_spec(name), got=name) for name in ("a", "b")})
        specs = [a_spec("a", output="assets/b.png"), a_spec("b", output="assets/a.png")]
        found = decided_all(specs, lock, {"assets/a.png": "a", "assets/b.png": "b"})
        assert found["a"] == Move(Moved(None, "assets/a.png"), bytes_of("a"), bytes_of("b"))
        assert found["b"] == Move(Moved(None, "assets/b.png"), bytes_of("b"), bytes_of("a"))

    def test_swap_two_ids(self) -> None:
        lock = a_lock({name: an_entry(a_spec(name, prompt=name), got=name) for name in ("a", "b")})
        specs = [a_spec("c", prompt="a", output="assets/b.png"), a_spec("d", prompt="b", output="assets/a.png")]
        found = decided_all(specs, lock, {"assets/a.png": "a", "assets/b.png": "b"})
        assert [found[name].reason.origin for name in ("c", "d")] == ["a", "b"]

    def test_a_new_asset_may_have_the_path_that_another_leaves(self) -> None:
        axe = a_spec("axe", prompt="an axe", output=OUT)
        found = decided_all([self.elsewhere, axe], LOCK, {OUT: "made"})
        assert found["sword"] == Move(Moved(None, OUT), bytes_of("made"))
        assert (found["axe"].reason, found["axe"].replacing) == (NeverGenerated(), bytes_of("made"))

    def test_away_from_a_path_that_another_asset_has_filled_meanwhile(self) -> None:
        axe = a_spec("axe", prompt="an axe", output=OUT)
        lock = a_lock({**LOCK.entries, "axe": an_entry(axe, got="axe")})
        made = planned([self.elsewhere, axe], lock, seen({OUT: "axe"}, sources=HAD))
        assert the_action(made) == Restore(OutputMissing(), bytes_of("made"))


class TestTakeovers:
    """Which orphan a new asset was before."""

    def test_by_recipe_comes_before_by_path(self) -> None:
        lock = a_lock({"here": an_entry(EDITED), "same": an_entry(a_spec("same"), got="same")})
        made = planned([SWORD], lock, seen({OUT: "made", "assets/same.png": "same"}))
        assert the_asset_step(made).origin == "same"
        assert the_action(made) == Move(
            Moved(AssetId("same"), "assets/same.png"), bytes_of("same"), bytes_of("made"), "assets/same.png"
        )
        assert the_action(made, "here") == Keep(Orphaned())

    def test_by_recipe_prefers_the_one_at_the_same_path(self) -> None:
        lock = a_lock({"a": an_entry(a_spec("a")), "z": an_entry(SWORD)})
        assert the_asset_step(planned([SWORD], lock, seen({OUT: "made"}))).origin == "z"

    def test_by_path_is_the_same_asset_with_another_recipe(self) -> None:
        lock = a_lock({"old": an_entry(EDITED)})
        step = the_asset_step(planned([SWORD], lock, seen({OUT: "made"})))
        assert step.origin == "old"
        assert isinstance(step.action, Generate)
        assert (step.action.replacing, type(step.action.reason)) == (bytes_of("made"), RecipeChanged)

    def test_each_orphan_is_taken_over_once(self) -> None:
        lock = a_lock({"old": an_entry(SWORD)})
        made = planned([a_spec("a"), a_spec("b")], lock, seen({OUT: "made"}))
        assert [step.origin for step in made.asset_steps] == ["old", None]
        assert [type(step.action) for step in made.steps] == [Move, Restore]  # the second has the picture too

    def test_an_asset_with_an_entry_takes_nothing_over(self) -> None:
        lock = a_lock({"sword": an_entry(EDITED, got="mine"), "old": an_entry(SWORD, output="assets/old.png")})
        step = the_asset_step(planned([SWORD], lock, seen({OUT: "mine"})))
        assert step.origin is None
