"""Send one request for a recipe, however many assets want its image."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from reconciler.core.digest import RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.outcome import NotSent, Outcome, Rejected, Throttled
from reconciler.core.plan.actions import Generate
from reconciler.core.plan.plan import AssetStep, Step, draws
from reconciler.core.ports import ImageRequest, Provider
from reconciler.core.traits import Traits


def sole_recipes(steps: Iterable[Step]) -> frozenset[RecipeKey]:
    """The recipes that one step generates, and no other one can turn out to want: none while a recipe is unknown."""
    drawing = [step for step in steps if isinstance(step, AssetStep) and draws(step.action)]
    keys = [step.action.key if isinstance(step.action, Generate) else None for step in drawing]
    counted = Counter(keys)
    return (
        frozenset(key for key in keys if key is not None and counted[key] == 1) if None not in counted else frozenset()
    )


class SharedRequests:
    """The requests of one run, by recipe. Belongs to one event loop. No outcome is kept of the `sole` recipes, each of
    which one asset wants."""

    def __init__(
        self, providers: Mapping[str, Provider], traits: Mapping[str, Traits], sole: Collection[RecipeKey] = ()
    ) -> None:
        self._sole = sole
        self._providers = providers
        self._traits = traits
        self._under_way: dict[tuple[bool, RecipeKey], tuple[str, asyncio.Future[Outcome]]] = {}

    async def generate(self, name: str, request: ImageRequest, *, alone: bool) -> tuple[Outcome, bool]:
        """One request per recipe over all providers, with placeholders counted apart. A second caller waits for the
        first. It sends its own request only if it names another provider and the first one's outcome is free. Returns
        True for the caller that sent the request. An `alone` request neither waits nor is waited for."""
        provider = self._providers[name]
        if alone or request.key in self._sole:
            return await provider.generate(request), True
        flight = (self._traits[name].placeholder, request.key)
        while (under_way := self._under_way.get(flight)) is not None:
            outcome = await asyncio.shield(under_way[1])
            if under_way[0] == name or not isinstance(outcome, NotSent | Throttled | Rejected):
                return outcome, False
            if self._under_way[flight] is under_way:
                break
        landing: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[flight] = (name, landing)
        try:
            outcome = await provider.generate(request)
        except DiskError as error:
            landing.set_exception(error)
            landing.exception()  # marks it as retrieved: there may be no second caller
            raise
        except BaseException:
            landing.cancel()
            raise
        landing.set_result(outcome)
        return outcome, True
