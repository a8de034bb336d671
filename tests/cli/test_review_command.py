"""`reconciler review` as a command: its address, its browser, its end, and the reasons why it does not start."""

from __future__ import annotations

import os
import re
import signal
import urllib.request
import webbrowser
from pathlib import Path

import pytest

from reconciler.project.serve.server import ReviewServer
from tests.cli.conftest import Scratch, picture

ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]+)/[A-Za-z0-9_-]{43}/\n")


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person with an address, at a terminal without a screen."""
    (tmp_path / ".gitconfig").write_text("[user]\n\temail = ada@example.com\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def adopted(scratch: Scratch) -> Scratch:
    scratch.write("reconciler.yaml", "provider: openai\ndefaults: {model: gpt-image-1}\n")
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.write("assets/hero.png", picture())
    scratch.done("adopt", "*", "--yes", "--generated")
    return scratch


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review that somebody ends as soon as it has begun."""

    def ended(server: ReviewServer, **_: float) -> str:
        server.server_close()
        return "done"

    monkeypatch.setattr(ReviewServer, "run", ended)


def test_it_serves_until_ctrl_c(adopted: Scratch) -> None:
    process = adopted.start("review", "--no-browser")
    assert process.stdout is not None and process.stderr is not None
    address = process.stdout.readline()
    assert ADDRESS.fullmatch(address)
    assert process.stderr.readline() == "reviewing 1 asset as ada@example.com; Ctrl-C ends the review\n"
    with urllib.request.urlopen(address.strip(), timeout=20) as page:
        assert page.read(15) == b"<!doctype html>"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")


@pytest.mark.usefixtures("at_once")
def test_without_a_screen_the_address_is_enough(adopted: Scratch) -> None:
    said = adopted.done("review")
    assert ADDRESS.fullmatch(said.out)
    assert said.err.splitlines()[1:] == [
        "  hint: no browser was found here; open the address above",
        "the review has ended: done",
    ]


@pytest.mark.usefixtures("at_once")
def test_the_browser_is_not_told_the_lasting_address(adopted: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def opened(address: str) -> bool:
        told.append(address)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", opened)
    said = adopted.done("review")
    assert len(told) == 1
    assert ADDRESS.fullmatch(told[0] + "\n") and told[0] != said.out.strip()
    assert "hint" not in said.err


def test_somebody_must_be_known_to_judge(adopted: Scratch, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").unlink()
    said = adopted.run("review", "--no-browser")
    assert said.code == 1
    assert said.err.startswith("a verdict needs a name: git has no user.email\n  hint: ")


def test_a_checkout_that_nobody_may_write_to_is_named(adopted: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and allowed(path, mode))
    said = adopted.run("review", "--no-browser")
    assert (said.code, said.err.splitlines()) == (
        1,
        [
            f"nothing can be written in {adopted.root}",
            "  hint: `reconciler gallery -o FILE` writes the page elsewhere; its decisions are commands to copy",
        ],
    )


def test_words_that_select_nothing_start_no_server(adopted: Scratch) -> None:
    said = adopted.run("review", "nothing", "--no-browser")
    assert (said.code, said.out) == (1, "")
