"""Read what is derived from the documents and the specs: rules, bundles, and the paths of all files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.cautions import Caution
from reconciler.core.derived.collisions import derived_collisions
from reconciler.core.derived.wanted import BundleSet, Derivation, derivation
from reconciler.core.digest import AssetId
from reconciler.core.errors import Problem
from reconciler.core.specs.expand import SpecTree
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec

_SHOWN = 4


def read_derivation(
    settings: Settings, tree: SpecTree, specs: Mapping[AssetId, Spec], *, partial: bool
) -> tuple[Derivation, tuple[Problem, ...]]:
    """What is derived, and every problem with it. `partial`: some specs have problems, and are missing."""
    found = derivation(settings, specs, tree.derive, tree.bundles, partial=partial)
    collisions = derived_collisions(found.derivation, specs, (tree.derive, tree.bundles))
    return found.derivation, (*found.problems, *collisions)


def derived_cautions(derivation_: Derivation, specs: Mapping[AssetId, Spec]) -> Iterator[Caution]:
    """Pictures that a web manifest lists without an alternative text."""
    for each in derivation_.sets:
        if isinstance(each, BundleSet) and each.bundle.kind == "manifest":
            without = [member.asset for member in each.members if member.alt is None]
            if without:
                fact = f"the manifest {each.name} lists images without alt: {_listed(without)}"
                hint = 'describe each image with alt:, or write alt: "" for decoration'
                yield Caution(fact, len(without), place=specs[without[0]].place(""), field="alt", hint=hint)


def _listed(assets: list[AssetId]) -> str:
    more = f" and {len(assets) - _SHOWN} more" if len(assets) > _SHOWN else ""
    return ", ".join(assets[:_SHOWN]) + more
