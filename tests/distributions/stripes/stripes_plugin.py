"""The declaration of the provider `stripes`. It is also read by commands that make no image, so it draws nothing."""

from __future__ import annotations

from reconciler.core.ports import Provider
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory, Resources


def create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Needs no setting and no key."""
    from stripes import Stripes

    return Stripes(resources.spool)


STRIPES = ProviderFactory(
    type="stripes",
    traits=Traits(free=True, local=True, needs_key=False, needs_model=False, deterministic=True),
    create=create,
)
