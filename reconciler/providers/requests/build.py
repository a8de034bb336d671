"""Build the HTTP request of a recipe in a dialect, after the checks that hold for every dialect. Pure."""

from __future__ import annotations

from reconciler.core.outcome import Rejected
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.models.capabilities import parameter_problems
from reconciler.providers.models.table import ModelTable
from reconciler.providers.requests.prepared import PreparedRequest


def build_wire_request(
    dialect: Dialect, ready: PreparedRequest, settings: ProviderSettings, base: Base, table: ModelTable
) -> WireRequest | Rejected:
    """The request without its key; Rejected if the recipe cannot be expressed."""
    recipe = ready.recipe
    if dialect.traits.needs_model and not recipe.model:
        return Rejected("the spec names no model")
    if not ready.prompt:
        return Rejected("the spec has no prompt")
    wrong = tuple(parameter_problems(recipe))
    if wrong:
        return Rejected("; ".join(wrong))
    row = table.find(recipe.model)
    unfit = [file for file in ready.files() if row is not None and row.takes and file.format not in row.takes]
    if unfit:
        return Rejected(f"{recipe.model} takes no {unfit[0].format} pictures ({unfit[0].path.name})")
    if row is not None and row.gives and recipe.format not in row.gives:  # the image is converted
        ready = replace(ready, recipe=replace(recipe, format=row.usually_gives or row.gives[0]))
    try:
        return dialect.build(ready, settings, base, table)
    except ValueError as error:
        return Rejected(str(error))
