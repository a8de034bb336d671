"""Choose, for each type of provider and series of models, the endpoint and the words of a request. Pure."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import Attachment, RequestJson, WireRequest, data_uri, json_request
from reconciler.providers.models.capabilities import parameter_problems
from reconciler.providers.models.sizes import asked_pixels, ratio_size
from reconciler.providers.models.table import ModelTable
from reconciler.providers.requests.gemini_native import native
from reconciler.providers.requests.openai_images import (
    GENERATIONS,
    edit_form,
    edit_json,
    generation,
    image_field,
    with_params,
)
from reconciler.providers.requests.prepared import PreparedRequest

Build = Callable[[PreparedRequest, ProviderSettings, Base, ModelTable], WireRequest | Rejected]
"""How a type of provider says a recipe. What it cannot say is Rejected before anything is sent."""


def sendable(build: Build) -> Build:
    """A builder that refuses what no provider can be asked."""

    def checked(
        ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
    ) -> WireRequest | Rejected:
        if not ready.recipe.model:
            return Rejected("the spec names no model")
        if not ready.prompt:
            return Rejected("the spec has no prompt")
        wrong = tuple(parameter_problems(ready.recipe))
        if wrong:
            return Rejected("; ".join(wrong))
        row = table.find(ready.recipe.model)
        unfit = [file for file in ready.files() if row is not None and row.takes and file.format not in row.takes]
        if unfit:
            return Rejected(f"{ready.recipe.model} takes no {unfit[0].format} pictures ({unfit[0].path.name})")
        try:
            return build(ready, settings, base, table)
        except ValueError as error:
            return Rejected(str(error))

    return checked


@sendable
def gemini(ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable) -> WireRequest | Rejected:
    """Google's own server: its native shape."""
    if settings.endpoint not in ("", "auto", "native"):
        return Rejected(f"providers.{settings.name}.endpoint: Gemini has only its native endpoint")
    return native(ready, base, table.find(ready.recipe.model))


@sendable
def openai(ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable) -> WireRequest | Rejected:
    """OpenAI and servers of its shape. They know pixels, not ratios; only GPT models refuse `response_format`."""
    if settings.endpoint == "native":
        return Rejected(f"providers.{settings.name}.endpoint: an OpenAI-shaped server has no native endpoint")
    gpt = table.series(ready.recipe.model) == "gpt"
    asked = asked_pixels(ready.recipe, table.find(ready.recipe.model))
    return _images(ready, settings, base, fields=_gpt(ready, asked) if gpt else _plain(ready, asked), asked=asked)


@sendable
def gravitex(
    ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """The gateway: what to say depends on the series of the model that it passes the request to."""
    recipe, row, series = ready.recipe, table.find(ready.recipe.model), table.series(ready.recipe.model)
    if settings.endpoint == "native":
        if series not in ("gemini", ""):
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no native endpoint at the gateway")
        return native(ready, base, row)
    if series == "gemini":
        if settings.endpoint == "edits":
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no edits at the gateway")
        return _gateway_gemini(ready, settings, base)
    if series == "gpt":
        asked = asked_pixels(recipe, row)
        return _images(ready, settings, base, fields=_gpt(ready, asked), asked=asked)
    if series == "seedream":
        if settings.endpoint == "edits":
            return Rejected(f"providers.{settings.name}.endpoint: {recipe.model} has no edits at the gateway")
        asked = asked_pixels(recipe, row)
        return generation(ready, base, fields={"size": _pixels(asked) or recipe.image_size.upper()}, asked=asked)
    if series == "qwen":
        asked = asked_pixels(recipe, row)
        fields: dict[str, Json] = {"size": _pixels(asked), "response_format": "b64_json"}
        return _images(ready, settings, base, fields=fields, asked=asked)
    unknown: dict[str, Json] = {"size": recipe.size, "quality": recipe.quality, "response_format": "b64_json"}
    return _images(ready, settings, base, fields=unknown, asked=None)


def _images(
    ready: PreparedRequest,
    settings: ProviderSettings,
    base: Base,
    *,
    fields: dict[str, Json],
    asked: tuple[int, int] | None,
) -> WireRequest | Rejected:
    """Generations without pictures, else edits: as a form, or as JSON where `reference_encoding` is `image`."""
    pictures = bool(ready.references) or ready.mask is not None
    if settings.endpoint == "images" or (settings.endpoint != "edits" and not pictures):
        return generation(ready, base, fields=fields, asked=asked)
    if not ready.references:
        return Rejected("the edits endpoint needs at least one reference")
    if settings.reference_encoding == "image":
        return edit_json(ready, base, fields=fields, asked=asked)
    # OpenAI's own SDK says `image` for an only picture, and some servers know no other name; the gateway documents
    # `image[]` whatever their number
    name = "image" if settings.type == "openai" and len(ready.references) == 1 else "image[]"
    return edit_form(ready, base, fields=fields, asked=asked, name=name)


def _gpt(ready: PreparedRequest, asked: tuple[int, int] | None) -> dict[str, Json]:
    recipe = ready.recipe
    return {
        "size": _pixels(asked),
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": recipe.format,
    }


def _plain(ready: PreparedRequest, asked: tuple[int, int] | None) -> dict[str, Json]:
    """What every OpenAI-shaped server takes; what only some take is said only if it was asked for."""
    recipe = ready.recipe
    return {
        "size": _pixels(asked),
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": "" if recipe.format == "png" else recipe.format,
        "response_format": "b64_json",
    }


def _pixels(asked: tuple[int, int] | None) -> str:
    return f"{asked[0]}x{asked[1]}" if asked else ""


def _gateway_gemini(ready: PreparedRequest, settings: ProviderSettings, base: Base) -> WireRequest | Rejected:
    """Gemini through the gateway's images endpoint. It needs a prompt even beside `contents`."""
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
    return json_request(base.url(GENERATIONS), with_params(body, recipe.params))


def _part(part: str | Attachment) -> RequestJson:
    return {"text": part} if isinstance(part, str) else {"image": data_uri(part)}


def _gateway_quality(quality: str, image_size: str) -> str:
    """The gateway reads `high` as 2K and all else as 1K, and may not read `image_size`: both must say the same."""
    if not image_size:
        return quality
    if image_size in ("512", "1K"):
        return "standard" if quality in ("", "hd", "high", "2K") else quality
    return "high"
