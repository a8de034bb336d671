"""OpenAI's Images API, and every server that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.sizes import asked_pixels
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from reconciler.providers.batches.api import BatchApi
    from reconciler.providers.http.request import WireRequest
    from reconciler.providers.requests.prepared import PreparedRequest


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """Sizes are sent in pixels, never as ratios. Only GPT models refuse `response_format`."""
    from reconciler.providers.requests.openai_images import (  # noqa: PLC0415 - for paid calls only
        gpt_fields,
        images,
        plain_fields,
    )

    if settings.endpoint == "native":
        return Rejected(f"providers.{settings.name}.endpoint: an OpenAI-shaped server has no native endpoint")
    gpt = table.series(request.recipe.model) == "gpt"
    asked = asked_pixels(request.recipe, table.find(request.recipe.model))
    fields = gpt_fields(request, asked) if gpt else plain_fields(request, asked)
    # OpenAI's own SDK sends a single picture as `image`, and some servers accept no other name
    name = "image" if len(request.references) == 1 else "image[]"
    return images(request, settings, base, fields=fields, asked=asked, part_name=name)


def load_openai_batches() -> BatchApi:
    from reconciler.providers.batches.openai_batches import OPENAI_BATCHES  # noqa: PLC0415 - few commands need batches

    return OPENAI_BATCHES


OPENAI = Dialect(
    type="openai",
    home="https://api.openai.com",
    key_variables=("OPENAI_API_KEY",),
    build=build,
    batches=load_openai_batches,
    vendor_of="gpt",
)
