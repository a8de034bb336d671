"""Gravitex, a gateway to four series of models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.capabilities import price
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from reconciler.providers.http.request import WireRequest
    from reconciler.providers.requests.prepared import PreparedRequest


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """The endpoint and the fields depend on the series of the model that the gateway passes the request to."""
    from reconciler.providers.requests.gravitex_images import build_request  # noqa: PLC0415 - for paid calls only

    return build_request(request, settings, base, table)


GRAVITEX = Dialect(
    type="gravitex",
    home="https://api.gravitex.ai",
    key_variables=("GRAVITEX_API_KEY",),
    build=build,
    price=partial(price, quality_sets_size=True),
)
