"""Replicate's predictions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.core.digest import Json
from reconciler.core.images.sniff import pixels_of
from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.providers.http.request import Base64File, RequestJson, WireRequest
    from reconciler.providers.jobs.api import JobApi
    from reconciler.providers.requests.prepared import PreparedRequest

_VERSION = re.compile(r"[0-9a-f]{64}")


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """A prediction of a model, `owner/name`, or of one version of it, `owner/name:version`."""
    from reconciler.providers.http.request import json_request  # noqa: PLC0415 - for paid calls only
    from reconciler.providers.jobs.fields import model_path, with_images  # noqa: PLC0415 - for paid calls only

    recipe = request.recipe
    name, colon, version = recipe.model.partition(":")
    path = model_path(name)
    if path.count("/") != 1 or (colon and not _VERSION.fullmatch(version)):
        raise ValueError('model: Replicate names a model as "owner/name" or "owner/name:version"')
    pixels = pixels_of(recipe.size)
    fields: dict[str, Json] = {
        "width": pixels[0] if pixels else None,
        "height": pixels[1] if pixels else None,
        "aspect_ratio": None if pixels or recipe.size == "auto" else recipe.size,
        "resolution": recipe.image_size,
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": "jpg" if recipe.format == "jpeg" else recipe.format,
    }
    given = with_images(request, fields, default=_unplaced)
    if colon:
        return json_request(base.url("/v1/predictions"), {"version": version, "input": given})
    return json_request(base.url(f"/v1/models/{path}/predictions"), {"input": given})


def _unplaced(images: tuple[Base64File, ...]) -> Mapping[str, RequestJson]:
    """Each model of Replicate calls its images by another name."""
    raise ValueError("references: say which input takes them, as in `params: {input_image: reference 1}`")


def _load_jobs() -> JobApi:
    from reconciler.providers.jobs.predictions import PREDICTIONS  # noqa: PLC0415 - few commands need it

    return PREDICTIONS


REPLICATE = Dialect(
    type="replicate",
    home="https://api.replicate.com",
    build=build,
    key_variables=("REPLICATE_API_TOKEN",),
    models_path="/v1/models",
    traits=Traits(resumable=True),
    jobs=_load_jobs,
)
