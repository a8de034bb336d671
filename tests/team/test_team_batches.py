"""Batches of checkouts that share a team's store: claimed before they are sent, brought to the team once collected."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable, ProjectError
from reconciler.core.team.claim import BATCH_TIME, Claim, ClaimEnd, decode_claim, decode_claim_end, encode_claim
from reconciler.core.team.layout import claim_end_name, claim_name
from reconciler.core.team.settings import TeamSettings
from reconciler.engine.clock import stamp
from reconciler.project.batches.submit import SubmitCallbacks, SubmitOptions, Submitted, submit
from reconciler.project.batches.team import TeamSubmission
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.team import Team
from reconciler.project.team_apply import TeamRun
from reconciler.project.team_session import TeamSession
from reconciler.project.workspace import Workspace
from reconciler.report.batches import BatchOutcome
from reconciler.testing.gateway import Gateway
from reconciler.testing.memory_bucket import MemoryBucket
from tests.cli.conftest import Said
from tests.cli.test_batches import BatchProject
from tests.later import Later


class Shop(BatchProject):
    """A checkout in a folder of its own."""

    def run(self, *arguments: str) -> Said:
        with contextlib.chdir(self.root):
            return super().run(*arguments)

    def key(self, asset: str) -> RecipeKey:
        (found,) = self.done("explain", asset, "--format", "json").json["assets"]
        return RecipeKey(found["recipe"]["key"])

    def reasons(self) -> dict[str, str]:
        steps = self.run("plan", "--format", "json").json["steps"]
        return {step["asset"]: step["reason"] for step in steps}


class Shops:
    """Checkouts of one project with batches, and the folder that is their team's store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], gateway: Gateway) -> None:
        self.folder = folder
        self.bucket = folder / "bucket"
        self.bucket.mkdir()
        self.gateway = gateway
        self._capsys = capsys

    def clone(self, name: str, *prompts: str, team: dict[str, Any] | None = None, **project: Any) -> Shop:
        root = self.folder / name
        root.mkdir()
        shop = Shop(root, self._capsys, self.gateway, "gemini")
        settings = {"url": f"file://{self.bucket}", "receipts": "any", **(team or {})}
        shop.set_up(*prompts, team=settings, **project)
        return shop

    def claims(self, key: RecipeKey) -> list[Claim]:
        found = sorted(self.bucket.glob(f"claims/**/{key.removeprefix('r1:')}/*.json"))
        numbers = [int(path.name.partition(".")[0]) for path in found if ".end." not in path.name]
        return [decode_claim(key, number, (self.bucket / claim_name(key, number)).read_bytes()) for number in numbers]

    def end(self, key: RecipeKey, number: int = 1) -> ClaimEnd | None:
        path = self.bucket / claim_end_name(key, number)
        return decode_claim_end(path.read_bytes()) if path.exists() else None

    def outcome(self, key: RecipeKey, number: int = 1) -> str:
        end = self.end(key, number)
        return end.outcome if end is not None else "open"

    def claim(self, key: RecipeKey, number: int = 1) -> None:
        """Another checkout is about to buy it."""
        now = datetime.now(UTC)
        asked = (number, f"{1:032x}", AssetId("a0"), key, "shop", "0.039 USD", stamp(now))
        path = self.bucket / claim_name(key, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_claim(Claim(*asked, run="ci-771", answers_by=stamp(now + timedelta(minutes=9)))))


@pytest.fixture
def shops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, gateway: Gateway
) -> Shops:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("SHOP_KEY", gateway.key)
    monkeypatch.setenv("RECONCILER_TRUSTED_KEYS", "SHOP_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n\temail = ben@acme\n")
    monkeypatch.setenv("RECONCILER_TRUSTED_STORES", f"file://{tmp_path}/bucket")
    return Shops(tmp_path, capsys, gateway)


