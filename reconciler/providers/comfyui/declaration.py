"""The declaration of `comfyui`: a server of the user runs a workflow, which a spec names.

Its images are free. A node may call a paid service all the same; the provider asks the server about each node before it
queues anything, and refuses such a workflow unless the settings say that the provider `charges`.
"""

from __future__ import annotations

from reconciler.core.ports import Provider, Spool
from reconciler.core.provider_types import SettingProblem
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import OpenHttp, ProviderFactory, Resources, ServerTest, problems_of_others

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects use a provider with jobs
    from reconciler.core.jobs import Jobs

_HOME = "http://127.0.0.1:8188"
"""Where ComfyUI listens if nothing else is said."""


def _create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Opens no connection: the first image does."""
    from reconciler.providers.comfyui.provider import ComfyProvider  # noqa: PLC0415 - a client is for images only

    return ComfyProvider(settings, resources, home=_HOME)


def _jobs(settings: ProviderSettings, resources: Resources) -> Jobs:
    """For workflows that cost money."""
    from reconciler.providers.comfyui.jobs import ComfyJobs  # noqa: PLC0415 - a client is for images only
    from reconciler.providers.comfyui.provider import ComfyProvider  # noqa: PLC0415 - the same

    return ComfyJobs(ComfyProvider(settings, resources, home=_HOME))


async def _try_server(settings: ProviderSettings, spool: Spool, http: OpenHttp) -> ServerTest:
    """Ask the server for its version and its devices."""
    from reconciler.providers.comfyui.server_test import server_test  # noqa: PLC0415 - a client is for --test only

    return await server_test(settings, spool, http, home=_HOME)


def _problems(settings: ProviderSettings) -> tuple[SettingProblem, ...]:
    given = {"command": bool(settings.command), "deterministic": settings.deterministic}
    fact = "is a setting of type: command alone"
    own = tuple(SettingProblem(name, fact, "remove it") for name, is_ in given.items() if is_)
    return (*own, *problems_of_others(settings, "ray"))


COMFYUI = ProviderFactory(
    type="comfyui",
    traits=Traits(free=True, needs_key=False, needs_model=False, resumable=True, needs_workflow=True),
    create=_create,
    paid_jobs=_jobs,
    home=_HOME,
    problems=_problems,
    concurrency=1,
    try_server=_try_server,
)
