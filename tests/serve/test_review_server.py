"""A review over real sockets: what it serves, what it writes, what it refuses, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.errors import ProjectError
from reconciler.project.judge import Reviewer
from reconciler.project.load import load_specs
from reconciler.project.serve.review import ReviewInProgress
from reconciler.project.serve.server import ReviewServer
from reconciler.project.workspace import open_workspace
from tests.cli.conftest import Scratch, picture, scratch
from tests.cli.paid_project import PaidProject, opened

__all__ = ["scratch"]
ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def only_this_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person with an address, and no configuration of the machine."""
    (tmp_path / ".gitconfig").write_text(f"[user]\n\temail = {ADA}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A browser's requests to one server."""

    def __init__(self, server: ReviewServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.at.port, timeout=20)
        try:
            connection.request(method, f"/{self.server.at.secret}/{path}", body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, **given: Any) -> Reply:
        origin = f"http://127.0.0.1:{self.server.at.port}"
        return self.ask("POST", path, json.dumps(given).encode(), Origin=origin, **{"Content-Type": "application/json"})

    def page(self) -> Any:
        text = self.get("").body.decode()
        _, _, rest = text.partition('<script id="data" type="application/json">')
        return json.loads(rest.partition("</script>")[0])


def review_of(scratch: Scratch, *ids: str) -> ReviewInProgress:
    def again() -> Any:
        return open_workspace(str(scratch.root), {})

    workspace = again()
    reviewer = Reviewer(workspace, load_specs(workspace).project.settings.review, by=ADA)
    return ReviewInProgress(again, ids, reviewer)


def serving(scratch: Scratch, *ids: str) -> Iterator[Client]:
    server = ReviewServer(review_of(scratch, *ids))
    thread = threading.Thread(target=server.run, kwargs={"tick": 0.02})
    thread.start()
    try:
        yield Client(server)
    finally:
        server.finish()
        thread.join()


@pytest.fixture
def adopted(scratch: Scratch) -> Scratch:
    """Two images that can be judged, and a stale one."""
    scratch.write("reconciler.yaml", "provider: openai\ndefaults: {model: gpt-image-1}\n")
    for name, colour in (("hero", "navy"), ("sword", "teal"), ("stale", "gray")):
        scratch.write(f"specs/{name}.yaml", f"prompt: A {colour} {name}\n")
        scratch.write(f"assets/{name}.png", picture(colour))
    scratch.done("adopt", "*", "--yes", "--generated")
    scratch.write("specs/stale.yaml", "prompt: Another one\n")
    return scratch


@pytest.fixture
def client(adopted: Scratch) -> Iterator[Client]:
    yield from serving(adopted)


def verdicts(scratch: Scratch) -> list[tuple[str, str, str, str]]:
    """Asset, verdict, person and note of each line in reviews/."""
    files = sorted((scratch.root / "reviews").glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [(each["asset"], each["verdict"], each["by"], each["note"]) for each in map(json.loads, lines)]


def content(scratch: Scratch, name: str = "hero") -> str:
    return str(scratch.lock[name]["content"])


def test_the_page_and_its_images(client: Client, adopted: Scratch) -> None:
    page = client.get("")
    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "file:" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert not [name for name in page.headers if name.lower().startswith("access-control")]
    data = client.page()
    assert (data["mode"], data["reviewer"]) == ("review", ADA)
    shown = data["images"][next(each["now"] for each in data["assets"] if each["id"] == "hero")]
    image = client.get(shown["whole"])
    assert (image.headers["Content-Type"], image.body) == ("image/png", adopted.read("assets/hero.png"))
    assert client.get(shown["preview"]).body.startswith(b"RIFF")
    assert client.ask("HEAD", shown["whole"]).body == b""


def test_only_images_of_the_page_are_served(client: Client, adopted: Scratch) -> None:
    adopted.write("secret.png", picture("red"))
    client.page()
    digits = content(adopted).removeprefix("sha256:")
    for path in (f"image/{'0' * 64}", f"image/{digits[:-1]}", "image/../secret.png", "image/", "secret.png", digits,
                 f"image/{digits}/x", "preview/x", "changes/x"):  # fmt: skip
        assert client.get(path).status == 404, path


def test_images_of_other_assets_are_not_served(adopted: Scratch) -> None:
    for client in serving(adopted, "sword"):
        client.page()
        for name, status in (("sword", 200), ("hero", 404)):
            digits = content(adopted, name).removeprefix("sha256:")
            assert [client.get(f"{folder}/{digits}").status for folder in ("preview", "image")] == [status, status]


def test_what_takes_the_place_of_an_image_while_it_is_served_is_not_waited_for(
    client: Client, adopted: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.page()
    pipe = adopted.root / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(client.server.review, "image", lambda _: ("image/png", pipe))
    digits = content(adopted).removeprefix("sha256:")
    assert client.get(f"image/{digits}").status == 404
    pipe.unlink()
    assert client.get(f"image/{digits}").status == 404


def test_an_image_that_changed_on_disk_is_not_served_as_what_it_was(client: Client, adopted: Scratch) -> None:
    client.page()
    old = adopted.read("assets/hero.png")
    adopted.write("assets/hero.png", picture("red"))
    found = client.get(f"image/{content(adopted).removeprefix('sha256:')}")
    assert found.status == 404 or found.body == old


def test_an_approval_is_a_line_that_the_commands_read(client: Client, adopted: Scratch) -> None:
    client.page()
    done = client.post("verdict", asset="hero", expect=content(adopted), verdict="approve", note=" fine \n indeed ")
    assert done.status == 200
    assert done.json["changes"][0]["review"]["state"] == "approved"
    assert verdicts(adopted) == [("hero", "approve", ADA, "fine indeed")]
    listed = adopted.done("review", "--list", "--format", "json").json
    assert {each["asset"]: each["state"] for each in listed["assets"]}["hero"] == "approved"


def test_reject_note_and_undo(client: Client, adopted: Scratch) -> None:
    client.page()
    hero = {"asset": "hero", "expect": content(adopted)}
    assert client.post("verdict", **hero, verdict="reject").status == 400
    assert client.post("verdict", **hero, verdict="reject", note="bent").status == 200
    assert client.post("verdict", **hero, verdict="note", note="look at the mast").status == 200
    changes = client.post("verdict", **hero, verdict="withdraw", note="", since=2).json
    assert (changes["version"], len(changes["changes"])) == (3, 1)
    assert changes["changes"][0]["review"]["state"] == "open"
    assert [each[1] for each in verdicts(adopted)] == ["reject", "note", "withdraw"]
    assert client.get("changes?since=1").json["version"] == 3
    assert client.page()["version"] == 3


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"asset": "hero", "expect": "sha256:" + "0" * 64}, "hero has another image now"),
        ({"asset": "hero", "expect": ""}, "hero has another image now"),
        ({"asset": "hero"}, "hero has another image now"),
        ({"asset": "gone", "expect": "x"}, "this asset is gone"),
        ({"asset": "*", "expect": "x"}, "this asset is gone"),
    ],
)
def test_another_image_than_the_seen_one_is_not_judged(
    given: dict[str, str], fact: str, client: Client, adopted: Scratch
) -> None:
    client.page()
    refused = client.post("verdict", verdict="approve", **given)
    assert (refused.status, refused.json["fact"]) == (409, fact)
    assert not (adopted.root / "reviews").exists()


