"""Read the fields of one asset out of its layers into a Spec, or report all their problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from reconciler.core.derived.operations import CENTRE
from reconciler.core.digest import AssetId, Json
from reconciler.core.mismatch import HOLD, LOST_AT_MOST, OnMismatch
from reconciler.core.recipe import KEYED_FIELDS, SINGLE_FIELDS, Recipe
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.checks import check_asset
from reconciler.core.specs.document import as_text
from reconciler.core.specs.layers import Origins, Substitution, merged
from reconciler.core.specs.output import read_background, read_format, read_output, read_size
from reconciler.core.specs.paths import suffix_format
from reconciler.core.specs.pictures import read_pictures
from reconciler.core.specs.prompt import read_prompt
from reconciler.core.specs.sizes import named_size, wanted_size
from reconciler.core.specs.spec import NO_RIGHTS, DerivedFields, RightsFields, Spec
from reconciler.core.specs.workflows import WORKFLOW_FIELDS, check_workflow, read_workflow

T = TypeVar("T", bool, int, float)

_READ_BY_RULES = ("prompt", "model", "size", "image_size", "format", "background", "workflow")
_PLAIN_FIELDS: tuple[tuple[str, type[Any]], ...] = tuple(
    (name, type(default)) for name, default in SINGLE_FIELDS.items() if name not in _READ_BY_RULES
)
"""The other fields of a recipe with one value, and their types. Text has its variables filled in."""
_DERIVED = ("derive", "focus", "alt", "slice")
_RIGHTS = ("license", "source", "credit")


def read_asset(asset: AssetLayers, identity: AssetId, matrix: Mapping[str, Json]) -> Spec | None:
    """The asset, or None when its `problems` say why not."""
    variables = {name: each.value for name, each in asset.merged("vars").items()} | dict(matrix)
    asset.filled = Substitution(variables)
    format_ = read_format(asset)
    output = read_output(asset, identity, variables, format_)
    model = asset.text("model")
    provider = _provider(asset, model)
    base_recipe = Recipe(
        prompt=read_prompt(asset),
        model=model,
        size=read_size(asset, "size", wanted_size),
        image_size=read_size(asset, "image_size", named_size),
        format=format_ or suffix_format(output) or "png",
        background=read_background(asset),
        **_plain_fields(asset),
    )
    pictures = read_pictures(asset)
    spec = Spec(
        id=identity,
        output=output,
        base_recipe=base_recipe,
        references=pictures.references,
        mask=pictures.mask,
        turns=pictures.turns,
        provider=provider,
        description=asset.text("description"),
        tags=_tags(asset),
        freeze=typed(asset, "freeze", False),
        ignore_changes=frozenset(cast(Sequence[str], asset.value("ignore_changes", ()))),
        derived=None if asset.strongest.keys().isdisjoint(_DERIVED) else _derived(asset),
        workflow=None if asset.strongest.keys().isdisjoint(WORKFLOW_FIELDS) else read_workflow(asset),
        on_mismatch=_on_mismatch(asset) if "on_mismatch" in asset.strongest else HOLD,
        rights=NO_RIGHTS if asset.strongest.keys().isdisjoint(_RIGHTS) else RightsFields(*map(asset.text, _RIGHTS)),
        origins=Origins(asset.own, asset.layers),
        picture_origins=pictures.origins,
        file=asset.own.document.file,
    )
    check_asset(asset, spec)
    check_workflow(asset, spec)
    asset.problems.extend(asset.filled.problems)
    return None if asset.problems else spec


def _plain_fields(asset: AssetLayers) -> dict[str, Any]:
    """The values of the fields without rules of their own, as far as a layer has them."""
    found: dict[str, Any] = {}
    for name in KEYED_FIELDS:
        if name in asset.strongest:
            keyed = merged(asset.layers, name)
            asset.filled.size += sum(map(len, keyed))
            found[name] = {key: asset.filled.fill(each) for key, each in keyed.items()}
    for name, kind in _PLAIN_FIELDS:
        if name in asset.strongest:
            found[name] = asset.text(name) if kind is str else typed(asset, name, cast(int, SINGLE_FIELDS[name]))
    return found


def typed(asset: AssetLayers, name: str, default: T) -> T:
    """A field with one value that is no text; it may be written as a variable of that type."""
    each = asset.field(name)
    if each is None:
        return default
    before = len(asset.filled.problems)
    found = asset.filled.fill(each)
    kind = type(default)
    if type(found) is kind or (kind is float and type(found) is int):
        return kind(found)
    if len(asset.filled.problems) == before:
        wanted = "true or false" if kind is bool else "a number" if kind is float else "a whole number"
        asset.report(each, f'{each.value} is "{as_text(found)}", and {wanted} is wanted', "leave out the quotes")
    return default


def _derived(asset: AssetLayers) -> DerivedFields:
    """The fields about derived files."""
    rules = tuple(dict.fromkeys(cast(Sequence[str], asset.value("derive", ()))))
    asset.filled.size += sum(map(len, rules))
    borders = asset.value("slice", None)
    return DerivedFields(
        rules,
        _focus(asset),
        asset.text("alt") if "alt" in asset.strongest else None,
        cast("tuple[int, int, int, int] | None", tuple(cast(Sequence[int], borders)) if borders is not None else None),
    )


def _on_mismatch(asset: AssetLayers) -> OnMismatch:
    """What becomes of an image of another ratio. It is cropped about the focus."""
    said = cast("Mapping[str, str | float]", asset.value("on_mismatch", {}))
    tolerance = said.get("tolerance", LOST_AT_MOST / 1000)
    focus = _focus(asset) if "focus" in asset.strongest else None
    return OnMismatch(str(said.get("ratio", "hold")), round(float(tolerance) * 1000), focus or CENTRE)


def _focus(asset: AssetLayers) -> tuple[int, int] | None:
    """The focus in thousandths; each part may be written as a variable that is a number."""
    each = asset.field("focus")
    if each is None:
        return None
    before = len(asset.filled.problems)
    found = cast(Sequence[Json], asset.filled.fill(each))
    parts: list[int] = []
    for index, part in enumerate(found):
        try:
            number = float(as_text(part))
        except ValueError:
            number = -1.0
        if 0 <= number <= 1:
            parts.append(round(number * 1000))
        elif len(asset.filled.problems) == before:
            place = each.below(index, part)
            asset.report(place, f'is "{as_text(part)}", and must be 0 to 1', "write [0.5, 0.5] for the middle")
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _provider(asset: AssetLayers, model: str) -> str:
    each = asset.field("provider")
    name = asset.settings.provider if each is None else asset.whole_text(each)
    if name is None:
        return ""
    settings = asset.settings.provider_settings(name)
    if settings is None:
        if each is not None:
            asset.report_unknown(each, f'no provider is called "{name}"', name, asset.settings.providers)
    elif settings.traits.needs_model and not model:
        hint = "write model: here, in _defaults.yaml, or under defaults: in reconciler.yaml"
        asset.report_asset(f"has no model, and the provider {name} needs one", hint)
    return name


def _tags(asset: AssetLayers) -> tuple[str, ...]:
    if "tags" not in asset.strongest:
        return ()
    tags: dict[str, None] = {}
    for layer in asset.layers:
        tags |= dict.fromkeys(cast(Sequence[str], layer.fields.get("tags", ())))
    asset.filled.size += sum(map(len, tags))
    return tuple(tags)
