"""An API of a third party, which the gateway speaks as a translation from and to OpenAI's images API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.testing.gateway.parsed_request import ParsedRequest
from reconciler.testing.gateway.wire import Request


@dataclass(frozen=True, slots=True)
class CustomApi:
    """One more dialect: `running(apis={"acme": CustomApi(…)})`, whose origin is then `gateway.url("acme")`.

    `path`: a regular expression of the paths that cost money. `parse` reads a request; its `fields` have the size as
    `{"size": "1024x576"}`, and may have `output_format`, `n` and `response_format`. `payload` makes the JSON of a
    response from that of OpenAI: `{"data": [{"b64_json": …} or {"url": …}], …}`, which may be empty.
    """

    path: str
    parse: Callable[[Request], ParsedRequest]
    payload: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    key_header: tuple[str, str] | None = ("Authorization", "Bearer ")
    """The header with the key, and the text before the key in it; None: the API has no key."""
    models_path: str = "/v1/models"
