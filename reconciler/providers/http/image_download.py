"""Download an image that a response links to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin

from reconciler.core.ports import Spool
from reconciler.providers.http.client import FetchFailed, Http
from reconciler.providers.http.origins import Base
from reconciler.providers.http.spool_file import unlink

FETCHES = 3
"""Attempts to download an image from its URL: it is paid for, and a GET costs nothing."""


async def download_image(http: Http, asked_at: str, base: Base, url: str, spool: Spool) -> Path | str:
    """The file with the image of a URL, or the reason that there is none. A relative URL is one below `asked_at`."""
    try:
        address, why = urljoin(asked_at, url), ""
    except ValueError:
        return "the picture is paid for, but its URL is not valid"
    for _ in range(FETCHES):
        got = await http.fetch(address, own=base, spool=spool)
        if isinstance(got, FetchFailed):
            why = got.why
            continue
        if got.status == 200 and got.whole and got.size:
            return got.path
        unlink(got.path)
        why = f"{got.status}" if got.whole else "it is larger than the limit"
        if not got.whole or 300 <= got.status < 500:
            break
    return f"the picture is paid for, but could not be downloaded from its URL: {why}"
