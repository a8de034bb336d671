"""Read the prompt, the model and the images from a request of any dialect, valid or not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.testing.gateway.wire import Request, multipart

URL_SAFE = str.maketrans("-_", "+/")
"""Google reads both alphabets of base64; its own SDK sends this one."""


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request as far as it can be read; a missing part is empty."""

    route: str
    """images or native"""
    model: str
    prompt: str
    """The top-level prompt, or else the text of all turns, a line each."""
    references: tuple[bytes, ...]
    """The images sent, decoded, in order. A URL stays a URL; invalid base64 is empty."""
    fields: Mapping[str, Any]
    edits: bool = False

    @property
    def digests(self) -> tuple[str, ...]:
        return tuple(hashlib.sha256(data).hexdigest() for data in self.references)


def parse_request(request: Request) -> ParsedRequest:
    """Read the body. Never fails."""
    edits = request.path.endswith("/edits")
    kind = request.header("content-type")
    if kind.startswith("multipart/"):
        parts = multipart(request.body, kind)
        fields: dict[str, Any] = {
            part.name: part.data.decode("utf-8", "replace") for part in parts if not part.filename
        }
        images = tuple(part.data for part in parts if part.name in {"image", "image[]"})
        return ParsedRequest(
            "images", str(fields.get("model", "")), str(fields.get("prompt", "")), images, fields, edits
        )
    fields = _mapping(request.body)
    turns = list(_turn_parts(fields.get("contents")))
    text = "\n".join(part["text"] for part in turns if isinstance(part.get("text"), str))
    native = re.fullmatch(r"/v1beta/models/([^/:]+):generateContent", request.path)
    if native:
        inline = [part.get("inlineData") or part.get("inline_data") for part in turns]
        encoded = [str(data.get("data")).translate(URL_SAFE) for data in inline if isinstance(data, dict)]
        return ParsedRequest("native", native.group(1), text, _decoded(encoded), fields)
    listed = fields.get("image", [])
    encoded = [str(image) for image in (listed if isinstance(listed, list) else [listed])]
    encoded += [str(part["image"]) for part in turns if "image" in part]
    prompt = str(fields.get("prompt") or text)
    return ParsedRequest("images", str(fields.get("model", "")), prompt, _decoded(encoded), fields, edits)


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _turn_parts(contents: Any) -> Iterable[dict[str, Any]]:
    for turn in contents if isinstance(contents, list) else []:
        if isinstance(turn, dict) and isinstance(turn.get("parts"), list):
            yield from (part for part in turn["parts"] if isinstance(part, dict))


def _decoded(encoded: list[str]) -> tuple[bytes, ...]:
    found = []
    for text in encoded:
        is_url = text.startswith(("http://", "https://"))
        try:
            found.append(
                text.encode() if is_url else base64.b64decode(text.partition(";base64,")[2] or text, validate=True)
            )
        except ValueError:
            found.append(b"")
    return tuple(found)
