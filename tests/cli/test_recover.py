"""What a death left behind, as a user meets it: in doubt, stored but not published, published but not locked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.core.digest import AssetId, RecipeKey, content_hash
from reconciler.core.events import Ended, Published, Requested, Stored
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.entry import read_entry
from reconciler.core.lock.lockfile import Made
from reconciler.core.ports import StoredImage
from reconciler.core.value import replace
from reconciler.report.in_doubt import age
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.state.journal import Journal
from tests.cli.conftest import PROJECT, Scratch, picture

KEY = RecipeKey("r1:" + "1" * 64)
AT = (datetime.now(UTC) - timedelta(hours=75)).strftime("%Y-%m-%dT%H:%M:%SZ")
PAID = "provider: gravitex\ndefaults: {model: gemini-2.5-flash-image}\n"


def asked(asset: str = "hero", *, attempt: str = "a1", cost: str = "0.134 USD", key: RecipeKey = KEY) -> Requested:
    return Requested(attempt, AssetId(asset), key, "gravitex", cost, AT)


def in_doubt(project: Scratch) -> list[str]:
    told: dict[str, Any] = project.done("recover", "--format", "json").json
    return [one["attempt"] for one in told["in_doubt"]]


def wanted_key(project: Scratch, asset: str) -> RecipeKey:
    (step,) = (one for one in project.done("plan", "--format", "json").json["steps"] if one["asset"] == asset)
    return RecipeKey(step["recipe"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (1, "1 second ago"), (119, "1 minute ago"), (7200, "2 hours ago"), (86_400 * 3, "3 days ago")],
)
def test_age_is_told_in_the_largest_unit_that_fits(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert age(f"{now - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}", now) == words
    assert age("yesterday", now) == "at an unknown time"


def test_plan_check_and_apply_show_who_was_asked_when_and_at_what_price(project: Scratch) -> None:
    project.journal(asked(), asked(attempt="a2", cost=""))
    for code, command in ((0, ("plan",)), (2, ("check",)), (3, ("apply", "--yes"))):
        said = project.run(*command)
        told = said.out + said.err
        assert said.code == code
        assert "? hero" in told
        assert f"requested from gravitex 3 days ago ({AT}); it may have cost 0.134 USD" in told
        assert "it may have cost an unknown price" in told
        assert "recover --forget hero" in told
    assert in_doubt(project) == ["a1", "a2"]


def test_a_request_of_a_colleague_names_the_colleague(project: Scratch) -> None:
    project.journal(replace(asked(), by="ci-771 (ana@acme)"))
    assert f"gravitex 3 days ago ({AT}), asked by ci-771 (ana@acme); it may have" in project.done("recover").out
    assert project.done("recover", "--format", "json").json["in_doubt"][0]["by"] == "ci-771 (ana@acme)"


def test_recover_lists_and_sums_and_changes_nothing(project: Scratch) -> None:
    project.journal(asked(), asked("ghost", attempt="a2", cost="0.039 USD"))
    before = project.snapshot()
    said = project.done("recover")
    assert said.out.splitlines()[-1] == "2 requests in doubt; possible cost: 0.173 USD"
    assert "3 days ago" in said.out
    assert project.run("recover", "gh*").out.splitlines()[-1] == "1 request in doubt; possible cost: 0.039 USD"
    assert project.snapshot() == before


def test_a_clean_project_has_nothing_in_doubt_even_where_its_specs_are_broken(project: Scratch) -> None:
    project.write("specs/hero.yaml", "prompt: [")
    assert project.done("recover").out == "no request is in doubt\n"


def test_what_is_forgotten_is_asked_about_no_more_and_the_rest_stays(project: Scratch) -> None:
    project.journal(asked(), asked("ghost", attempt="a2"))
    assert project.done("recover", "--forget", "hero").out == f"forgotten: hero (gravitex, {AT}, 0.134 USD)\n"
    assert in_doubt(project) == ["a2"]
    project.done("recover", "--forget", "gho*")
    assert project.run("check").code == 0
    assert project.read(".reconciler/journal") == b""


def test_more_than_one_is_forgotten_only_on_a_terminal_or_with_yes(project: Scratch) -> None:
    project.journal(asked(), asked(attempt="a2"))
    said = project.run("recover", "--forget", "hero")
    assert (said.code, in_doubt(project)) == (3, ["a1", "a2"])
    project.done("recover", "--forget", "hero", "--yes")
    assert in_doubt(project) == []


@pytest.mark.parametrize("ids", [(), ("mascot",)])
def test_nothing_is_forgotten_that_was_not_named_or_is_not_in_doubt(project: Scratch, ids: tuple[str, ...]) -> None:
    project.journal(asked())
    assert project.run("recover", "--forget", *ids).code == 1
    assert in_doubt(project) == ["a1"]


@pytest.mark.parametrize("asset", ["gone", "mascot"], ids=["never locked", "an orphan"])
def test_what_no_spec_names_is_shown_held_and_can_be_forgotten(project: Scratch, asset: str) -> None:
    (project.root / "specs/pair.yaml").unlink()
    (project.root / "specs/mascot.yaml").unlink()
    project.journal(asked(asset))
    assert project.plan() == {asset: ("hold", "Doubtful")}
    assert project.run("check").code == 2
    assert project.run("apply", "--yes", "--retry-in-doubt").code == 3
    assert project.run("plan", "--include", asset, "--exit-code").code == 2
    project.done("recover", "--forget", asset)
    assert project.run("check").code == 0
    project.done("prune", "--yes")


def test_the_old_name_of_a_moved_asset_is_not_hidden(project: Scratch) -> None:
    project.journal(asked("hero", key=KEY))
    (project.root / "specs/hero.yaml").rename(project.root / "specs/lighthouse.yaml")
    assert project.plan() == {"lighthouse": ("move", "Moved"), "hero": ("hold", "Doubtful")}


def test_an_unended_request_whose_bytes_are_stored_is_published_without_paying(project: Scratch) -> None:
    """The death came between the store and the journal: the store knows which attempt it has the answer of."""
    project.write("reconciler.yaml", PAID)
    project.write("specs/new.yaml", "prompt: A new thing\n")
    key, data = wanted_key(project, "new"), picture("navy")
    remember(project, key, data, attempt="a1")
    project.journal(asked("new", key=key))
    assert in_doubt(project) == []
    assert project.plan()["new"] == ("restore", "NeverGenerated")
    assert project.run("apply", "--include", "new").code == 0
    assert project.read("assets/new.png") == data
    assert project.lock["new"]["made"]["cost"] == "0.134 USD"


def test_the_bytes_of_another_attempt_do_not_end_this_one(project: Scratch) -> None:
    project.write("reconciler.yaml", PAID)
    project.write("specs/new.yaml", "prompt: A new thing\n")
    key = wanted_key(project, "new")
    remember(project, key, picture("navy"), attempt="a0")
    project.journal(asked("new", key=key))
    assert in_doubt(project) == ["a1"]
    assert project.plan()["new"] == ("hold", "Doubtful")


def test_what_was_stored_and_not_published_is_published_without_paying(project: Scratch) -> None:
    project.write("reconciler.yaml", PAID)
    project.write("specs/new.yaml", "prompt: A new thing\n")
    key, data = wanted_key(project, "new"), picture("navy")
    made = remember(project, key, data, attempt="a1")
    project.journal(asked("new", key=key), Stored("a1", AssetId("new"), key, content_hash(data), made))
    assert project.run("apply", "--include", "new").code == 0
    assert project.read("assets/new.png") == data
    assert project.lock["new"]["content"] == content_hash(data)


def remember(project: Scratch, key: RecipeKey, data: bytes, *, attempt: str) -> Made:
    store = ContentStore(project.root)
    content = store.put_file(project.write(".reconciler/answer", data))
    made = Made("gravitex", AT, model="m", cost="0.134 USD")
    store.remember(key, StoredImage(content, ImageFacts("png", 64, 48, len(data)), made, attempt))
    return made


def test_what_was_published_and_not_locked_is_drift_that_an_apply_mends_with_nothing_else_to_do(
    project: Scratch,
) -> None:
    whole = project.read("assets.lock")
    entries = {name: read_entry(entry) for name, entry in project.lock.items()}
    (project.root / "assets.lock").unlink()
    project.journal(*(Published(AssetId(name), entry, "made") for name, entry in entries.items()))
    said = project.run("check")
    assert (said.code, "assets.lock lacks 3 assets" in said.out) == (2, True)
    assert "assets.lock lacks 3 assets" in project.done("plan").out
    assert project.run("plan", "--exit-code").code == 2
    project.done("apply", "--yes")
    assert project.read("assets.lock") == whole
    assert Journal(project.root / ".reconciler/journal").read() == ()
    assert project.done("check").out == "nothing to do: 3 assets up to date\n"


def test_a_refusal_outlives_a_death_right_after_the_answer(project: Scratch) -> None:
    project.write("reconciler.yaml", PAID)
    project.write("specs/new.yaml", "prompt: A new thing\n")
    key = wanted_key(project, "new")
    project.journal(asked("new", key=key), Ended("a1", AssetId("new"), "Refused", "no new things"))
    assert project.plan()["new"] == ("hold", "WasRefused")
    assert project.run("apply", "--include", "new").code == 3
    (refused,) = json.loads(project.read("assets.lock"))["answered"].values()
    assert refused == {
        "at": AT, "attempt": "a1", "cost": asked().cost, "key": key, "outcome": "refused", "words": "no new things"
    }  # fmt: skip


def test_a_draft_project_still_says_what_it_asked_before(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PROJECT)
    scratch.journal(replace(asked(), provider="old \x1b[31mname"))
    said = scratch.run("check")
    assert said.code == 2
    assert "\x1b" not in said.out
