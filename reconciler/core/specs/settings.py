"""The settings of the project (`reconciler.yaml`) as values. Every default is here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from reconciler.core.digest import Json
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.traits import Traits
from reconciler.core.value import field, value

if TYPE_CHECKING:  # a project without a team loads nothing of it
    from reconciler.core.team.settings import TeamSettings

MAX_ASSETS = 20_000
"""The most that `limits: {assets: …}` can allow, since the file may come from a stranger."""
ASSETS_VARIABLE = "RECONCILER_MAX_ASSETS"
"""The user's environment raises it."""


class Cascade(Enum):
    """What to do with an asset if only the image of an upstream has changed."""

    ASK = "ask"
    IGNORE = "ignore"
    CASCADE = "cascade"


@value
class Timeouts:
    """Seconds. `first_byte` is the wait for the head of the response, `idle` the longest gap inside the body."""

    connect: float = 10.0
    write: float = 30.0
    first_byte: float = 300.0
    idle: float = 30.0
    total: float = 600.0


@value
class ProviderSettings:
    """One provider as configured. `api_key_env` is the *name* of an environment variable; "" sends no key.

    `type` is built in, or a plug-in's; `traits` are those of the type. `base_url` "" is the provider's own origin.
    `command` is a worker program with its arguments; `charges` says that its images cost money,
    `deterministic` that the same request gives the same bytes on this machine. `batch_size` is the most images of a
    batch job.

    A pool of processes draws with the provider named `worker`, which is `inner`; `address` "" starts them on this
    machine, and `resources` is what each needs.
    """

    name: str
    type: str
    base_url: str = ""
    api_key_env: str = ""
    concurrency: int = 4
    requests_per_minute: int = 0
    reference_encoding: str = "contents"
    endpoint: str = ""
    timeouts: Timeouts = Timeouts()
    body_limit: int = 64 * 1024 * 1024
    trust_env: bool = False
    command: tuple[str, ...] = ()
    charges: bool = False
    deterministic: bool = False
    batch_size: int = 50
    worker: str = ""
    address: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    inner: ProviderSettings | None = None
    traits: Traits = Traits()


@value
class Left:
    """What is left of a limit that earlier runs count towards, and the limit in words."""

    amount: Decimal
    text: str


@value
class Budget:
    """Limits on spending, in `currency`; None is no limit. `left` is what `total` and `per_month` leave for a run."""

    per_run: Decimal | None = None
    per_asset: Decimal | None = None
    images: int | None = None
    currency: str = "USD"
    total: Decimal | None = None
    per_month: Decimal | None = None
    left: Left | None = None

    @property
    def in_money(self) -> bool:
        """Whether a price that is unknown fits no limit."""
        return any(limit is not None for limit in (self.per_run, self.per_asset, self.left))


@value
class Settings:
    """`reconciler.yaml`, complete. Paths are relative to the project root, with `/`."""

    specs: str = "specs"
    outputs: str = "assets"
    provider: str = "draft"
    defaults: Mapping[str, Json] = field(default_factory=dict)
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    models: Mapping[str, Json] = field(default_factory=dict)
    budget: Budget = Budget()
    cascade: Cascade = Cascade.ASK
    asset_limit: int = 10_000
    review: ReviewRules = ReviewRules()
    provenance: ProvenanceSettings = ProvenanceSettings()
    team: TeamSettings | None = None

    def traits(self) -> Mapping[str, Traits]:
        """What may be assumed of each provider, by the name that specs use."""
        return {name: each.traits for name, each in self.providers.items()}

    def provider_settings(self, name: str) -> ProviderSettings | None:
        """The settings of a provider by the name that specs use; None if there is none."""
        return self.providers.get(name)
