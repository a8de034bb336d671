"""How a provider is declared: as a dialect of an HTTP API, or as a factory of provider objects.

A declaration is cheap to import: commands that send nothing read it, too. Another distribution gives one of the two
to the entry-point group `reconciler.providers`, under the name of its type.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from reconciler.core.money.cost import FREE, Cost
from reconciler.core.outcome import Rejected
from reconciler.core.ports import Provider, References, Spool
from reconciler.core.provider_types import SettingProblem
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.core.value import value
from reconciler.providers.http.origins import Base
from reconciler.providers.models.capabilities import batch_price, price
from reconciler.providers.models.table import ModelTable
from reconciler.providers.secret import Key, NoKey

if TYPE_CHECKING:
    from reconciler.core.jobs import Jobs
    from reconciler.providers.batches.api import BatchApi
    from reconciler.providers.http.client import Http
    from reconciler.providers.http.request import WireRequest
    from reconciler.providers.jobs.api import JobApi
    from reconciler.providers.requests.prepared import PreparedRequest

Build: TypeAlias = "Callable[[PreparedRequest, ProviderSettings, Base, ModelTable], WireRequest | Rejected]"
"""Builds the HTTP request of a recipe, or rejects the recipe before anything is sent. Pure.

A ValueError is a rejection, too. The prompt, the model and the parameters have been checked.
"""
LoadBatchApi: TypeAlias = "Callable[[], BatchApi]"
"""Loads a batch API: few commands need one."""
LoadJobApi: TypeAlias = "Callable[[], JobApi]"
"""Loads an API of jobs: few commands need one."""
PriceFunction: TypeAlias = Callable[[Recipe, ModelTable], Cost | None]
"""The price of one image before it is requested; None: unknown."""
Check: TypeAlias = Callable[[ProviderSettings], tuple[SettingProblem, ...]]
"""Errors in the settings of one provider, found when `reconciler.yaml` is read. Opens no connection."""
Untrusted: TypeAlias = Callable[[ProviderSettings, Mapping[str, str]], NoKey | None]
"""Why a provider with these settings is not used in this environment: they come from a file that a stranger can change.
None: it is used."""


AtEnd: TypeAlias = Callable[[Callable[[], None]], object]
"""Registers a function that is called when the run has ended."""

OpenHttp: TypeAlias = "Callable[[ProviderSettings], Http]"
"""Makes a network client with the limits of these settings."""


def never_called(end: Callable[[], None]) -> None:
    """The AtEnd of a caller that ends with its process, and whatever a provider keeps open with it."""


@value
class Resources:
    """What a provider works with: where images go, where reference images are, and the key (empty: none is sent).

    `at_end` is for what the provider keeps open. `http` makes the client for these settings; it is None for a provider
    on this machine.
    """

    spool: Spool
    references: References
    key: Key
    at_end: AtEnd = never_called
    http: OpenHttp | None = None


@value
class ServerTest:
    """The result of a free request to a provider: whether it works, one line about it, and its models."""

    works: bool
    line: str
    models: tuple[str, ...] = ()


TryServer: TypeAlias = "Callable[[ProviderSettings, Spool, OpenHttp], Awaitable[ServerTest]]"
"""Asks the server of a provider whether it works. Costs nothing; text of the server is on one line."""
Create: TypeAlias = Callable[[ProviderSettings, Resources], Provider]
"""Makes the provider that these settings describe."""
CreateJobs: TypeAlias = "Callable[[ProviderSettings, Resources], Jobs]"
"""The same for a provider that works with jobs."""


def no_problems(settings: ProviderSettings) -> tuple[SettingProblem, ...]:
    """The check of a type whose settings the project's schema describes in full."""
    return (*problems_of_others(settings, "command", "comfyui"), *problems_of_others(settings, "ray"))


_TYPES_OF_SETTINGS = {
    "command": ("command",),
    "charges": ("command", "comfyui"),
    "deterministic": ("command",),
    "worker": ("ray",),
    "address": ("ray",),
    "resources": ("ray",),
}
"""The types that have a setting, where only some do."""


def problems_of_others(settings: ProviderSettings, *types: str) -> tuple[SettingProblem, ...]:
    """An error for each setting that only providers of these other types have."""
    given = [name for name, owners in _TYPES_OF_SETTINGS.items() if getattr(settings, name) and {*owners} & {*types}]
    return tuple(
        SettingProblem(
            name,
            f"is a setting of type: {' and '.join(_TYPES_OF_SETTINGS[name])} alone",
            "remove it, or write another type",
        )
        for name in given
    )


def always_trusted(settings: ProviderSettings, environ: Mapping[str, str]) -> NoKey | None:
    """The answer of a type that runs nothing of the user's machine."""
    return None


@value
class Dialect:
    """An HTTP API that answers with an image, or with JSON that holds an image or its URL.

    - `home`: the origin of the provider's own server; "" if every project must give a `base_url`.
    - `key_variables`: environment variables that hold nothing but a key for it; the first is the default.
    - `key_header`: the header that carries the key, and the text before the key.
    - `vendor_of`: the series of models whose vendor runs the server at `home`.
    - `models_path`: a GET of this path lists the models, at no cost.
    - `batches`: loads its batch API; None if it has none.
    - `jobs`: loads its API of jobs; None if it answers with the image itself. `keeps_results`: an image of a job can be
      fetched at least an hour after it was made.
    """

    type: str
    home: str
    build: Build
    key_variables: tuple[str, ...] = ()
    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    models_path: str = "/v1/models"
    vendor_of: str = ""
    price: PriceFunction = price
    traits: Traits = Traits()
    problems: Check = no_problems
    concurrency: int = 4
    batches: LoadBatchApi | None = None
    jobs: LoadJobApi | None = None
    keeps_results: bool = True


@value
class ProviderFactory:
    """A provider that is an object of its own: it draws on this machine, or brings its own client.

    `home` and `key_variables` are as in a Dialect, for one that needs a key. `concurrency` is the default number of
    requests at a time. `paid_jobs` makes it as one that works with jobs, if its settings say that it charges.
    `try_server` is for `providers --test`, where there is a server.
    """

    type: str
    traits: Traits
    create: Create
    home: str = ""
    key_variables: tuple[str, ...] = ()
    price: PriceFunction = price
    problems: Check = no_problems
    untrusted: Untrusted = always_trusted
    concurrency: int = 4
    paid_jobs: CreateJobs | None = None
    try_server: TryServer | None = None


Declaration = Dialect | ProviderFactory


def is_own_api(declared: Declaration, settings: ProviderSettings, series: str) -> bool:
    """Whether a provider is the API of the vendor of these models: no gateway is between."""
    if not isinstance(declared, Dialect) or not series or declared.vendor_of != series:
        return False
    return settings.base_url in ("", declared.home)


def price_of(declared: Declaration, recipe: Recipe, table: ModelTable, *, charges: bool = False) -> Cost | None:
    """The price of one image before it is requested: 0 from a free provider; None: unknown. `charges`: the settings say
    that a provider of a free type costs money."""
    return FREE if declared.traits.free and not charges else declared.price(recipe, table)


def has_batches(declared: Declaration) -> bool:
    """Whether a type of provider has batches."""
    return isinstance(declared, Dialect) and declared.batches is not None


def batch_price_of(declared: Declaration, recipe: Recipe, table: ModelTable) -> Cost | None:
    """The price of one image in a batch of this provider; None: unknown, or it has no batches."""
    if not has_batches(declared):
        return None
    return batch_price(declared.price(recipe, table), recipe, table)
