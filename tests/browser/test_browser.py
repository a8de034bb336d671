"""The browser tests can see: text, keys, requests, dialogs, messages of the console, violations of axe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.browser import BrowserError, Page

PLAIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Plain</title>
<main><h1>Plain</h1><p id="p">none</p></main>
<script>addEventListener("keydown", (event) => { document.querySelector("#p").textContent = event.key; });</script>"""


def test_a_page_is_read_and_takes_keys(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "plain.html"
    file.write_text(PLAIN)
    page.goto(file)
    page.press("j")
    assert page.text("#p") == "j"
    assert page.violations() == []
    assert page.seen.requests == [file.as_uri()]
    assert page.seen.complaints == []
    assert page.screenshot(tmp_path / "shot.png").read_bytes().startswith(b"\x89PNG")


def test_what_a_page_does_wrong_is_seen(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "wrong.html"
    script = 'alert("boo"); console.error("bad"); fetch("http://127.0.0.1:9/x")'
    file.write_text(f'<!doctype html><p style="color:#eee">too pale to read</p><script>{script}</script>')
    page.goto(file)
    page.wait("true")
    seen = page.seen
    assert seen.dialogs == ["boo"]
    assert ("error", "bad") in seen.console
    assert "http://127.0.0.1:9/x" in seen.requests
    assert {"color-contrast", "html-has-lang"} <= {name for name, _ in page.violations()}
    with pytest.raises(BrowserError):
        page.js("nothing.here")
