"""The draft provider as a declaration: placeholders, drawn on this machine, free."""

from __future__ import annotations

from reconciler.core.ports import Provider
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory, Resources


def create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Needs no setting and no key."""
    from reconciler.providers.draft.provider import Draft  # noqa: PLC0415 - Pillow is for drafts only

    return Draft(resources.spool, resources.references)


DRAFT = ProviderFactory(
    type="draft",
    traits=Traits(placeholder=True, free=True, local=True, needs_key=False, needs_model=False, deterministic=True),
    create=create,
)
