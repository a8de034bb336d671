"""Easel, a paid service with an API of its own, as a provider."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from reconciler.core.images.pixel_size import pixel_size
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Rejected
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from reconciler.providers.http.request import RequestJson, WireRequest
    from reconciler.providers.requests.prepared import PreparedRequest


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """POST /render: a prompt, a size in pixels, and the reference images as data URLs."""
    from reconciler.providers.http.request import data_uri, json_request

    recipe = request.recipe
    if request.mask or request.turns or recipe.quality or recipe.background:
        return Rejected("Easel has no mask, turns, quality or background")
    width, height = pixel_size(recipe.size, recipe.image_size)
    body: dict[str, RequestJson] = {
        "model": recipe.model,
        "text": request.prompt,
        "width": width,
        "height": height,
        "format": recipe.format,
        "pictures": [data_uri(file) for file in request.references],
    }
    return json_request(base.url("/render"), {**body, **recipe.params}, asked=(width, height))


def price(recipe: Recipe, table: ModelTable) -> Cost | None:
    """Every image of the one known model costs the same."""
    return Cost(Decimal("0.04")) if recipe.model == "easel-1" else None


EASEL = Dialect(
    type="easel",
    home="https://api.easel.example",
    key_variables=("EASEL_API_KEY",),
    key_header=("X-Easel-Key", ""),
    models_path="/models",
    build=build,
    price=price,
)
