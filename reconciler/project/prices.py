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
            yield replace(_written_problem(spec, field, fact), asset=spec.id)


_OF_OUTPUT = ("format",)
"""Fields that the name of the output can state."""


def _written_problem(spec: Spec, field: str, fact: str) -> Problem:
    """A problem with a field where the user wrote it; at the asset's own spec if it was not written."""
    for name in (field, *(("output",) if field in _OF_OUTPUT else ())):
        origins = spec.origins.get(name)
        if origins:
            return origins[-1].document.problem(origins[-1].path, fact)
    own = spec.origins.get("")
    if own:
        return own[-1].document.problem((*own[-1].path, field), fact)
    return Problem(spec.place(field), field, fact)


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
