"""What holds of every plan, over projects with a history: tests/core/worlds.py makes them and applies the plans."""

from __future__ import annotations

import copy

from hypothesis import assume, given, note, settings

from reconciler.core.plan.actions import (
    Action,
    Adopt,
    AlreadyThere,
    Conflict,
    Consent,
    Current,
    Frozen,
    Generate,
    Hold,
    Ignored,
    Keep,
    Move,
    NotSelected,
    OutputLost,
    RealImage,
    Restore,
)
from reconciler.core.plan.policy import Policy
from reconciler.core.specs.settings import Cascade
from tests.core.worlds import EDITS, MOVES, Apply, World, policies, worlds

ALL_ALLOWED = Policy(consents=frozenset(Consent), cascade=Cascade.CASCADE)


def to_do(world: World, policy: Policy) -> list[Action]:
    actions = (step.action for step in world.plan(policy).steps)
    return [action for action in actions if isinstance(action, Generate | Restore | Move | Adopt)]


def settle(world: World, policy: Policy) -> World:
    """Apply once; once more only where an early cut-off left a file for the next run, where bytes were lost, which the
    first run may have brought back with another asset's, where it drew the very bytes that were in another's way, or
    where it generated for one asset what another one, whose real image no draft replaces, describes."""
    after = copy.deepcopy(world)
    plan = after.plan(policy)
    lost = any(step.action.reason == OutputLost() for step in plan.steps)
    in_the_way = {step.action.found for step in plan.steps if isinstance(step.action, Conflict)} - world.known()
    again = Apply(after, plan).cut_off or lost or in_the_way & after.known()
    restored = {step.action.content for step in after.plan(policy).steps if isinstance(step.action, Restore)}
    if again or restored & (after.known() - world.known()):
        Apply(after, after.plan(policy))
    note(f"{world!r}\nwas planned {[(step.asset, step.action) for step in plan.steps]}\nand became {after!r}")
    return after


@settings(max_examples=50)
@given(worlds(), policies)
def test_an_applied_plan_leaves_nothing_to_do(world: World, policy: Policy) -> None:
    assert to_do(settle(world, policy), policy) == []


@settings(max_examples=25)
@given(worlds([*MOVES, *EDITS]))
def test_where_nobody_painted_and_all_is_allowed_one_apply_leaves_no_drift(world: World) -> None:
    left = settle(world, ALL_ALLOWED).plan(ALL_ALLOWED).drift
    assert [step.action for step in left if not isinstance(step.action.reason, RealImage)] == []


@settings(max_examples=50)
@given(worlds(), policies)
def test_no_bytes_of_a_persons_are_moved_or_lost(world: World, policy: Policy) -> None:
    known = world.known()
    foreign = {path: there for path, there in world.outputs.items() if there not in known}
    for step in world.plan(policy).steps:
        action = step.action
        if isinstance(action, Generate | Restore | Move):
            assert step.output not in foreign
            assert action.old_path is None or world.outputs.get(action.old_path) in known
            there = world.outputs.get(step.output)
            assert action.replacing == there or (isinstance(action, Move) and there == action.content)
    after = settle(world, policy)
    assert {path: after.outputs.get(path) for path in foreign} == foreign
    contents = {there for there in world.outputs.values() if isinstance(there, str)}
    assert contents <= after.held | {*after.outputs.values()}


@settings(max_examples=30)
@given(worlds(), policies)
def test_a_plan_is_total_ordered_and_a_function_of_its_input(world: World, policy: Policy) -> None:
    plan = world.plan(policy)
    assert plan == copy.deepcopy(world).plan(policy)
    order = [step.asset for step in plan.steps]
    taken = {step.origin for step in plan.asset_steps}
    assert sorted(order) == sorted({*world.specs, *world.lock.entries} - taken | world.doubts.keys())
    for step in plan.asset_steps:
        assert all(order.index(up) < order.index(step.asset) for up in step.spec.upstreams())


@settings(max_examples=30)
@given(worlds(), policies)
def test_what_is_kept_is_as_it_should_be(world: World, policy: Policy) -> None:
    for step in world.plan(policy).asset_steps:
        if not isinstance(step.action, Keep) or step.action.reason == NotSelected():
            continue
        assert isinstance(step.action.reason, Current | Frozen | Ignored)
        assert step.entry is not None
        assert step.entry == world.lock.entries[step.asset]
        assert (step.entry.output, step.entry.content) == (step.output, world.outputs[step.output])


@settings(max_examples=50)
@given(worlds(), policies)
def test_no_free_step_waits_for_consent_to_follow_its_upstream(world: World, policy: Policy) -> None:
    for step in world.plan(policy).asset_steps:
        if isinstance(step.action, Hold) and step.action.consent is Consent.CASCADE:
            assert step.entry is not None
            assert step.spec.provider != "draft" or not step.entry.made.placeholder


@settings(max_examples=25)
@given(worlds())
def test_nothing_is_bought_for_what_the_store_holds(world: World) -> None:
    stored = world.seen().stored
    for step in world.plan().asset_steps:
        if isinstance(step.action, Generate) and step.action.key is not None and step.action.key in stored:
            there = [image for image in stored[step.action.key] if image.content not in world.rejected]
            assert all(image.made.provider == "draft" for image in there)
            assert step.spec.provider != "draft" or not there


@settings(max_examples=33)
@given(worlds(), policies)
def test_no_rejected_image_is_put_in_place_or_bought_again_without_consent(world: World, policy: Policy) -> None:
    stored, rejected = world.seen().stored, world.rejections()
    for step in world.plan(policy).asset_steps:
        if isinstance(step.action, Restore) or isinstance(step.action.reason, AlreadyThere):
            assert isinstance(step.action, Restore | Adopt)
            frozen = step.spec.freeze and step.entry is not None and step.entry.content == step.action.content
            assert frozen or step.action.content not in rejected.contents
        if isinstance(step.action, Keep) and step.action.reason == Current():
            assert step.entry is not None
            assert step.entry.content not in rejected.contents
        if isinstance(step.action, Generate) and step.spec.provider != "draft":
            fresh = {image.content for image in stored.get(step.action.key, ())} if step.action.key else set()
            assert step.action.key not in rejected.recipes or fresh - rejected.contents.keys()


@settings(max_examples=25)
@given(worlds(MOVES))
def test_new_names_and_new_paths_make_nothing_again(world: World) -> None:
    """Unless a draft takes the name of a real image, which then stays under that name."""
    real = {identity for identity, entry in world.lock.entries.items() if not entry.made.placeholder}
    assume(not any(spec.id in real and spec.provider == "draft" for spec in world.specs.values()))
    had = {entry.key for entry in world.lock.entries.values()}
    for step in world.plan().steps:
        assert not (isinstance(step.action, Generate) and step.action.key in had)
        assert not isinstance(step.action, Conflict)
