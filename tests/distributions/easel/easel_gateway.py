"""The API of Easel, as the gateway speaks it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from reconciler.testing.gateway import CustomApi, ParsedRequest, Request


def parse(request: Request) -> ParsedRequest:
    fields = json.loads(request.body)
    references = tuple(base64.b64decode(url.partition(";base64,")[2]) for url in fields["pictures"])
    openai = {"size": f"{fields['width']}x{fields['height']}", "output_format": fields["format"]}
    return ParsedRequest("images", fields["model"], fields["text"], references, openai)


def payload(openai: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"images": openai["data"]}


EASEL_API = CustomApi("/render", parse, payload, key_header=("X-Easel-Key", ""), models_path="/models")