def test_an_image_that_changed_since_is_not_judged(client: Client, adopted: Scratch) -> None:
    client.page()
    seen = content(adopted)
    adopted.write("assets/hero.png", picture("red"))
    refused = client.post("verdict", asset="hero", expect=seen, verdict="approve")
    assert refused.status == 409
    assert "changed by hand" in refused.json["fact"]
    adopted.done("adopt", "hero", "--yes")
    assert client.post("verdict", asset="hero", expect=seen, verdict="approve").status == 409
    assert client.post("verdict", asset="hero", expect=content(adopted), verdict="approve").status == 200


def test_a_stale_image_is_not_judged(client: Client, adopted: Scratch) -> None:
    client.page()
    refused = client.post("verdict", asset="stale", expect=content(adopted, "stale"), verdict="approve")
    assert (refused.status, refused.json["fact"]) == (409, "stale: it is not up to date: prompt changed")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null", b"[" * 60_000, b'{"verdict": 1e999}'])
def test_a_body_that_is_no_decision_is_refused(body: bytes, client: Client) -> None:
    origin = f"http://127.0.0.1:{client.server.at.port}"
    found = client.ask("POST", "verdict", body, Origin=origin, **{"Content-Type": "application/json"})
    assert found.status in (400, 409)
    assert set(found.json) == {"fact", "hint"}


def test_requests_of_other_pages_change_nothing(client: Client, adopted: Scratch) -> None:
    body = json.dumps({"asset": "hero", "expect": content(adopted), "verdict": "approve"}).encode()
    kind = {"Content-Type": "application/json"}
    own = f"http://127.0.0.1:{client.server.at.port}"
    assert client.ask("POST", "verdict", body, **kind).status == 403
    assert client.ask("POST", "verdict", body, Origin="http://evil.example", **kind).status == 403
    assert client.ask("POST", "verdict", body, Origin=own).status == 415
    assert client.ask("POST", "verdict", body, Origin=own, Host="evil.example", **kind).status == 421
    assert client.ask("GET", "verdict").status == 404
    assert client.ask("OPTIONS", "verdict", Origin="http://evil.example").status == 405
    assert client.ask("POST", "verdict", b"x" * 70_000, Origin=own, **kind).status == 413
    assert not (adopted.root / "reviews").exists()


def raw(server: ReviewServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.at.port), timeout=10) as connection:
        connection.sendall(data)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def test_a_name_that_is_given_twice_is_no_name(client: Client) -> None:
    host = f"Host: 127.0.0.1:{client.server.at.port}\r\n"
    path = f"/{client.server.at.secret}/"
    assert raw(client.server, f"GET {path} HTTP/1.1\r\n{host}Host: evil.example\r\n\r\n".encode()).startswith(
        b"HTTP/1.1 421 "
    )
    assert raw(client.server, f"GET {path} HTTP/1.0\r\n\r\n".encode()).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x00\xa5", b"GET /" + b"a" * 70_000])
