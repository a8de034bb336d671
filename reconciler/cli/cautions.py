"""What may go wrong with the models in use though it is no error: told to people, never a reason to make anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from reconciler.core.decide import DRAFT
from reconciler.core.digest import AssetId
from reconciler.core.recipe import Recipe
from reconciler.core.settings import ProviderSettings
from reconciler.core.spec import Spec
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.providers.abilities import warnings
from reconciler.providers.models import ModelTable


@value
class Caution:
    """One warning, and how many assets it is about."""

    model: str
    words: str
    assets: int


def cautions(
    specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings], table: ModelTable, *, today: date
) -> tuple[Caution, ...]:
    """Each warning once, in the order of models."""
    found: Counter[tuple[str, str]] = Counter()
    for (model, form), assets in sorted(_in_use(specs, providers).items()):
        for words in warnings(Recipe(prompt="", model=model, format=form), table, today):
            found[model, words] += assets
    return tuple(Caution(model, words, assets) for (model, words), assets in found.items())


def next_retirement(
    specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings], table: ModelTable, *, today: date
) -> float | None:
    """When the next warning falls due, in seconds of the epoch: what is said of a project holds until then."""
    rows = (table.find(model) for model, _ in _in_use(specs, providers))
    days = [row.retires for row in rows if row is not None and row.retires > today.isoformat()]
    return datetime.combine(date.fromisoformat(min(days)), time(tzinfo=UTC)).timestamp() if days else None


def _in_use(specs: Mapping[AssetId, Spec], providers: Mapping[str, ProviderSettings]) -> Counter[tuple[str, str]]:
    """Models with the formats that are asked of them, and by how many assets."""
    paid = {name for name, settings in providers.items() if settings.type != DRAFT}
    return Counter((spec.words.model, spec.words.format) for spec in specs.values() if spec.provider in paid)


def caution_lines(found: Sequence[Caution]) -> Iterator[str]:
    """For stderr."""
    for one in found:
        yield f"warning: {printable(one.words)}: {one.assets:,} asset{'' if one.assets == 1 else 's'}"


def cautions_json(found: Sequence[Caution]) -> list[dict[str, Any]]:
    """For programs."""
    return [{"model": one.model, "words": one.words, "assets": one.assets} for one in found]
