"""Who a checkout is for its team, and with which key it signs."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import BucketError, InvalidInput, ProjectError
from reconciler.core.team.settings import TeamSettings
from reconciler.engine.team.fetching import Questions
from reconciler.project.team import Team, open_team
from reconciler.project.team_session import TeamSession
from reconciler.project.workspace import Workspace
from reconciler.testing.memory_bucket import MemoryBucket
from tests.team.keys import SshKey, keys_of

ANA = SshKey("ana@acme", 1)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "store").mkdir(parents=True)
    (root / "reconciler.yaml").write_text("provider: draft\n")
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    subprocess.run(["git", "config", "user.email", "me@acme"], cwd=root, check=True)
    (tmp_path / "home/.ssh").mkdir(parents=True)
    return root


def team_of(root: Path, *, receipts: bool = True, url: str = "", **environ: str) -> Team:
    settings = TeamSettings(url or f"file://{root}/store", receipts=receipts)
    environment = {"HOME": str(root.parent / "home")} | environ
    return open_team(Workspace(root, strict=False), settings, environment)


def test_the_name_is_that_of_the_listed_key(project: Path) -> None:
    (project / "reconciler.keys").write_bytes(keys_of(ANA))
    assert team_of(project).me == "me@acme"
    assert team_of(project, RECONCILER_SIGNING_KEY=ANA.private).me == "ana@acme"
    key = project.parent / "home/.ssh/id_ed25519"
    key.write_text(ANA.private)
    assert team_of(project).me == "ana@acme"
    assert team_of(project).signer.by == "ana@acme"
    key.rename(key.with_name("other"))
    assert team_of(project, RECONCILER_SIGNING_KEY=str(key.with_name("other"))).signer.by == "ana@acme"


def test_without_a_key_nothing_is_signed(project: Path) -> None:
    with pytest.raises(ProjectError, match="there is no key to sign receipts with"):
        _ = team_of(project).signer
    assert team_of(project, receipts=False).signer.by == "me@acme"
    with pytest.raises(ProjectError, match="neither the text of a key nor the path of a file"):
        _ = team_of(project, RECONCILER_SIGNING_KEY="/nowhere/key").signer


@pytest.mark.parametrize(
    "damage",
    [
        lambda key: f"'{key}'",
        lambda key: f"\ufeff{key}",
        lambda key: "".join(key.split("\n")[1:-2]),
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: f"~{key}",
        lambda key: f"\x00{key}",
    ],
    ids=["quoted", "marked", "body", "encoded", "home", "null"],
)
def test_a_damaged_key_is_never_shown(project: Path, damage: Callable[[str], str]) -> None:
    """A secret of CI that lost its first line, or was quoted: a message must not print it into a public log."""
    text = damage(ANA.private)
    with pytest.raises(ProjectError, match="is neither the text of a key nor the path of a file") as caught:
        _ = team_of(project, RECONCILER_SIGNING_KEY=text).signer
    shown = f"{caught.value.fact} {caught.value.hint}"
    assert not any(line in shown for line in ANA.private.split("\n")[1:3])
    assert base64.b64encode(ANA.private.encode()).decode()[:40] not in shown


def test_a_wrong_line_of_the_keys_is_named(project: Path) -> None:
    (project / "reconciler.keys").write_text("ana@acme ssh-rsa AAAA\n")
    with pytest.raises(InvalidInput, match=r"reconciler.keys:1"):
        _ = team_of(project).reader


def test_the_keys_are_a_file_of_the_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(keys_of(ANA))
    (project / "reconciler.keys").symlink_to(tmp_path / "keys")
    with pytest.raises(ProjectError, match="is a link that leaves the project"):
        _ = team_of(project).reader


def test_a_project_without_a_team(project: Path) -> None:
    with pytest.raises(ProjectError, match="this project has no team's store"):
        open_team(Workspace(project, strict=False), None, {})


def test_a_store_that_is_not_trusted_is_not_opened(project: Path) -> None:
    with pytest.raises(ProjectError, match="is not used before you trust it"):
        team_of(project, url="s3://acme/x")
    assert team_of(project, url="s3://acme/x", RECONCILER_TRUSTED_STORES="s3://acme").lists


def test_the_probe_is_asked_of_the_bucket(project: Path) -> None:
    team = team_of(project)
    team.prove_claims()
    assert list(team.bucket.names("")) == ["format.json", "probe.txt"]
    (project / "store").rename(project / "gone")
    with pytest.raises(BucketError, match="there is no folder"):
        team.prove_claims()


def test_a_web_server_without_a_store_is_said_with_what_to_do(project: Path) -> None:
    """Nobody can make a store there: what is absent is not a new one."""
    url = "https://art.example/ours"
    team = Team(project, TeamSettings(url), MemoryBucket(), {})
    with pytest.raises(BucketError) as raised:
        team.require_format()
    assert raised.value.fact == f"there is no team's store at {url}"
    assert f"open {url}/format.json in a browser" in raised.value.hint
    elsewhere = Team(project, TeamSettings("s3://acme-art"), MemoryBucket(), {})
    assert not elsewhere.require_format(), "a new one"


def test_a_fetch_from_a_web_server_asks_whether_there_is_a_store(project: Path) -> None:
    class WebSession(TeamSession):
        @property
        def team(self) -> Team:
            return Team(project, self.settings, MemoryBucket(), {})

    session = WebSession(Workspace(project, strict=False), TeamSettings("https://art.example"), {})
    with pytest.raises(BucketError, match="there is no team's store"):
        session.fetch(Questions(contents=(content_hash(b"image"),)))
