"""Read `team:` of reconciler.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.core.errors import Problem
from reconciler.core.specs.document import Document
from reconciler.core.team.settings import TeamSettings, Transfer
from reconciler.core.team.store_url import BadStoreUrl, parse_store_url


def team_settings(document: Document) -> tuple[TeamSettings | None, list[Problem]]:
    """The settings, and what is wrong with them beyond the schema; None without a usable URL."""
    given = cast(Mapping[str, Any], cast(Mapping[str, Any], document.value).get("team") or {})
    url = parse_store_url(str(given.get("url", "")))
    if isinstance(url, BadStoreUrl):
        return None, [document.problem(("team", "url"), url.fact, url.hint)]
    return TeamSettings(
        str(url),
        Transfer(given.get("push", "auto")),
        Transfer(given.get("pull", "auto")),
        given.get("claims", "required") == "required",
        given.get("receipts", "signed") == "signed",
    ), []