def test_what_is_no_request_ends_the_connection(data: bytes, client: Client) -> None:
    found = raw(client.server, data + b"\r\n\r\n")
    assert b"200" not in found[:20] and b"<script" not in found
    assert client.get("").status == 200


def test_the_launch_address_works_once(client: Client) -> None:
    server = client.server
    path = f"/{server.at.launch}/"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.at.port}\r\nConnection: close\r\n\r\n".encode()
    first = raw(server, request)
    assert first.startswith(b"HTTP/1.1 303 ") and f"Location: /{server.at.secret}/".encode() in first
    assert raw(server, request).startswith(b"HTTP/1.1 404 ")


def test_two_tabs_see_each_others_decisions(client: Client, adopted: Scratch) -> None:
    version = client.page().get("version", 0)
    client.post("verdict", asset="sword", expect=content(adopted, "sword"), verdict="approve")
    (change,) = client.get(f"changes?since={version}").json["changes"]
    assert (change["asset"], change["review"]["state"]) == ("sword", "approved")


def test_a_broken_spec_is_told_and_the_review_goes_on(client: Client, adopted: Scratch) -> None:
    adopted.write("specs/hero.yaml", "prompt: [")
    page = client.get("")
    assert page.status == 500
    assert page.body.startswith(b"specs/hero.yaml:2:1: ")
    assert client.post("verdict", asset="hero", expect=content(adopted), verdict="approve").status == 409
    adopted.write("specs/hero.yaml", "prompt: A navy hero\n")
    assert client.get("").status == 200


def test_ids_select_what_the_page_shows(adopted: Scratch) -> None:
    assert review_of(adopted, "s*").count() == 2
    with pytest.raises(ProjectError):
        review_of(adopted, "nothing").count()


def test_a_port_that_is_taken_is_named(adopted: Scratch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = adopted.run("review", "--no-browser", "--port", str(port))
    assert (said.code, said.err) == (
        1,
        f"port {port} is taken\n  hint: pass another --port; without one, any is taken\n",
    )


def test_it_ends_when_nobody_uses_it_and_by_the_page(adopted: Scratch) -> None:
    now = [0.0]
    server = ReviewServer(review_of(adopted), monotonic=lambda: now[0])
    now[0] = 1800.0
    assert server.run(tick=0.01) == "nobody used the page"
    server = ReviewServer(review_of(adopted))
    reasons: list[str] = []
    thread = threading.Thread(target=lambda: reasons.append(server.run(tick=0.01)))
    thread.start()
    assert Client(server).post("done").status == 200
    thread.join()
    assert reasons == ["done"]
    with pytest.raises(OSError, match="refused"):
        raw(server, b"GET / HTTP/1.1\r\n\r\n")


def test_polling_keeps_no_review_alive(client: Client) -> None:
    before = client.server.last_request  # the watch of idle servers runs meanwhile: any earlier time may end this one
    client.get("changes?since=0")
    assert client.server.last_request == before
    client.get("")
    assert client.server.last_request > before


def test_connections_have_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.server, "_room", threading.BoundedSemaphore(1))
    with socket.create_connection(("127.0.0.1", client.server.at.port)) as first:
        first.sendall(b"GET ")
        with socket.create_connection(("127.0.0.1", client.server.at.port), timeout=10) as second:
            assert second.recv(10) == b""


@pytest.fixture
def paid(
    tmp_path: Path, gateway: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> PaidProject:
    root = tmp_path / "shop"
    root.mkdir()
    return opened(PaidProject(root, capsys, gateway), monkeypatch)


def test_choosing_a_candidate_costs_nothing_and_is_refused_for_another_image(paid: PaidProject) -> None:
    paid.set_up(hero="A lighthouse")
    paid.apply("--candidates", "3")
    asked = paid.asked
    for client in serving(paid):
        (hero,) = client.page()["assets"]
        images = client.page()["images"]
        contents = [images[one["image"]]["content"] for one in hero["candidates"]]
        first, second, third = contents
        assert content(paid) == first
        chosen = client.post("choose", asset="hero", expect=first, candidate=second)
        assert chosen.status == 200
        assert chosen.json["changes"][-1]["now"] == content(paid) == second
        refused = client.post("choose", asset="hero", expect=first, candidate=third)
        assert (refused.status, refused.json["fact"]) == (409, "hero has another image now")
        stale = client.post("verdict", asset="hero", expect=first, verdict="approve")
        assert stale.status == 409
        rejected = client.post("verdict", asset="hero", expect=third, verdict="reject", note="blurred", candidate=3)
        assert rejected.status == 200
        gone = client.post("choose", asset="hero", expect=second, candidate=third)
        assert (gone.status, "rejected by" in gone.json["fact"]) == (409, True)
        assert client.post("choose", asset="hero", expect=second, candidate="sha256:" + "0" * 64).status == 409
        assert client.post("choose", asset="hero", expect=second).status == 409
    assert paid.asked == asked
    assert content(paid) == second
