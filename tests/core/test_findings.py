"""Findings: one list with stable rules, fingerprints and the line of the field that changed."""

from __future__ import annotations

from typing import get_args

import pytest

from reconciler.core.cautions import Caution
from reconciler.core.errors import Place, Problem
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Action, Reason
from reconciler.core.plan.findings import (
    RULES,
    Finding,
    Level,
    Wording,
    a_finding,
    caution_findings,
    changed_place,
    group_findings,
    plan_findings,
    problem_findings,
    rule_of,
    step_place,
)
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.recipe import Change
from reconciler.core.specs.spec import Spec
from tests.builders import a_lock, a_spec, an_entry, expanded, planned, seen, the_asset

STYLES = "flat:\n  prompt_prefix: In flat colours,\n  quality: high\n"


def found(spec: Spec, action: Action) -> Finding:
    (one,) = plan_findings(Plan((AssetStep(spec.id, action, spec),)), lambda step: Wording("said", hint="hint"))
    return one


def prompt_change(before: str, after: str) -> Change:
    return Change("prompt", before, after)


def test_every_reason_has_a_rule_of_the_table() -> None:
    frozen = do.Frozen(do.NeverGenerated())
    for kind in get_args(Reason):
        reason = frozen if kind is do.Frozen else object.__new__(kind)
        if kind in (do.MadeByHand, do.RealImage):
            reason = kind(do.OutputMissing())
        assert rule_of(reason) in RULES
    assert rule_of(frozen) == "new"
    assert rule_of(do.MadeByHand(do.OutputMissing())) == "missing"


def test_an_unchanged_asset_has_no_finding() -> None:
    spec = a_spec()
    made = planned([spec], a_lock({"sword": an_entry(spec)}), seen({spec.output: "made"}))
    assert list(plan_findings(made, lambda step: Wording(""))) == []


def test_orphans_and_frozen_changes_are_notes_that_can_be_left_out() -> None:
    frozen, was = a_spec("hero", freeze=True, prompt="new words"), a_spec("hero", prompt="old words")
    lock = a_lock({"hero": an_entry(was), "gone": an_entry(a_spec("gone"), output="assets/gone.png")})
    made = planned([frozen], lock, seen({frozen.output: "made", "assets/gone.png": "made"}))

    notes = list(plan_findings(made, lambda step: Wording("")))

    assert [(one.rule, one.asset, one.level) for one in notes] == [
        ("stale", "hero", Level.NOTE),
        ("orphan", "gone", Level.NOTE),
    ]
    assert list(plan_findings(made, lambda step: Wording(""), notes=False)) == []


def test_the_fingerprint_is_of_rule_and_asset_and_of_no_line() -> None:
    here = a_finding("stale", "hero", "x", place=Place("a.yaml", 1))
    there = a_finding("stale", "hero", "y", place=Place("a.yaml", 9))
    assert here.fingerprint == there.fingerprint
    assert here.fingerprint != a_finding("new", "hero", "x").fingerprint
    assert here.fingerprint != a_finding("stale", "mascot", "x").fingerprint


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("In flat colours, a sword, dark", "In flat colours, a shield, dark", "specs/sword.yaml:2:1"),
        ("In bold colours, a sword, dark", "In flat colours, a sword, dark", "specs/_styles.yaml:2:3"),
        ("In very flat colours, a sword, dark", "In flat colours, a sword, dark", "specs/_styles.yaml:2:3"),
        ("In flat colours, a sword, light", "In flat colours, a sword, dark", "specs/sword.yaml:3:8"),
        ("wholly other words", "In flat colours, a sword, dark", "specs/sword.yaml:2:1"),
    ],
)
def test_a_changed_prompt_is_placed_at_the_text_with_the_changed_words(before: str, after: str, place: str) -> None:
    own = "style: flat\nprompt: a shield, ${mood}\nvars: {mood: dark}\n"
    if "shield" not in after:
        own = own.replace("shield", "sword")
    spec = the_asset({"_styles.yaml": STYLES, "sword.yaml": own})
    assert str(changed_place(spec, prompt_change(before, after))) == place


def test_a_changed_field_is_placed_where_its_value_is_written() -> None:
    spec = the_asset({"_styles.yaml": STYLES, "sword.yaml": "prompt: a\nstyle: flat\nparams:\n  seed: 7\n  steps: 3\n"})
    assert str(changed_place(spec, Change("quality", "low", "high"))) == "specs/_styles.yaml:3:3"
    assert str(changed_place(spec, Change("params", {"seed": 7}, {"seed": 7, "steps": 3}))) == "specs/sword.yaml:5:3"


def test_a_held_step_is_placed_at_the_change_behind_it() -> None:
    spec = the_asset("tags: [x]\nprompt: a\nsize: '1:1'\n")
    stale = do.Generate(do.RecipeChanged((Change("size", "16:9", "1:1"),)), None)
    for action in (stale, do.Hold(do.OverBudget("1 USD"), None, stale), do.Hold(do.MadeByHand(stale.reason))):
        assert str(step_place(AssetStep(spec.id, action, spec))) == "specs/sword.yaml:3:1"
    assert found(spec, do.Hold(do.OverBudget("1 USD"), None, stale)).rule == "over-budget"


def test_findings_at_one_line_become_one_with_the_number_of_others() -> None:
    assets = expanded({"icons.yaml": "defaults: {size: '1:1'}\nassets:\n  a: {prompt: a}\n  b: {prompt: b}\n"}).specs
    stale = do.Generate(do.RecipeChanged((Change("size", "16:9", "1:1"),)), None)
    made = Plan(tuple(AssetStep(spec.id, stale, spec) for spec in assets.values()))

    (one,) = group_findings(plan_findings(made, lambda step: Wording(step.asset)))

    assert (one.asset, one.others, str(one.place)) == ("icons#a", 1, "specs/icons.yaml:1:12")


def test_problems_and_cautions_are_findings() -> None:
    place = Place("specs/a.yaml", 3, 1)
    (wrong,) = problem_findings([Problem(place, "size", "is no size", "write 1:1", asset="a")])
    assert (wrong.rule, wrong.message, wrong.hint, wrong.place) == (
        "invalid-spec",
        "size: is no size",
        "write 1:1",
        place,
    )
    model, written = caution_findings(
        [Caution("old was retired", 2, "old"), Caution("idle", place=place, field="vars.x")]
    )
    assert (model.rule, model.level, model.place) == ("retired-model", Level.WARNING, None)
    assert (written.rule, written.message) == ("questionable-spec", "vars.x: idle")
