"""The run of an apply: what each step leaves in the tree, the lockfile and the provider's ledger, and its result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.events import Failed, Published, Started
from reconciler.core.lock.lockfile import Lock
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected, Stop
from reconciler.core.specs.settings import Cascade
from reconciler.core.specs.spec import build_recipe
from reconciler.core.value import replace
from reconciler.engine.report import Line, Report, Result
from tests.builders import a_file, a_lock, a_request, a_spec, a_stored, an_asset, an_entry, bytes_of
from tests.engine.apply_world import Project
from tests.engine.paid import PRICE, Scripted, a_spooled

MASCOT = a_spec("mascot", prompt="a fox")
HERO = a_spec("hero", references=(an_asset("mascot"),))
TWIN = replace(MASCOT, id=AssetId("twin"), output="assets/twin.png")


def both_made(*, mascot: str = "mascot") -> Lock:
    """The lockfile once the bytes called `mascot` were made for the mascot of another prompt, and the hero from it."""
    recipe = build_recipe(HERO, lambda _: bytes_of(mascot))
    assert recipe is not None
    hero = an_entry(recipe, got="hero", output=HERO.output)
    return a_lock({"mascot": an_entry(replace(MASCOT, base_recipe=HERO.base_recipe), got=mascot), "hero": hero})


def there(*, mascot: str = "mascot") -> dict[str, str]:
    return {MASCOT.output: mascot, HERO.output: "hero"}


def failing(asset: str, *outcomes: Outcome) -> Scripted:
    return Scripted({asset: outcomes})


def test_ctrl_c_finishes_the_request_in_flight_and_starts_nothing_that_waits_for_it() -> None:
    project = Project([MASCOT, HERO])
    lines = project.apply(stop_at=0.5)
    assert (lines["mascot"].result, project.inner.assets) == (Result.MADE, ["mascot"])
    assert lines["hero"] == Line(HERO.id, Result.NOT_STARTED, message="interrupted")
    assert project.saved.lock.entries.keys() == {"mascot"}


def test_ctrl_c_while_files_are_restored_leaves_the_queued_ones() -> None:
    specs = [a_spec(f"icon{number}", prompt=f"icon {number}") for number in range(20)]
    lock = a_lock({spec.id: an_entry(spec, got=spec.id) for spec in specs})
    project = Project(specs, lock, kept=[spec.id for spec in specs])
    stopped = threading.Event()

    def ctrl_c() -> None:
        project.run.stop()
        stopped.set()

    async def interrupted(story: Coroutine[Any, Any, Report]) -> Report:
        loop = asyncio.get_running_loop()

        def placing(_: str) -> None:
            loop.call_soon_threadsafe(ctrl_c)
            stopped.wait()

        project.files.placing = placing
        return await story

    lines = project.apply(play=lambda story: asyncio.run(interrupted(story)))
    restored = {asset for asset, line in lines.items() if line.result is Result.RESTORED}
    assert 0 < len(restored) < 20
    assert project.files.files == {f"assets/{asset}.png": bytes_of(asset) for asset in restored}
    rest = {Line(spec.id, Result.NOT_STARTED, message="interrupted") for spec in specs} - set(lines.values())
    assert {line.asset for line in rest} == restored


def test_an_asset_is_made_from_the_new_image_of_the_asset_that_it_refers_to() -> None:
    project = Project([MASCOT, HERO])
    lines = project.apply()
    assert [(line.result, line.cost) for line in lines.values()] == [(Result.MADE, PRICE)] * 2
    assert project.inner.ledger == [("mascot", 0.0), ("hero", 1.0)]
    assert project.locked("hero").recipe["references"] == [bytes_of("mascot")]
    assert project.files.files == {MASCOT.output: bytes_of("mascot"), HERO.output: bytes_of("hero")}


def test_each_step_that_starts_and_ends_is_shown() -> None:
    project = Project([MASCOT])
    project.apply()
    started, published = (event for event in project.world.progress.events if isinstance(event, Started | Published))
    assert (started, published.asset) == (Started(MASCOT.id, "generate"), MASCOT.id)


def test_a_failed_asset_blocks_those_that_would_change_with_it_though_its_old_image_is_there() -> None:
    project = Project(
        [MASCOT, HERO], both_made(mascot="old"), there(mascot="old"), inner=failing("mascot", Refused("no"))
    )
    lines = project.apply(cascade=Cascade.CASCADE)
    assert (lines["mascot"].result, lines["hero"].result) == (Result.FAILED, Result.BLOCKED)
    assert project.inner.assets == ["mascot"]
    assert Failed(HERO.id, "Blocked", "waits for mascot, which has no image yet") in project.world.progress.events


def test_nothing_is_made_again_where_a_new_image_has_the_old_bytes() -> None:
    project = Project([MASCOT, HERO], both_made(), there())
    lines = project.apply(cascade=Cascade.CASCADE)
    assert (lines["mascot"].result, lines["hero"].result) == (Result.MADE, Result.UNCHANGED)
    assert project.inner.assets == ["mascot"]


def test_a_lost_file_is_restored_where_a_new_image_has_the_old_bytes() -> None:
    project = Project([MASCOT, HERO], both_made(), {MASCOT.output: "mascot"}, kept=["hero"])
    lines = project.apply(cascade=Cascade.CASCADE)
    assert (lines["hero"].result, project.inner.assets) == (Result.RESTORED, ["mascot"])
    assert project.files.files[HERO.output] == bytes_of("hero")


def test_a_file_of_another_path_is_moved_where_a_new_image_has_the_old_bytes() -> None:
    moved = replace(HERO, output="public/hero.png")
    project = Project([MASCOT, moved], both_made(), there())
    lines = project.apply(cascade=Cascade.CASCADE)
    assert (lines["hero"].result, project.inner.assets) == (Result.RESTORED, ["mascot"])
    assert project.files.files == {MASCOT.output: bytes_of("mascot"), moved.output: bytes_of("hero")}
    assert project.locked("hero").output == moved.output


def hero_stored_for_the_new_mascot() -> Project:
    """Its next image of the mascot has other bytes, and the store has a hero for them."""
    project = Project([MASCOT, HERO], both_made(mascot="old"), there(mascot="old"))
    recipe = build_recipe(HERO, lambda _: bytes_of("mascot"))
    assert recipe is not None
    project.world.store.put(a_spooled("earlier"))
    project.world.store.remember(recipe.key(), a_stored("earlier"))
    return project


def test_an_image_that_the_store_has_for_a_new_upstream_is_not_bought_again() -> None:
    project = hero_stored_for_the_new_mascot()
    lines = project.apply(cascade=Cascade.CASCADE)
    assert (lines["hero"].result, project.inner.assets) == (Result.RESTORED, ["mascot"])
    assert project.locked("hero").content == bytes_of("earlier")


def test_an_asset_to_replace_is_made_although_the_store_has_its_image() -> None:
    project = hero_stored_for_the_new_mascot()
    lines = project.apply(replace=frozenset({MASCOT.id, HERO.id}))
    assert (lines["hero"].result, project.inner.assets) == (Result.MADE, ["mascot", "hero"])


def test_a_file_that_appears_during_the_run_is_a_conflict_and_stays() -> None:
    project = Project([MASCOT])
    project.files.placing = lambda path: project.files.files.update({path: bytes_of("painted")})
    line = project.apply()["mascot"]
    assert (line.result, line.outcome) == (Result.CONFLICT, "Conflict")
    assert "was changed during the run" in line.message
    assert (project.files.files, project.saved.lock) == ({MASCOT.output: bytes_of("painted")}, Lock())


def test_a_file_of_a_spec_that_changes_during_the_run_is_told_apart_from_an_asset() -> None:
    spec = a_spec("hero", references=(a_file("art/fox.png"),))
    project = Project([spec], reference_files={"art/fox.png": bytes_of("fox")})
    line = project.apply()["hero"]
    assert line.result is Result.FAILED
    assert line.message.startswith("art/fox.png does not have the content that was planned; ")
    assert project.inner.assets == []
    assert Failed(spec.id, "Failed", line.message) in project.world.progress.events


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Refused("no"), (Result.FAILED, "refused: no", "Refused")),
        (Rejected("pay up", Stop.OUT_OF_CREDIT), (Result.FAILED, "pay up", "OutOfCredit")),
        (BadOutput("html"), (Result.FAILED, "bad output: html", "BadOutput")),
        (
            BadOutput("html", a_spooled("junk")),
            (Result.FAILED, f"bad output: html; its bytes are in /store/{bytes_of('junk')}", "BadOutput"),
        ),
        (InDoubt("reset"), (Result.HELD, "in doubt, it may have been charged: reset", "InDoubt")),
        (Rejected("bad size"), (Result.FAILED, "bad size", "Rejected")),
        (NotSent("dns", final=True), (Result.FAILED, "dns", "NotSent")),
        (NotSent("dns", stop=Stop.OVER_BUDGET, final=True), (Result.HELD, "dns", "OverBudget")),
        (NotSent("dns", stop=Stop.INTERRUPTED, final=True), (Result.NOT_STARTED, "dns", "")),
        (NotSent("dns", stop=Stop.BREAKER, final=True), (Result.NOT_SENT, "dns", "Breaker")),
    ],
)
def test_the_line_of_an_asset_without_an_image(outcome: Outcome, line: tuple[Result, str, str]) -> None:
    project = Project([MASCOT], inner=failing("mascot", outcome))
    found = project.apply()["mascot"]
    assert (found.result, found.message, found.outcome) == line
    assert project.files.files == {}


def test_an_asset_to_replace_is_made_again_by_the_same_recipe() -> None:
    project = Project([MASCOT], a_lock({"mascot": an_entry(MASCOT, got="old")}), {MASCOT.output: "old"})
    assert project.apply(replace=frozenset({MASCOT.id}))["mascot"].result is Result.MADE
    assert project.files.files == {MASCOT.output: bytes_of("mascot")}


def test_a_file_is_moved_with_its_entry_to_the_new_path() -> None:
    lock = a_lock({"mascot": an_entry(MASCOT, got="mascot")})
    moved = replace(MASCOT, output="public/mascot.png")
    project = Project([moved], lock, {MASCOT.output: "mascot"})
    assert project.apply() == {"mascot": Line(MASCOT.id, Result.MOVED)}
    assert project.files.files == {moved.output: bytes_of("mascot")}
    assert project.locked("mascot") == replace(lock.entries[MASCOT.id], output=moved.output)


def test_a_file_that_has_the_image_of_another_asset_is_adopted() -> None:
    lock = a_lock({"mascot": an_entry(MASCOT, got="mascot")})
    project = Project([MASCOT, TWIN], lock, {MASCOT.output: "mascot", TWIN.output: "mascot"})
    assert project.apply() == {"twin": Line(TWIN.id, Result.ADOPTED)}
    assert project.locked("twin") == replace(lock.entries[MASCOT.id], output=TWIN.output)


def test_a_file_that_has_an_image_of_the_store_is_adopted_with_its_record() -> None:
    stored = [a_stored("other"), a_stored("mascot", provider="openai"), a_stored("newer")]
    project = Project(
        [MASCOT], there={MASCOT.output: "mascot"}, observed={"stored": {MASCOT.base_recipe.key(): tuple(stored)}}
    )
    for image, name in zip(stored, ("other", "mascot", "newer"), strict=True):
        project.world.store.put(a_spooled(name))
        project.world.store.remember(MASCOT.base_recipe.key(), image)
    assert project.apply() == {"mascot": Line(MASCOT.id, Result.ADOPTED)}
    assert project.locked("mascot").made == stored[1].made
    assert project.inner.assets == []


def test_assets_of_one_recipe_share_one_image_at_one_price() -> None:
    project = Project([MASCOT, TWIN])
    lines = project.apply()
    assert (lines["mascot"].cost, lines["mascot"].message) == (PRICE, "")
    assert lines["twin"] == Line(TWIN.id, Result.MADE, None, "shared")
    assert project.inner.assets == ["mascot"]
    assert project.files.files == dict.fromkeys((MASCOT.output, TWIN.output), bytes_of("mascot"))


def test_a_shared_refusal_is_recorded_for_the_asset_that_sent_nothing() -> None:
    project = Project([MASCOT, TWIN], inner=failing("mascot", Refused("no")))
    lines = project.apply()
    assert [line.message for line in lines.values()] == ["refused: no"] * 2
    assert (project.inner.assets, project.saved.lock.answers[TWIN.id].message) == (["mascot"], "no")


def test_a_request_in_doubt_of_an_asset_without_a_spec_is_held() -> None:
    project = Project([MASCOT], in_doubt=(a_request("old"),))
    lines = project.apply()
    assert lines["old"] == Line(AssetId("old"), Result.HELD)
    assert (lines["mascot"].result, project.inner.assets) == (Result.MADE, ["mascot"])
