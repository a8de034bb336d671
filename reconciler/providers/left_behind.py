"""The outcome of a request whose process died after the whole response had arrived."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.core.fit import Misfit
from reconciler.core.outcome import Done, Mismatched
from reconciler.core.ports import Spool
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.keys import key_for
from reconciler.providers.remote import outcome_of, redacted
from reconciler.providers.responses.left_behind import read_left_behind
from reconciler.providers.secret import NO_KEY_SENT, Key


def outcome_left_behind(
    path: Path, spool: Spool, recipe: Recipe, *, settings: ProviderSettings | None, environ: Mapping[str, str]
) -> tuple[Done, Misfit | None] | None:
    """The image in a file that the run left in the spool, and what is wrong with it; None if it is no whole image.
    `settings` are those of the provider that was asked, None if the project does not have it any more."""
    known = key_for(settings, environ) if settings is not None else NO_KEY_SENT
    key = known if isinstance(known, Key) else NO_KEY_SENT
    found = read_left_behind(path, spool, recipe, key=key)
    if found is None:
        return None
    outcome = outcome_of(found.checked, recipe, cost=None, usage=found.usage)
    if isinstance(outcome, Mismatched):
        return redacted(outcome.done, key), outcome.misfit
    return redacted(outcome, key), None