def test_what_one_checkout_submits_another_one_neither_submits_nor_buys(shops: Shops) -> None:
    first, second = (shops.clone(name, "a fox batch:working", "an owl") for name in ("first", "second"))
    assert first.submit().code == 0
    key = first.key("a0")
    (claim,) = shops.claims(key)
    assert claim.in_batch
    assert datetime.fromisoformat(claim.answers_by) - datetime.fromisoformat(claim.at) == BATCH_TIME
    submitted = second.submit()
    assert (submitted.code, submitted.out) == (0, "nothing to submit\n")
    assert "not submitted: 2 assets (a0, a1): another checkout has submitted it in a batch" in submitted.err
    assert second.reasons() == {"a0": "ClaimedElsewhere", "a1": "ClaimedElsewhere"}
    assert "another checkout has submitted it in a batch" in second.run("plan").out
    said = second.run("apply", "--yes")
    assert said.code == 3, said
    assert "waiting: " not in said.err, "nobody waits a day for a batch"
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox batch:working": 1, "an owl": 1}


def test_what_is_collected_is_the_teams(shops: Shops) -> None:
    first, second = (shops.clone(name, "a fox", "an owl", defaults={"format": "webp"}) for name in ("first", "second"))
    for shop in (first, second):
        shop.edit("reconciler.yaml", '"format"', '"model": "gemini-2.5-flash-image", "size": "1:1", "format"')
    assert first.submit().code == 0
    first.done("collect")
    assert [shops.outcome(first.key(asset)) for asset in ("a0", "a1")] == ["Done", "Done"]
    assert not [*(first.root / ".reconciler/team/claims").iterdir()]
    said = second.run("apply", "--yes")
    assert (said.code, said.out) == (0, "restored 2\n"), said
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1, "an owl": 1}
    assert [shop.lock["a0"]["content"] for shop in (first, second)] == [first.lock["a0"]["content"]] * 2
    assert second.done("check").code == 0
    for content in {entry[name] for entry in first.lock.values() for name in ("content", "original")}:
        digest = content.removeprefix("sha256:")
        assert (shops.bucket / "objects" / digest[:2] / digest).exists(), "converted images are brought, too"


def test_an_apply_that_collects_brings_the_images_too(shops: Shops) -> None:
    first, second = (shops.clone(name, "a fox") for name in ("first", "second"))
    assert first.submit().code == 0
    assert first.run("apply", "--yes").code == 0
    assert shops.outcome(first.key("a0")) == "Done"
    assert second.run("apply", "--yes").out == "restored 1\n"
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1}


def test_a_submission_that_is_refused_ends_its_claims_at_once(shops: Shops) -> None:
    first, second = (shops.clone(name, "a fox") for name in ("first", "second"))
    with shops.gateway.refusing():
        assert first.submit().code == 1
    assert shops.outcome(first.key("a0")) == "NotSent"
    assert second.submit().code == 0
    assert [claim.number for claim in shops.claims(first.key("a0"))] == [1, 2]
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1}


def test_claims_of_a_run_that_ended_before_it_sent_anything_are_ended_by_the_next(shops: Shops) -> None:
    """As after a kill between the claims and the record of the batch."""
    shop = shops.clone("first", "a fox")
    key = shop.key("a0")
    blocked = shop.write(".reconciler/batches", "in the way")
    assert shop.submit().code == 1
    assert shops.outcome(key) == "open"
    assert not shops.gateway.ledger.requests
    blocked.unlink()
    assert shop.submit().code == 0
    assert (shops.outcome(key), shops.outcome(key, 2)) == ("NotSent", "open")
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1}


def test_a_batch_that_may_have_been_created_keeps_its_claims_until_that_is_known(shops: Shops, later: Later) -> None:
    first, second = (shops.clone(name, "a fox batch:never_created") for name in ("first", "second"))
    first.submit()
    key = first.key("a0")
    first.run("collect")
    assert shops.outcome(key) == "open"
    second.submit()
    assert second.reasons() == {"a0": "ClaimedElsewhere"}
    later(timedelta(minutes=6))
    first.run("collect")
    assert shops.outcome(key) == "NotSent"


