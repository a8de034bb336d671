"""Several checkouts of one project with a team's store, through the command line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.team.claim import Claim, ClaimEnd, decode_claim_end, encode_claim, encode_claim_end
from reconciler.core.team.layout import claim_end_name, claim_name, claim_of, object_name
from reconciler.core.team.own_claims import OwnClaim
from reconciler.core.team.settings import TeamSettings
from reconciler.engine.clock import stamp
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.team import Team
from reconciler.project.team_session import TeamSession, missing, wanted
from reconciler.project.workspace import Workspace
from reconciler.store.documents.project import read_lock
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.team.checkout import checkout_id
from reconciler.store.team.own_claim_files import OwnClaimFiles
from reconciler.team.directory_bucket import DirectoryBucket
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Said
from tests.cli.paid_project import PaidProject

PROMPTS = {"hero": "a lighthouse", "icon": "a sword", "logo": "a crown"}
OLD = "2026-01-01T00:00:00Z"


class Clone(PaidProject):
    """A checkout in a folder of its own."""

    def run(self, *arguments: str) -> Said:
        with contextlib.chdir(self.root):
            return super().run(*arguments)


class Checkouts:
    """Clones of one project, and the directory that is their team's store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], fake: Gateway) -> None:
        self.folder = folder
        self.bucket = folder / "bucket"
        self.bucket.mkdir()
        self.fake = fake
        self._capsys = capsys

    def clone(self, name: str, *, team: dict[str, object] | None = None, **prompts: str) -> PaidProject:
        root = self.folder / name
        root.mkdir()
        project = Clone(root, self._capsys, self.fake)
        settings = {"url": f"file://{self.bucket}", "receipts": "any", **(team or {})}
        project.set_up(project={"team": settings}, **(prompts or PROMPTS))
        return project

    @property
    def billed(self) -> int:
        return len(self.fake.ledger.requests)

    def claims(self) -> list[str]:
        return sorted(str(path.relative_to(self.bucket)) for path in self.bucket.glob("claims/**/*.json"))

    def claim(self, key: RecipeKey, number: int = 1, *, at: str = OLD, answers_by: str = "") -> Claim:
        """What another checkout, which is gone, has left."""
        asked = (number, f"{number:032x}", AssetId("hero"), key, "shop", "0.039 USD", at)
        claim = Claim(*asked, "ana@acme", "ci-771", "gone", "p", answers_by or at)
        path = self.bucket / claim_name(key, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_claim(claim))
        return claim


@pytest.fixture
def team(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, gateway: Gateway
) -> Checkouts:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("SHOP_KEY", gateway.key)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\n\temail = ben@acme\n")
    monkeypatch.setenv("RECONCILER_TRUSTED_STORES", f"file://{tmp_path}/bucket")
    return Checkouts(tmp_path, capsys, gateway)


def key_of(project: PaidProject, asset: str) -> RecipeKey:
    (found,) = json.loads(project.done("explain", asset, "--format", "json").out)["assets"]
    return RecipeKey(found["recipe"]["key"])


