"""The API of Black Forest Labs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.digest import Json
from reconciler.core.images.pixel_size import pixel_size
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

_TAKE_RATIOS = ("kontext", "ultra")
"""Models with this in their name take a ratio; the others take width and height."""


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """A POST of the input to the path of the model."""
    from reconciler.providers.http.request import Base64File, json_request  # noqa: PLC0415 - for paid calls only
    from reconciler.providers.jobs.fields import model_path, with_images  # noqa: PLC0415 - for paid calls only

    recipe = request.recipe
    path = model_path(recipe.model)
    by_ratio = any(name in path for name in _TAKE_RATIOS) and pixels_of(recipe.size) is None
    wide, high = pixel_size(recipe.size, recipe.image_size)
    size: dict[str, Json] = {"aspect_ratio": recipe.size} if by_ratio else {"width": wide, "height": high}
    fields = {**size, "output_format": "jpeg" if recipe.format == "jpeg" else "png"}
    body = with_images(request, fields, default=_numbered, encode=Base64File)
    return json_request(base.url(f"/v1/{path}"), body)


def _numbered(images: tuple[Base64File, ...]) -> Mapping[str, RequestJson]:
    """`input_image`, `input_image_2` and so on."""
    names = ("input_image", *(f"input_image_{number}" for number in range(2, len(images) + 1)))
    return dict(zip(names, images, strict=False))


def _load_jobs() -> JobApi:
    from reconciler.providers.jobs.bfl_results import BFL_RESULTS  # noqa: PLC0415 - few commands need it

    return BFL_RESULTS


BFL = Dialect(
    type="bfl",
    home="https://api.bfl.ai",
    build=build,
    key_variables=("BFL_API_KEY",),
    key_header=("x-key", ""),
    models_path="",
    traits=Traits(resumable=True),
    jobs=_load_jobs,
    keeps_results=False,
)
