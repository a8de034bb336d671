"""Warnings about the models in use. They never make an asset stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time

from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.recipe import Recipe
from reconciler.core.specs.document import field_name
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.specs.spec import Spec
from reconciler.core.suggest import nearest_word
from reconciler.core.text import one_line
from reconciler.providers.models.capabilities import warnings
from reconciler.providers.models.table import ModelTable

HasListedModels = Callable[[ProviderSettings], bool]
"""Whether the models of a provider are those of the table. Another server may have any."""


def cautions(
    specs: Mapping[AssetId, Spec],
    providers: Mapping[str, ProviderSettings],
    table: ModelTable,
    *,
    today: date,
    listed: HasListedModels,
) -> tuple[Caution, ...]:
    """Each warning once, sorted by model."""
    found: Counter[tuple[str, str]] = Counter()
    unknown: dict[str, str] = {}
    for (model, form, provider), assets in sorted(_in_use(specs, providers).items()):
        for message in warnings(Recipe(prompt="", model=model, format=form), table, today, providers[provider].type):
            found[model, message] += assets
        if model and table.find(model) is None and not unknown.get(model):
            near = nearest_word(model, table.models.keys())
            if near or listed(providers[provider]):
                unknown[model] = near
    told = (Caution(message, assets, model) for (model, message), assets in found.items())
    return (*told, *(_unknown_model(specs, model, near) for model, near in unknown.items()))


def _unknown_model(specs: Mapping[AssetId, Spec], model: str, near: str) -> Caution:
    """The warning about a model that may be newer than the table, at the first place that names it."""
    using = [spec for spec in specs.values() if spec.base_recipe.model == model]
    fact = f'"{one_line(model, 80)}" is not in the table of models; its price is unknown'
    hint = near or "if the name is right, a row under models: in reconciler.yaml gives its price"
    origins = using[0].origins.get("model", ())
    if not origins:
        return Caution(f"model: {fact}", len(using), model, hint=hint)
    origin = origins[-1]
    place = origin.document.place(origin.path)
    return Caution(fact, len(using), model, place=place, field=field_name(origin.path), hint=hint)


def next_retirement(
    specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings], table: ModelTable, *, today: date
) -> float | None:
    """The time of the next warning, in seconds since the epoch; None if none is to come. Until then a cached answer
    about the project is valid."""
    rows = ((table.find(model), providers[provider].type) for model, _, provider in _in_use(specs, providers))
    known = (row.retirement(type_) for row, type_ in rows if row is not None)
    days = [day for day in known if day > today.isoformat()]
    return datetime.combine(date.fromisoformat(min(days)), time(tzinfo=UTC)).timestamp() if days else None


def _in_use(specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings]) -> Counter[tuple[str, str, str]]:
    """The number of assets for each model, format and provider."""
    with_model = {name for name, settings in providers.items() if settings.traits.needs_model}
    used = (spec for spec in specs.values() if spec.provider in with_model)
    return Counter((spec.base_recipe.model, spec.base_recipe.format, spec.provider) for spec in used)
