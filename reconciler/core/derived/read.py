"""Read what is derived from the documents and the specs: rules, bundles, and the paths of all files."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.derived.collisions import derived_collisions
from reconciler.core.derived.wanted import Derivation, derivation
from reconciler.core.digest import AssetId
from reconciler.core.errors import Problem
from reconciler.core.specs.expand import SpecTree
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec


def read_derivation(
    settings: Settings, tree: SpecTree, specs: Mapping[AssetId, Spec], *, partial: bool
) -> tuple[Derivation, tuple[Problem, ...]]:
    """What is derived, and every problem with it. `partial`: some specs have problems, and are missing."""
    found = derivation(settings, specs, tree.derive, tree.bundles, partial=partial)
    collisions = derived_collisions(found.derivation, specs, (tree.derive, tree.bundles))
    return found.derivation, (*found.problems, *collisions)
