"""Build requests for the Gravitex gateway: OpenAI's endpoints, with fields of its own for Gemini models."""

from __future__ import annotations

from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import Attachment, RequestJson, WireRequest, data_uri, json_request
from reconciler.providers.models.sizes import asked_pixels, given_pixels, ratio_size
from reconciler.providers.models.table import Model, ModelTable
from reconciler.providers.requests.gemini_native import native
from reconciler.providers.requests.openai_images import (
    GENERATIONS,
    generation,
    gpt_fields,
    image_field,
    images,
    pixel_text,
    with_params,
)
from reconciler.providers.requests.prepared import PreparedRequest


def build_request(
    ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """The endpoint and the fields depend on the series of the model that the gateway passes the request to."""
    recipe, row, series = ready.recipe, table.find(ready.recipe.model), table.series(ready.recipe.model)
    if settings.endpoint == "native":
        if series not in ("gemini", ""):
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no native endpoint at the gateway")
        return native(ready, base, row)
    if series == "gemini":
        if settings.endpoint == "edits":
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no edits at the gateway")
        return _gateway_gemini(ready, settings, base, row)
    if series == "gpt":
        asked = asked_pixels(recipe, row)
        return images(ready, settings, base, fields=gpt_fields(ready, asked), asked=asked)
    if series == "seedream":
        if settings.endpoint == "edits":
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no edits at the gateway")
        asked = asked_pixels(recipe, row)
        return generation(ready, base, fields={"size": pixel_text(asked) or recipe.image_size.upper()}, asked=asked)
    if series == "qwen":
        asked = asked_pixels(recipe, row)
        fields: dict[str, Json] = {"size": pixel_text(asked), "response_format": "b64_json"}
        return images(ready, settings, base, fields=fields, asked=asked)
    unknown: dict[str, Json] = {"size": recipe.size, "quality": recipe.quality, "response_format": "b64_json"}
    return images(ready, settings, base, fields=unknown, asked=None)


def _gateway_gemini(
    ready: PreparedRequest, settings: ProviderSettings, base: Base, row: Model | None
) -> WireRequest | Rejected:
    """A Gemini model at the gateway's images endpoint, which requires a prompt even beside `contents`."""
    if ready.mask is not None:
        return Rejected("mask: Gemini models take none")
    recipe = ready.recipe
    body: dict[str, RequestJson] = {"model": recipe.model, "prompt": ready.prompt}
    if settings.reference_encoding == "image":
        if ready.turns:
            return Rejected("turns: a conversation needs reference_encoding: contents, or endpoint: native")
        body |= image_field(ready)
    elif ready.turns or ready.references:
        body["contents"] = [
            {"role": turn.role, "parts": [_part(part) for part in turn.parts if part != ""]}
            for turn in ready.conversation()
        ]
    body |= {
        "size": ratio_size(recipe),
        "quality": _gateway_quality(recipe.quality, recipe.image_size.upper()),
        "n": 1,
        "response_format": "b64_json",
        "image_size": recipe.image_size.upper(),
        "mime_type": f"image/{recipe.format}",
        "response_modalities": "image",
    }
    return json_request(base.url(GENERATIONS), with_params(body, recipe.params), asked=_less(recipe, row))


def _part(part: str | Attachment) -> RequestJson:
    return {"text": part} if isinstance(part, str) else {"image": data_uri(part)}


def _gateway_quality(quality: str, image_size: str) -> str:
    """The author's word; without one, the quality that agrees with `image_size`: the gateway may ignore that, and reads
    `high` as 2K, others as 1K."""
    if quality or not image_size:
        return quality
    return "standard" if image_size in ("512", "1K") else "high"


def _less(recipe: Recipe, row: Model | None) -> tuple[int, int] | None:
    """The pixels to expect of a model that is not known to give the image size that is asked for."""
    if row is None or not row.image_sizes or recipe.image_size.upper() in ("", *row.image_sizes):
        return None
    return given_pixels(recipe, row)
