"""The story of a team at real object stores, through the command line: what one has paid for, nobody pays again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.testing.gateway import Gateway
from tests.cli.paid_project import PaidProject
from tests.team.keys import SshKey, keys_of
from tests.team.servers import Server, azurite, only_when_wanted, rclone, s3_environment, seaweed
from tests.team.test_team_apply import Clone

only_when_wanted()

ANA, BOB, EVE = SshKey("ana@acme", 1), SshKey("bob@acme", 2), SshKey("eve@acme", 3)
PROMPTS = {"hero": "a lighthouse", "icon": "a sword"}


@pytest.fixture(params=[seaweed, azurite])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with request.param(tmp_path / "server") as running:
        yield running


CloneOf = Callable[[str, Server], PaidProject]


@pytest.fixture
def clone_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, gateway: Gateway
) -> CloneOf:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("SHOP_KEY", gateway.key)
    monkeypatch.setenv("HOME", str(tmp_path))

    def clone(name: str, server: Server) -> PaidProject:
        (tmp_path / name).mkdir()
        project = Clone(tmp_path / name, capsys, gateway)
        project.set_up(project={"team": {"url": server.url}}, **PROMPTS)
        project.write("reconciler.keys", keys_of(ANA, BOB))
        monkeypatch.setenv("RECONCILER_TRUSTED_STORES", server.url)
        return project

    return clone


def become(monkeypatch: pytest.MonkeyPatch, key: SshKey, environ: dict[str, str]) -> None:
    """Act as this person with these credentials."""
    monkeypatch.setenv("RECONCILER_SIGNING_KEY", key.private)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)


def test_the_second_person_pays_nothing(server: Server, clone_of: CloneOf, monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, ANA, dict(server.environ))
    ana = clone_of("ana", server)
    assert ana.apply().code == 0
    assert ana.asked == 2
    become(monkeypatch, BOB, dict(server.environ))
    bob = clone_of("bob", server)
    assert bob.apply().code == 0
    assert bob.asked == 2
    assert bob.lock == ana.lock
    found = json.loads(bob.done("team", "--format", "json").out)
    assert (found["access"], found["images"], found["claims"], found["me"]) == ("writes", 2, [], "bob@acme")
    assert "2 images in" in bob.done("store", "verify", "--remote").out
    assert "pushed 0 images" in bob.done("push").out


def test_a_receipt_of_somebody_else_is_not_believed(
    server: Server, clone_of: CloneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(monkeypatch, EVE, dict(server.environ))
    eve = clone_of("eve", server)
    eve.write("reconciler.keys", keys_of(EVE))
    assert eve.apply().code == 0
    assert eve.asked == 2
    become(monkeypatch, BOB, dict(server.environ))
    bob = clone_of("bob", server)
    said = bob.run("fetch")
    assert "not believed: it is by eve@acme, whose key is not listed" in said.err


def test_credentials_that_only_read_restore_and_buy_nothing(
    tmp_path: Path, clone_of: CloneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with seaweed(tmp_path / "server") as server:
        become(monkeypatch, ANA, dict(server.environ))
        ana = clone_of("ana", server)
        assert ana.apply().code == 0
        become(monkeypatch, BOB, s3_environment(server.port, "reader"))
        bob = clone_of("bob", server)
        shutil.copy(ana.root / "assets.lock", bob.root)
        bob.write("specs/new.yaml", json.dumps({"prompt": "a crown"}))
        said = bob.apply()
        assert (said.code, bob.asked) == (3, 2), said
        assert sorted(path.name for path in (bob.root / "assets").iterdir()) == ["hero.png", "icon.png"]
        assert json.loads(bob.done("team", "--format", "json").out)["access"] == "reads"
        push = bob.run("push")
        assert push.code == 1
        assert "the credentials do not allow to write" in push.err


def test_nothing_is_bought_with_claims_at_a_server_that_overwrites(
    tmp_path: Path, clone_of: CloneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rclone(tmp_path / "server") as server:
        become(monkeypatch, ANA, dict(server.environ))
        ana = clone_of("ana", server)
        said = ana.apply()
        assert said.code != 0
        assert ana.asked == 0
        assert "lets a second writer overwrite an object, so it cannot keep claims" in said.err
        assert json.loads(ana.done("team", "--format", "json").out)["access"] == "no claims"
