"""AUTOMATIC1111's web UI and Forge as a provider: free images of a Stable Diffusion server of one's own.

Source: `/docs` of a server that was started with `--api`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.outcome import Rejected
from reconciler.core.seed import recipe_seed
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.models.sizes import asked_pixels
from reconciler.providers.models.table import ModelTable

if TYPE_CHECKING:
    from reconciler.providers.http.request import RequestJson, WireRequest
    from reconciler.providers.requests.prepared import PreparedRequest

_SEEDS = 1 << 32
"""The server's seeds have 32 bits; -1 is a random one."""
_DEFAULT = (512, 512)


def build(
    request: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """POST /sdapi/v1/txt2img, or img2img for a recipe with a reference."""
    from reconciler.providers.http.request import Base64File, json_request

    recipe = request.recipe
    if request.turns or recipe.quality or recipe.background:
        return Rejected("the web UI has no turns, quality or background")
    if len(request.references) > 1:
        return Rejected("references: the web UI takes one image")
    if request.mask and not request.references:
        return Rejected("mask: a mask needs a reference that it belongs to")
    asked = asked_pixels(recipe, table.find(recipe.model)) or _DEFAULT
    body: dict[str, RequestJson] = {
        "prompt": request.prompt,
        "seed": recipe_seed(request.key) % _SEEDS,
        "width": asked[0],
        "height": asked[1],
        "n_iter": 1,
        "batch_size": 1,
        "send_images": True,
        "save_images": False,
    }
    if recipe.model:
        body["override_settings"] = {"sd_model_checkpoint": recipe.model}
    if request.references:
        body["init_images"] = [Base64File(request.references[0])]
    if request.mask:
        body["mask"] = Base64File(request.mask)
    route = "img2img" if request.references else "txt2img"
    return json_request(base.url(f"/sdapi/v1/{route}"), {**body, **recipe.params}, asked=asked)


A1111 = Dialect(
    type="a1111",
    home="http://127.0.0.1:7860",
    models_path="/sdapi/v1/sd-models",
    build=build,
    traits=Traits(free=True, needs_key=False, needs_model=False),
    concurrency=1,
)
