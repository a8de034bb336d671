"""Estimated prices, and the limits of models, for the providers of one project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import Problem
from reconciler.core.money.cost import Cost
from reconciler.core.plan.facts import Price
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import Spec
from reconciler.core.value import replace
from reconciler.providers.declaration import price_of
from reconciler.providers.http.origins import BadBase, parse_base
from reconciler.providers.models.capabilities import problems
from reconciler.providers.models.table import ModelTable, model_table
from reconciler.providers.registry import REGISTRY
from reconciler.store.documents.project import Project


def pricer(project: Project, *, times: int = 1) -> Price:
    """The estimated price of `times` images of a spec."""
    table = model_table(project.settings.models)
    providers = project.settings.providers

    def cost(spec: Spec, recipe: Recipe) -> Cost | None:
        one = price_of(REGISTRY.declared(providers[spec.provider]), recipe, table)
        return one if one is None or one.free else Cost(one.amount * times, one.currency)

    return cost


def model_problems(project: Project, specs: Mapping[AssetId, Spec], table: ModelTable) -> Iterator[Problem]:
    """Fields that a known model does not support, so that no request is paid for in vain."""
    for spec in specs.values():
        if not project.settings.providers[spec.provider].traits.needs_model:
            continue
        pictures = tuple(ContentHash(f"sha256:{index}") for index, _ in enumerate(spec.references))
        for message in problems(replace(spec.base_recipe, references=pictures), table):
            field, _, fact = message.partition(": ")
            origins = spec.origins.get(field) or spec.origins.get("model")
            if origins:
                written = fact if spec.origins.get(field) else message
                yield origins[-1].document.problem(origins[-1].path, written)
            else:
                yield Problem(spec.place(field), field, fact)


def row_problems(project: Project, table: ModelTable) -> Iterator[Problem]:
    """The problems of the project's own rows of the table, each with its place."""
    for wrong in table.problems:
        yield project.document.problem(("models", wrong.model, *wrong.field), wrong.fact, wrong.hint)


def address_problems(project: Project) -> Iterator[Problem]:
    """Unusable base URLs. The message does not repeat a URL, because it may contain a password."""
    for name, settings in project.settings.providers.items():
        base = parse_base(settings.base_url) if settings.base_url else None
        if isinstance(base, BadBase):
            fact = base.why.removeprefix("base_url ")
            yield project.document.problem(("providers", name, "base_url"), fact)