def test_a_batch_that_is_lost_leaves_its_claims_in_doubt(shops: Shops, later: Later) -> None:
    first, second = (shops.clone(name, "a fox batch:working") for name in ("first", "second"))
    assert first.submit().code == 0
    key = first.key("a0")
    shops.gateway.forget_batches()
    later(timedelta(minutes=6))
    assert "lost" in first.run("collect").out
    assert first.reasons() == {"a0": "Doubtful"}
    assert shops.outcome(key) == "open", "it may have been charged"
    second.done("fetch")
    assert second.reasons() == {"a0": "ClaimedElsewhere"}
    later(BATCH_TIME + timedelta(hours=1))
    assert second.reasons() == {"a0": "Doubtful"}
    first.done("recover", "--forget", "a0")
    first.done("fetch")
    assert shops.outcome(key) != "open"
    second.done("fetch")
    assert second.reasons() == {"a0": "NeverGenerated"}


def submitted(shop: Shop, options: SubmitOptions, meanwhile: Callable[[], None]) -> Submitted:
    """A submission, while something happens between the consent and the claims."""

    def consent(_: object) -> bool:
        meanwhile()
        return True

    callbacks = SubmitCallbacks(show=lambda _: None, consent=consent, say=lambda _: None)
    environ = {"SHOP_KEY": shop.gateway.key, "RECONCILER_TRUSTED_KEYS": "SHOP_KEY"}
    environ["RECONCILER_TRUSTED_STORES"] = f"file://{shop.root.parent}/bucket"
    with contextlib.chdir(shop.root):
        return submit(Workspace(shop.root, strict=False), options, callbacks, environ=environ)


def test_a_team_that_pulls_by_hand_submits_nothing_that_it_has(shops: Shops) -> None:
    by_hand = {"pull": "manual"}
    first, second = (shops.clone(name, "a fox", team=by_hand) for name in ("first", "second"))
    assert first.run("apply", "--yes").code == 0
    said = second.submit()
    assert (said.code, "the team has the image" in said.err) == (1, True), said
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1}


def test_an_image_that_another_checkout_claims_meanwhile_is_not_submitted(shops: Shops) -> None:
    shop = shops.clone("first", "a fox", "an owl")
    done = submitted(shop, SubmitOptions(), lambda: shops.claim(shop.key("a0")))
    assert "ci-771 asked shop for the same image" in done.failed[AssetId("a0")]
    assert [line.assets for line in done.jobs] == [("a1",)]
    assert shops.gateway.ledger.billed_by_prompt() == {"an owl": 1}
    assert len(shops.claims(shop.key("a0"))) == 1


def test_a_submission_of_which_others_have_claimed_everything_meanwhile_sends_nothing(shops: Shops) -> None:
    shop = shops.clone("first", "a fox")
    done = submitted(shop, SubmitOptions(), lambda: shops.claim(shop.key("a0")))
    assert (done.jobs, list(done.failed)) == ((), ["a0"])
    assert not shops.gateway.ledger.requests
    assert shop.batches() == []


def test_a_store_that_goes_away_meanwhile_keeps_a_batch_back(shops: Shops) -> None:
    shop = shops.clone("first", "a fox")
    done = submitted(shop, SubmitOptions(), lambda: shutil.rmtree(shops.bucket))
    assert [line.outcome for line in done.jobs] == [BatchOutcome.NOT_SENT]
    assert "nothing was claimed" in done.jobs[0].message
    assert not shops.gateway.ledger.requests


