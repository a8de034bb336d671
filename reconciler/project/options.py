"""The options of plan, check and apply as values: selection, policy, limits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from reconciler.core.errors import ProjectError
from reconciler.core.plan.policy import Policy
from reconciler.core.specs.settings import ASSETS_VARIABLE, MAX_ASSETS, Budget
from reconciler.core.value import field, replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:  # few runs are divided
    from reconciler.core.plan.shard import Shard


@value
class Selection:
    """The assets of a plan, and the policy for them. `candidates` None is one image for each asset; `shard` None is the
    whole project. `batched`: prices are those of batches, where a provider has them."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    drafts_only: bool = False
    candidates: int | None = None
    shard: Shard | None = None
    batched: bool = False

    @property
    def images_per_asset(self) -> int:
        """How many images are requested for each asset that is generated."""
        return self.candidates or 1


@value
class SpendingLimits:
    """Limits for one run. None leaves the project's own limit in force."""

    max_cost: Decimal | None = None
    max_images: int | None = None

    def applied_to(self, budget: Budget) -> Budget:
        """The project's budget with these limits in place of its own."""
        return replace(
            budget,
            per_run=budget.per_run if self.max_cost is None else self.max_cost,
            images=budget.images if self.max_images is None else self.max_images,
        )


@value
class PlanOptions:
    """The inputs of a plan besides the project."""

    selection: Selection = field(default_factory=Selection)
    limits: SpendingLimits = field(default_factory=SpendingLimits)

    @property
    def is_default(self) -> bool:
        """Whether `reconciler plan` without options has the same steps. Limits are ignored: they only hold steps, and
        the answer matters only for plans without any."""
        return self.selection == Selection()


def most_assets(environ: Mapping[str, str]) -> int:
    """The most assets that a project file may allow. ProjectError for a variable that is not a number."""
    text = environ.get(ASSETS_VARIABLE, "").strip()
    if not text:
        return MAX_ASSETS
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise ProjectError(f"{ASSETS_VARIABLE} is not a whole number: {text}", hint="write digits only: 50000")
    return int(text)


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether the environment is a CI job (`CI=true`)."""
    return environ.get("CI", "").lower() not in ("", "0", "false")
