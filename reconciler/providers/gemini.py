"""Google's own API, in its native shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from reconciler.providers.batches.api import BatchApi
    from reconciler.providers.http.request import WireRequest
    from reconciler.providers.requests.prepared import PreparedRequest


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """`generateContent`, the only endpoint for images."""
    from reconciler.providers.requests.gemini_native import native  # noqa: PLC0415 - for paid calls only

    if settings.endpoint not in ("", "auto", "native"):
        return Rejected(f"providers.{settings.name}.endpoint: Gemini has only its native endpoint")
    return native(request, base, table.find(request.recipe.model))


def load_gemini_batches() -> BatchApi:
    from reconciler.providers.batches.gemini_batches import GEMINI_BATCHES  # noqa: PLC0415 - few commands need batches

    return GEMINI_BATCHES


GEMINI = Dialect(
    type="gemini",
    home="https://generativelanguage.googleapis.com",
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    key_header=("x-goog-api-key", ""),
    models_path="/v1beta/models",
    vendor_of="gemini",
    build=build,
    batches=load_gemini_batches,
)
