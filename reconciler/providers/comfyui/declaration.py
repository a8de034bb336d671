"""The declaration of `comfyui`: a server of the user runs a workflow, which a spec names.

Its images are free. A node may call a paid service all the same; the provider asks the server about each node before it
queues anything, and refuses such a workflow unless the settings say that the provider `charges`.
"""

from __future__ import annotations

from reconciler.core.ports import Provider
from reconciler.core.provider_types import SettingProblem
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory, Resources


def _create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Opens no connection: the first image does."""
    from reconciler.providers.comfyui.provider import ComfyProvider  # noqa: PLC0415 - a client is for images only

    return ComfyProvider(settings, resources)


def _problems(settings: ProviderSettings) -> tuple[SettingProblem, ...]:
    if settings.command:
        return (SettingProblem("command", "is a setting of type: command alone", "remove it"),)
    return ()


COMFYUI = ProviderFactory(
    type="comfyui",
    traits=Traits(free=True, needs_key=False, needs_model=False, resumable=True, needs_workflow=True),
    create=_create,
    home="http://127.0.0.1:8188",
    problems=_problems,
    concurrency=1,
)
