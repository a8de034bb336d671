"""Refuse `--detach` where a job that is left alone would lose its image."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.errors import ProjectError
from reconciler.core.plan.plan import Plan
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import printable
from reconciler.providers.declaration import Dialect
from reconciler.providers.registry import REGISTRY


def require_detachable(plan: Plan, providers: Mapping[str, ProviderSettings]) -> None:
    """ProjectError if no provider of the plan works with jobs, or one of them deletes results within minutes."""
    names = sorted(name for name in plan.generating_providers if not providers[name].traits.free)
    found = {name: REGISTRY.declared(providers[name]) for name in names}
    jobs = {name: each for name, each in found.items() if isinstance(each, Dialect) and each.jobs is not None}
    if names and not jobs:
        fact = f"--detach: {', '.join(map(printable, names))} gives its images with the response, not as jobs"
        raise ProjectError(fact, hint="run `reconciler apply` without --detach")
    for name, declared in jobs.items():
        if not declared.keeps_results:
            fact = f"--detach: {printable(name)} deletes an image minutes after it was made"
            raise ProjectError(fact, hint="run `reconciler apply` without --detach")
