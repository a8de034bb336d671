"""The lines of a plan: steps that are alike in groups, by place, with their sum, and the hint once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.money.cost import FREE, Cost
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Action
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.recipe import Change
from reconciler.report.plan_view import Verbosity, plan_lines
from tests.builders import AT, a_request, a_spec, bytes_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CENTS = Cost(Decimal("0.04"))
NEW = do.Generate(do.NeverGenerated(), None, CENTS)
EDITED = do.Conflict(do.OutputModified(), bytes_of("edited"))


def lines(steps: Iterable[tuple[str, Action]], verbosity: Verbosity = Verbosity.NORMAL) -> list[str]:
    made = Plan(tuple(AssetStep(AssetId(name), action, a_spec(name)) for name, action in steps))
    return list(plan_lines(made, NOW, verbosity=verbosity))


def changed(before: str, after: str) -> Action:
    return do.Generate(do.RecipeChanged((Change("prompt", before, after),)), None, CENTS)


def numbered(pattern: str, count: int, action: Action = NEW) -> list[tuple[str, Action]]:
    return [(pattern.format(number), action) for number in range(count)]


def test_many_new_assets_are_listed_by_folder_and_spec_with_sums() -> None:
    steps = [*numbered("icons/items#i{}", 60), *numbered("tiles/t{}", 40), ("title", NEW)]
    assert lines(steps) == [
        "+ 101 assets  new  [4.04 USD]",
        "    icons/items#*  60 assets  [2.4 USD]",
        "    tiles/*        40 assets  [1.6 USD]",
        "    title            1 asset  [0.04 USD]",
        "",
        "101 to generate (4.04 USD); 0 up to date",
    ]


def test_the_assets_of_one_spec_share_a_line() -> None:
    assert lines(numbered("icons/items#i{}", 4))[0] == "+ icons/items#*  4 assets: new  [0.16 USD]"


def test_few_steps_are_shown_one_by_one() -> None:
    assert lines(numbered("i{}", 3)) == [
        "+ i0  new  [0.04 USD]",
        "+ i1  new  [0.04 USD]",
        "+ i2  new  [0.04 USD]",
        "",
        "3 to generate (0.12 USD); 0 up to date",
    ]


def test_other_steps_keep_their_place_among_groups() -> None:
    heads = lines([("a", EDITED), *numbered("b/{}", 4), ("c", EDITED)])
    assert [line for line in heads if line[:1] in "+!" and line] == [
        "! a    the file was changed by hand: left alone",
        "+ b/*  4 assets: new  [0.16 USD]",
        "! c    the file was changed by hand: left alone",
    ]


def test_many_folders_are_summed_in_the_folders_above() -> None:
    steps = [step for folder in range(9) for step in numbered(f"ui/f{folder}/{{}}", 2)]
    assert lines(steps)[0] == "+ ui/*  18 assets: new  [0.72 USD]"
    steps = [step for folder in range(9) for step in numbered(f"f{folder}/{{}}", 2)]
    assert lines(steps)[:2] == ["+ 18 assets  new  [0.72 USD]", ""]


def test_assets_of_the_top_folder_have_no_pattern_that_would_match_others() -> None:
    steps = [*numbered("t{}", 2), *numbered("icons/{}", 2)]
    assert lines(steps)[1:3] == ["    top level  2 assets  [0.08 USD]", "    icons/*    2 assets  [0.08 USD]"]


def test_conflicts_are_named_and_their_hint_is_there_once() -> None:
    assert lines(numbered("c{}", 5, EDITED)) == [
        "! 5 assets  the file was changed by hand: left alone",
        "    c0, c1, c2, c3, c4",
        "    hint: `reconciler adopt ID` locks the file, `reconciler restore ID` brings the locked image back, "
        "`reconciler apply --replace ID` generates a new one",
        "",
        "5 in conflict; 0 up to date",
    ]


def test_of_very_many_conflicts_the_first_are_named() -> None:
    assert lines(numbered("c{}", 25, EDITED))[1].endswith("c18, c19 and 5 more")


def test_one_changed_word_of_a_style_is_shown_once() -> None:
    steps = [(f"i{n}", changed(f"icon {n} in flat colours, {n}", f"icon {n} in bold colours, {n}")) for n in range(4)]
    assert lines(steps)[:2] == ["~ 4 assets  prompt changed  [0.16 USD]", "    prompt: … [-flat-]{+bold+} …"]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a b", "a c", "… [-b-]{+c+}"),
        ("a b", "c b", "[-a-]{+c+} …"),
        ("a a", "a a a", "… {+a+}"),
        ("", "a b", "{+a b+}"),
        ("a b c d", "a x c y", "… [-b-]{+x+} c [-d-]{+y+}"),
    ],
)
def test_equal_words_around_a_change_are_left_out(before: str, after: str, shown: str) -> None:
    assert lines(numbered("i{}", 4, changed(before, after)))[1] == f"    prompt: {shown}"


def test_different_changes_are_different_groups() -> None:
    steps = [*numbered("a{}", 4, changed("x", "y")), *numbered("b{}", 4, changed("x", "z"))]
    assert [line for line in lines(steps) if line.startswith("~")] == ["~ 4 assets  prompt changed  [0.16 USD]"] * 2


def test_held_steps_are_summed_with_their_hint() -> None:
    held = do.Hold(do.OverBudget("2 USD a run"), None, NEW)
    assert lines(numbered("a/{}", 5, held)) == [
        "? a/*  5 assets: over budget: 2 USD a run  [0.2 USD]",
        "    hint: raise --max-cost, --max-images or budget: in reconciler.yaml",
        "",
        "5 held; 0 up to date",
    ]


def test_requests_in_doubt_are_summed() -> None:
    steps: list[tuple[str, Action]] = []
    for number in range(4):
        request = a_request(f"i{number}", attempt=str(number))
        steps.append((f"i{number}", do.Hold(do.Doubtful((request,)), do.Consent.RETRY_IN_DOUBT, NEW)))
    head, requests, names, hint, *_ = lines(steps)
    assert head == "? 4 assets  in doubt: requested, no response received  [0.16 USD]"
    assert requests.startswith("    4 requests, the first of them ") and "they may have cost" in requests
    assert names == "    i0, i1, i2, i3"
    assert "`reconciler apply ID --retry-in-doubt`" in hint and "--forget ID`" in hint


def test_assets_after_others_are_a_group_of_their_own() -> None:
    after = do.Generate(do.NeverGenerated(), None, CENTS, after=(AssetId("a0"),))
    steps = [*numbered("a{}", 4), *numbered("b/{}", 4, after)]
    assert lines(steps)[:3] == ["+ 4 assets  new  [0.16 USD]", "+ b/*       4 assets: new  [0.16 USD]", "    after a0"]
    steps = [(f"b/{n}", do.Generate(do.NeverGenerated(), None, CENTS, after=(AssetId(f"a{n}"),))) for n in range(4)]
    assert lines(steps)[1] == "    after their reference images"


def test_changed_reference_images_are_alike_whatever_their_names() -> None:
    steps = [(f"i{n}", do.Generate(do.UpstreamChanged((AssetId(f"u{n}"),)), None, CENTS)) for n in range(4)]
    assert lines(steps)[0] == "~ 4 assets  their reference images change  [0.16 USD]"


def test_moves_from_one_folder_to_another_are_alike() -> None:
    steps = [
        (f"new/{n}", do.Move(do.Moved(AssetId(f"old/{n}"), f"assets/old/{n}.png"), bytes_of("x"))) for n in range(4)
    ]
    assert lines(steps)[0] == "> new/*  4 assets: moved from old/ to new/"
    renamed = [(f"b{n}", do.Move(do.Moved(AssetId(f"a{n}"), f"assets/a{n}.png"), bytes_of("x"))) for n in range(4)]
    assert lines(renamed)[0] == "> 4 assets  renamed in the top folder"


def test_unknown_and_free_prices_are_told_in_sums() -> None:
    free, unknown = (do.Generate(do.NeverGenerated(), None, cost) for cost in (FREE, None))
    assert lines(numbered("a/{}", 4, free))[0].endswith("[free]")
    assert lines(numbered("a/{}", 4, unknown))[0].endswith("[price unknown]")
    assert lines([*numbered("a/{}", 4), *numbered("a/u{}", 2, unknown)])[0].endswith("[0.16 USD + 2 of unknown price]")


def test_verbose_lists_every_step_and_quiet_none() -> None:
    steps = numbered("a/{}", 5)
    assert len(lines(steps, Verbosity.VERBOSE)) == 7
    assert lines(steps, Verbosity.QUIET) == ["5 to generate (0.2 USD); 0 up to date"]


def test_names_are_escaped() -> None:
    shown = "\n".join(lines(numbered("a\x1b[31m{}", 5, EDITED)))
    assert "\x1b" not in shown and "a\\x1b[31m0" in shown


def test_a_request_that_serves_several_assets_is_summed_once() -> None:
    key = RecipeKey(f"r1:{'0' * 64}")
    steps = numbered("a/{}", 5, do.Generate(do.NeverGenerated(), key, CENTS))
    assert lines(steps)[:2] == [
        "+ a/*  5 assets: new  [0.04 USD]",
        "    1 request for 5 assets with the same recipe",
    ]
    assert lines(steps[:2])[:3] == [
        "+ a/0  new  [0.04 USD]",
        "    1 request for 2 assets with this recipe",
        "+ a/1  new  [the request of a/0]",
    ]


@pytest.mark.parametrize(("cost", "verb"), [(FREE, "make"), (CENTS, "pay for"), (None, "pay for")])
def test_a_hint_speaks_of_payment_only_where_the_provider_may_charge(cost: Cost | None, verb: str) -> None:
    again = do.Generate(do.NeverGenerated(), None, cost)
    rejected = do.Hold(do.WasRejected("ada@x.org", AT, "bent"), do.Consent.REPLACE_REJECTED, again)
    lost = do.Hold(do.OutputLost(), do.Consent.REGENERATE_MISSING, again)
    for action, wanted in ((rejected, f"or {verb} another image: "), (lost, f"or {verb} a new one: ")):
        assert any(wanted in line for line in lines([("hero", action)]))
