"""Build requests in Google's native shape, `generateContent`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import Attachment, Base64File, RequestJson, WireRequest, json_request
from reconciler.providers.models.sizes import ratio_size
from reconciler.providers.models.table import Model
from reconciler.providers.requests.prepared import PreparedRequest

_BESIDE = frozenset({"safetySettings", "tools", "toolConfig", "systemInstruction", "cachedContent", "labels"})
"""Parameters that are siblings of `generationConfig`; all others go into it."""


def native(ready: PreparedRequest, base: Base, row: Model | None) -> WireRequest | Rejected:
    """`/v1beta/models/{model}:generateContent`."""
    if ready.mask is not None:
        return Rejected("mask: Gemini models take none")
    recipe = ready.recipe
    model = quote(recipe.model.removeprefix("models/"), safe="")
    contents: list[RequestJson] = [
        {"role": turn.role, "parts": [_part(part) for part in turn.parts if part != ""]}
        for turn in ready.conversation()
    ]
    beside = {name: value for name, value in recipe.params.items() if name in _BESIDE and value is not None}
    inside = {name: value for name, value in recipe.params.items() if name not in _BESIDE}
    body: dict[str, RequestJson] = {"contents": contents, "generationConfig": _config(ready, row, inside), **beside}
    return json_request(base.url(f"/v1beta/models/{model}:generateContent"), body)


def _part(part: str | Attachment) -> RequestJson:
    if isinstance(part, str):
        return {"text": part}
    return {"inlineData": {"mimeType": part.mime, "data": Base64File(part)}}


def _config(ready: PreparedRequest, row: Model | None, params: Mapping[str, Json]) -> dict[str, Json]:
    image = {"aspectRatio": ratio_size(ready.recipe)}
    size = ready.recipe.image_size.upper()
    if row is None or row.image_sizes != (size,):  # Google's own API rejects the field for a model with one size
        image["imageSize"] = size
    config = _over({"responseModalities": ["IMAGE"], "imageConfig": {k: v for k, v in image.items() if v}}, params)
    given = params.get("generationConfig")
    if isinstance(given, Mapping):
        config.pop("generationConfig")
        config = _over(config, given)
    return {name: value for name, value in config.items() if value not in (None, {})}


def _over(config: Mapping[str, Json], params: Mapping[str, Json]) -> dict[str, Json]:
    """The spec's parameters over the config; `imageConfig` is merged field by field."""
    merged = {**config, **params}
    ours, theirs = config.get("imageConfig"), params.get("imageConfig")
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        merged["imageConfig"] = {**ours, **theirs}
    return merged
