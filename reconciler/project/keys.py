"""Require the keys of a plan before any question or request: one error, not one for each asset."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.errors import ProjectError
from reconciler.core.plan.plan import Plan
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.keys import key_for
from reconciler.providers.secret import NoKey


def require_keys(plan: Plan, providers: Mapping[str, ProviderSettings], environ: Mapping[str, str]) -> None:
    """ProjectError unless every provider of this plan may be used, and has a usable key or needs none."""
    settings = [providers[name] for name in sorted(plan.generating_providers)]
    missing = [found for each in settings if isinstance(found := key_for(each, environ), NoKey)]
    if missing:
        facts = dict.fromkeys(one.reason for one in missing)
        first, *others = facts
        raise ProjectError(first, lines=others, hint=next((one.hint for one in missing if one.hint), ""))