def test_without_the_team_a_claim_of_another_checkout_gives_no_consent(shops: Shops) -> None:
    shops.gateway.script("moderation_blocked")
    shop = shops.clone("first", "a fox")
    assert shop.run("apply", "--yes").code == 1
    assert shop.reasons() == {"a0": "WasRefused"}
    shops.claim(shop.key("a0"), 2)
    shop.done("fetch")
    assert shop.reasons() == {"a0": "ClaimedElsewhere"}
    billed = shops.gateway.ledger.billed_by_prompt()
    said = shop.submit("--without-team")
    assert (said.out, shop.batches()) == ("nothing to submit\n", []), said
    assert shops.gateway.ledger.billed_by_prompt() == billed


def test_without_the_team_nothing_is_asked(shops: Shops) -> None:
    shop = shops.clone("first", "a fox")
    shutil.rmtree(shops.bucket)
    said = shop.submit()
    assert (said.code, shops.gateway.ledger.requests) == (1, ())
    assert "make the folder, mount it, or correct team.url" in said.err
    assert shop.submit("--without-team").code == 0
    assert shop.done("collect").code == 0
    assert shops.gateway.ledger.billed_by_prompt() == {"a fox": 1}


def test_images_that_cannot_be_brought_now_are_brought_later(shops: Shops) -> None:
    shop = shops.clone("first", "a fox")
    assert shop.submit().code == 0
    key = shop.key("a0")
    shops.bucket.rename(shops.folder / "away")
    said = shop.done("collect")
    assert "not brought to the team's store: there is no folder" in said.err
    assert (shop.root / "assets/a0.png").exists()
    (shops.folder / "away").rename(shops.bucket)
    assert shop.run("collect").code == 0
    assert shops.outcome(key) == "Done"


class FailingSession(TeamSession):
    """A session at a store in memory that fails."""

    def __init__(self, workspace: Workspace, error: BucketError) -> None:
        super().__init__(workspace, TeamSettings("file:///x", receipts=False), {})
        self._bucket = MemoryBucket()
        self._bucket.fail = lambda method, _: None if method in ("get", "names") else _raise(error)

    @property
    def team(self) -> Team:
        return Team(self.workspace.root, self.settings, self._bucket, {})


def _raise(error: BucketError) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (BucketDenied("403"), "these credentials only read the team's store"),
        (BucketUnreachable("no answer"), "no answer; nothing was bought"),
    ],
)
def test_nothing_is_submitted_that_cannot_be_claimed(shops: Shops, error: BucketError, fact: str) -> None:
    shop = shops.clone("first", "a fox")
    workspace = Workspace(shop.root, strict=False)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    submission = TeamSubmission(FailingSession(workspace, error))
    with pytest.raises((ProjectError, BucketError)) as raised:
        submission.require(planned.plan, planned)
    assert fact in raised.value.fact


class WebSession(FailingSession):
    """A session at a web server, which lists no names."""

    def __init__(self, workspace: Workspace, *, claims: bool) -> None:
        super().__init__(workspace, BucketError("a web server lists no objects"))
        self.settings = TeamSettings("https://art.example/x", claims=claims)


@pytest.mark.parametrize("claims", [True, False])
def test_a_project_without_claims_buys_beside_a_store_that_lists_nothing(shops: Shops, *, claims: bool) -> None:
    shop = shops.clone("first", "a fox")
    workspace = Workspace(shop.root, strict=False)
    planned = plan_project(workspace, load_specs(workspace), Selection())

    async def asked() -> tuple[bool, bool]:
        layers = TeamRun(WebSession(workspace, claims=claims), waits=False).layers
        batches = TeamSubmission(WebSession(workspace, claims=claims)).claims
        log = workspace.journal
        return layers(planned.plan, planned, log, log) is not None, batches(planned) is not None

    assert asyncio.run(asked()) == (claims, claims)


def test_a_claim_of_a_batch_is_told_apart_from_others(shops: Shops) -> None:
    shop = shops.clone("first", "a fox")
    assert shop.submit().code == 0
    written = json.loads((shops.bucket / claim_name(shop.key("a0"), 1)).read_bytes())
    assert written["batch"] is True
