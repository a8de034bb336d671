"""Say before anything is asked or sent that a key is missing: once, not once for each asset."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.errors import ProjectError
from reconciler.core.plan.plan import Plan
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.keys import key_for
from reconciler.providers.secret import NoKey


def require_keys(plan: Plan, providers: Mapping[str, ProviderSettings], environ: Mapping[str, str]) -> None:
    """ProjectError unless every provider that this plan asks has a key that may be sent, or needs none."""
    asked = plan.generating_providers
    settings = [providers[name] for name in sorted(asked) if providers[name].traits.needs_key]
    lacking = [found for each in settings if isinstance(found := key_for(each, environ), NoKey)]
    if lacking:
        facts = dict.fromkeys(one.reason for one in lacking)
        first, *others = facts
        raise ProjectError(first, lines=others, hint=next((one.hint for one in lacking if one.hint), ""))
