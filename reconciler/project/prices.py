"""Estimated prices, and the limits of models, for the providers of one project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import Problem
from reconciler.core.money.cost import Cost
from reconciler.core.plan.facts import Price
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.specs.spec import Spec
from reconciler.core.value import replace
from reconciler.providers.declaration import batch_price_of, has_batches, is_own_api, price_of
from reconciler.providers.http.origins import BadBase, parse_base
from reconciler.providers.models.capabilities import doubts, other_pixels, problems
from reconciler.providers.models.table import ModelTable, model_table
from reconciler.providers.registry import REGISTRY
from reconciler.store.documents.project import Project


def pricer(project: Project, *, times: int = 1, batched: bool = False) -> Price:
    """The estimated price of `times` images of a spec; `batched`: in batches, if its provider has them."""
    table = model_table(project.settings.models)
    providers = project.settings.providers

    def cost(spec: Spec, recipe: Recipe) -> Cost | None:
        settings = providers[spec.provider]
        declared = REGISTRY.declared(settings)
        if batched and has_batches(declared):
            one = batch_price_of(declared, recipe, table)
        else:
            one = price_of(declared, recipe, table, charges=settings.charges)
        return one if one is None or one.free else replace(one, amount=one.amount * times)

    return cost


def remake_price(project: Project, spec: Spec, model: str) -> Cost | None:
    """The estimated price of one image of a spec by another model."""
    recipe = replace(_with_references(spec), model=model)
    settings = project.settings.providers[spec.provider]
    return price_of(REGISTRY.declared(settings), recipe, model_table(project.settings.models), charges=settings.charges)


def model_problems(project: Project, specs: Mapping[AssetId, Spec], table: ModelTable) -> Iterator[Problem]:
    """Fields that a known model does not support, so that no request is paid for in vain."""
    for spec in specs.values():
        settings = project.settings.providers[spec.provider]
        if settings.traits.needs_model:
            own = _is_own_api(settings, spec, table)
            for message in problems(_with_references(spec), table, own_api=own):
                yield replace(_at_field(spec, message), asset=spec.id)


def model_cautions(project: Project, specs: Mapping[AssetId, Spec], table: ModelTable) -> Iterator[Caution]:
    """Fields that the vendor of a model does not support, and a gateway may; and sizes in pixels that a model does not
    give. Each once for all assets of a model."""
    found: dict[str, tuple[Problem, int]] = {}
    for spec in specs.values():
        settings = project.settings.providers[spec.provider]
        for message in _doubts(settings, spec, table):
            problem, assets = found.get(message) or (_at_field(spec, message), 0)
            found[message] = (problem, assets + 1)
    for problem, assets in found.values():
        yield Caution(problem.fact, assets, place=problem.place, field=problem.field)


def _doubts(settings: ProviderSettings, spec: Spec, table: ModelTable) -> Iterator[str]:
    row = table.find(spec.base_recipe.model)
    if row is None:
        return
    if settings.traits.needs_model and not _is_own_api(settings, spec, table):
        yield from (f"{doubt}, at its vendor; it is sent as written" for doubt in doubts(_with_references(spec), table))
    if settings.traits.needs_model or settings.traits.placeholder:
        fact, wrong = other_pixels(spec.base_recipe, row)
        if fact and not (wrong and settings.traits.needs_model):
            yield fact


def _is_own_api(settings: ProviderSettings, spec: Spec, table: ModelTable) -> bool:
    return is_own_api(REGISTRY.declared(settings), settings, table.series(spec.base_recipe.model))


def _with_references(spec: Spec) -> Recipe:
    """The recipe with as many references as the spec names, whose contents do not matter here."""
    if not spec.references:
        return spec.base_recipe
    contents = tuple(ContentHash(f"sha256:{index}") for index, _ in enumerate(spec.references))
    return replace(spec.base_recipe, references=contents)


def _at_field(spec: Spec, message: str) -> Problem:
    """The problem of `field: fact`."""
    field, _, fact = message.partition(": ")
    return _written_problem(spec, field, fact)


def _written_problem(spec: Spec, field: str, fact: str) -> Problem:
    """A problem with a field where the user wrote it; at the asset's own spec if it was not written."""
    origins = spec.origins.get(field)
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
