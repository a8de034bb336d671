"""Construct the free providers: their images go to the store, without journal, lane or budget."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from reconciler.core.digest import Json
from reconciler.core.errors import ProjectError
from reconciler.core.lock.entry import PLACEHOLDER
from reconciler.core.ports import Provider, References, Spool, Store
from reconciler.core.specs.settings import ProviderSettings
from reconciler.engine.lane.stored import StoredProvider
from reconciler.providers.declaration import AtEnd, Dialect, Resources
from reconciler.providers.keys import refusal_of
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY
from reconciler.providers.secret import NO_KEY_SENT


def free_providers(
    used: Sequence[ProviderSettings],
    *,
    models: Mapping[str, Json],
    store: Store,
    spool: Spool,
    references: References,
    environ: Mapping[str, str],
    at_end: AtEnd,
) -> dict[str, StoredProvider]:
    """Each provider by its name. Placeholders are drawn at most one per processor at a time.

    What they keep open is closed by the functions given to `at_end`.
    """
    return {
        settings.name: StoredProvider(
            _inner(settings, models, spool, references, environ, at_end=at_end),
            made_by=PLACEHOLDER if settings.traits.placeholder else settings.name,
            store=store,
            utc=lambda: datetime.now(UTC),
            parallel=_at_once(settings),
            resumable=settings.traits.resumable,
        )
        for settings in used
    }


def _at_once(settings: ProviderSettings) -> int:
    """How many images of a provider are under way. A program of the user draws while the next request is prepared."""
    if settings.traits.placeholder:
        return os.cpu_count() or 1
    if settings.inner is not None:
        return settings.concurrency * 2  # in each process of a pool, one is drawn and one waits
    return settings.concurrency + settings.traits.local


def _inner(
    settings: ProviderSettings,
    models: Mapping[str, Json],
    spool: Spool,
    references: References,
    environ: Mapping[str, str],
    *,
    at_end: AtEnd,
) -> Provider:
    declared = REGISTRY.declared(settings)
    on_this_machine = settings.traits.local or settings.inner is not None
    if not isinstance(declared, Dialect) and not settings.traits.needs_key and on_this_machine:
        refused = refusal_of(settings, environ)
        if refused is not None:
            raise ProjectError(refused.reason, hint=refused.hint)
        return declared.create(settings, Resources(spool, references, NO_KEY_SENT, at_end))
    from reconciler.providers.connect import connect  # noqa: PLC0415 - a network client is for servers only

    return connect(
        settings, environ=environ, spool=spool, references=references, models=model_table(models), at_end=at_end
    )
