"""Money through the command line: what is held, what stops a lane, what is never sent, what it has cost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.events import Requested
from reconciler.core.lock.lockfile import Made
from reconciler.core.money.cost import parse_cost
from reconciler.core.money.totals import Image, summed
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import picture
from tests.cli.paid_project import FLASH, PaidProject, opened

TEN: dict[str, Any] = {f"i{number}": f"icon {number}" for number in range(10)}


@pytest.fixture(name="paid")
def a_shop(
    gateway: Gateway,  # the fixture that is imported above
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> PaidProject:
    return opened(PaidProject(tmp_path, capsys, gateway), monkeypatch)


def a_request(asset: str, *, cost: str = "0.039 USD") -> Requested:
    key = RecipeKey("r1:" + "0" * 64)
    return Requested(f"attempt-{asset}", AssetId(asset), key, "shop", cost, "2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "budget"),
    [
        (("--max-cost", "0.08"), {}),
        (("--max-images", "2"), {}),
        ((), {"per_run": 0.08}),
        ((), {"images": 2}),
    ],
)
def test_what_passes_the_budget_of_a_run_is_held(
    paid: PaidProject, arguments: tuple[str, ...], budget: dict[str, Any]
) -> None:
    paid.set_up(project={"budget": budget}, a="a", b="b", c="c")
    assert "? c  over budget: " in paid.run("plan", *arguments).out
    said = paid.apply(*arguments)
    assert (said.code, said.out, "? c  over budget: " in said.err) == (3, "made 2 (0.078 USD), held 1\n", True)
    assert (paid.asked, sorted(paid.lock)) == (2, ["a", "b"])


def test_a_paid_image_waits_for_consent_to_follow_its_upstream_and_a_free_one_does_not(paid: PaidProject) -> None:
    follows: dict[str, Any] = {"references": [{"asset": "m"}]}
    thumb = {"prompt": "t", "provider": "draft", "size": "64x64", **follows}
    paid.set_up(m="a fox", paid={"prompt": "p", **follows}, thumb=thumb)
    paid.done("apply", "--yes")
    paid.edit("specs/m.yaml", "fox", "owl")
    said = paid.apply()
    assert (said.code, said.out) == (3, "made 2 (0.039 USD), held 1\n")
    assert paid.plan() == {"paid": ("hold", "UpstreamChanged")}
    assert paid.done("apply", "--yes", "--cascade").out == "made 1 (0.039 USD)\n"
    assert paid.asked == 4


def test_prices_in_the_project_switch_off_neither_consent_nor_limits(
    paid: PaidProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"prices": {"": 0, "1K": 0}}
    paid.set_up(project={"models": {FLASH: nothing, "toy": nothing}}, a="a", b="b", t={"prompt": "t", "model": "toy"})
    assert "free" not in paid.run("plan").out
    assert "[0 USD by models: in reconciler.yaml]" in paid.run("plan").out
    assert "this would cost 0.078 USD" in paid.run("apply").err
    assert paid.run("apply", "--include", "t").code == 3
    assert "t  over budget: 0 images" in paid.run("plan", "--include", "t", "--max-images", "0").out
    monkeypatch.setenv("CI", "true")
    assert "in CI a budget is required" in paid.apply("--include", "t").err
    assert paid.asked == 0


def test_no_provider_that_is_paid_is_called_draft(paid: PaidProject) -> None:
    paid.set_up(project={"providers": {"draft": {"type": "gravitex"}}}, a="a")
    said = paid.run("plan")
    assert (said.code, "providers.draft.type" in said.err, paid.asked) == (1, True, 0)


class TestNothingIsPaidTwice:
    """A request in doubt, or a refusal, holds for its recipe: however late that is known, and whoever wants it."""

    @staticmethod
    def below(paid: PaidProject, fault: str) -> None:
        """`d`, whose request ends in the fault, refers to a draft."""
        upstream = {"prompt": "u", "provider": "draft"}
        paid.set_up(u=upstream, d={"prompt": f"d fault:{fault}", "references": [{"asset": "u"}]})
        paid.apply()

    def test_a_renamed_asset_below_one_that_is_made_again(self, paid: PaidProject) -> None:
        self.below(paid, "500,ok")
        (paid.root / "specs/d.yaml").rename(paid.root / "specs/e.yaml")
        said = paid.apply("--replace", "u")
        assert (said.code, "in doubt: same recipe requested from shop" in said.err, paid.asked) == (3, True, 1)
        paid.apply("--replace", "u", "--retry-in-doubt")
        assert (paid.asked, paid.plan()) == (2, {})

    def test_a_refused_asset_below_one_that_is_made_again(self, paid: PaidProject) -> None:
        self.below(paid, "moderation_blocked")
        said = paid.apply("--replace", "u")
        assert (said.code, "refused before: " in said.err, paid.asked) == (3, True, 1)
        paid.apply("--replace", "u", "--retry-refused")
        assert paid.asked == 2

    def test_replace_says_nothing_of_what_is_in_doubt(self, paid: PaidProject) -> None:
        paid.set_up(a="a fault:500,ok")
        paid.apply()
        assert "? a  in doubt" in paid.run("plan", "--replace", "a").out
        assert (paid.apply("--replace", "a").code, paid.asked) == (3, 1)
        assert (paid.apply("--replace", "a", "--retry-in-doubt").code, paid.asked) == (0, 2)

    def test_replace_under_another_name_says_nothing_of_it_either(self, paid: PaidProject) -> None:
        paid.set_up(a="a fault:500,ok")
        paid.apply()
        (paid.root / "specs/a.yaml").rename(paid.root / "specs/b.yaml")
        assert "? b  in doubt" in paid.run("plan", "--replace", "b").out
        assert (paid.apply("--replace", "b").code, paid.asked) == (3, 1)
        paid.apply("--replace", "b", "--retry-in-doubt")
        assert (paid.asked, paid.plan(), sorted(paid.lock)) == (2, {}, ["b"])

    def test_prune_after_a_rename_leaves_the_doubt_to_the_new_name(self, paid: PaidProject) -> None:
        paid.set_up(a="first")
        paid.apply()
        paid.write("specs/a.yaml", '{"prompt": "second fault:500,ok"}')
        paid.apply()
        (paid.root / "specs/a.yaml").rename(paid.root / "specs/b.yaml")
        paid.write("specs/b.yaml", '{"prompt": "second fault:500,ok", "output": "assets/other.png"}')
        assert "kept, another spec has the same recipe" in paid.done("prune").out
        assert (paid.apply().code, paid.asked) == (3, 2)
        assert paid.plan()["b"] == ("hold", "Doubtful")

    def test_two_providers_are_asked_once_for_one_recipe(self, paid: PaidProject) -> None:
        paid.set_up(a="same", b={"prompt": "same", "provider": "twin"})
        project = json.loads((paid.root / "reconciler.yaml").read_text())
        project["providers"]["twin"] = project["providers"]["shop"]
        paid.write("reconciler.yaml", json.dumps(project))
        assert (paid.apply().code, paid.asked, paid.plan()) == (0, 1, {})

    @pytest.mark.parametrize(("draft", "bought"), [("a", "b"), ("b", "a")])
    def test_a_draft_is_no_answer_for_the_paid_asset_of_the_same_recipe(
        self, paid: PaidProject, draft: str, bought: str
    ) -> None:
        specs: dict[str, Any] = {draft: {"prompt": "same", "provider": "draft"}, bought: "same"}
        paid.set_up(**specs)
        said = paid.apply()
        assert (said.code, said.out, paid.asked) == (0, "made 2 (0.039 USD)\n", 1)
        assert {name: paid.lock[name]["made"]["provider"] for name in "ab"} == {draft: "draft", bought: "shop"}
        (billed,) = paid.fake.ledger.billed
        assert paid.lock[bought]["content"] == f"sha256:{billed.images[0]}"
        assert paid.plan() == {}

    def test_what_one_provider_does_not_take_another_is_asked_for(self, paid: PaidProject) -> None:
        paid.set_up(a="same", b={"prompt": "same", "provider": "other"})
        project = json.loads((paid.root / "reconciler.yaml").read_text())
        project["providers"]["other"] = project["providers"]["shop"] | {"base_url": "http://127.0.0.1:1"}
        paid.write("reconciler.yaml", json.dumps(project))
        paid.apply("--retry-in-doubt")
        assert (paid.asked, sorted(paid.lock)) == (1, ["a", "b"])


@pytest.mark.parametrize("limit", ["NaN", "Infinity", "-5", "sNaN", "1e999999999"])
def test_a_limit_is_an_amount(paid: PaidProject, limit: str) -> None:
    paid.set_up(project={"budget": {"per_run": limit}}, a="a")
    said = paid.run("plan")
    assert (said.code, "budget.per_run" in said.err, "is not an amount" in said.err) == (1, True, True)


@pytest.mark.parametrize("text", ["-100 USD", "NaN USD", "1 usd", "1  USD", "1e9 USD", "1", "1 USD "])
def test_what_is_no_cost_is_unknown(text: str) -> None:
    assert parse_cost(text) is None


def test_an_asset_over_its_own_limit_is_held_alone(paid: PaidProject) -> None:
    dear = {"prompt": "b", "model": "gemini-3-pro-image", "output": "b.jpg"}
    paid.set_up(project={"budget": {"per_asset": 0.05}}, a="a", b=dear)
    assert (paid.apply().code, sorted(paid.lock), paid.asked) == (3, ["a"], 1)


def test_a_price_that_nobody_knows_is_held_under_a_limit_in_money_and_counted_under_one_in_images(
    paid: PaidProject,
) -> None:
    paid.set_up(model="gpt-image-2", a="a", b="b")  # sold by the token: known once it was paid
    said = paid.apply("--max-cost", "5")
    assert (said.code, paid.asked) == (3, 0)
    assert "over budget: its price in USD is unknown" in said.err
    assert "give its model a price" in said.err
    said = paid.apply("--max-images", "1")
    assert (said.code, said.out, paid.asked) == (3, "made 1 (0.03876 USD), held 1\n", 1)


def test_what_is_in_doubt_counts_as_spent_in_plan_as_in_apply(paid: PaidProject) -> None:
    paid.set_up(a="a", b="b")
    paid.journal(a_request("old"))
    limit = ("--max-cost", "0.08")
    assert "? b    over budget: 0.08 USD a run; 0.039 USD in doubt counts" in paid.run("plan", *limit).out
    assert (paid.apply(*limit).code, paid.asked) == (3, 1)


def test_a_budget_in_another_currency_names_the_one_to_write(paid: PaidProject) -> None:
    paid.set_up(project={"budget": {"per_run": 5, "currency": "EUR"}}, a="a")
    said = paid.run("plan").out
    assert "its price is in USD, and the budget is a limit in EUR" in said
    assert "hint: write budget: in USD" in said


def test_in_ci_nothing_is_spent_without_a_budget(paid: PaidProject, monkeypatch: pytest.MonkeyPatch) -> None:
    paid.set_up(a="a")
    monkeypatch.setenv("CI", "true")
    said = paid.apply()
    assert (said.code, paid.asked, "in CI a budget is required" in said.err) == (3, 0, True)
    assert (paid.apply("--max-cost", "1").code, paid.asked) == (0, 1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("402", "out of credit"),
        ("403_quota", "out of credit"),
        ("429_quota", "out of credit"),
        ("401", "the key was refused"),
        ("429_long", "come back at 20"),
    ],
)
def test_what_stops_a_lane_is_asked_once_and_told_once(paid: PaidProject, fault: str, words: str) -> None:
    paid.set_up(**TEN)
    paid.fake.script(fault)
    said = paid.apply()
    unsent = 10 if fault == "429_long" else 9
    end = f"not sent {unsent}" if unsent == 10 else f"failed 1, not sent {unsent}"
    assert (said.code, said.out, paid.asked) == (1, f"{end}\n", 1)
    lines = [line for line in said.err.splitlines() if " more: " in line]
    assert len(lines) == 1
    assert lines[0].startswith("not sent: " if unsent == 10 else "failed, not sent: ")
    assert " and 7 more: shop is stopped: " in lines[0]
    assert words in lines[0]
    assert len([line for line in said.err.splitlines() if words in line]) == 2  # the note while it runs, and the end
    assert ("top up the account" in said.err) == (words == "out of credit")
    assert ("shows the variable of the key" in said.err) == (fault == "401")
    assert paid.apply().out == "made 10 (0.39 USD)\n"


def test_a_missing_key_is_said_once_and_before_anything_else(
    paid: PaidProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid.set_up(**TEN)
    monkeypatch.delenv("SHOP_KEY")
    said = paid.run("apply")  # nobody agreed to anything either, and that is not what is wrong
    assert (said.code, paid.asked, (paid.root / "assets").exists()) == (1, 0, False)
    assert said.err.endswith(f"SHOP_KEY is not set\n  hint: export SHOP_KEY=… with a key for {paid.fake.url()}\n")
    assert said.err.count("SHOP_KEY is not set") == 1
    assert paid.run("plan").code == 0
    assert paid.apply("--draft").code == 0


def test_a_key_that_may_not_go_there_is_said_before_anything_is_sent(
    paid: PaidProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = {"type": "gravitex", "base_url": "https://gateway.example.com", "api_key_env": "SHOP_KEY"}
    paid.set_up(project={"providers": {"shop": provider}}, a="a")
    said = paid.apply()
    assert (said.code, "is not sent to https://gateway.example.com" in said.err) == (1, True)
    monkeypatch.setenv("RECONCILER_TRUSTED_ORIGINS", "https://gateway.example.com")
    monkeypatch.delenv("SHOP_KEY")
    assert "SHOP_KEY is not set" in paid.apply().err


def test_the_summary_costs_what_the_lock_says_and_a_shared_image_costs_once(paid: PaidProject) -> None:
    paid.set_up(model="gpt-image-2", a="the same", b="the same", c={"prompt": "another"})
    said = paid.apply("--max-images", "9")
    costs = {name: paid.lock[name]["made"]["cost"] for name in "abc"}
    assert (paid.asked, set(costs.values())) == (2, {"0.03876 USD"})  # by the tokens of the answer
    assert said.out == "made 3 (0.07752 USD)\n"
    told = paid.done("costs", "--format", "json").json
    assert (told["locked"]["images"], told["locked"]["amounts"]) == (2, ["0.07752 USD"])


def test_a_retry_is_told_in_a_line_that_says_why_and_when(paid: PaidProject) -> None:
    paid.set_up(a="a")
    paid.fake.script("429_ms")
    said = paid.apply()
    assert said.code == 0
    assert re.search(r"^  a: retrying in \d+ s \(attempt 2 of 3\): 429 ", said.err, re.MULTILINE)


class TestCosts:
    def test_sums_by_model_tag_month_and_provider(self, paid: PaidProject) -> None:
        paid.set_up(a={"prompt": "a", "tags": ["web", "icons"]}, b={"prompt": "b", "tags": ["web"]}, c="c")
        paid.apply()
        paid.edit("specs/a.yaml", '"a"', '"another a"')
        paid.apply()
        told = paid.done("costs", "--format", "json").json
        assert (told["locked"]["images"], told["ever"]["images"]) == (3, 4)
        assert (told["locked"]["amounts"], told["ever"]["amounts"]) == (["0.117 USD"], ["0.156 USD"])
        sums = {kind: {row["name"]: row["locked"]["images"] for row in rows} for kind, rows in told["by"].items()}
        month = paid.lock["a"]["made"]["at"][:7]
        assert sums.pop("tag") == {"(no tag)": 1, "icons": 1, "web": 2}
        assert [set(names.values()) for names in sums.values()] == [{3}, {3}, {3}]
        assert (set(sums["month"]), set(sums["provider"])) == ({month}, {"shop"})
        out = paid.done("costs", "--by", "model").out
        assert re.search(r"^all +0\.117 USD +3 images +0\.156 USD +4 images$", out, re.MULTILINE), out

    def test_tells_doubt_and_unknown_prices_apart_and_drafts_are_free(self, paid: PaidProject) -> None:
        paid.set_up(model="qwen-image-plus", a="a", b={"prompt": "b", "provider": "draft"})
        paid.apply("--max-images", "1")
        paid.journal(a_request("x"), a_request("y", cost=""))
        told = paid.done("costs", "--format", "json").json
        assert told["locked"] == {"images": 1, "amounts": [], "unknown": 1, "drafts": 1, "brought": 0}
        assert told["in_doubt"]["may_have_cost"] == {"amounts": ["0.039 USD"], "unknown": 1}
        out = paid.done("costs").out
        assert "2 requests that may have cost 0.039 USD + 1 of unknown price" in out
        assert "also locked: 1 free draft" in out

    def test_an_adopted_image_keeps_what_it_cost_and_one_that_was_brought_cost_nothing(self, paid: PaidProject) -> None:
        paid.set_up(a="a", b="b")
        paid.apply("--include", "a")
        paid.write("assets/b.png", picture())
        paid.edit("specs/a.yaml", '"a"', '"a, in other words"')
        assert paid.run("adopt", "a", "b", "--yes").code == 0
        told = paid.done("costs", "--format", "json").json
        assert told["locked"] == {"images": 1, "amounts": ["0.039 USD"], "unknown": 0, "drafts": 0, "brought": 1}
        assert told["ever"]["amounts"] == ["0.039 USD"]

    def test_an_edited_image_keeps_its_origin_and_its_cost_counts_once(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        paid.apply()
        before, generated = paid.lock["a"], paid.read("assets/a.png")
        for colour in ("teal", "red"):
            paid.write("assets/a.png", picture(colour))
            paid.done("adopt", "a")
            assert paid.lock["a"]["made"] == before["made"] | {"edited": before["content"]}
        assert paid.lock["a"]["content"] == content_hash(picture("red"))
        told = paid.done("costs", "--format", "json").json
        once = {"images": 1, "amounts": ["0.039 USD"], "unknown": 0, "drafts": 0, "brought": 0}
        assert (told["locked"], told["ever"]) == (once, once)
        assert f"edited       by hand, from {before['content']}" in paid.done("show", "a").out
        paid.edit("specs/a.yaml", '"a"', '"b"')
        assert paid.plan() == {"a": ("hold", "MadeByHand")}
        paid.edit("specs/a.yaml", '"b"', '"a"')
        paid.write("assets/a.png", generated)
        paid.done("adopt", "a")
        assert paid.lock["a"] == before
        assert paid.asked == 1

    def test_an_edited_image_that_was_converted_counts_once(self, paid: PaidProject) -> None:
        paid.set_up(model="gemini-3-pro-image", a="a")
        paid.apply()
        before, converted = paid.lock["a"], paid.read("assets/a.png")
        paid.write("assets/a.png", picture())
        paid.done("adopt", "a")
        edited = paid.lock["a"]
        assert edited["made"] == before["made"] | {"edited": before["original"]}
        assert "original" not in edited
        told = paid.done("costs", "--format", "json").json
        assert told["locked"] == told["ever"]
        assert told["ever"]["images"] == 1
        paid.write("assets/a.png", converted)
        paid.done("adopt", "a")
        assert paid.lock["a"]["made"] == before["made"]
        assert paid.asked == 1

    def test_writes_nothing(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        before = paid.snapshot()
        assert paid.done("costs").out == "no image is locked, and none was paid for\n"
        assert paid.snapshot() == before

    def test_two_calls_that_gave_the_same_bytes_were_paid_for_twice(self) -> None:
        content = ContentHash("sha256:" + "0" * 64)
        calls = [Made("shop", "2026-11-01T00:00:00Z", cost="1 USD", request=name) for name in ("r1", "r2", "r2")]
        assert str(summed(Image(content, made) for made in calls).cost) == "2 USD"


class TestCandidates:
    def test_each_is_asked_for_paid_for_and_kept_and_the_first_is_locked(self, paid: PaidProject) -> None:
        paid.set_up(a="a", b="b")
        assert "[0.117 USD]" in paid.run("plan", "--candidates", "3", "--include", "a").out
        said = paid.apply("--candidates", "3", "--include", "a")
        assert (said.code, paid.asked, len(paid.fake.ledger.billed)) == (0, 3, 3)
        assert said.out.endswith("made 1 (0.117 USD)\n")
        listed = re.findall(r"^([* ]) (\d)  sha256:(\w{12})  .*  (\S+)$", said.out, re.MULTILINE)
        assert [(mark, number) for mark, number, _, _ in listed] == [("*", "1"), (" ", "2"), (" ", "3")]
        assert {digits for _, _, digits, _ in listed} == {entry.images[-1][:12] for entry in paid.fake.ledger.billed}
        assert all(Path(path).read_bytes() for *_, path in listed)
        assert paid.lock["a"]["made"]["cost"] == "0.039 USD"
        assert paid.done("costs", "--format", "json").json["ever"]["amounts"] == ["0.117 USD"]

    def test_another_one_is_locked_for_nothing(self, paid: PaidProject) -> None:
        paid.set_up(a="a", b={"prompt": "b of image 1", "references": [{"asset": "a"}]})
        paid.apply("--candidates", "2", "--include", "a")
        paid.apply()
        first = paid.read("assets/a.png")
        second = json.loads(paid.done("choose", "a", "--format", "json").out)["candidates"][1]
        said = paid.done("choose", "a", "2")
        assert said.out == "chose a: candidate 2 -> assets/a.png\n"
        assert (paid.lock["a"]["content"], paid.read("assets/a.png")) == (
            second["content"],
            (paid.root / second["path"]).read_bytes(),
        )
        assert paid.plan() == {"b": ("hold", "UpstreamChanged")}
        paid.done("choose", "a", shop_hash(paid, 0))
        assert (paid.read("assets/a.png"), paid.plan(), paid.asked) == (first, {}, 3)
        assert "is locked already" in paid.done("choose", "a", "1").out
        listed = paid.done("choose", "a", "2", "--format", "json").json["candidates"]
        assert [one["locked"] for one in listed] == [False, True]

    def test_the_store_and_the_list_say_whose_they_are(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        paid.apply("--candidates", "2")
        users = [line.split("  ")[-1] for line in paid.done("store", "ls").out.splitlines()]
        assert sorted(users[:2]) == ["a", "candidate of a"]
        paid.write("assets/a.png", picture())
        paid.done("adopt", "a")
        marked = [line for line in paid.done("choose", "a").out.splitlines() if line.startswith("*")]
        assert len(marked) == 1

    def test_what_names_no_candidate_and_a_persons_work_change_nothing(self, paid: PaidProject) -> None:
        paid.set_up(a="a", b="b")
        paid.apply("--candidates", "2", "--include", "a")
        before = paid.snapshot()
        for wrong in ("0", "3", "sha256:" + "0" * 64, "abc", "ab"):
            assert paid.run("choose", "a", wrong).code == 1
        assert paid.run("choose", "b", "1").code == 1
        assert paid.snapshot() == before
        paid.write("assets/a.png", picture())
        assert (paid.run("choose", "a", "2").code, paid.read("assets/a.png")) == (1, picture())

    def test_a_file_that_is_gone_comes_back_as_the_chosen_one(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        paid.apply("--candidates", "2")
        (paid.root / "assets/a.png").unlink()
        paid.done("choose", "a", "2")
        assert paid.plan() == {}

    def test_one_in_doubt_and_one_over_budget_do_not_lose_the_others(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        paid.fake.script("reset_after_request", "ok", "ok")
        said = paid.apply("--candidates", "3")
        assert (said.code, paid.asked) == (3, 3)
        assert "in doubt: a: an image is locked, but another request for it has no response" in said.err
        assert "candidate 1 of 3: in doubt, it may have been charged: " in said.err
        assert said.out.endswith("made 1 (0.078 USD); 1 request in doubt may have cost 0.039 USD\n")
        told = paid.done("costs", "--format", "json").json
        assert told["in_doubt"]["may_have_cost"]["amounts"] == ["0.039 USD"]
        assert paid.plan()["a"] == ("hold", "Doubtful")
        said = paid.run("check")
        assert "? a  in doubt: an image is locked, but another request for it has no response" in said.out
        assert (said.code, "does every step" in said.err) == (2, False)

    def test_the_budget_counts_each_of_them(self, paid: PaidProject) -> None:
        paid.set_up(a="a", b="b")
        assert (paid.apply("--candidates", "3", "--max-images", "5").code, paid.asked) == (3, 3)
        assert (paid.apply("--candidates", "3", "--max-cost", "0.1").code, paid.asked) == (3, 3)

    def test_drafts_are_drawn_once(self, paid: PaidProject) -> None:
        paid.set_up(a="a")
        assert paid.apply("--draft", "--candidates", "3").out == "made 1 (0 USD)\n"


def shop_hash(paid: PaidProject, number: int) -> str:
    """The content hash of a candidate, counted from 0."""
    found = json.loads(paid.done("choose", "a", "--format", "json").out)["candidates"]
    return str(found[number]["content"])
