"""Drive Chromium from a test: playwright-core in a node process (driver.mjs), a JSON line for each call."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".venv-browser"
DRIVER = Path(__file__).with_name("driver.mjs")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 20_000


def chromium() -> str | None:
    """The Chromium on PATH."""
    return next(filter(None, map(shutil.which, _CHROMIUM)), None)


def missing() -> str:
    """What a browser test lacks on this machine; "" if nothing."""
    if chromium() is None:
        return "there is no chromium on PATH"
    if shutil.which("node") is None:
        return "there is no node on PATH"
    if not (MODULES / "node_modules" / "playwright-core").is_dir():
        return "playwright-core is not installed in .venv-browser"
    return ""


class BrowserError(Exception):
    """The browser could not do as it was told: its own words."""


@dataclass(frozen=True)
class Seen:
    """What happened in a page since it was opened. `requests` are all but `data:` addresses, the page's own included;
    `statuses` the responses."""

    console: list[tuple[str, str]]
    errors: list[str]
    dialogs: list[str]
    requests: list[str]
    statuses: list[tuple[int, str]]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions and dialogs."""
        loud = [text for kind, text in self.console if kind in ("error", "warning")]
        return [*loud, *self.errors, *self.dialogs]


class Page:
    """One page in a browser context of its own. `js` and `wait` take an expression in JavaScript."""

    def __init__(self, browser: Browser, number: int) -> None:
        self._browser = browser
        self._number = number

    def _do(self, action: str, **given: Any) -> Any:
        return self._browser.ask(action, page=self._number, **given)

    def goto(self, url: str | Path) -> Page:
        """Load an address or a file, and wait until it has loaded."""
        self._do("goto", url=url.as_uri() if isinstance(url, Path) else url)
        return self

    def reload(self) -> None:
        self._do("reload")

    def press(self, *keys: str) -> None:
        """Press keys by their names: `j`, `Shift+1`, `Escape`."""
        self._do("press", keys=keys)

    def type(self, text: str) -> None:
        self._do("type", text=text)

    def click(self, selector: str) -> None:
        self._do("click", selector=selector)

    def fill(self, selector: str, text: str) -> None:
        self._do("fill", selector=selector, text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self._do("drag", **{"from": start, "to": end})

    def wheel(self, at: tuple[float, float], by: tuple[float, float]) -> None:
        self._do("wheel", at=at, by=by)

    def wait(self, expression: str) -> None:
        """Until the expression is true."""
        self._do("wait", expression=expression, timeout=TIMEOUT_MS)

    def js(self, expression: str) -> Any:
        return self._do("js", expression=expression)

    def text(self, selector: str) -> str:
        """The text of the first element that is shown for this selector."""
        return str(self.js(f"document.querySelector({json.dumps(selector)}).innerText"))

    def screenshot(self, path: Path, *, selector: str = "", full: bool = False) -> Path:
        self._do("screenshot", path=str(path), selector=selector, full=full)
        return path

    def violations(self, **rules: Any) -> list[tuple[str, list[str]]]:
        """The violations that axe finds, each with some of its elements. `rules` are options of `axe.run`."""
        return [(name, nodes) for name, nodes in self._do("axe", rules=rules)]

    @property
    def seen(self) -> Seen:
        seen = self._do("seen")
        console, statuses = map(tuple, seen["console"]), map(tuple, seen["statuses"])
        return Seen([*console], seen["errors"], seen["dialogs"], seen["requests"], [*statuses])

    def close(self) -> None:
        self._do("close")


class Browser:
    """One Chromium for many pages."""

    def __init__(self) -> None:
        path = chromium()
        assert path is not None
        self._node = subprocess.Popen(
            ["node", str(DRIVER), str(MODULES), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
        )

    def page(
        self,
        width: int = 1280,
        height: int = 800,
        *,
        scheme: str = "light",
        motion: str = "no-preference",
        density: int = 1,
    ) -> Page:
        """An empty page. `scheme` is `light` or `dark`; `motion` is `reduce` or `no-preference`."""
        viewport = {"width": width, "height": height}
        options = {"viewport": viewport, "colorScheme": scheme, "reducedMotion": motion, "deviceScaleFactor": density}
        return Page(self, self.ask("open", options=options, timeout=TIMEOUT_MS))

    def ask(self, action: str, **given: Any) -> Any:
        """The answer of the driver. BrowserError with its words if it failed."""
        assert self._node.stdin is not None and self._node.stdout is not None
        self._node.stdin.write(json.dumps({"action": action, **given}) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        if not line:
            raise BrowserError(f"the driver ended with {self._node.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._node.stdin is not None and self._node.stdout is not None
        self._node.stdin.close()
        try:
            self._node.wait(20)
        except subprocess.TimeoutExpired:
            self._node.kill()
            self._node.wait()
        self._node.stdout.close()
