"""Add the derived files of each asset to a page: those that derived.lock has and that are images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.derived.derived_plan import SetStep
from reconciler.core.derived.wanted import AssetSet, BundleSet
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.specs.paths import suffix_format
from reconciler.core.value import field, replace, value
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, derived_files
from reconciler.project.workspace import Workspace
from reconciler.report.gallery.facts import PageAsset, PageDerived

_MOST_FILES = 60
"""The most derived files of one asset that a page shows."""


@value
class DerivedImages:
    """The derived images of a page: the path of each content, and its facts."""

    here: Mapping[ContentHash, str] = field(default_factory=dict)
    known: Mapping[ContentHash, ImageFacts] = field(default_factory=dict)


def add_derived(
    workspace: Workspace, planned: PlannedProject, assets: Iterable[PageAsset]
) -> tuple[tuple[PageAsset, ...], DerivedImages]:
    """The assets with their derived files. A file of a bundle is with each of its members."""
    state = derived_files(workspace, planned, Selection())
    if state is None:
        return tuple(assets), DerivedImages()
    files: dict[AssetId, list[PageDerived]] = {}
    here: dict[ContentHash, str] = {}
    known: dict[ContentHash, ImageFacts] = {}
    for step in state.plan.steps:
        for made, facts in _images(step):
            here[made.content] = made.path
            known[made.content] = facts
            for asset in _made_from(step):
                files.setdefault(asset, []).append(made)
    shown = tuple(
        replace(asset, derived=tuple(files.get(asset.step.asset, ()))[:_MOST_FILES]) if files else asset
        for asset in assets
    )
    return shown, DerivedImages(here, known)


def _images(step: SetStep) -> Iterator[tuple[PageDerived, ImageFacts]]:
    for each in step.files:
        form = suffix_format(each.path)
        if each.line is not None and form is not None:
            line = each.line
            facts = ImageFacts(form, line.width, line.height, line.size)
            yield PageDerived(each.path, step.name, line.content), facts


def _made_from(step: SetStep) -> tuple[AssetId, ...]:
    match step.wanted:
        case AssetSet(asset=asset):
            return (asset,)
        case BundleSet(members=members):
            return tuple(dict.fromkeys(member.asset for member in members))
        case None:
            return ()
