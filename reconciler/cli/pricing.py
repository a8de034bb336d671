"""What images should cost and what models cannot do, for the providers of one project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.core.decide import DRAFT
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import Problem
from reconciler.core.pricing import FREE, Cost
from reconciler.core.recipe import Recipe
from reconciler.core.settings import ProviderSettings
from reconciler.core.spec import Spec
from reconciler.core.survey import Price
from reconciler.providers.abilities import price, problems
from reconciler.providers.models import ModelTable, model_table
from reconciler.store.project import Project


def draft_names(providers: Mapping[str, ProviderSettings]) -> frozenset[str]:
    """The names of providers whose images are placeholders."""
    return frozenset(name for name, settings in providers.items() if settings.type == DRAFT)


def pricer(project: Project, *, times: int = 1) -> Price:
    """What an image of a spec should cost, or that many of them."""
    table = model_table(project.settings.models)
    providers = project.settings.providers

    def cost(spec: Spec, recipe: Recipe) -> Cost | None:
        settings = providers[spec.provider]
        if settings.type == DRAFT:
            return FREE
        one = price(recipe, table, provider_type=settings.type)
        return None if one is None else Cost(one.amount * times, one.currency)

    return cost


def model_problems(project: Project, specs: Mapping[AssetId, Spec], table: ModelTable) -> Iterator[Problem]:
    """What a known model cannot do, said before anything is paid."""
    for spec in specs.values():
        if project.settings.providers[spec.provider].type == DRAFT:
            continue
        pictures = tuple(ContentHash(f"sha256:{index}") for index, _ in enumerate(spec.references))
        for fact in problems(replace(spec.words, references=pictures), table):
            yield Problem(spec.place("model"), "model", fact)