def test_a_second_checkout_without_a_lockfile_pays_nothing(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    assert team.billed == 3
    said = second.apply()
    assert said.code == 0, said.err
    assert "restored from the team's store (seen " in said.err
    assert team.billed == 3
    assert second.done("check").code == 0
    lines = [json.loads((root.root / "assets.lock").read_text())["assets"]["hero"] for root in (first, second)]
    assert lines[0] == lines[1]


def test_a_lost_file_comes_from_the_team_and_plan_says_so_without_a_socket(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    assert "no copy was found" in second.run("plan").out
    second.done("fetch")
    plan = second.run("plan").out
    assert plan.count("restored from the team's store (seen ") == 3
    assert second.run("check").code == 2
    assert second.apply().out == "restored 3\n"
    assert team.billed == 3


def test_a_claim_of_a_dead_checkout_is_held_and_named_until_there_is_consent(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    key = key_of(project, "hero")
    team.claim(key)
    said = project.apply()
    assert (said.code, team.billed) == (3, 0)
    assert "ci-771 (ana@acme)" in said.err
    assert project.apply("--retry-in-doubt").code == 0
    assert team.billed == 1
    assert [claim_of(name).number for name in team.claims() if ".end." not in name] == [1, 2]  # type: ignore[union-attr]  # all are names
    other = team.clone("two", hero="a lighthouse")
    assert other.apply().code == 0
    assert team.billed == 1


def test_what_a_dead_checkout_asks_for_is_held_at_once_without_waiting(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    team.claim(key_of(project, "hero"), at="2026-11-28T00:00:00Z", answers_by="2026-11-28T00:10:00Z")
    said = project.apply("--no-wait")
    assert (said.code, team.billed) == (3, 0)


def test_a_store_that_cannot_be_reached_buys_nothing_unless_the_user_says_so(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    shutil.rmtree(team.bucket)
    said = project.apply()
    assert (said.code, team.billed) == (1, 0)
    assert "make the folder, mount it, or correct team.url" in said.err
    assert "--without-team" in said.err
    assert project.apply("--without-team").code == 0
    assert team.billed == 1


def test_an_apply_that_holds_a_lost_file_says_that_the_store_was_not_asked(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    team.bucket.rename(team.folder / "elsewhere")
    said = second.apply()
    assert (said.code, team.billed) == (3, 3)
    assert "the team's store was not asked: there is no folder" in said.err
    assert "`reconciler pull`" in said.err
    (team.folder / "elsewhere").rename(team.bucket)
    assert "was not asked" not in second.apply().err


def test_a_shard_does_not_buy_without_the_team(team: Checkouts) -> None:
    said = team.clone("one").apply("--shard", "1/2", "--without-team")
    assert (said.code, team.billed) == (1, 0)
    assert "a shard buys nothing --without-team: two shards could pay for one image" in said.err


def test_images_that_cannot_be_reached_do_not_keep_the_rest_of_a_run_back(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    second.done("fetch")
    shutil.copytree(first.root / ".reconciler" / "store", second.root / ".reconciler" / "store")
    (second.root / ".reconciler" / "store").rename(second.root / "spare")
    shutil.rmtree(team.bucket)
    second.write("specs/draft.yaml", json.dumps({"prompt": "d", "provider": "draft"}))
    said = second.apply()
    assert said.code == 1
    assert said.out == "made 1 (0 USD), not sent 3\n"
    assert team.billed == 3


def test_an_image_with_other_bytes_is_never_placed_and_nothing_is_bought_for_it(team: Checkouts) -> None:
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply().code == 0
    (damaged,) = (path for path in team.bucket.glob("objects/**/*") if path.is_file())
    damaged.write_bytes(b"not the image")
    said = second.apply()
    assert (said.code, team.billed) == (3, 1)
    assert "other bytes" in said.err
    assert not (second.root / "assets" / "hero.png").exists()


def test_claims_end_after_the_image_is_in_the_store(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    assert project.apply().code == 0
    key = key_of(project, "hero")
    end = decode_claim_end((team.bucket / claim_end_name(key, 1)).read_bytes())
    assert isinstance(end, ClaimEnd)
    assert end.outcome == "Done"
    assert not [*(project.root / ".reconciler" / "team" / "claims").iterdir()]


def test_a_refusal_of_another_checkout_is_refused_here_for_nothing(team: Checkouts) -> None:
    team.fake.script("moderation_blocked")
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply().code == 1
    billed = team.billed
    said = second.apply()
    assert said.code == 3
    assert "refused" in said.err
    assert team.billed == billed


def test_an_own_claim_that_was_never_sent_is_ended_by_the_next_run(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    key = key_of(project, "hero")
    project.done("fetch")
    claim = team.claim(key, at="2026-11-28T00:00:00Z")

    OwnClaimFiles(project.root).write(OwnClaim(claim))
    assert project.apply().code == 0
    assert team.billed == 1
    end = decode_claim_end((team.bucket / claim_end_name(key, 1)).read_bytes())
    assert end is not None
    assert end.outcome == "NotSent"


def test_a_request_of_another_checkout_is_listed_and_settled_in_the_name_of_a_person(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    key = key_of(project, "hero")
    team.claim(key)
    project.done("fetch")
    assert "asked by ci-771 (ana@acme)" in project.done("recover").out
    assert "? hero" in project.run("plan").out
    project.done("recover", "--forget", "hero")
    end = decode_claim_end((team.bucket / claim_end_name(key, 1)).read_bytes())
    assert end is not None
    assert (end.outcome, end.by) == ("Forgotten", "ben@acme")
    assert project.done("recover").out == "no request is in doubt\n"
    assert project.apply().code == 0
    assert team.billed == 1


def test_a_claim_of_this_checkout_that_it_knows_nothing_of_is_settled_like_one_of_another(team: Checkouts) -> None:
    """As after a power cut between the claim and the request: both records of it are gone."""
    project = team.clone("one", hero="a lighthouse")
    key = key_of(project, "hero")
    project.done("fetch")
    checkout = checkout_id(project.root, lambda: "1" * 32)
    (team.bucket / claim_name(key, 1)).parent.mkdir(parents=True)
    asked = (1, "1" * 32, AssetId("hero"), key, "shop", "0.039 USD", OLD)
    claim = Claim(*asked, "ben@acme", "here", checkout, "p", OLD)
    (team.bucket / claim_name(key, 1)).write_bytes(encode_claim(claim))
    project.done("fetch")
    assert "asked by here (ben@acme)" in project.done("recover").out
    assert (project.apply().code, team.billed) == (3, 0)
    project.done("recover", "--forget", "hero")
    assert (project.apply().code, team.billed) == (0, 1)


def test_a_plan_leaves_to_another_checkout_what_that_one_is_making(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse", icon="a sword")
    key, now = key_of(project, "hero"), datetime.now(UTC)
    claim = team.claim(key, at=stamp(now - timedelta(minutes=2)), answers_by=stamp(now + timedelta(minutes=8)))
    assert "2 to generate (0.078 USD)" in project.run("plan").out, "plan opens no socket"
    project.done("fetch")
    plan = project.run("plan").out
    assert "? hero  another checkout is making it\n" in plan
    assert "ci-771 (ana@acme) asked shop 2 minutes ago" in plan
    assert "1 to generate (0.039 USD), 1 held" in plan
    (held,) = (step for step in project.done("plan", "--format", "json").json["steps"] if step["asset"] == "hero")
    assert (held["action"], held["reason"], "cost" in held) == ("hold", "ClaimedElsewhere", False)
    assert held["claimed"][0]["by"] == "ci-771 (ana@acme)"
    assert project.run("check").code == 2
    project.done("plan", "-o", "saved.json")
    said = project.run("apply", "--yes", "--no-wait", "--plan", "saved.json")
    assert (said.code, team.billed) == (0, 1), said
    assert "not in the saved plan, so not done: hero" in said.err
    said = project.apply("--no-wait")
    assert (said.code, team.billed) == (3, 1), said
    assert "another checkout is making it" in said.err
    end = team.bucket / claim_end_name(key, 1)
    end.write_bytes(encode_claim_end(ClaimEnd(claim.attempt, "NotSent", OLD)))
    project.done("fetch")
    assert "1 to generate (0.039 USD)" in project.run("plan").out


def test_a_claim_of_another_checkout_buys_nothing_that_takes_consent(team: Checkouts) -> None:
    team.fake.script("moderation_blocked")
    project = team.clone("one", hero="a lighthouse")
    assert project.apply().code == 1
    key, now, billed = key_of(project, "hero"), datetime.now(UTC), team.billed
    claim = team.claim(key, 2, at=stamp(now), answers_by=stamp(now + timedelta(minutes=8)))
    project.done("fetch", "hero")
    assert "? hero  another checkout is making it\n" in project.run("plan").out
    said = project.apply("--without-team")
    assert (said.code, team.billed) == (3, billed), said
    assert "--retry-refused" in said.err
    (team.bucket / claim_end_name(key, 2)).write_bytes(encode_claim_end(ClaimEnd(claim.attempt, "NotSent", OLD)))
    project.done("fetch", "hero")
    assert "another checkout" not in project.run("plan").out, "the store was asked again"


def test_an_apply_waits_for_another_checkout_and_buys_without_the_team(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    now = datetime.now(UTC)
    team.claim(key_of(project, "hero"), at=stamp(now), answers_by=stamp(now))
    project.done("fetch")
    said = project.apply()
    assert (said.code, team.billed) == (3, 0), said
    assert "+ hero" in said.err, "the run waits for it, and may have to buy it"
    assert "waiting: ci-771 (ana@acme) asked shop for the same image" in said.err
    assert (project.apply("--without-team").code, team.billed) == (0, 1)


def test_a_saved_plan_pays_nothing_for_what_the_team_has_by_then(team: Checkouts) -> None:
    """Its steps are as they were saved: each request asks the team before it is sent."""
    first, second = team.clone("first"), team.clone("second")
    second.done("plan", "-o", "saved.json")
    assert first.apply().code == 0
    assert team.billed == 3
    said = second.run("apply", "--yes", "--plan", "saved.json")
    assert (said.code, team.billed) == (0, 3), said
    assert said.out == "made 3 (0 USD)\n"
    assert "has it already: 0 USD" in said.err
    assert second.done("check").code == 0
    lines = [json.loads((root.root / "assets.lock").read_text())["assets"]["hero"] for root in (first, second)]
    assert lines[0]["content"] == lines[1]["content"]


def test_a_saved_plan_without_an_image_that_others_refer_to_is_applied(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse", icon="a sword")
    project.write("specs/portrait.yaml", '{"prompt": "at night", "references": [{"asset": "hero"}]}')
    key, now = key_of(project, "hero"), datetime.now(UTC)
    team.claim(key, at=stamp(now), answers_by=stamp(now + timedelta(minutes=8)))
    project.done("fetch")
    project.done("plan", "-o", "saved.json")
    said = project.run("apply", "--yes", "--plan", "saved.json")
    assert (said.code, said.out, team.billed) == (3, "made 1 (0.039 USD), held 1\n", 1), said
    assert "not in the saved plan, so not done: hero" in said.err


def test_candidates_come_along_so_that_another_checkout_can_choose(team: Checkouts) -> None:
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply("--candidates", "3").code == 0
    assert team.billed == 3
    shutil.copy(first.root / "assets.lock", second.root)
    said = second.done("pull")
    assert said.out.endswith("copied 3, restored 1\n")
    listed = [root.done("choose", "hero").out.splitlines() for root in (first, second)]
    assert sorted(re.findall(r"sha256:\w+", str(listed[0]))) == sorted(re.findall(r"sha256:\w+", str(listed[1])))
    assert [line[0] for line in listed[1]].count("*") == 1
    second.done("choose", "hero", "2")
    assert team.billed == 3


def test_a_pull_records_images_that_a_killed_one_has_only_copied(team: Checkouts) -> None:
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply("--candidates", "3").code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    second.done("pull")
    shutil.rmtree(second.root / ".reconciler/store/recipes")
    (second.root / "assets/hero.png").unlink()
    assert second.done("pull").out.endswith("copied 0, restored 1\n")
    second.done("choose", "hero", "2")
    assert team.billed == 3


def test_a_pull_names_the_asset_whose_image_the_team_has_no_more(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    content = read_lock(first.root).entries[AssetId("hero")].content
    gone = team.bucket / object_name(content)
    gone.unlink()
    said = second.run("pull")
    assert (said.code, said.out.splitlines()[-1]) == (1, "copied 2, restored 2")
    assert said.err.startswith("skipped: hero: the team's store does not have its bytes any more")
    assert "`reconciler push`" in said.err
    assert "not copied" not in said.err
    gone.write_bytes(b"other bytes")
    said = second.run("pull")
    assert (said.code, said.out) == (1, "copied 0, restored 0\n")
    assert said.err.startswith("skipped: hero: the team's store has other bytes for sha256:")
    assert not (second.root / "assets/hero.png").exists()


def test_a_pull_replaces_a_damaged_image_of_the_local_store(team: Checkouts) -> None:
    project = team.clone("one", hero="a lighthouse")
    assert project.apply().code == 0
    output = project.root / "assets/hero.png"
    data = output.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    stored = project.root / ".reconciler/store/objects" / digest[:2] / digest
    stored.chmod(0o644)
    stored.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    output.unlink()
    said = project.run("pull")
    assert said.code == 0, said
    assert output.read_bytes() == stored.read_bytes() == data
    kept = team.bucket / "objects" / digest[:2] / digest
    kept.unlink()
    stored.chmod(0o644)
    stored.write_bytes(b"damaged")
    output.unlink()
    said = project.run("pull")
    assert (said.code, output.exists()) == (1, False)
    assert "the team's store does not have its bytes any more" in said.err


def test_a_pull_into_a_full_disk_ends_with_one_error(team: Checkouts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other images would meet the same."""
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)

    def refused(*_: object) -> ContentHash:
        raise DiskError("cannot write it: no space left on device", hint="free some space")

    monkeypatch.setattr(ContentStore, "put_copy", refused)
    said = second.run("pull")
    assert (said.code, said.out) == (1, "")
    assert said.err == "cannot write it: no space left on device\n  hint: free some space\n"


def test_pull_leaves_a_file_alone_that_somebody_edited(team: Checkouts) -> None:
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    second.write("assets/hero.png", b"edited")
    assert second.done("pull").out.endswith("restored 0\n")
    assert (second.root / "assets" / "hero.png").read_bytes() == b"edited"


def test_a_converted_image_comes_from_the_team_too(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    for each in (first, second):
        each.write("specs/hero.yaml", json.dumps({"prompt": "a lighthouse", "format": "webp"}))
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    assert second.apply().out == "restored 3\n"
    assert (first.root / "assets/hero.webp").read_bytes() == (second.root / "assets/hero.webp").read_bytes()
    assert team.billed == 3


def test_one_image_of_two_recipes_is_recorded_for_both(team: Checkouts) -> None:
    """Two answers may differ in their metadata alone, and be the same once they are converted."""
    first, second = team.clone("first"), team.clone("second")
    for each in (first, second):
        for name in ("hero", "icon"):
            each.write(f"specs/{name}.yaml", json.dumps({"prompt": f"a {name}", "format": "webp"}))
    assert first.apply().code == 0
    lock = json.loads((first.root / "assets.lock").read_text())["assets"]
    assert lock["hero"]["content"] == lock["icon"]["content"], "the images of the fake have the same pixels"
    assert second.apply().out == "restored 3\n"
    assert second.done("check").code == 0
    there = [json.loads((root.root / "assets.lock").read_text())["assets"] for root in (first, second)]
    assert [lock["hero"]["content"] for lock in there] == [lock["icon"]["content"] for lock in there]


def test_a_project_without_claims_shares_what_it_buys_all_the_same(team: Checkouts) -> None:
    off: dict[str, object] = {"claims": "off"}
    first, second = team.clone("first", team=off), team.clone("second", team=off)
    assert first.apply().code == 0
    assert not team.claims()
    assert second.apply().code == 0
    assert team.billed == 3


def test_what_is_not_pushed_is_held_elsewhere_and_not_bought_again(team: Checkouts) -> None:
    by_hand: dict[str, object] = {"push": "manual"}
    first, second = team.clone("first", team=by_hand), team.clone("second", team=by_hand)
    assert first.apply().code == 0
    said = second.apply()
    assert (said.code, team.billed) == (3, 3)
    assert "`reconciler push` there brings it" in said.err


def test_an_image_that_a_reviewer_rejected_is_not_taken_from_the_team(team: Checkouts) -> None:
    first, second = team.clone("first", hero="a lighthouse"), team.clone("second", hero="a lighthouse")
    assert first.apply().code == 0
    first.done("reject", "hero", "--note", "too dark")
    shutil.copytree(first.root / "reviews", second.root / "reviews")
    said = second.apply()
    assert said.code == 3
    assert team.billed == 1
    assert second.apply("--replace-rejected").code == 0
    assert team.billed == 2


class CountedBucket:
    """A directory that counts what it is asked."""

    def __init__(self, folder: Path) -> None:
        self._bucket = DirectoryBucket(folder)
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return getattr(self._bucket, name)(*given, **named)

        return call


class CountedSession(TeamSession):
    """A session at a store that counts."""

    def __init__(self, workspace: Workspace, settings: TeamSettings, bucket: CountedBucket) -> None:
        super().__init__(workspace, settings, {})
        self._bucket = bucket

    @property
    def team(self) -> Team:
        return Team(self.workspace.root, self.settings, self._bucket, {})


def test_a_second_checkout_sends_two_requests_for_an_image(team: Checkouts) -> None:
    first, second = team.clone("first"), team.clone("second")
    assert first.apply().code == 0
    shutil.copy(first.root / "assets.lock", second.root)
    workspace = Workspace(second.root, strict=False)
    bucket, settings = CountedBucket(team.bucket), TeamSettings(f"file://{team.bucket}", receipts=False)
    session = CountedSession(workspace, settings, bucket)
    session.fetch(wanted(plan_project(workspace, load_specs(workspace), Selection())))
    planned = plan_project(workspace, load_specs(workspace), Selection())
    assert not session.copy(missing(planned.plan))
    assert bucket.calls == {"stat": 3, "get": 3}
    assert all(workspace.store.find(entry.content) for entry in workspace.recorded.entries.values())
