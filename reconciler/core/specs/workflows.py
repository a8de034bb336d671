"""Read the workflow of an asset: its file, the inputs that are filled in, and the node whose image is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.paths import BadPath, project_path
from reconciler.core.specs.spec import Spec, WorkflowUse

WORKFLOW_FIELDS = ("workflow", "fill", "take_from")
_REFERENCE = re.compile(r"reference ([1-9][0-9]*)")


def read_workflow(asset: AssetLayers) -> WorkflowUse | None:
    """The workflow file of an asset, and what is filled in."""
    each = asset.field("workflow")
    if each is None:
        name = next(name for name in WORKFLOW_FIELDS if name in asset.strongest)
        asset.report(asset.strongest[name].field(name), "there is no workflow to fill", "write workflow: and its file")
        return None
    text = asset.whole_text(each)
    if text is None:
        return None
    path = project_path(text)
    if isinstance(path, BadPath):
        asset.report(each, path.fact, path.hint)
        return None
    if not path.endswith(".json"):
        asset.report(each, f'"{path}" is no .json file', "name a workflow that ComfyUI exported: File > Export (API)")
        return None
    fill = cast("Mapping[str, str]", asset.value("fill", {}))
    asset.filled.size += sum(len(target) + len(source) for target, source in fill.items())
    return WorkflowUse(path, tuple(sorted(fill.items())), asset.text("take_from"))


def check_workflow(asset: AssetLayers, spec: Spec) -> None:
    """Report a workflow without a provider that takes one, the reverse, and fields that are filled in and not there."""
    settings = asset.settings.provider_settings(spec.provider)
    use = spec.workflow
    if use is None:
        if settings is not None and settings.traits.needs_workflow and "workflow" not in asset.strongest:
            hint = "write workflow: and the file that ComfyUI exported: File > Export (API)"
            asset.report_asset(f"has no workflow, and the provider {spec.provider} needs one", hint)
        return
    if settings is not None and not (settings.traits.needs_workflow or settings.traits.placeholder):
        fact, hint = f"the provider {spec.provider} takes none", "remove it, or name a provider of type: comfyui"
        asset.report(asset.strongest["workflow"].field("workflow"), fact, hint)
        return
    if spec.turns:
        asset.report(asset.strongest["turns"].field("turns"), "a workflow takes no turns", "write one prompt")
    for target, fact, hint in _absent(spec, use):
        each = asset.strongest["fill"].field("fill")
        asset.report(each.below(target, use.path), fact, hint)
    for name, picture in _unused(spec, use):
        hint = f"write TITLE.image: {picture} under fill:, with the title of the node that loads it"
        asset.report(asset.strongest[name].field(name), f"{picture} is filled into no input of the workflow", hint)


def _absent(spec: Spec, use: WorkflowUse) -> Iterator[tuple[str, str, str]]:
    """The targets that are filled with a field that the spec does not have."""
    recipe = spec.base_recipe
    for target, source in use.fill:
        number = _REFERENCE.fullmatch(source)
        if number is not None and int(number[1]) > len(spec.references):
            yield target, f"there is no {source}: the spec has {len(spec.references)}", "write it under references:"
        elif source == "mask" and spec.mask is None:
            yield target, "there is no mask", "write mask: and its file"
        elif source == "model" and not recipe.model:
            yield target, "there is no model", "write model: and its name"
        elif source.startswith("params.") and source.removeprefix("params.") not in recipe.params:
            yield target, f"there is no {source}", "write it under params:"


def _unused(spec: Spec, use: WorkflowUse) -> Iterator[tuple[str, str]]:
    """The pictures, by their field, that no input is filled with: they would have no effect."""
    used = {source for _, source in use.fill}
    for number in range(1, len(spec.references) + 1):
        if f"reference {number}" not in used:
            yield "references", f"reference {number}"
    if spec.mask is not None and "mask" not in used:
        yield "mask", "mask"
