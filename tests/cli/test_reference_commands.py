"""`providers`, `schema` and `completion`: what is told is right, and no key is ever told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from reconciler.cli.main import cli
from reconciler.providers.models.table import model_table
from reconciler.store.schemas.files import NAMES, schema_text
from tests.cli.conftest import Scratch
from tests.forked.program import program

KEY = "sk-very-secret-0123456789"


def test_the_table_says_whether_a_key_is_set_and_nothing_of_the_key(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    text, told = scratch.done("providers").out, scratch.done("providers", "--format", "json").out
    assert "OPENAI_API_KEY is set" in text
    assert "GEMINI_API_KEY is not set" in text
    ready = {one["name"]: one["key"]["ready"] for one in json.loads(told)["providers"]}
    others = {name: ready.pop(name) for name in ("gravitex", "gemini", "bfl", "fal", "replicate")}
    assert ready == {"draft": True, "openai": True, "comfyui": True}
    assert set(others.values()) == {False}
    for said in (text, told):
        assert KEY not in said
        assert KEY[-4:] not in said
        assert str(len(KEY)) not in text


def test_a_project_adds_its_own_and_a_key_is_not_ready_where_it_may_not_go(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    scratch.write(
        "reconciler.yaml",
        "provider: local\nproviders:\n"
        "  local: {type: openai, base_url: 'http://127.0.0.1:1234', api_key_env: '', concurrency: 2}\n"
        "  other: {type: openai, base_url: 'https://other.example', api_key_env: OPENAI_API_KEY}\n",
    )
    told = {one["name"]: one for one in scratch.done("providers", "--format", "json").json["providers"]}
    assert [name for name, one in told.items() if one["default"]] == ["local"]
    assert (told["local"]["origin"], told["local"]["concurrency"]) == ("http://127.0.0.1:1234", 2)
    assert not told["other"]["key"]["ready"]
    text = scratch.done("providers").out
    assert "is not sent to https://other.example" in text
    assert "RECONCILER_TRUSTED_ORIGINS" in text


def test_models_have_their_prices(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "models: {toy: {prices: {'': '0.01'}}}\n")
    told = scratch.done("providers", "--models", "--format", "json").json
    assert {row["name"] for row in told["models"]} == {*model_table().models, "toy"}
    lines = {line.split()[0]: line for line in scratch.done("providers", "--models").out.splitlines()}
    assert "0.01 USD" in lines["toy"]
    assert "0.039 USD" in lines["gemini-2.5-flash-image"]
    assert "0.134 to 0.24 USD" in lines["gemini-3-pro-image"]


class Models(BaseHTTPRequestHandler):
    """A server with two models; any key but ours is wrong."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path))
        right = self.headers.get("Authorization") == f"Bearer {KEY}"
        body = b'{"data": [{"id": "b"}, {"id": "a"}]}' if right else b'{"error": {"message": "wrong key"}}'
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Models.asked = []
    with HTTPServer(("127.0.0.1", 0), Models) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def test_a_test_is_one_free_call_with_a_verdict(
    scratch: Scratch, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    scratch.write("reconciler.yaml", f"providers: {{mine: {{type: openai, base_url: '{url}', api_key_env: MY_KEY}}}}\n")
    said = scratch.run("providers", "--test", "mine")
    assert (said.code, "MY_KEY is not set" in said.out, Models.asked) == (1, True, [])
    monkeypatch.setenv("MY_KEY", KEY)
    assert scratch.done("providers", "--test", "mine").out == f"mine: {url}: works, 2 models\n"
    assert Models.asked == [("GET", "/v1/models")]
    assert scratch.done("providers", "--test", "mine", "--format", "json").json["models"] == ["a", "b"]
    monkeypatch.setenv("MY_KEY", "sk-not-the-right-one")
    said = scratch.run("providers", "--test", "mine")
    assert (said.code, "401" in said.out, "sk-not" in said.out + said.err) == (1, True, False)
    assert {path.name for path in scratch.root.iterdir()} == {"reconciler.yaml"}


def test_drafts_need_nothing_and_an_unknown_name_is_an_error(scratch: Scratch) -> None:
    assert "works" in scratch.done("providers", "--test", "draft").out
    said = scratch.run("providers", "--test", "opnai")
    assert (said.code, 'did you mean "openai"' in said.err) == (1, True)


def test_no_network_client_is_loaded_without_a_test(project: Scratch) -> None:
    program = (
        "import sys; from reconciler.cli.main import run\n"
        "for line in sys.argv[1:]: assert run(line.split()) == 0, line\n"
        "assert not {'httpx', 'rich', 'PIL'} & {*sys.modules}, sorted(sys.modules)"
    )
    lines = ["providers", "providers --models", "show hero", "explain hero", "validate", "plan", "restore hero"]
    subprocess.run([sys.executable, "-c", program, *lines], cwd=project.root, check=True, capture_output=True)


def test_schemas_are_printed_as_they_are_shipped(scratch: Scratch) -> None:
    for name in NAMES:
        assert scratch.done("schema", name).out == schema_text(name)
    assert [line.split()[0] for line in scratch.done("schema").out.splitlines()] == list(NAMES)
    assert scratch.run("schema", "nothing").code == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_us_by_name(scratch: Scratch, shell: str) -> None:
    out = scratch.done("completion", shell).out
    assert f"_RECONCILER_COMPLETE={shell}_complete" in out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=out, text=True, check=True)


def completed(root: Path, *words: str) -> list[str]:
    environment = {
        "_RECONCILER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("reconciler", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(program(), cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_ids_complete_from_the_lockfile_however_broken(project: Scratch) -> None:
    assert completed(project.root, "show", "") == ["hero", "mascot", "pair"]
    assert completed(project.root, "adopt", "--yes", "m") == ["mascot"]
    assert completed(project.root, "plan", "--include", "m") == ["mascot"]
    assert completed(project.root, "apply", "--replace", "h") == ["hero"]
    assert completed(project.root.parent, "-C", "project", "restore", "h") == ["hero"]
    lock = project.read("assets.lock").decode()
    project.write("assets.lock", "<<<<<<< ours\n" + lock + "=======\n>>>>>>> theirs\n")
    assert completed(project.root, "explain", "p") == ["pair"]
    (project.root / "assets.lock").unlink()
    assert completed(project.root, "prune", "") == []
    (project.root / "reconciler.yaml").unlink()
    assert completed(project.root, "prune", "") == []
    assert completed(project.root, "schema", "pro") == ["project"]


def test_no_hidden_character_and_no_device_completes(project: Scratch) -> None:
    lock = project.read("assets.lock").decode()
    project.write("assets.lock", lock.replace('"hero": {', '"\\u001b[2J": {').replace('"pair": {', '"a\\nb": {'))
    assert completed(project.root, "show", "") == ["mascot"]
    (project.root / "assets.lock").unlink()
    (project.root / "assets.lock").symlink_to("/dev/zero")
    assert completed(project.root, "show", "") == []


@pytest.mark.parametrize("word", ["", "pl", "p", "-", "--dir", "nothing"])
def test_commands_complete_as_click_would_complete_them(word: str) -> None:
    with cli.make_context("reconciler", [], resilient_parsing=True) as context:
        clicks = click.Group.shell_complete(cli, context, word)
        assert [item.value for item in cli.shell_complete(context, word)] == [item.value for item in clicks]
