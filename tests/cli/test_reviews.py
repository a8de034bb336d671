"""Approve, reject and list; and what a rejection means for money."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.events import Requested
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Said, Scratch, picture
from tests.cli.paid_project import PaidProject, opened

ADA, BOB = "ada@x.org", "bob@x.org"


@pytest.fixture(name="paid")
def a_shop(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> PaidProject:
    """One image, paid for and locked."""
    (tmp_path / "shop").mkdir()
    paid = opened(PaidProject(tmp_path / "shop", capsys, gateway), monkeypatch)
    paid.set_up(hero="a lighthouse")
    assert paid.apply().code == 0
    assert paid.asked == 1
    return paid


def approve(project: Scratch, *arguments: str, by: str = ADA) -> Said:
    return project.run("approve", *arguments, "--by", by)


def reject(project: Scratch, *arguments: str, by: str = ADA, note: str = "the mast is bent") -> Said:
    return project.run("reject", *arguments, "--by", by, "--note", note)


def states(project: Scratch) -> dict[str, str]:
    listed = project.done("review", "--list", "--format", "json").json
    return {each["asset"]: each["state"] for each in listed["assets"]}


def lines(project: Scratch) -> list[dict[str, Any]]:
    files = sorted((project.root / "reviews").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


# What is said


def test_an_approval_is_a_line_in_a_file_and_stands_wherever_the_image_moves(paid: PaidProject) -> None:
    assert states(paid) == {"hero": "open"}
    said = approve(paid, "hero", "--note", "well made")
    assert said.code == 0
    assert said.out.startswith("approved hero (sha256:")
    (line,) = lines(paid)
    entry = paid.lock["hero"]
    assert (line["asset"], line["content"], line["recipe"]) == ("hero", entry["content"], entry["recipe"]["key"])
    assert (line["by"], line["verdict"], line["note"], line["v"]) == (ADA, "approve", "well made", 1)
    assert states(paid) == {"hero": "approved"}
    (paid.root / "specs/hero.yaml").rename(paid.root / "specs/tower.yaml")
    paid.edit("specs/tower.yaml", "{", '{"output": "site/tower.png", ')
    assert paid.apply().code == 0
    assert states(paid) == {"tower": "approved"}
    assert paid.asked == 1


def test_the_same_verdict_twice_is_one_line(paid: PaidProject) -> None:
    approve(paid, "hero")
    said = approve(paid, "hero")
    assert (said.code, said.out) == (0, f"hero: approved by {ADA} already\n")
    assert len(lines(paid)) == 1
    approve(paid, "hero", "--note", "and I mean it")
    approve(paid, "hero", by=BOB)
    assert len(lines(paid)) == 3


def test_a_verdict_is_withdrawn_by_the_person_who_gave_it(paid: PaidProject) -> None:
    assert "no verdict to withdraw" in approve(paid, "hero", "--withdraw").out
    reject(paid, "hero")
    approve(paid, "hero", "--withdraw", by=BOB)
    assert states(paid) == {"hero": "rejected"}
    assert paid.run("reject", "hero", "--withdraw", "--by", ADA).code == 0
    assert states(paid) == {"hero": "open"}
    reject(paid, "hero")
    approve(paid, "hero", by=BOB)
    assert states(paid) == {"hero": "rejected"}, "one rejection wins"
    approve(paid, "hero")
    assert states(paid) == {"hero": "approved"}, "the last word of each person counts, even within a second"


def test_who_judges_is_the_user_of_git(paid: PaidProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    paid.git("init", "-q")
    nobody = paid.run("approve", "hero")
    assert nobody.code == 1
    assert "git config user.email" in nobody.err
    paid.git("config", "user.email", BOB)
    paid.done("approve", "hero")
    assert lines(paid)[0]["by"] == BOB
    bad = approve(paid, "hero", by="not a name")
    assert (bad.code, "has spaces" in bad.err) == (1, True)


def test_a_committed_file_stays_as_it_is(paid: PaidProject) -> None:
    paid.git("init", "-q")
    approve(paid, "hero")
    paid.git("add", "reviews")
    paid.git("commit", "-qm", "Ada reviewed a picture")
    approve(paid, "hero", "--note", "again")
    approve(paid, "hero", "--note", "and again")
    assert paid.git("status", "--porcelain", "reviews").startswith("?? ")
    assert len(list((paid.root / "reviews").iterdir())) == 2


def test_several_are_judged_with_consent(project: Scratch, paid: PaidProject) -> None:
    paid.set_up(hero="a lighthouse", boss="a dragon")
    paid.apply()
    asked = approve(paid, "*")
    assert asked.code == 3
    assert "pass --yes" in asked.err
    assert approve(paid, "*", "--yes").code == 0
    assert states(paid) == {"boss": "approved", "hero": "approved"}


def test_what_is_approved_is_what_is_locked_and_on_disk(paid: PaidProject) -> None:
    paid.set_up(hero="a lighthouse", boss="a dragon", stale="a fox", gone="an owl", edited="a cat", draft="a dog")
    paid.edit("specs/draft.yaml", "{", '{"provider": "draft", ')
    paid.apply()
    paid.write("specs/stale.yaml", '{"prompt": "a red fox"}')
    (paid.root / "assets/gone.png").unlink()
    paid.write("assets/edited.png", picture())
    paid.write("specs/new.yaml", '{"prompt": "a mouse"}')
    for asset, fact in {
        "stale": "it is not up to date: prompt changed",
        "gone": "the file is missing",
        "edited": "changed by hand",
        "draft": "it is a draft",
        "new": "it has no locked image",
    }.items():
        for verb in (approve, reject):
            said = verb(paid, asset)
            assert said.code == 1, asset
            assert fact in said.err
            assert "hint:" in said.err
    assert not (paid.root / "reviews").exists()
    said = approve(paid, "*", "--yes")
    assert said.code == 0, "a glob passes over what it cannot mean"
    assert [line["asset"] for line in lines(paid)] == ["boss", "hero"]
    old = paid.lock["stale"]["content"]
    assert reject(paid, "stale", "--content", old).code == 1, "not this way: the spec has changed since"


def test_a_decision_from_a_page_is_about_the_image_that_was_on_it(paid: PaidProject) -> None:
    before = paid.lock["hero"]["content"]
    assert approve(paid, "hero", "--content", before).code == 0
    paid.apply("--replace", "hero")
    late = approve(paid, "hero", "--content", before)
    assert late.code == 0, "it is a candidate now, and stays approved as one"
    paid.set_up(hero="a lighthouse at night")
    paid.apply()
    late = approve(paid, "hero", "--content", before)
    assert late.code == 1
    assert "it has another image now" in late.err


def test_a_note_says_what_is_wrong(paid: PaidProject) -> None:
    assert "--note is required" in paid.run("reject", "hero").err
    long = reject(paid, "hero", note="x" * 2001)
    assert (long.code, "over 2,000" in long.err) == (1, True)
    reject(paid, "hero", note="bent\x1b[31m\n::error::mast")
    listed = paid.done("review", "--list")
    assert "\x1b" not in listed.out
    assert "\n::error" not in listed.out
    assert "bent\\x1b[31m ::error::mast" in listed.out


# Money


def test_a_rejected_image_is_held_with_its_price_and_bought_once_with_consent(paid: PaidProject) -> None:
    first = paid.lock["hero"]["content"]
    reject(paid, "hero")
    assert paid.plan() == {"hero": ("hold", "WasRejected")}
    shown = paid.done("plan").out
    assert f"rejected by {ADA} on 20" in shown
    assert ": the mast is bent  [0.039 USD]" in shown
    assert "`reconciler apply --replace-rejected`" in shown
    assert paid.run("check").code == 2
    for _ in range(20):
        assert paid.apply().code == 3
    assert paid.asked == 1
    for _ in range(20):
        assert paid.apply("--replace-rejected").code == 0
    assert paid.asked == 2
    assert paid.lock["hero"]["content"] != first
    assert states(paid) == {"hero": "open"}


def test_words_there_and_back_never_bring_the_disliked_image_back(paid: PaidProject) -> None:
    first = paid.lock["hero"]["content"]
    reject(paid, "hero")
    paid.set_up(hero="a tower")
    assert paid.apply().code == 0
    assert paid.asked == 2
    paid.set_up(hero="a lighthouse", twin="a lighthouse")
    expected = {"hero": ("hold", "WasRejected"), "twin": ("hold", "WasRejected")}
    assert paid.plan() == expected
    assert "an image for this recipe was rejected by" in paid.done("plan").out
    for _ in range(20):
        assert paid.apply().code == 3
    assert paid.asked == 2
    assert paid.apply("--replace-rejected").code == 0
    assert paid.asked == 3, "one request for both"
    assert first not in {entry["content"] for entry in paid.lock.values()}
    for words in ("a tower", "a lighthouse") * 3:
        paid.set_up(hero=words, twin="a lighthouse")
        assert paid.apply().code == 0
    assert paid.asked == 3, "what was bought since is restored"
    assert first not in {entry["content"] for entry in paid.lock.values()}


def test_a_clone_without_the_store_knows_by_the_recipe(paid: PaidProject) -> None:
    reject(paid, "hero")
    paid.set_up(hero="a tower")
    paid.apply()
    shutil.rmtree(paid.root / ".reconciler")
    paid.set_up(hero="a lighthouse")
    assert paid.plan() == {"hero": ("hold", "WasRejected")}
    paid.write("specs/hero.yaml", '{"prompt": "a lighthouse", "take": 2}')
    assert paid.plan() == {"hero": ("generate", "RecipeChanged")}


def test_a_missing_file_of_a_rejected_image_is_not_restored(paid: PaidProject) -> None:
    reject(paid, "hero")
    (paid.root / "assets/hero.png").unlink()
    assert paid.apply().code == 3
    assert not (paid.root / "assets/hero.png").exists()
    assert "its file is missing" in approve(paid, "hero").err


def test_another_format_of_a_rejected_image_is_the_same_image(paid: PaidProject) -> None:
    paid.write("specs/web.yaml", '{"prompt": "a lighthouse", "output": "assets/web.webp"}')
    paid.apply()
    asked = paid.asked
    assert reject(paid, "web").code == 0
    assert paid.lock["web"]["original"] == lines(paid)[0]["original"]
    paid.write("specs/web.yaml", '{"prompt": "a lighthouse", "output": "assets/web.png"}')
    assert paid.plan()["web"] == ("hold", "WasRejected")
    for _ in range(3):
        paid.apply()
    assert paid.asked == asked


def test_frozen_is_kept_and_says_so(paid: PaidProject) -> None:
    reject(paid, "hero")
    paid.write("specs/hero.yaml", '{"prompt": "a lighthouse", "freeze": true}')
    assert paid.apply("--replace-rejected").code == 0
    assert paid.asked == 1
    assert "rejected, but frozen: hero" in paid.done("plan").out


def test_choose_offers_no_rejected_candidate_and_keeps_the_numbers(paid: PaidProject) -> None:
    paid.apply("--replace", "hero", "--candidates", "2")
    listed = paid.done("choose", "hero", "--format", "json").json["candidates"]
    assert [one["number"] for one in listed] == [1, 2, 3]
    assert reject(paid, "hero", "--candidate", "1").code == 0
    now = paid.done("choose", "hero", "--format", "json").json["candidates"]
    assert [one["number"] for one in now] == [2, 3]
    refused = paid.run("choose", "hero", "1")
    assert refused.code == 1
    assert "candidate 1 was rejected by ada@x.org" in refused.err
    assert paid.run("choose", "hero", listed[0]["content"]).code == 1
    assert paid.plan() == {}, "the locked one is another"
    other = next(one for one in now if not one["locked"])
    paid.done("choose", "hero", str(other["number"]))
    approve(paid, "hero", "--content", listed[0]["content"])
    paid.done("choose", "hero", "1")


# Who is told


def test_show_and_plan_say_who_approved_what_and_when(paid: PaidProject) -> None:
    assert "review" not in paid.done("show", "hero").out, "a project without reviews hears nothing of them"
    approve(paid, "hero", "--note", "well made")
    shown = paid.done("show", "hero").out
    assert f"review       approved by {ADA} on 20" in shown
    assert f"{ADA}: well made" in shown
    assert paid.done("show", "hero", "--format", "json").json["assets"][0]["review"]["state"] == "approved"
    paid.set_up(hero="a tower")
    planned = paid.done("plan").out
    assert f"its locked image was approved by {ADA} on 20" in planned
    (step,) = (each for each in paid.done("plan", "--format", "json").json["steps"] if each["asset"] == "hero")
    assert step["approved"]["by"] == [ADA]
    assert f"its locked image was approved by {ADA}" in paid.run("apply").err
    reject(paid, "hero", "--content", paid.lock["hero"]["content"], by=BOB)
    assert "was approved by" in paid.done("plan").out, "stale: the old image is not judged any more"
    paid.apply()
    reject(paid, "hero", by=BOB)
    assert f"rejected by {BOB} on 20" in paid.done("show", "hero").out
    assert "was approved" not in paid.done("plan").out


def test_a_group_of_steps_counts_its_approved_images(paid: PaidProject) -> None:
    names = [f"i{number}" for number in range(5)]
    cats: Any = dict.fromkeys(names, "an icon of a cat")
    paid.set_up(hero="a lighthouse", **cats)
    paid.apply()
    approve(paid, "i1", "i2", "--yes")
    dogs: Any = dict.fromkeys(names, "an icon of a dog")
    paid.set_up(hero="a lighthouse", **dogs)
    assert "5 locked images of them were approved in a review" in paid.done("plan").out, "they share one image"


# Old files


def test_old_files_are_merged_without_what_matters_no_more(paid: PaidProject) -> None:
    paid.git("init", "-qb", "main")
    paid.set_up(hero="a lighthouse", boss="a dragon")
    paid.apply()
    old = paid.lock["hero"]["content"]
    for note in ("one", "two", "three"):
        approve(paid, "hero", "--note", note)
        approve(paid, "boss", "--note", note, by=BOB)
        paid.git("add", "-A")
        paid.git("commit", "-qm", note)
    paid.git("branch", "release")
    reject(paid, "boss")
    paid.apply("--replace-rejected")
    paid.set_up(hero="a tower", boss="a dragon")
    paid.apply()
    paid.git("add", "-A")
    paid.git("commit", "-qm", "other words")
    paid.git("checkout", "-qb", "other")
    paid.done("approve", "boss", "--by", "eve@x.org")
    paid.git("add", "-A")
    paid.git("commit", "-qm", "Eve reviewed the boss")
    paid.git("checkout", "-q", "main")
    approve(paid, "hero", "--note", "uncommitted")
    files = len(list((paid.root / "reviews").iterdir()))
    before = states(paid)
    asked = paid.run("review", "--compact")
    assert (asked.code, "pass --yes" in asked.err) == (3, True)
    done = paid.done("review", "--compact", "--yes")
    assert f"merged {files - 1} files into reviews/compact-" in done.err
    assert "3 verdicts kept, 4 dropped" in done.err
    assert len(list((paid.root / "reviews").iterdir())) == 2, "that, and the file of this session"
    assert states(paid) == before
    paid.git("add", "-A")
    paid.git("commit", "-qm", "compact")
    paid.git("merge", "-q", "--no-edit", "other")
    assert states(paid) == before | {"boss": "approved"}, "what another branch reviewed meanwhile is merged"
    paid.git("branch", "-qD", "release", "other")
    assert "3 verdicts kept, 2 dropped" in paid.done("review", "--compact", "--yes").err
    assert old not in {line["content"] for line in lines(paid)}, "no lockfile names it any more"
    assert [line["verdict"] for line in lines(paid)].count("reject") == 1
    paid.set_up(hero="a tower", boss={"prompt": "a dragon", "take": 3})
    paid.git("add", "-A")
    paid.git("commit", "-qm", "compact again")
    assert paid.done("review", "--compact", "--yes").err == "nothing to compact\n"


@pytest.mark.parametrize("clone", [True, False])
def test_a_recipe_that_is_known_only_after_its_reference_was_made_is_held_too(
    paid: PaidProject, *, clone: bool
) -> None:
    """Without the earlier draft in the store, going back to it gives the recipe of the rejected image in the run. In
    the same checkout, the store has that image."""
    mascot = {"prompt": "a robot", "provider": "draft", "size": "32x32"}
    paid.set_up(mascot=mascot, pair={"prompt": "two of image 1", "references": [{"asset": "mascot"}]})
    paid.apply()
    reject(paid, "pair")
    robot = paid.lock["mascot"]["recipe"]["key"]
    paid.write("specs/mascot.yaml", json.dumps(mascot | {"prompt": "a cat"}))
    paid.apply("--cascade")
    asked, now = paid.asked, paid.lock["pair"]["content"]
    if clone:
        shutil.rmtree(paid.root / ".reconciler")
    else:
        (known,) = (paid.root / ".reconciler/store/recipes").rglob(f"{robot.partition(':')[2]}.jsonl")
        known.unlink()
    paid.write("specs/mascot.yaml", json.dumps(mascot))
    said = paid.apply("--cascade")
    assert said.code == 3
    assert f"pair: rejected by {ADA} on 20" in said.err + said.out
    assert (paid.asked, paid.lock["pair"]["content"]) == (asked, now)
    assert paid.apply("--cascade", "--replace-rejected").code == 0
    assert paid.asked == asked + 1


def test_a_rejected_image_is_not_put_back_where_its_reference_came_out_as_it_was(paid: PaidProject) -> None:
    mascot = {"prompt": "a robot", "provider": "draft", "size": "32x32"}
    paid.set_up(mascot=mascot, pair={"prompt": "two of image 1", "references": [{"asset": "mascot"}]})
    paid.apply()
    reject(paid, "pair")
    asked = paid.asked
    for name in ("mascot", "pair"):
        (paid.root / f"assets/{name}.png").unlink()
    shutil.rmtree(paid.root / ".reconciler/store/recipes")
    for path in (paid.root / ".reconciler/store/objects").rglob("*"):
        if path.is_file() and path.name in paid.lock["mascot"]["content"]:
            path.unlink()
    said = paid.apply("--cascade")
    assert said.code == 3
    assert (paid.root / "assets/mascot.png").exists()
    assert not (paid.root / "assets/pair.png").exists()
    assert paid.asked == asked


def test_what_is_in_doubt_is_not_judged(paid: PaidProject) -> None:
    key = paid.lock["hero"]["recipe"]["key"]
    paid.journal(Requested("a1", AssetId("hero"), RecipeKey(key), "shop", "0.039 USD", "2026-11-22T16:00:00Z"))
    said = approve(paid, "hero")
    assert said.code == 1
    assert "in doubt" in said.err
    assert "`reconciler recover` lists the requests" in said.err
