"""A store that a pull request names gets nothing until the user trusts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.errors import DiskError, ProjectError
from reconciler.core.team.store_url import StoreUrl, parse_store_url
from reconciler.project.team_trust import is_trusted, require_endpoint, require_trust, trust_store


def at(text: str) -> StoreUrl:
    url = parse_store_url(text)
    assert isinstance(url, StoreUrl)
    return url


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home")}


@pytest.mark.parametrize(
    "text",
    [
        "s3://acme-art/reconciler", "gs://acme-art", "az://acme-art", "file:///mnt/art", "http://127.0.0.1:8080/x",
        "https://127.0.0.1/x", "https://10.0.0.1", "https://[fd00::1]/x", "https://intranet/x", "https://nas.local",
        "https://vault.internal", "https://a.example./x", "https://x.localhost", "https://0x7f.1", "https://2130706433",
    ],
)  # fmt: skip
def test_nothing_is_used_before_it_is_trusted(text: str, tmp_path: Path, home: dict[str, str]) -> None:
    with pytest.raises(ProjectError, match="is not used before you trust it") as caught:
        require_trust(at(text), tmp_path / "project", home)
    assert f"reconciler team trust {at(text)}" in caught.value.hint
    require_trust(at(text), tmp_path / "project", home | {"RECONCILER_TRUSTED_STORES": f"s3://x, {at(text)}"})


def test_a_public_web_server_is_read_without_trust(tmp_path: Path, home: dict[str, str]) -> None:
    require_trust(at("https://art.example/x"), tmp_path, home)
    require_trust(at("https://art.example:8443/x"), tmp_path, home)


def test_a_folder_of_the_project_needs_no_trust(tmp_path: Path, home: dict[str, str]) -> None:
    project = tmp_path / "project"
    (project / "store").mkdir(parents=True)
    require_trust(at(f"file://{project}/store"), project, home)
    (project / "out").symlink_to(tmp_path)
    for outside in (f"file://{project}/out", f"file://{project}-other", f"file://{tmp_path}"):
        with pytest.raises(ProjectError, match="could be any folder"):
            require_trust(at(outside), project, home)


def test_a_store_is_trusted_once_for_all_projects(tmp_path: Path, home: dict[str, str]) -> None:
    url, path = trust_store("s3://acme-art/reconciler/", home)
    trust_store("s3://acme-art/reconciler", home)
    trust_store("gs://other", home)
    assert path.read_text() == "s3://acme-art/reconciler\ngs://other\n"
    require_trust(url, tmp_path, home)
    require_trust(at("s3://acme-art/reconciler/below"), tmp_path, home)
    for other in ("s3://acme-art", "s3://acme-art/reconciler2", "s3://acme-art-evil/reconciler"):
        with pytest.raises(ProjectError):
            require_trust(at(other), tmp_path, home)


def test_xdg_names_another_folder(tmp_path: Path, home: dict[str, str]) -> None:
    _, path = trust_store("gs://acme", home | {"XDG_CONFIG_HOME": str(tmp_path / "config")})
    assert path == tmp_path / "config/reconciler/trusted"
    assert not is_trusted("gs://acme", home)
    assert is_trusted("gs://acme", home | {"XDG_CONFIG_HOME": str(tmp_path / "config")})


@pytest.mark.parametrize("listed", ["", "s3://", "s3:", "//", "*", "s3://*", "file:///", "s3:///"])
def test_no_word_trusts_everything(listed: str, home: dict[str, str]) -> None:
    environ = home | {"RECONCILER_TRUSTED_STORES": listed}
    assert not is_trusted("s3://acme/x", environ)
    assert not is_trusted("file:///mnt/art", environ)


def test_only_an_address_of_a_store_is_trusted(home: dict[str, str]) -> None:
    with pytest.raises(ProjectError, match="acme is not an address of a store"):
        trust_store("acme", home)
    with pytest.raises(ProjectError, match="no home directory"):
        trust_store("gs://acme", {})


def test_an_endless_list_is_not_read(home: dict[str, str]) -> None:
    path = Path(home["HOME"], ".config/reconciler/trusted")
    path.parent.mkdir(parents=True)
    path.write_text("s3://a\n" * 20_000)
    with pytest.raises(DiskError, match="larger than 64 KiB"):
        is_trusted("s3://a", home)


def test_requests_are_encrypted_but_to_this_machine_and_trusted_networks(home: dict[str, str]) -> None:
    url = at("s3://acme/x")
    assert not require_endpoint(url, home)
    assert not require_endpoint(url, home | {"AWS_ENDPOINT_URL": "https://minio.example"})
    assert require_endpoint(url, home | {"AWS_ENDPOINT_URL": "http://127.0.0.1:8333"})
    environ = home | {"AWS_ENDPOINT_URL_S3": "http://nas:8333/"}
    with pytest.raises(ProjectError, match="AWS_ENDPOINT_URL_S3 names a server that is not encrypted"):
        require_endpoint(url, environ)
    assert require_endpoint(url, environ | {"RECONCILER_TRUSTED_STORES": "http://nas:8333"})
