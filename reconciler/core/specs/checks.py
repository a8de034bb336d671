"""Check the fields of one asset against each other."""

from __future__ import annotations

from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.document import as_text
from reconciler.core.specs.spec import AssetReference, FileReference, Spec

MAX_TAKE = 1_000_000
_WITH_ALPHA = ("png", "webp", "avif")


def check_asset(asset: AssetLayers, spec: Spec) -> None:
    """Report an empty prompt, an alpha channel that the format lacks, and references of an asset to itself."""
    if not spec.turns and not as_text(asset.value("prompt", "")).strip():
        prompt, hint = asset.field("prompt"), "write prompt: what to draw"
        if prompt is None:
            asset.report_asset("has no prompt", hint)
        else:
            asset.report(prompt, "is empty", hint)
    if not 1 <= spec.base_recipe.take <= MAX_TAKE:  # a variable: the schema has not seen the number
        asset.report_asset(f"is {spec.base_recipe.take}, and must be 1 to {MAX_TAKE:,}", "", field="take")
    if spec.base_recipe.background == "transparent" and spec.base_recipe.format not in _WITH_ALPHA:
        fact = f"{spec.base_recipe.format} has no alpha channel for a transparent background"
        asset.report(asset.strongest["background"].field("background"), fact, f"use {', '.join(_WITH_ALPHA)}")
    for reference in spec.pictures():
        if isinstance(reference, FileReference) and reference.path == spec.output:
            asset.report_asset("the output is one of its own references", "rename one", field="output")
        if isinstance(reference, AssetReference) and reference.asset == spec.id:
            fact, hint = "the asset refers to itself", "name another asset"
            asset.problems.append(spec.picture_problem(reference, fact, hint))
