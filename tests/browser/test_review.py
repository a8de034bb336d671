"""The page of `review` in a browser: decisions are lines in reviews/, other tabs see them, a stale page is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.project.judge import Reviewer
from reconciler.project.load import load_specs
from reconciler.project.serve.review import ReviewInProgress
from reconciler.project.serve.server import ReviewServer
from reconciler.project.workspace import open_workspace
from tests.browser.browser import Browser, Page
from tests.browser.conftest import whole_only
from tests.browser.pages import done, drawn, project
from tests.cli.paid_project import PaidProject, opened

READY = "document.documentElement.dataset.ready === 'true'"
ADA = "ada@example.com"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images of a model, which can be judged."""
    root = project(tmp_path / "shop", {name: {"prompt": f"A {name}"} for name in ("anchor", "buoy", "crate")})
    for name, colour in (("anchor", "navy"), ("buoy", "maroon"), ("crate", "olive")):
        drawn(root / f"assets/{name}.png", colour, (20, 20, 120, 120))
    done(root, "adopt", "*", "--yes", "--generated")
    return root


@pytest.fixture
def server(root: Path) -> Iterator[ReviewServer]:
    yield from serving(root)


def serving(root: Path) -> Iterator[ReviewServer]:
    """A review by Ada."""

    def again() -> Any:
        return open_workspace(str(root), {})

    reviewer = Reviewer(again(), load_specs(again()).project.settings.review, by=ADA)
    running = ReviewServer(ReviewInProgress(again, (), reviewer))
    thread = threading.Thread(target=running.run, kwargs={"tick": 0.05})
    thread.start()
    yield running
    running.finish()
    thread.join()


@pytest.fixture
def shown(page: Page, server: ReviewServer) -> Page:
    page.goto(server.at.address).wait(READY)
    return page


def verdicts(root: Path) -> list[tuple[str, str, str]]:
    files = sorted((root / "reviews").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(each["asset"], each["verdict"], each["note"]) for each in lines]


def wait_for_name(page: Page, name: str) -> None:
    page.wait(f"document.querySelector('#name').textContent === '{name}'")


def test_approve_and_reject_by_key_and_undo(shown: Page, root: Path, server: ReviewServer) -> None:
    shown.press("j", "Enter", "a")
    wait_for_name(shown, "buoy")
    shown.press("r")
    shown.type("it sinks")
    shown.press("Control+Enter")
    wait_for_name(shown, "crate")
    assert verdicts(root) == [("anchor", "approve", ""), ("buoy", "reject", "it sinks")]
    assert shown.text("#progress") == "1 of 3 approved"
    shown.press("k")
    assert "Rejected by ada@example.com: it sinks" in shown.text("#verdict")
    shown.press("u")
    shown.wait("document.querySelector('#verdict').textContent === ''")
    assert verdicts(root)[2:] == [("buoy", "withdraw", "")]
    seen = shown.seen
    assert seen.complaints == []
    assert {status for status, _ in seen.statuses} == {200}
    assert [each for each in seen.requests if not each.startswith(server.at.address)] == []


@whole_only
def test_the_launch_address_leads_to_the_page(page: Page, server: ReviewServer) -> None:
    page.goto(server.at.launch_address).wait(READY)
    assert page.js("location.href") == server.at.address


@whole_only
def test_two_tabs_see_each_other(browser: Browser, shown: Page, server: ReviewServer, root: Path) -> None:
    other = browser.page()
    other.goto(server.at.address).wait(READY)
    shown.press("j", "Enter", "a")
    wait_for_name(shown, "buoy")
    other.wait("document.querySelector('#progress').textContent === '1 of 3 approved'")
    other.press("j", "j", "j", "Enter", "n")
    other.type("a remark")
    other.press("Control+Enter")
    other.wait("document.querySelector('#facts').textContent.includes('a remark')")
    shown.press("j")
    shown.wait("document.querySelector('#facts').textContent.includes('a remark')")
    assert verdicts(root) == [("anchor", "approve", ""), ("crate", "note", "a remark")]
    other.close()


def test_a_stale_page_is_told(shown: Page, root: Path) -> None:
    shown.press("j", "Enter")
    drawn(root / "assets/anchor.png", "red", (1, 1, 9, 9))
    done(root, "adopt", "anchor", "--yes", "--generated")
    shown.press("a")
    shown.wait("!document.querySelector('#notice').hidden")
    assert "anchor has another image now" in shown.text("#notice")
    assert verdicts(root) == []
    shown.click("#notice button")
    shown.wait(READY)
    shown.press("a")
    wait_for_name(shown, "buoy")
    assert verdicts(root) == [("anchor", "approve", "")]
    assert 409 in {status for status, _ in shown.seen.statuses}


@whole_only
def test_an_image_that_cannot_be_judged_says_why(shown: Page, root: Path, page: Page) -> None:
    (root / "specs/anchor.yaml").write_text('{"prompt": "Another anchor"}')
    shown.reload()
    shown.wait(READY)
    shown.press("j", "Enter", "a")
    assert "not up to date: prompt changed" in shown.text("#status")
    assert shown.js("document.querySelector('#approve').disabled")
    assert shown.text("#facts ins") == "Another"
    assert verdicts(root) == []


@whole_only
def test_done_ends_the_review(shown: Page, server: ReviewServer) -> None:
    shown.click("#done")
    shown.wait("!document.querySelector('#notice').hidden")
    assert "The review has ended" in shown.text("#notice")
    assert server._done.is_set()


@whole_only
def test_a_server_that_is_gone_is_told(shown: Page, server: ReviewServer) -> None:
    server.finish()
    shown.press("j", "Enter", "a")
    shown.wait("document.querySelector('#notice').textContent.includes('cannot be reached')")


@whole_only
def test_axe_finds_nothing_and_the_phone_has_it_all(browser: Browser, server: ReviewServer) -> None:
    for width, scheme in ((1280, "light"), (360, "dark")):
        page = browser.page(width, 740, scheme=scheme, motion="reduce")
        page.goto(server.at.address).wait(READY)
        assert page.violations() == []
        page.press("j", "Enter")
        assert page.violations() == []
        assert page.js("document.documentElement.scrollWidth <= innerWidth")
        page.close()


@whole_only
def test_candidates_are_looked_at_and_chosen_by_key(
    page: Page, tmp_path: Path, gateway: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "paid"
    root.mkdir()
    paid = opened(PaidProject(root, capsys, gateway), monkeypatch)
    paid.set_up(hero="A lighthouse")
    paid.apply("--candidates", "3")
    first = paid.lock["hero"]["content"]
    for server in serving(root):
        page.goto(f"{server.at.address}#hero").wait(READY)
        page.press("c", "c")
        assert "Looking at candidate 2" in page.text("#verdict")
        page.press("2")
        page.wait("document.querySelectorAll('#stage img').length === 2")
        page.press("Shift+Digit2")
        page.wait("document.querySelector('#status').textContent === 'Chose candidate 2: hero'")
        assert paid.lock["hero"]["content"] != first
        page.press("u")
        page.wait("document.querySelector('#status').textContent === 'Undone: hero'")
        assert paid.lock["hero"]["content"] == first
        page.press("c", "c", "c", "r")
        page.type("too dark")
        page.press("Control+Enter")
        page.wait("document.querySelector('#facts').textContent.includes('1 rejected')")
        assert verdicts(root) == [("hero", "reject", "too dark")]
        page.press("Shift+Digit3")
        assert page.text("#status") == "Candidate 3 was rejected."
        assert page.seen.complaints == []
    assert paid.asked == 3
