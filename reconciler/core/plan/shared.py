"""Find the assets of a plan that share a request: a run sends one for each recipe."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.plan.actions import Asked, Generate
from reconciler.core.plan.plan import AssetStep, Step

SharedRequest = tuple[str, RecipeKey]


def request_of(step: Step) -> SharedRequest | None:
    """Equal for the steps that one paid request serves; None for a step without one, or with one of its own."""
    action = step.action
    if not isinstance(step, AssetStep) or not isinstance(action, Generate) or action.key is None:
        return None
    free = action.cost is not None and action.cost.free
    return None if free or isinstance(action.reason, Asked) else (step.spec.provider, action.key)


def sharers(steps: Iterable[Step]) -> dict[AssetId, tuple[AssetId, ...]]:
    """The assets of each request that serves several, by each of these assets; the first one sends it."""
    found: dict[SharedRequest, list[AssetId]] = {}
    for step in steps:
        request = request_of(step)
        if request is not None:
            found.setdefault(request, []).append(step.asset)
    return {asset: tuple(assets) for assets in found.values() if len(assets) > 1 for asset in assets}
