"""One list of findings with every rule, and what each format makes of it.

`python -m tests.report.every_rule` writes the golden files anew."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from reconciler import __version__
from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.errors import Place, Problem
from reconciler.core.events import Accepted, Waiting
from reconciler.core.money.cost import Cost
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Action
from reconciler.core.plan.findings import a_finding, problem_findings
from reconciler.core.plan.plan import AssetStep, OrphanStep, Plan, Step
from reconciler.core.recipe import Change
from reconciler.core.team.claim import Claim
from reconciler.core.value import replace
from reconciler.report.findings.listed import FindingList, Surroundings, check_findings
from reconciler.report.formats import FINDING_FORMATS, list_printed
from reconciler.report.plan_report import PlanFacts
from tests.builders import AT, a_recipe, a_request, a_spec, an_entry, bytes_of, expanded

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRICE = Cost(Decimal("0.04"))
CLAIM = Claim(1, "theirs", AssetId("claimed"), a_recipe().key(), "gravitex", "0.1 USD", AT, by="ana@acme", run="ci-771")
SPECS = {
    "_styles.yaml": "flat:\n  prompt_suffix: in flat colours\n",
    "hero.yaml": "prompt: A lighthouse at dawn\nsize: '1:1'\n",
    "icons.yaml": "defaults: {style: flat}\nassets:\n  bow: {prompt: A bow}\n  axe: {prompt: An axe}\n",
}


def stale(before: str, after: str) -> Action:
    return do.Generate(do.RecipeChanged((Change("prompt", before, after),)), None, PRICE)


def every_rule() -> FindingList:
    specs = expanded(SPECS).specs
    steps: list[Step] = [
        AssetStep(
            specs[AssetId("hero")].id, stale("A lighthouse at dusk", "A lighthouse at dawn"), specs[AssetId("hero")]
        ),
        *(
            AssetStep(
                specs[AssetId(name)].id,
                stale(f"{noun} in bold colours", f"{noun} in flat colours"),
                specs[AssetId(name)],
            )
            for name, noun in (("icons#axe", "An axe"), ("icons#bow", "A bow"))
        ),
    ]
    others: dict[str, Action] = {
        "new": do.Generate(do.NeverGenerated(), None, PRICE),
        "missing": do.Restore(do.OutputMissing(), bytes_of("made")),
        "modified": do.Conflict(do.OutputModified(), bytes_of("edited")),
        "untracked": do.Conflict(do.Untracked(), bytes_of("found")),
        "moved": do.Move(do.Moved(AssetId("old"), "assets/old.png"), bytes_of("made")),
        "in-doubt": do.Hold(do.Doubtful((a_request("in-doubt"),)), do.Consent.RETRY_IN_DOUBT),
        "waiting": do.Hold(
            do.Awaited((Waiting(a_request("waiting"), Accepted("waiting", AssetId("waiting"), "job-7")),))
        ),
        "claimed": do.Hold(
            do.ClaimedElsewhere((CLAIM,)),
            None,
            do.Generate(do.NeverGenerated(), None, PRICE),
        ),
        "refused": do.Hold(do.WasRefused("I will not"), do.Consent.RETRY_REFUSED),
        "placeholder": do.Generate(do.Placeholder(), None, PRICE),
        "over-budget": do.Hold(do.OverBudget("1 USD a run"), None, do.Generate(do.NeverGenerated(), None, PRICE)),
        "upstream": do.Hold(do.UpstreamUnavailable((AssetId("new"),))),
        "current": do.Keep(),
    }
    steps += [
        AssetStep(AssetId(name), action, a_spec(name, file=f"specs/{name}.yaml")) for name, action in others.items()
    ]
    steps.append(OrphanStep(AssetId("orphan"), do.Keep(do.Orphaned()), an_entry(a_spec("orphan"))))
    cautions = (
        Caution("model: dall-e-2 was to be retired on 2026-05-12", 2, "dall-e-2"),
        Caution("no asset uses this variable", 1, place=Place("specs/hero.yaml", 2, 1), field="vars.mood"),
    )
    facts = PlanFacts(Plan(tuple(steps)), NOW, 2, None, cautions, uncommitted=("assets/current.png",))
    listed = check_findings(facts)
    reviews = (
        a_finding("unapproved", "current", "nobody has approved its image", place=Place("specs/current.yaml", 1, 1)),
        a_finding("rejected", "current", "its image was rejected: too dark"),
        a_finding("unmarked", "current", "public/current-960.webp has no mark that it is generated"),
        a_finding("derived-stale", "current", "public/current-320.webp is not made from the locked image"),
        a_finding("derived-modified", "current", "public/current-640.webp was changed by hand"),
    )
    problems = problem_findings([Problem(Place("specs/wrong.yaml", 3, 7), "size", "is no size", 'write "16:9"')])
    return replace(listed, findings=(*listed.findings, *reviews, *problems), around=Surroundings("art/"))


def golden(format_: str) -> Path:
    return GOLDEN / f"{format_}.txt"


def shown(format_: str) -> str:
    """The golden text: what a format prints. The version of the program is not part of it."""
    printed = list_printed(format_, every_rule())
    assert not printed.err and not printed.hint
    return "".join(f"{line}\n" for line in printed.out).replace(f'"version": "{__version__}"', '"version": "…"')


if __name__ == "__main__":
    for each in FINDING_FORMATS:
        golden(each).write_text(shown(each))
