"""The declaration of `ray`: another provider of the same file draws, in processes that Ray starts and watches.

The address of a cluster comes from a file that a pull request can change, and it gets all prompts and images. So an
address is used only where the user has listed it in the environment, as for the origin of a server.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from reconciler.core.errors import ProjectError
from reconciler.core.ports import Provider
from reconciler.core.provider_types import SettingProblem
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import printable
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory, Resources, problems_of_others
from reconciler.providers.secret import NoKey

EXTRA = "image-reconciler[ray]"
_TRUSTED = "RECONCILER_TRUSTED_ORIGINS"  # as in providers.keys, which reads declarations


def _create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Starts no process: the first image does. ProjectError without Ray."""
    if importlib.util.find_spec("ray") is None:
        fact = f"providers.{printable(settings.name)}: Ray is not installed"
        raise ProjectError(fact, hint=f"pip install '{EXTRA}'")
    from reconciler.providers.ray_pool.pool import CLUSTER, RayPool  # noqa: PLC0415 - for images only

    return RayPool(settings, resources, CLUSTER)


def _problems(settings: ProviderSettings) -> tuple[SettingProblem, ...]:
    """A pool needs a worker: the name of the provider that draws."""
    others = problems_of_others(settings, "command", "comfyui")
    if settings.worker:
        return others
    return (*others, SettingProblem("worker", "is missing", "name the provider of this file that draws in the pool"))


def _untrusted(settings: ProviderSettings, environ: Mapping[str, str]) -> NoKey | None:
    """Why the cluster is not used; None if the user has listed it, or if it is started here."""
    if not settings.address or settings.address in environ.get(_TRUSTED, "").replace(",", " ").split():
        return None
    name, address = printable(settings.name), printable(settings.address)
    return NoKey(
        f"the cluster of providers.{name} is not used: reconciler.yaml may name any address",
        f"if you trust it, put {address} into the environment variable {_TRUSTED}",
    )


RAY = ProviderFactory(
    type="ray",
    traits=Traits(free=True, needs_key=False, needs_model=False),
    create=_create,
    problems=_problems,
    untrusted=_untrusted,
    concurrency=1,
)
