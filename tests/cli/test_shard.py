"""`plan --shard` and `apply --shard`: parts of a project on several machines, joined by `lock merge`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reconciler.core.errors import ProjectError
from reconciler.core.plan.shard import Shard
from reconciler.core.specs.settings import Settings
from reconciler.core.team.settings import TeamSettings
from reconciler.core.value import replace
from reconciler.project.shards import require_claims
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Scratch
from tests.cli.paid_project import PaidProject, opened

ICONS = 'prompt: "a ${thing}"\nid: ${thing}\nmatrix: {thing: [sword, shield, bow, axe, cup, ring, map, key]}\n'
SHARDS = 3


def drawn(project: Scratch, number: int) -> Path:
    """A checkout in which one shard was applied."""
    copy = project.root.parent / f"shard-{number}"
    shutil.copytree(project.root, copy)
    project.done("-C", str(copy), "apply", "--yes", "--shard", f"{number}/{SHARDS}")
    return copy


def test_shards_make_disjoint_parts_and_their_lockfiles_are_merged(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\ndefaults: {image_size: '512'}\n")
    scratch.write("specs/icons.yaml", ICONS)
    copies = [drawn(scratch, number) for number in range(1, SHARDS + 1)]
    made = [{path.name for path in (copy / "assets").rglob("*.png")} for copy in copies]
    assert sum(map(len, made)) == len(set().union(*made)) == 8
    for copy in copies:
        shutil.copytree(copy / "assets", scratch.root / "assets", dirs_exist_ok=True)
    scratch.done("lock", "merge", *(str(copy / "assets.lock") for copy in copies))
    assert scratch.done("check", "--strict").out == "nothing to do: 8 assets up to date\n"


def test_a_plan_says_what_a_shard_has(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\nbudget: {per_run: 5, images: 10}\n")
    scratch.write("specs/icons.yaml", ICONS)
    said = scratch.done("plan", "--shard", "1/3")
    assert "shard 1 of 3: " in said.out
    assert " of 8 assets; its part of the limits: 1.66 USD a run, 3 images" in said.out
    document = scratch.done("plan", "--shard", "1/3", "--format", "json").json
    assert document["shard"] | {"assets": 0} == {
        "number": 1, "count": 3, "assets": 0, "of": 8, "per_run": "1.66 USD", "left": None, "images": 3,
        "requests_per_minute": {},
    }  # fmt: skip
    assert document["shard"]["assets"] == len(document["steps"])
    assert "shard" not in scratch.done("plan", "--format", "json").json


def test_a_saved_plan_keeps_its_shard(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/icons.yaml", ICONS)
    scratch.done("plan", "--shard", "2/3", "-o", "plan.json")
    said = scratch.run("apply", "--plan", "plan.json", "--shard", "1/3", "--yes")
    assert (said.code, "--shard cannot be combined with a saved plan" in said.err) == (1, True)
    said = scratch.done("apply", "--plan", "plan.json", "--yes")
    assert "shard 2 of 3: " in said.err
    assert len(scratch.lock) == len(json.loads(scratch.read("plan.json"))["steps"]) < 8
    broken = json.loads(scratch.read("plan.json"))
    broken["options"]["shard"] = "9/3"
    scratch.write("plan.json", json.dumps(broken))
    assert "is not a saved plan" in scratch.run("apply", "--plan", "plan.json").err


@pytest.mark.parametrize(("given", "words"), [("4/3", "is not a part"), ("x", "is not a part")])
def test_a_wrong_number_is_told(scratch: Scratch, given: str, words: str) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    said = scratch.run("plan", "--shard", given)
    assert (said.code, words in said.err) == (1, True)


def test_a_comparison_is_of_whole_projects(project: Scratch) -> None:
    said = project.run("plan", "--shard", "1/2", "--against", "main")
    assert (said.code, "--against takes no --shard" in said.err) == (1, True)


@pytest.fixture
def paid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> PaidProject:
    return opened(PaidProject(tmp_path, capsys, gateway), monkeypatch)


def test_without_a_team_a_shard_buys_nothing(paid: PaidProject) -> None:
    paid.set_up(sword="a sword", bow="a bow", cup="a cup")
    for number in ("1/2", "2/2"):
        said = paid.apply("--shard", number)
        assert (said.code, "a shard buys nothing without a team's store" in said.err) == (1, True), said
    assert paid.asked == 0
    assert paid.apply("--shard", "1/1").code == 0, "one shard is the whole project"
    assert paid.asked == 3


def test_a_team_without_claims_lets_no_shard_buy(paid: PaidProject, tmp_path: Path) -> None:
    paid.set_up(sword="a sword", bow="a bow", cup="a cup")
    document = json.loads(paid.read("reconciler.yaml"))
    paid.write("reconciler.yaml", json.dumps({**document, "team": {"url": f"file://{tmp_path}", "claims": "off"}}))
    said = paid.apply("--shard", "1/2")
    assert (said.code, "a shard buys nothing without claims" in said.err) == (1, True), said
    assert "remove `claims: off` from team:" in said.err and paid.asked == 0


def test_a_rate_that_cannot_be_divided_is_told(paid: PaidProject) -> None:
    paid.set_up(sword="a sword", bow="a bow", cup="a cup", ring="a ring")
    document = json.loads(paid.read("reconciler.yaml"))
    document["providers"]["shop"]["requests_per_minute"] = 7
    paid.write("reconciler.yaml", json.dumps(document))
    assert "shop 3 requests a minute" in paid.done("plan", "--shard", "1/2").out
    said = [paid.run("plan", "--shard", f"{number}/8") for number in range(1, 9)]
    wrong = [each for each in said if each.code == 1]
    assert wrong
    assert all("requests_per_minute: 7 is less than one for each shard" in each.err for each in wrong)


def test_claims_are_what_a_shard_needs() -> None:
    team = TeamSettings("file:///srv/team")
    require_claims(Shard(1, 2), replace(Settings(), team=team))
    with pytest.raises(ProjectError, match="without claims"):
        require_claims(Shard(1, 2), replace(Settings(), team=replace(team, claims=False)))
