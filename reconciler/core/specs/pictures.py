"""Read the pictures that an asset refers to: its references, its mask and those in its turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from reconciler.core.digest import AssetId, Json
from reconciler.core.recipe import PICTURE_FIELDS, TextPart
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.layers import LayeredField, every, is_literal, nearest
from reconciler.core.specs.paths import BadPath, bad_suffix, project_path
from reconciler.core.specs.spec import AssetReference, FileReference, Origin, Reference, SpecTurn
from reconciler.core.value import replace, value


@value
class Pictures:
    """The pictures of one asset. `origins` says where each was written, in the order of `Spec.pictures()`."""

    references: tuple[Reference, ...] = ()
    mask: Reference | None = None
    turns: tuple[SpecTurn, ...] = ()
    origins: tuple[Origin, ...] = ()


NO_PICTURES = Pictures()


def read_pictures(asset: AssetLayers) -> Pictures:
    """The references, the mask and the turns, in this order."""
    if asset.strongest.keys().isdisjoint(PICTURE_FIELDS):
        return NO_PICTURES
    origins: list[Origin] = []
    references, mask = _references(asset, origins), _mask(asset, origins)
    return Pictures(references, mask, _turns(asset, origins), tuple(origins))


def _references(asset: AssetLayers, origins: list[Origin]) -> tuple[Reference, ...]:
    """The asset's own (or its nearest default's), then those of its styles."""
    if "references" not in asset.strongest:
        return ()
    own = nearest(asset.base, "references")
    found: list[Reference] = []
    for each in (*((own,) if own else ()), *every(asset.styles, "references")):
        for index, one in enumerate(cast(Sequence[Json], each.value)):
            reference = _reference(asset, each.below(index, one), origins)
            if reference is not None:
                found.append(reference)
    return tuple(found)


def _mask(asset: AssetLayers, origins: list[Origin]) -> Reference | None:
    each = asset.field("mask")
    return None if each is None else _reference(asset, each, origins)


def _turns(asset: AssetLayers, origins: list[Origin]) -> tuple[SpecTurn, ...]:
    each = asset.field("turns")
    if each is None:
        return ()
    turns = []
    for index, turn in enumerate(cast(Sequence[Mapping[str, Json]], each.value)):
        written = each.below(index, turn).below("parts", turn["parts"])
        numbered = enumerate(cast(Sequence[Json], turn["parts"]))
        parts = [_part(asset, written.below(at, part), origins) for at, part in numbered]
        turns.append(SpecTurn(str(turn["role"]), tuple(part for part in parts if part is not None)))
    return tuple(turns)


def _part(asset: AssetLayers, each: LayeredField, origins: list[Origin]) -> TextPart | Reference | None:
    part = cast(Mapping[str, Json], each.value)
    if "text" in part:
        text = part["text"]
        if isinstance(text, str) and is_literal(text):
            return TextPart(text)
        return TextPart(asset.filled.text(each.below("text", part["text"])))
    return _reference(asset, each.below("image", part["image"]), origins)


def _reference(asset: AssetLayers, each: LayeredField, origins: list[Origin]) -> Reference | None:
    origin = each.origin
    if isinstance(each.value, dict):
        named = asset.whole_text(replace(each, value=each.value["asset"]))
        origins.append(origin)
        return None if named is None else AssetReference(AssetId(named))
    text = asset.whole_text(each)
    if text is None:
        return None
    path = project_path(text)
    if isinstance(path, BadPath):
        asset.report(each, path.fact, path.hint)
        return None
    wrong = bad_suffix(path)
    if wrong is not None:
        asset.report(each, wrong.fact, "refer to a .png, .jpg, .webp or .avif")
    origins.append(origin)
    return FileReference(path)
