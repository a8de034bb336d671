"""Which requests are answered: only those that name this server, know its secret, and come from its own page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.project.serve.guards import MOST_BODY, Admitted, Denied, Launched, ServedAt, ServerRequest, admit

AT = ServedAt(4711, "s" * 43, "l" * 43)
OWN = {"host": "127.0.0.1:4711"}
POST = {**OWN, "origin": "http://127.0.0.1:4711", "content-type": "application/json", "content-length": "2"}


def status(method: str, path: str, headers: dict[str, str]) -> int:
    found = admit(ServerRequest(method, path, headers), AT)
    return found.status if isinstance(found, Denied) else 200


def test_requests_of_the_page_are_answered() -> None:
    assert admit(ServerRequest("GET", f"/{AT.secret}/", OWN), AT) == Admitted("")
    assert admit(ServerRequest("GET", f"/{AT.secret}/image/ab", {"host": "localhost:4711"}), AT) == Admitted("image/ab")
    assert admit(ServerRequest("POST", f"/{AT.secret}/verdict", POST), AT) == Admitted("verdict", 2)
    named = {**POST, "host": "localhost:4711", "origin": "http://localhost:4711"}
    assert admit(ServerRequest("POST", f"/{AT.secret}/verdict", named), AT) == Admitted("verdict", 2)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4711", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:4711.evil.example", "", "[::1]:4711"],
)
def test_a_rebound_name_is_not_answered(host: str) -> None:
    assert status("GET", f"/{AT.secret}/", {"host": host}) == 421
    assert status("POST", f"/{AT.secret}/verdict", {**POST, "host": host}) == 421
    assert status("GET", f"/{AT.secret}/", {}) == 421


@pytest.mark.parametrize(
    "path", ["/", "", "*", f"/{'s' * 42}/", f"/{'s' * 43}", f"//{'s' * 43}/", f"{'s' * 43}/", "/ä/"]
)
def test_without_the_secret_there_is_nothing(path: str) -> None:
    assert status("GET", path, OWN) == 404
    assert status("POST", path, POST) == 404


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://localhost:4711"}, 403),
        ({"origin": "http://127.0.0.1:4712"}, 403),
        ({"origin": "https://127.0.0.1:4711"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"content-length": ""}, 411),
        ({"content-length": "-1"}, 411),
        ({"content-length": "1e9"}, 411),
        ({"content-length": "٣"}, 411),
        ({"transfer-encoding": "chunked"}, 411),
        ({"content-length": str(MOST_BODY + 1)}, 413),
        ({"content-length": "9" * 400}, 413),
    ],
)
def test_a_request_that_changes_something_comes_from_the_page(change: dict[str, str], refused: int) -> None:
    assert status("POST", f"/{AT.secret}/verdict", {**POST, **change}) == refused


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get"])
def test_other_methods_are_refused(method: str) -> None:
    assert status(method, f"/{AT.secret}/", POST) == 405


def test_the_launch_path_leads_to_the_page_and_nowhere_else() -> None:
    assert admit(ServerRequest("GET", f"/{AT.launch}/", OWN), AT) == Launched()
    assert status("GET", f"/{AT.launch}/verdict", OWN) == 404
    assert status("POST", f"/{AT.launch}/", POST) == 404
    assert status("GET", f"/{AT.launch}/", {"host": "evil.example"}) == 421
    used = ServedAt(AT.port, AT.secret)
    assert isinstance(admit(ServerRequest("GET", f"/{AT.launch}/", OWN), used), Denied)
    assert isinstance(admit(ServerRequest("GET", "//", OWN), used), Denied)


@given(st.sampled_from(["GET", "POST"]), st.text(), st.dictionaries(st.sampled_from([*POST]), st.text()))
def test_no_guess_is_admitted(method: str, target: str, headers: dict[str, str]) -> None:
    assert isinstance(admit(ServerRequest(method, target, headers), AT), Denied)
