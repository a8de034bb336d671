"""The recipes of a run, and the requests that need consent once a recipe is known."""

from __future__ import annotations

import pytest

from reconciler.core.events import Requested
from reconciler.core.plan.actions import Consent
from reconciler.core.specs.spec import Reference, build_recipe
from reconciler.core.value import replace
from reconciler.engine.recipes import Recipes
from reconciler.engine.report import Result, StepError
from tests.builders import a_file, a_lock, a_request, a_spec, an_asset, bytes_of
from tests.engine.apply_world import Project

MASCOT = a_spec("mascot", prompt="a fox")
HERO = a_spec("hero", references=(an_asset("mascot"),))
RECIPE = build_recipe(HERO, lambda _: bytes_of("mascot"))
"""The hero's once the mascot is made: the plan does not know it."""
assert RECIPE is not None
REFUSED = a_lock(refused={"hero": RECIPE})
IN_DOUBT = (a_request("old", key=RECIPE.key()),)


def recipes() -> Recipes:
    """Those of a run that made the mascot."""
    project = Project([MASCOT])
    project.apply()
    return project.run.recipes


@pytest.mark.parametrize("reference", [a_file("art/fox.png"), an_asset("owl")])
def test_a_recipe_without_one_of_its_images_is_blocked(reference: Reference) -> None:
    with pytest.raises(StepError, match="a reference image is missing") as blocked:
        recipes().recipe(a_spec("hero", references=(reference,)))
    assert (blocked.value.result, blocked.value.outcome) == (Result.BLOCKED, "Blocked")


def test_a_recipe_that_turns_out_to_be_in_doubt_is_held_without_consent() -> None:
    project = Project([MASCOT, HERO], in_doubt=IN_DOUBT)
    line = project.apply()["hero"]
    assert (line.result, line.outcome, project.inner.assets) == (Result.HELD, "InDoubt", ["mascot"])
    assert "gravitex at 2026-11-22T16:00:00Z" in line.message

    project = Project([MASCOT, HERO], in_doubt=IN_DOUBT)
    assert project.apply(Consent.RETRY_IN_DOUBT)["hero"].result is Result.MADE
    (again,) = (event for event in project.world.journal.events if isinstance(event, Requested) and event.retry_of)
    assert (again.asset, again.retry_of) == (HERO.id, (IN_DOUBT[0].attempt,))


def test_a_recipe_that_turns_out_to_be_refused_is_held_without_consent() -> None:
    project = Project([MASCOT, HERO], REFUSED)
    line = project.apply()["hero"]
    assert (line.result, line.message, line.outcome) == (Result.HELD, "refused before: I will not", "Refused")
    assert project.inner.assets == ["mascot"]
    assert Project([MASCOT, HERO], REFUSED).apply(Consent.RETRY_REFUSED)["hero"].result is Result.MADE


def test_a_free_provider_needs_no_consent() -> None:
    specs = [replace(spec, provider="draft") for spec in (MASCOT, HERO)]
    project = Project(specs, REFUSED, in_doubt=IN_DOUBT)
    assert project.apply()["hero"].result is Result.MADE
