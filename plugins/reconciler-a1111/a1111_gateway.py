"""The API of the web UI, as the gateway speaks it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from reconciler.testing.gateway import CustomApi, ParsedRequest, Request


def parse(request: Request) -> ParsedRequest:
    fields = json.loads(request.body)
    pictures = [*fields.get("init_images", ()), *([fields["mask"]] if "mask" in fields else ())]
    model = fields.get("override_settings", {}).get("sd_model_checkpoint", "")
    openai = {"size": f"{fields['width']}x{fields['height']}"}
    return ParsedRequest("images", model, fields["prompt"], tuple(map(base64.b64decode, pictures)), openai)


def payload(openai: Mapping[str, Any]) -> Mapping[str, Any]:
    """The images are bare base64, and the notes a JSON text."""
    images = [entry.get("b64_json", entry.get("url", entry)) for entry in openai.get("data", ())]
    return {"images": images, "parameters": {}, "info": json.dumps({"seed": 1})}


A1111_API = CustomApi("/sdapi/v1/(txt|img)2img", parse, payload, key_header=None, models_path="/sdapi/v1/sd-models")
