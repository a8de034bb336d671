"""What images should cost and what models cannot do, for the providers of one project."""

from __future__ import annotations

import re
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
    """What an image of a spec should cost, or that many of them."""
    table = model_table(project.settings.models)
    providers = project.settings.providers

    def cost(spec: Spec, recipe: Recipe) -> Cost | None:
        one = price_of(REGISTRY.declared(providers[spec.provider]), recipe, table)
        return one if one is None or one.free else Cost(one.amount * times, one.currency)

    return cost


def model_problems(project: Project, specs: Mapping[AssetId, Spec], table: ModelTable) -> Iterator[Problem]:
    """What a known model cannot do, said before anything is paid."""
    for spec in specs.values():
        if not project.settings.providers[spec.provider].traits.needs_model:
            continue
        pictures = tuple(ContentHash(f"sha256:{index}") for index, _ in enumerate(spec.references))
        for said in problems(replace(spec.base_recipe, references=pictures), table):
            field, _, fact = said.partition(": ")
            origins = spec.origins.get(field) or spec.origins.get("model")
            if origins:
                written = fact if spec.origins.get(field) else said
                yield origins[-1].document.problem(origins[-1].path, written)
            else:
                yield Problem(spec.place(field), field, fact)


def row_problems(project: Project, table: ModelTable) -> Iterator[Problem]:
    """What is wrong with the project's own rows of the table, each where it is written."""
    for said in table.problems:
        name = next(name for name in project.settings.models if re.match(rf"models\.{re.escape(name)}[.:]", said))
        where, _, fact = said.removeprefix(f"models.{name}").partition(": ")
        path = ("models", name, *(part for part in where.split(".") if part))
        yield project.document.problem(path, fact)


def address_problems(project: Project) -> Iterator[Problem]:
    """Servers that nothing would be sent to. The address is not repeated: people write passwords into it."""
    for name, settings in project.settings.providers.items():
        base = parse_base(settings.base_url) if settings.base_url else None
        if isinstance(base, BadBase):
            fact = base.why.removeprefix("base_url ")
            yield project.document.problem(("providers", name, "base_url"), fact)
