"""Build requests in the shape of OpenAI's Images API: generations as JSON, edits as JSON or as a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import (
    Base64File,
    Part,
    RequestJson,
    WireRequest,
    data_uri,
    form_request,
    form_value,
    json_request,
)
from reconciler.providers.requests.prepared import PreparedRequest

T = TypeVar("T")

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"

Fields = Mapping[str, Json]
"""Fields of the request beside the prompt and the images; empty values are left out."""


def generation(
    ready: PreparedRequest, base: Base, *, fields: Fields, asked: tuple[int, int] | None
) -> WireRequest | Rejected:
    """`/v1/images/generations`; references, if any, are `data:` URLs in `image`."""
    if ready.mask is not None:
        return Rejected("mask: a mask goes to the edits endpoint")
    return _as_json(ready, base.url(GENERATIONS), fields=fields, asked=asked)


def edit_json(
    ready: PreparedRequest, base: Base, *, fields: Fields, asked: tuple[int, int] | None
) -> WireRequest | Rejected:
    """`/v1/images/edits` as JSON."""
    return _as_json(ready, base.url(EDITS), fields=fields, asked=asked)


def _as_json(
    ready: PreparedRequest, url: str, *, fields: Fields, asked: tuple[int, int] | None
) -> WireRequest | Rejected:
    if ready.turns:
        return _NO_TURNS
    body: dict[str, RequestJson] = {"model": ready.recipe.model, "prompt": ready.prompt, **image_field(ready)}
    if ready.mask is not None:
        body["mask"] = data_uri(ready.mask)
    return json_request(url, with_params({**body, "n": 1, **fields}, ready.recipe.params), asked=asked)


def edit_form(
    ready: PreparedRequest, base: Base, *, fields: Fields, asked: tuple[int, int] | None, name: str = "image[]"
) -> WireRequest | Rejected:
    """`/v1/images/edits` as a form: images are sent unencoded, each in a part called `name`."""
    if ready.turns:
        return _NO_TURNS
    recipe = ready.recipe
    said = with_params({"model": recipe.model, "prompt": ready.prompt, "n": 1, **fields}, recipe.params)
    parts = [Part(field, form_value(value)) for field, value in said.items()]
    parts += [Part(name, file, f"image-{i}.{file.format}") for i, file in enumerate(ready.references, 1)]
    if ready.mask is not None:
        parts.append(Part("mask", ready.mask, f"mask.{ready.mask.format}"))
    return form_request(base.url(EDITS), parts, boundary=ready.boundary, asked=asked)


def image_field(ready: PreparedRequest) -> dict[str, RequestJson]:
    """`image`: one `data:` URL, or a list of them."""
    files: list[Base64File] = [data_uri(file) for file in ready.references]
    if not files:
        return {}
    return {"image": files[0] if len(files) == 1 else files}


def with_params(body: Mapping[str, T], params: Mapping[str, Json]) -> dict[str, T | Json]:
    """The body with the spec's parameters over it. A null or empty parameter removes a field."""
    return {name: value for name, value in {**body, **params}.items() if value is not None and value != ""}


def images(
    ready: PreparedRequest,
    settings: ProviderSettings,
    base: Base,
    *,
    fields: dict[str, Json],
    asked: tuple[int, int] | None,
    part_name: str = "image[]",
) -> WireRequest | Rejected:
    """Generations without pictures, else edits: as a form, or as JSON where `reference_encoding` is `image`.

    `part_name` is the name of each reference in a form.
    """
    pictures = bool(ready.references) or ready.mask is not None
    if settings.endpoint == "images" or (settings.endpoint != "edits" and not pictures):
        return generation(ready, base, fields=fields, asked=asked)
    if not ready.references:
        return Rejected("the edits endpoint needs at least one reference")
    if settings.reference_encoding == "image":
        return edit_json(ready, base, fields=fields, asked=asked)
    return edit_form(ready, base, fields=fields, asked=asked, name=part_name)


def gpt_fields(ready: PreparedRequest, asked: tuple[int, int] | None) -> dict[str, Json]:
    recipe = ready.recipe
    return {
        "size": pixel_text(asked),
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": recipe.format,
    }


def plain_fields(ready: PreparedRequest, asked: tuple[int, int] | None) -> dict[str, Json]:
    """Fields that every OpenAI-shaped server accepts; the others are sent only if the spec asks for them."""
    recipe = ready.recipe
    return {
        "size": pixel_text(asked),
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": "" if recipe.format == "png" else recipe.format,
        "response_format": "b64_json",
    }


def pixel_text(asked: tuple[int, int] | None) -> str:
    return f"{asked[0]}x{asked[1]}" if asked else ""


_NO_TURNS = Rejected("turns: this model takes one prompt, not a conversation")
