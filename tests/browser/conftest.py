"""One browser for all tests of a process, skipped loudly where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser, Page, missing

WHOLE = bool(os.environ.get("RECONCILER_BROWSER"))
"""Whether all of it runs: set by `make test-browser`."""

whole_only = pytest.mark.skipif(not WHOLE, reason="a part of `make test-browser` alone")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    lacking = missing()
    if lacking:
        assert not WHOLE, lacking
        pytest.skip(f"NOT TESTED IN A BROWSER, {lacking}: `make test-browser` installs it")
    with Browser() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1280 by 800 in light colours."""
    opened = browser.page()
    yield opened
    opened.close()
