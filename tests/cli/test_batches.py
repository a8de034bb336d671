"""Batches from the command line, against a gateway that bills each line when the job is created."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler.project.batches.ready import FIRST_PAUSE, CollectCallbacks, collect_all
from reconciler.project.workspace import open_workspace
from reconciler.report.batches import BatchOutcome
from reconciler.testing.gateway import Gateway, running
from reconciler.testing.memory_ports import RecordingLog
from tests.cli.conftest import Said, Scratch
from tests.later import Later

MODELS = {"gemini": "gemini-2.5-flash-image", "openai": "gpt-image-1.5"}
PRICES = {"gemini": "0.0195", "openai": "0.017"}


class BatchProject(Scratch):
    """A project whose provider `shop` has batches. `later` moves the clock."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], gateway: Gateway, kind: str) -> None:
        super().__init__(root, capsys)
        self.gateway, self.kind = gateway, kind

    def set_up(self, *prompts: str, settings: Mapping[str, Any] | None = None, **project: Any) -> None:
        """Assets a0, a1, … with these prompts."""
        provider = {"type": self.kind, "base_url": self.gateway.url(self.kind), "api_key_env": "SHOP_KEY"}
        defaults = {"model": MODELS[self.kind], "size": "1:1"} | (
            {"quality": "medium"} if self.kind == "openai" else {}
        )
        whole = {"provider": "shop", "providers": {"shop": {**provider, **(settings or {})}}, "defaults": defaults}
        self.write("reconciler.yaml", json.dumps(whole | project))
        for number, prompt in enumerate(prompts):
            self.write(f"specs/a{number}.yaml", json.dumps({"prompt": prompt}))

    def submit(self, *arguments: str) -> Said:
        return self.run("submit", "--yes", *arguments)

    @property
    def billed(self) -> Mapping[str, int]:
        return self.gateway.ledger.billed_by_prompt()

    def batches(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.done("batches", "--format", "json").json["batches"]
        return listed

    @property
    def files(self) -> set[str]:
        """What is left of batches."""
        folder = self.root / ".reconciler/batches"
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.fixture(params=list(MODELS))
def shop(
    request: pytest.FixtureRequest, scratch: Scratch, gateway: Gateway, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> BatchProject:  # fmt: skip
    monkeypatch.setenv("SHOP_KEY", gateway.key)
    monkeypatch.setenv("RECONCILER_TRUSTED_KEYS", "SHOP_KEY")
    return BatchProject(scratch.root, capsys, gateway, request.param)


def test_images_are_submitted_and_collected_at_half_the_price(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl")
    price = PRICES[shop.kind]
    said = shop.submit()
    assert said.code == 0, said
    total = f"{2 * float(price):g} USD"
    assert total in said.out
    assert total in said.err
    (batch,) = shop.batches()
    assert (batch["state"], batch["cost"], batch["assets"]) == ("waiting", total, ["a0", "a1"])
    collected = shop.done("collect")
    assert ": 2 images" in collected.out
    for name in ("a0", "a1"):
        entry = shop.lock[name]
        assert (entry["made"]["via"], entry["made"]["cost"]) == ("batch", f"{price} USD")
        assert (shop.root / entry["output"]).is_file()
    assert json.loads(shop.read("assets.lock"))["lockfile"] == 4
    assert shop.done("check").code == 0
    assert shop.billed == {"a fox": 1, "an owl": 1}
    assert shop.batches() == []
    assert shop.files == set()
    assert "via" in shop.done("show", "a0").out


def test_what_is_submitted_is_not_bought_by_an_apply(shop: BatchProject) -> None:
    shop.set_up("a fox batch:working", "an owl")
    assert shop.submit().code == 0
    assert shop.run("check").code == 2
    said = shop.run("apply", "--yes")
    assert shop.billed == {"a fox batch:working": 1, "an owl": 1}
    assert (said.code, "waiting" in said.out + said.err) == (3, True)
    assert shop.done("apply", "--yes").code == 0, "the first apply found the job working, the second one collects it"
    assert set(shop.lock) == {"a0", "a1"}
    assert shop.billed == {"a fox batch:working": 1, "an owl": 1}
    assert shop.done("check").code == 0


def test_drafts_ask_no_provider_about_batches(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl")
    assert shop.submit().code == 0
    before = len(shop.gateway.ledger.entries)
    shop.run("apply", "--draft", "--yes")
    assert len(shop.gateway.ledger.entries) == before
    shop.done("collect")
    assert len(shop.gateway.ledger.entries) > before


def test_an_apply_collects_first(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl")
    assert shop.submit("a0").code == 0
    assert shop.done("apply", "--yes").code == 0
    assert shop.billed == {"a fox": 1, "an owl": 1}
    assert "via" in shop.lock["a0"]["made"]
    assert "via" not in shop.lock["a1"]["made"]


def test_what_is_submitted_is_not_submitted_again(shop: BatchProject) -> None:
    shop.set_up("a fox batch:working", "an owl")
    assert shop.submit("a0").code == 0
    said = shop.submit()
    assert said.code == 0, said
    assert shop.billed == {"a fox batch:working": 1, "an owl": 1}
    assert len(shop.batches()) == 2


def test_a_lost_reply_is_found_by_listing(shop: BatchProject) -> None:
    shop.set_up("a fox batch:reply_lost", "an owl")
    said = shop.submit()
    assert said.code == 0, said
    assert "looking whether the batch was created" in said.err
    assert "submitted" in said.out
    assert shop.done("collect").code == 0
    assert shop.billed == {"a fox batch:reply_lost": 1, "an owl": 1}
    assert shop.done("check").code == 0


def test_a_job_that_is_listed_late_is_not_sent_again(shop: BatchProject, later: Later) -> None:
    shop.set_up("a fox batch:listed_late")
    said = shop.submit()
    assert said.code == 2, said
    assert "perhaps created" in said.out
    assert shop.run("apply", "--yes").code != 0
    assert shop.run("collect").code == 0, "the third listing has it"
    assert shop.billed == {"a fox batch:listed_late": 1}
    assert shop.done("check").code == 0


def test_a_batch_that_was_never_created_is_free_to_be_sent(shop: BatchProject, later: Later) -> None:
    shop.set_up("a fox batch:never_created")
    assert shop.submit().code == 2
    early = shop.run("collect")
    assert early.code == 2
    assert "does not list it yet" in early.err
    assert shop.plan()["a0"][0] == "hold"
    later(timedelta(minutes=6))
    said = shop.run("collect")
    assert (said.code, "not sent" in said.out) == (1, True)
    assert shop.billed == {}
    assert shop.plan()["a0"][0] == "generate"
    assert shop.files == set()


@pytest.mark.parametrize("fault", ["create_400", "create_503"])
def test_a_batch_that_is_refused_leaves_nothing(shop: BatchProject, fault: str) -> None:
    shop.set_up(f"a fox batch:{fault}")
    said = shop.submit()
    assert (said.code, "not sent" in said.out) == (1, True)
    assert shop.plan()["a0"][0] == "generate"
    assert shop.batches() == []


def test_results_in_another_order_reach_their_assets(shop: BatchProject) -> None:
    shop.set_up("a fox batch:out_of_order", "an owl", "a cat")
    assert shop.submit().code == 0
    assert shop.done("collect").code == 0
    told = {entry.prompt: entry.images for entry in shop.gateway.ledger.billed}
    for name, prompt in (("a0", "a fox batch:out_of_order"), ("a1", "an owl"), ("a2", "a cat")):
        content = shop.lock[name].get("original", shop.lock[name]["content"])
        assert content.removeprefix("sha256:") in told[prompt]


def test_a_missing_result_is_in_doubt(shop: BatchProject) -> None:
    shop.set_up("a fox batch:missing", "an owl")
    assert shop.submit().code == 0
    said = shop.run("collect")
    assert "no result: they are in doubt" in said.err
    assert set(shop.lock) == {"a1"}
    action, reason = shop.plan()["a0"]
    assert (action, reason) == ("hold", "Doubtful")
    assert shop.run("apply", "--yes").code == 3
    assert shop.billed["a fox batch:missing"] == 1
    assert shop.done("apply", "--yes", "--retry-in-doubt").code == 0
    assert shop.billed["a fox batch:missing"] == 2


def test_results_whose_file_is_not_named_yet_are_waited_for(shop: BatchProject) -> None:
    """Closing the batch would lose what was paid for."""
    shop.set_up("a fox batch:unnamed_file", "an owl")
    assert shop.submit().code == 0
    shop.run("collect")
    assert not (shop.root / "assets.lock").exists()
    assert shop.done("collect").code == 0
    assert set(shop.lock) == {"a0", "a1"}
    assert shop.billed["a fox batch:unnamed_file"] == 1


@pytest.mark.parametrize("fault", ["duplicate", "foreign_key"])
def test_an_image_that_nobody_asked_for_is_kept_and_not_published(shop: BatchProject, fault: str) -> None:
    shop.set_up(f"a fox batch:{fault}", "an owl")
    assert shop.submit().code == 0
    said = shop.done("collect")
    assert "its image is" in said.err
    told = {image for entry in shop.gateway.ledger.billed for image in entry.images}
    locked = {entry.get("original", entry["content"]).removeprefix("sha256:") for entry in shop.lock.values()}
    assert locked <= told
    stored = {path.name for path in (shop.root / ".reconciler/store/objects").rglob("*") if path.is_file()}
    assert len(stored - told) >= 1
    assert shop.done("check").code == 0


def test_a_line_that_is_cut_off_is_downloaded_again(shop: BatchProject) -> None:
    shop.set_up("a fox batch:half_line_once", "an owl")
    assert shop.submit().code == 0
    assert shop.done("collect").code == 0
    assert set(shop.lock) == {"a0", "a1"}


def test_a_line_that_stays_cut_off_is_in_doubt_and_kept(shop: BatchProject) -> None:
    shop.set_up("a fox batch:half_line", "an owl")
    assert shop.submit().code == 0
    said = shop.run("collect")
    assert "its bytes are in" in said.err
    assert set(shop.lock) == {"a0"}
    assert shop.plan()["a1"] == ("hold", "Doubtful")


@pytest.mark.parametrize("fault", ["get_503", "cut_download"])
def test_a_download_that_fails_is_taken_up_again(shop: BatchProject, fault: str) -> None:
    shop.set_up(f"a fox batch:{fault}", "an owl")
    assert shop.submit().code == 0
    said = shop.run("collect")
    assert (said.code, "no answer" in said.out) == (1, True)
    assert shop.done("collect").code == 0
    assert set(shop.lock) == {"a0", "a1"}
    assert len(shop.billed) == 2


@pytest.mark.parametrize("fault", ["expired_half", "cancelled_half"])
def test_half_of_a_batch_is_collected(shop: BatchProject, fault: str) -> None:
    shop.set_up(f"a fox batch:{fault}", "an owl")
    assert shop.submit().code == 0
    said = shop.done("collect")
    assert "1 image, 1 not sent" in said.out
    assert set(shop.lock) == {"a0"}
    assert shop.plan()["a1"][0] == "generate"


def test_a_failed_job_was_not_sent(shop: BatchProject) -> None:
    shop.set_up("a fox batch:failed")
    assert shop.submit().code == 0
    said = shop.done("collect")
    assert "the job failed" in said.err
    assert shop.plan()["a0"][0] == "generate"


def test_each_line_is_checked_as_a_response_of_its_own(shop: BatchProject) -> None:
    shop.set_up(
        "a fox fault:moderation_blocked",
        "an owl fault:wrong_ratio",
        "a cat fault:cut_image",
        "a cow",
        "a dog fault:400",
    )
    assert shop.submit().code == 0
    said = shop.done("collect")
    assert "1 image" in said.out
    assert set(shop.lock) == {"a3"}
    plan = shop.plan()
    assert plan["a0"] == ("hold", "WasRefused")
    assert plan["a2"] == ("hold", "WasFailed")
    assert plan["a4"][0] == "generate"
    if shop.kind == "gemini":
        assert plan["a1"] == ("hold", "WasMismatched")


def test_a_job_that_is_gone_is_in_doubt(shop: BatchProject, later: Later) -> None:
    shop.set_up("a fox batch:vanished")
    assert shop.submit().code == 0
    assert "no answer" in shop.run("collect").out
    later(timedelta(minutes=6))
    assert "lost" in shop.run("collect").out
    assert shop.plan()["a0"] == ("hold", "Doubtful")
    assert shop.run("apply", "--yes").code == 3
    assert shop.billed == {"a fox batch:vanished": 1}


def test_a_batch_is_cancelled(shop: BatchProject) -> None:
    shop.set_up("a fox batch:working", "an owl")
    assert shop.submit().code == 0
    (batch,) = shop.batches()
    assert shop.run("batches", "cancel", "nonsense").code == 1
    assert "being cancelled" in shop.done("batches", "cancel", batch["batch"][:8]).out
    said = shop.done("collect")
    assert "1 image, 1 not sent" in said.out


def test_a_limit_holds_a_submission(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl", "a cat")
    said = shop.submit("--max-images", "2")
    assert said.code == 0, said
    assert len(shop.billed) == 2
    assert shop.submit("--max-cost", PRICES[shop.kind]).code == 0
    assert len(shop.billed) == 2, "what waits counts as spent"


def test_jobs_hold_at_most_so_many_images(shop: BatchProject) -> None:
    shop.set_up(*(f"fox {number}" for number in range(5)), settings={"batch_size": 2})
    assert shop.submit().code == 0
    assert sorted(len(batch["assets"]) for batch in shop.batches()) == [1, 2, 2]
    assert shop.done("collect").code == 0
    assert len(shop.lock) == 5


def test_two_assets_of_one_recipe_share_a_request(shop: BatchProject) -> None:
    shop.set_up("a fox", "a fox")
    assert shop.submit().code == 0
    assert shop.done("collect").code == 0
    assert shop.done("check").code == 0
    assert shop.billed == {"a fox": 1}
    assert set(shop.lock) == {"a0", "a1"}


def test_an_image_is_compared_with_what_was_asked_for(shop: BatchProject) -> None:
    """Whatever its spec says when it comes."""
    shop.set_up("a fox")
    assert shop.submit().code == 0
    shop.write("specs/a0.yaml", json.dumps({"prompt": "a wolf"}))
    shop.done("collect")
    assert shop.plan()["a0"][0] == "generate"
    shop.write("specs/a0.yaml", json.dumps({"prompt": "a fox"}))
    assert shop.done("apply", "--yes").code == 0
    assert shop.billed == {"a fox": 1}, "the paid image was in the store"


def test_consent_is_needed(shop: BatchProject) -> None:
    shop.set_up("a fox")
    said = shop.run("submit")
    assert said.code == 3
    assert PRICES[shop.kind] in said.err
    assert shop.billed == {}


def test_in_ci_a_limit_is_required(shop: BatchProject, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.set_up("a fox")
    monkeypatch.setenv("CI", "true")
    assert shop.submit().code == 3
    assert shop.billed == {}
    assert shop.submit("--max-cost", "1").code == 0


def test_a_provider_without_batches_is_said(
    scratch: Scratch, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAVITEX_API_KEY", gateway.key)
    scratch.write("reconciler.yaml", json.dumps({"provider": "gravitex", "defaults": {"model": MODELS["gemini"]}}))
    scratch.write("specs/a0.yaml", json.dumps({"prompt": "a fox"}))
    said = scratch.run("submit", "--yes")
    assert said.code == 1
    assert "gravitex has no batches" in said.err
    assert "hint:" in said.err


def test_nothing_to_submit(shop: BatchProject) -> None:
    shop.set_up()
    assert "nothing to submit" in shop.submit().out
    assert "no batch is open" in shop.done("collect").out
    assert "no batch is open" in shop.done("batches").out


def test_a_batch_that_was_not_begun_is_dropped(shop: BatchProject) -> None:
    """A death between the record of a batch and its creation."""
    shop.set_up("a fox")
    with shop.gateway.refusing():
        assert shop.submit().code == 1
    assert shop.plan()["a0"][0] == "generate"
    assert shop.submit().code == 0
    assert shop.billed == {"a fox": 1}


def test_waiting_counts_as_spent_and_is_shown(shop: BatchProject) -> None:
    shop.set_up("a fox batch:working")
    assert shop.submit().code == 0
    plan = shop.done("plan", "--format", "json").json
    (step,) = plan["steps"]
    assert step["action"] == "hold"
    assert step["reason"] == "Awaited"
    assert "waiting" in shop.done("explain", "a0").out
    assert "no request is in doubt" not in shop.run("recover").out
    half, price = f"{PRICES[shop.kind]} USD", f"{2 * float(PRICES[shop.kind]):g} USD"
    assert step["cost"] == step["waiting"][0]["cost"] == half
    for command in (("plan",), ("graph", "--format", "mermaid"), ("graph", "--format", "dot")):
        shown = shop.done(*command).out
        assert half in shown
        assert price not in shown, "what is submitted costs what it was submitted for"
    shown = shop.done("plan").out
    assert "ago" in shown or "just now" in shown


def test_collect_waits_for_batches_that_are_worked_on(shop: BatchProject) -> None:
    shop.set_up("a fox batch:working", "an owl", settings={"batch_size": 1})
    assert shop.submit().code == 0
    said: list[str] = []
    slept: list[float] = []

    @contextmanager
    def progress(total: int) -> Iterator[RecordingLog]:
        yield RecordingLog()

    callbacks = CollectCallbacks(progress, said.append)
    opened = partial(open_workspace, str(shop.root), os.environ)
    done = collect_all(opened, callbacks, lock_wait=0, environ=os.environ, sleep=slept.append)
    assert slept == [FIRST_PAUSE]
    assert said == ["waiting for 1 batch; looking again in 5 s"]
    assert {line.outcome for line in done.batches} == {BatchOutcome.COLLECTED}
    assert set(shop.lock) == {"a0", "a1"}
    assert done.report is not None
    assert len(done.report.lines) == 2


def test_a_batch_of_errors_alone_costs_nothing(shop: BatchProject) -> None:
    shop.set_up("a fox batch:errors_only", "an owl")
    assert shop.submit().code == 0
    shop.run("collect")
    assert shop.batches() == []
    assert [action for action, _ in shop.plan().values()] == ["generate", "generate"]
    assert shop.gateway.ledger.billed == ()


def test_a_batch_of_a_provider_that_is_gone_waits(shop: BatchProject) -> None:
    shop.set_up("a fox")
    assert shop.submit().code == 0
    before = shop.read("reconciler.yaml")
    shop.write("reconciler.yaml", "provider: draft\n")
    said = shop.run("collect")
    assert said.code == 1
    assert "no provider shop any more" in said.err
    shop.write("reconciler.yaml", before)
    assert shop.done("collect").code == 0
    assert set(shop.lock) == {"a0"}


def test_recipes_that_are_gone_leave_the_image_in_the_store(shop: BatchProject) -> None:
    shop.set_up("a fox")
    assert shop.submit().code == 0
    (recipes,) = (shop.root / ".reconciler/batches").glob("*.recipes")
    recipes.unlink()
    said = shop.run("collect")
    assert "its image is" in said.err
    assert shop.plan()["a0"][0] == "hold"
    (billed,) = shop.gateway.ledger.billed
    stored = {path.name for path in (shop.root / ".reconciler/store/objects").rglob("*") if path.is_file()}
    assert set(billed.images) <= stored


def test_a_batch_is_told_to_programs(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl batch:working")
    told = shop.run("submit", "--yes", "--format", "json").json
    (batch,) = told["batches"]
    assert (batch["state"], batch["provider"], batch["assets"]) == ("submitted", "shop", ["a0", "a1"])
    working = shop.run("collect", "--format", "json")
    assert (working.code, working.json["batches"][0]["state"]) == (2, "working")
    collected = shop.run("collect", "--format", "json").json
    assert collected["batches"][0]["results"] == {"images": 2}
    assert collected["published"] == "restored 2"


def test_the_image_of_a_request_that_was_dropped_is_kept(shop: BatchProject) -> None:
    shop.set_up("a fox", "an owl")
    assert shop.submit().code == 0
    assert shop.run("recover", "--forget", "a0", "--yes").code == 0
    said = shop.done("collect")
    assert "was dropped has a result, its image is" in said.err
    assert set(shop.lock) == {"a1"}
    stored = {path.name for path in (shop.root / ".reconciler/store/objects").rglob("*") if path.is_file()}
    assert {image for entry in shop.gateway.ledger.billed for image in entry.images} <= stored


@pytest.mark.parametrize("fault", ["never_created", "working"])
def test_another_account_says_nothing_about_a_batch(shop: BatchProject, later: Later, fault: str) -> None:
    """It lists no batch and knows no job of this one: that must neither free its requests nor give up its images."""
    shop.set_up(f"a fox batch:{fault}")
    shop.submit()
    state = shop.batches()[0]["state"]
    later(timedelta(minutes=6))
    with running() as other:
        own, shop.gateway = shop.gateway, other
        shop.set_up(f"a fox batch:{fault}")
        said = shop.run("collect")
        assert "submitted with another key or base_url" in said.out + said.err
        assert shop.run("apply", "--yes").code == 3
        assert not other.ledger.billed_by_prompt()
    assert shop.batches()[0]["state"] == state
    shop.gateway = own
    shop.set_up(f"a fox batch:{fault}")
    assert "another key" not in shop.run("collect").out
