"""Providers that draw with another provider of the same file: `worker: NAME` of `type: ray`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.errors import Problem
from reconciler.core.specs.document import Document
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.suggest import nearest_word
from reconciler.core.text import printable
from reconciler.core.value import replace


def join_pools(document: Document, providers: dict[str, ProviderSettings]) -> tuple[Problem, ...]:
    """Give each pool the settings of its worker, and what may be assumed of it; the problems of those without one."""
    return tuple(_joined(document, providers))


def _joined(document: Document, providers: dict[str, ProviderSettings]) -> Iterator[Problem]:
    for name, pool in list(providers.items()):
        if not pool.worker:
            continue
        place, inner = ("providers", name, "worker"), providers.get(pool.worker)
        shown = printable(pool.worker)
        if inner is None:
            yield document.problem(place, f'there is no provider "{shown}"', nearest_word(pool.worker, providers))
        elif inner.worker:
            yield document.problem(place, f'"{shown}" is a pool itself', "name a provider that draws")
        elif inner.traits.needs_key:
            hint = "requests to a service gain nothing from several machines, and its key would be on all of them"
            yield document.problem(place, f'"{shown}" sends a key, so it is not run in a pool', hint)
        else:
            # another machine may draw another image, so no lost one is drawn again there
            traits = replace(inner.traits, local=False, resumable=False, deterministic=False)
            providers[name] = replace(pool, inner=inner, charges=inner.charges, traits=traits)
