"""Warnings about the models in use. They never make an asset stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.specs.spec import Spec
from reconciler.providers.models.capabilities import warnings
from reconciler.providers.models.table import ModelTable


def cautions(
    specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings], table: ModelTable, *, today: date
) -> tuple[Caution, ...]:
    """Each warning once, sorted by model."""
    found: Counter[tuple[str, str]] = Counter()
    for (model, form), assets in sorted(_in_use(specs, providers).items()):
        for message in warnings(Recipe(prompt="", model=model, format=form), table, today):
            found[model, message] += assets
    return tuple(Caution(message, assets, model) for (model, message), assets in found.items())


def next_retirement(
    specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings], table: ModelTable, *, today: date
) -> float | None:
    """The time of the next warning, in seconds since the epoch; None if none is to come. Until then a cached answer
    about the project is valid."""
    rows = (table.find(model) for model, _ in _in_use(specs, providers))
    days = [row.retires for row in rows if row is not None and row.retires > today.isoformat()]
    return datetime.combine(date.fromisoformat(min(days)), time(tzinfo=UTC)).timestamp() if days else None


def _in_use(specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings]) -> Counter[tuple[str, str]]:
    """The number of assets for each model and format."""
    with_model = {name for name, settings in providers.items() if settings.traits.needs_model}
    recipes = (spec.base_recipe for spec in specs.values() if spec.provider in with_model)
    return Counter((recipe.model, recipe.format) for recipe in recipes)
