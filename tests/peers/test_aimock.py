"""aimock, a mock of many services: errors, limits and broken lines as somebody else understands them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.project import KEY, Project
from tests.peers.servers import Peer, aimock, journal, only_when_wanted
from tests.providers.builders import a_picture, png_bytes

only_when_wanted()

pytestmark = pytest.mark.timeout(120)

PICTURE = png_bytes(256, 256)
SERVED = {"image": {"b64Json": base64.b64encode(PICTURE).decode(), "revisedPrompt": "as wished"}}
BUSY = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}, "status": 429}
OVERLOADED = {"error": {"message": "overloaded", "type": "server_error"}, "status": 503}
BLOCKED = {"error": {"message": "no", "type": "invalid_request_error", "code": "moderation_blocked"}, "status": 400}


def image(words: str, response: dict[str, Any], turn: int | None = None, **more: Any) -> dict[str, Any]:
    match: dict[str, Any] = {"endpoint": "image", "userMessage": words}
    return {"match": match if turn is None else {**match, "sequenceIndex": turn}, "response": response, **more}


def sequence(words: str, *responses: dict[str, Any]) -> list[dict[str, Any]]:
    """These in turn, then the picture."""
    return [*(image(words, each, turn) for turn, each in enumerate(responses)), image(words, SERVED)]


FIXTURES = [
    image("a plain cat", SERVED),
    *sequence("a busy cat", {**BUSY, "retryAfter": 1}, OVERLOADED),
    *sequence("a cat at 429", BUSY, BUSY, BUSY),
    *sequence("a cat at 503", OVERLOADED, OVERLOADED),
    *sequence("a broken cat", {"error": {"message": "boom", "type": "server_error"}, "status": 500}),
    *sequence("a cat at 502", {"error": {"message": "boom", "type": "server_error"}, "status": 502}),
    *sequence("a rude cat", BLOCKED),
    *sequence("a poor cat", {"error": {"message": "pay", "code": "insufficient_quota"}, "status": 429}),
    *sequence("a cat without a key", {"error": {"message": "who?", "code": "invalid_api_key"}, "status": 401}),
    image("an unplugged cat", SERVED, chaos={"disconnectRate": 1}),
    image("a malformed cat", SERVED, chaos={"malformedRate": 1}),
    image("a dropped cat", SERVED, chaos={"dropRate": 1}),
    image("a cat elsewhere", {"image": {"url": "http://10.0.0.1/cat.png"}}),
    image("no cat", {"images": []}),
    {"match": {"userMessage": "a cat in words"}, "response": {"content": "I will not draw that."}},
]


@pytest.fixture
def mock(tmp_path: Path) -> Iterator[Peer]:
    with aimock(tmp_path / "aimock", FIXTURES) as peer:
        yield peer


@pytest.fixture
def project(tmp_path: Path, mock: Peer) -> Project:
    return Project(tmp_path / "project", mock.url, model="toy", settings={"api_key_env": "PEER_KEY"})


def statuses(mock: Peer) -> list[int]:
    return [entry["response"]["status"] for entry in journal(mock)]


def test_a_generation_and_an_edit(project: Project, mock: Peer) -> None:
    a_picture(project.root / "red.png", size=64)
    project.want("made", "a plain cat", size="256x256")
    project.want("edited", "a plain cat", size="256x256", references=["red.png"])
    assert project.apply() == 0, project.said
    content = hashlib.sha256(PICTURE).hexdigest()
    for identity in ("made", "edited"):
        locked = project.lock[identity]
        assert locked["content"] == f"sha256:{content}"
        assert hashlib.sha256((project.root / locked["output"]).read_bytes()).hexdigest() == content
        assert locked["made"]["request"].startswith("req-")
    assert sorted(entry["path"] for entry in journal(mock)) == ["/v1/images/edits", "/v1/images/generations"]
    assert project.run("check") == 0
    assert project.apply() == 0
    assert statuses(mock) == [200, 200]
    assert not any(KEY in path.read_text("latin-1") for path in project.root.rglob("*") if path.is_file())


@pytest.mark.parametrize(("words", "asked"), [("a busy cat", [429, 503, 200]), ("a cat at 503", [503, 503, 200])])
def test_what_passes_is_waited_for(project: Project, mock: Peer, words: str, asked: list[int]) -> None:
    project.want("cat", words, size="256x256")
    assert project.apply() == 0, project.said
    assert statuses(mock) == asked
    assert project.run("check") == 0


def test_three_times_busy_is_enough_for_one_run(project: Project, mock: Peer) -> None:
    project.want("cat", "a cat at 429", size="256x256")
    assert project.apply() == 1
    assert statuses(mock) == [429, 429, 429]
    assert project.apply() == 0, project.said
    assert statuses(mock) == [429, 429, 429, 200]


@pytest.mark.parametrize(
    ("words", "again"),
    [("a broken cat", 0), ("a cat at 502", 0), ("an unplugged cat", 3), ("a dropped cat", 3), ("a malformed cat", 3)],
)
def test_what_may_have_been_charged_is_held(project: Project, mock: Peer, words: str, again: int) -> None:
    """Its malformed answer is a 200 whose JSON never ends: as good as cut short."""
    project.want("cat", words, size="256x256")
    assert project.apply() == 3
    assert project.apply() == 3
    assert len(statuses(mock)) == 1
    assert project.actions() == {"cat": ("hold", "Doubtful")}
    assert project.apply("--retry-in-doubt") == again
    assert len(statuses(mock)) == 2


def test_a_refusal_is_not_bought_again(project: Project, mock: Peer) -> None:
    project.want("cat", "a rude cat", size="256x256")
    assert project.apply() == 1
    assert project.apply() == 3
    assert statuses(mock) == [400]
    assert project.apply("--retry-refused") == 0, project.said


@pytest.mark.parametrize("words", ["a poor cat", "a cat without a key"])
def test_no_money_or_no_key_stops_the_lane(project: Project, mock: Peer, words: str) -> None:
    for number in range(6):
        project.want(f"cat{number}", f"{words}, {number}", size="256x256")
    project_file = project.root / "reconciler.yaml"
    project_file.write_text(project_file.read_text().replace('"type"', '"concurrency": 1, "type"'))
    assert project.apply() == 1
    assert len(statuses(mock)) == 1
    assert project.lock == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("a cat elsewhere", "could not be fetched"),
        ("no cat", "no picture"),
        ("a cat nobody knows", "No fixture matched"),
    ],
)
def test_what_is_no_picture_is_said_and_not_asked_for_twice_in_a_run(
    project: Project, mock: Peer, words: str, told: str
) -> None:
    project.want("cat", words, size="256x256")
    assert project.apply() == 1
    assert told in project.said
    assert len(statuses(mock)) == 1
    assert project.lock == {}


def test_geminis_words_instead_of_a_picture_are_a_refusal(tmp_path: Path, mock: Peer) -> None:
    settings = {"type": "gemini", "api_key_env": "PEER_KEY"}
    project = Project(tmp_path / "native", mock.url, model="gemini-2.5-flash-image", settings=settings)
    project.want("cat", "a cat in words", size="1:1")
    assert project.apply() == 1
    assert "I will not draw that." in project.said
    assert project.apply() == 3
    assert [entry["path"] for entry in journal(mock)] == ["/v1beta/models/gemini-2.5-flash-image:generateContent"]


def test_its_models_are_listed(project: Project) -> None:
    assert project.run("providers", "--test", "peer") == 0, project.said
    assert "works" in project.said
