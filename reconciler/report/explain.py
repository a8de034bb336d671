"""The origin of each field of an asset, and the resulting recipe. Pure: values in, values and lines out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.digest import ContentHash, Json
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.recipe import KEYED_FIELDS, SINGLE_FIELDS, Recipe
from reconciler.core.specs.document import Document, Path
from reconciler.core.specs.spec import FileReference, Origin, Reference, Spec, WorkflowUse
from reconciler.core.text import one_line, printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, document, separated
from reconciler.report.plan_text import describe
from reconciler.report.show import state_json

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have workflows
    from reconciler.core.workflows.differences import NodeChange

_JOINED = ("prompt_prefix", "prompt_suffix", "references")
"""Fields that join the values of all styles and of the nearest other layer."""
_OWN = ("output", "provider", "description", "freeze")
_WIDTH = 100


def explanation(
    step: Step,
    now: datetime,
    *,
    recipe: Recipe | None,
    content_of: Callable[[Reference], ContentHash | None],
    project: Document,
    nodes: Sequence[NodeChange] = (),
) -> dict[str, Any]:
    """One asset for programs. `recipe` is that of the spec now; None while one of its references has no image. `nodes`
    are those of its workflow that have changed."""
    result: dict[str, Any] = {"asset": step.asset, "state": state_json(step, now)}
    if isinstance(step, AssetStep):
        result["spec"] = str(step.spec.place(""))
        result["fields"] = list(_fields(step.spec, project))
        result["references"] = [_reference(one, content_of) for one in step.spec.pictures()]
    if nodes:
        result["nodes"] = [
            {"node": each.node, "input": each.input, "before": each.before, "after": each.after} for each in nodes
        ]
    result["recipe"] = {"key": recipe.key(), **recipe.manifest()} if recipe is not None else None
    entry = locked_entry(step)
    result["locked"] = {"key": entry.key, **entry.recipe} if entry is not None else None
    return result


def _fields(spec: Spec, project: Document) -> Iterator[dict[str, Any]]:
    """Every field that a layer sets or a default fills in: its value, and its layers, strongest first."""
    values = _values(spec)
    for name in dict.fromkeys((*SINGLE_FIELDS, *spec.origins, *_OWN)):
        origins = spec.origins.get(name, ())
        if name == "" or (not origins and name not in ("output", "provider", "format")):
            continue
        used = _used(name, origins)
        layers = [_layer(origin, used=origin in used) for origin in reversed(origins)]
        if name == "provider" and not origins:
            layers = _project_layer(project)
        value = values[name] if name in values else _written(origins[-1].document, origins[-1].path)
        yield {"field": name, "value": value, "from": layers}
    own = spec.origins[""][-1]
    matrix = _written(own.document, (*own.path, "matrix"))
    if matrix is not None:
        place = str(own.document.place((*own.path, "matrix")))
        yield {"field": "matrix", "value": matrix, "from": [{"layer": own.layer, "place": place, "used": True}]}


def _values(spec: Spec) -> dict[str, Any]:
    """The resulting values of the fields, with variables replaced."""
    return {name: getattr(spec.base_recipe, name) for name in SINGLE_FIELDS} | {
        "output": spec.output,
        "provider": spec.provider,
        "description": spec.description,
        "freeze": spec.freeze,
        "tags": list(spec.tags),
        "license": spec.rights.license,
        "source": spec.rights.source,
        "credit": spec.rights.credit,
        "ignore_changes": sorted(spec.ignore_changes),
        "references": [_name(one) for one in spec.references],
        **(_workflow(spec.workflow) if spec.workflow is not None else {}),
        **{f"{name}.{key}": value for name in KEYED_FIELDS for key, value in getattr(spec.base_recipe, name).items()},
    }


def _workflow(use: WorkflowUse) -> dict[str, Any]:
    """The file of a workflow, and its inputs by the titles of their nodes."""
    return {"workflow": use.path, "fill": dict(use.fill), "take_from": use.take_from}


def _used(name: str, origins: Sequence[Origin]) -> tuple[Origin, ...]:
    if name == "tags":
        return tuple(origins)
    if name in _JOINED:
        others = [origin for origin in origins if not origin.layer.startswith("style ")]
        if name == "references":
            return (*(origin for origin in origins if origin.layer.startswith("style ")), *others[-1:])
        added = [isinstance(_written(origin.document, origin.path), Mapping) for origin in others]
        first = next((at for at in reversed(range(len(others))) if not added[at]), 0)
        return (*(origin for origin in origins if origin.layer.startswith("style ")), *others[first:])
    return tuple(origins[-1:])


def _layer(origin: Origin, *, used: bool) -> dict[str, Any]:
    written = _written(origin.document, origin.path)
    return {"layer": origin.layer, "place": str(origin.place), "written": written, "used": used}


def _project_layer(project: Document) -> list[dict[str, Any]]:
    written = _written(project, ("provider",))
    if written is None:
        return []
    return [{"layer": project.file, "place": str(project.place(("provider",))), "written": written, "used": True}]


def _written(document: Document, path: Path) -> Json:
    """The value at a path of a document; None if there is none."""
    value: Any = document.value
    for part in path:
        inside = isinstance(value, Mapping) or (isinstance(value, list) and isinstance(part, int) and part < len(value))
        if not inside or (isinstance(value, Mapping) and part not in value):
            return None
        value = value[part]
    found: Json = value
    return found


def _name(reference: Reference) -> str:
    return reference.path if isinstance(reference, FileReference) else f"asset {reference.asset}"


def _reference(reference: Reference, content_of: Callable[[Reference], ContentHash | None]) -> dict[str, Any]:
    return {"name": _name(reference), "content": content_of(reference)}


@value
class ExplainFacts:
    """Assets, each as a value of `explanation` with its step."""

    now: datetime
    assets: tuple[tuple[Mapping[str, Any], Step], ...]


def explain_text(facts: ExplainFacts) -> Printed:
    """The assets for people."""
    return separated(explanation_lines(asset, step, now=facts.now) for asset, step in facts.assets)


def explain_json(facts: ExplainFacts) -> Printed:
    """The assets for programs."""
    return document({"explain": 1, "assets": [asset for asset, _ in facts.assets]})


def explanation_lines(asset: Mapping[str, Any], step: Step, *, now: datetime) -> Iterator[str]:
    """One asset for people."""
    text = describe(step, now)
    yield f"{printable(asset['asset'])}: {text.reason}"
    yield from (f"    {detail}" for detail in text.details)
    if text.hint:
        yield f"    hint: {text.hint}"
    for one in asset.get("nodes", ()):
        name = printable(f"{one['node']}.{one['input']}" if one["input"] else one["node"])
        yield f"    {name}: {_node_value(one['before'])} → {_node_value(one['after'])}"
    for one in asset.get("fields", ()):
        yield f"  {printable(one['field'])}: {_shown(one['value'])}"
        for layer in one["from"] or ({"place": "", "layer": "the default", "used": True},):
            yield f"      {_origin_words(layer)}"
    if asset.get("references"):
        yield "  references, in order:"
        for number, one in enumerate(asset["references"], 1):
            yield f"      {number}. {printable(one['name'])}  {one['content'] or 'has no content yet'}"
    yield f"  recipe wanted: {asset['recipe']['key'] if asset['recipe'] else _no_recipe(step)}"
    yield f"  recipe locked: {asset['locked']['key'] if asset['locked'] else 'none: it was never generated'}"


def _node_value(value: Json) -> str:
    return "nothing" if value is None else _shown(value)


def _no_recipe(step: Step) -> str:
    if isinstance(step, AssetStep):
        return "unknown while a reference has no image"
    return "none: it is in no spec"


def _origin_words(layer: Mapping[str, Any]) -> str:
    place, name = printable(layer["place"]), printable(layer["layer"])
    where = place if name == place.partition(":")[0] or not name else f"{place}  {name}".strip()
    return where if layer["used"] else f"{where}  (overridden: {_shown(layer['written'])})"


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return one_line(value, _WIDTH * 4) or '""'
    return one_line(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), _WIDTH * 4)
