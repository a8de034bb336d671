"""The queue of fal.ai: one shape for all models that it runs."""

from __future__ import annotations

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
    from reconciler.providers.http.request import WireRequest
    from reconciler.providers.jobs.api import JobApi
    from reconciler.providers.requests.prepared import PreparedRequest


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """A POST of the input to the path of the model."""
    from reconciler.providers.http.request import json_request  # noqa: PLC0415 - for paid calls only
    from reconciler.providers.jobs.fields import model_path, with_images  # noqa: PLC0415 - for paid calls only

    recipe = request.recipe
    path = model_path(recipe.model)
    if "/" not in path:
        raise ValueError('model: fal names a model by its path, as in "fal-ai/flux/dev"')
    pixels = pixels_of(recipe.size)
    fields: dict[str, Json] = {
        "image_size": {"width": pixels[0], "height": pixels[1]} if pixels else None,
        "aspect_ratio": None if pixels or recipe.size == "auto" else recipe.size,
        "resolution": recipe.image_size,
        "quality": recipe.quality,
        "background": recipe.background,
        "output_format": recipe.format,
        "num_images": 1,
    }
    body = with_images(
        request, fields, default=lambda images: {"image_url": images[0]} if len(images) == 1 else {"image_urls": images}
    )
    return json_request(f"{base.origin}{base.path}/{path}", body)


def _load_jobs() -> JobApi:
    from reconciler.providers.jobs.fal_queue import FAL_QUEUE  # noqa: PLC0415 - few commands need it

    return FAL_QUEUE


FAL = Dialect(
    type="fal",
    home="https://queue.fal.run",
    build=build,
    key_variables=("FAL_KEY",),
    key_header=("Authorization", "Key "),
    models_path="",
    traits=Traits(resumable=True),
    jobs=_load_jobs,
)
