"""The candidates of an asset: the images that were made for its recipe, and how a user names one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.core.digest import CONTENT_PREFIX, hex_of
from reconciler.core.plan.observed import Rejection
from reconciler.core.ports import StoredImage
from reconciler.core.text import printable
from reconciler.core.value import value

_LEAST_DIGITS = 4


@value
class Candidate:
    """One image for a recipe. `number` counts from 1, the oldest first; `locked`: it is in the lockfile now.
    `rejected`: it is not offered."""

    number: int
    image: StoredImage
    path: Path
    locked: bool
    rejected: Rejection | None = None


def find_candidate(found: Sequence[Candidate], wanted: str) -> Candidate | str:
    """The candidate with this number or content hash (its first digits suffice), or the reason why there is none."""
    if wanted.isascii() and wanted.isdigit() and len(wanted) < _LEAST_DIGITS:
        named = [one for one in found if one.number == int(wanted)]
    else:
        digits = wanted.removeprefix(CONTENT_PREFIX).lower()
        if len(digits) < _LEAST_DIGITS:
            return f'"{wanted}" is neither a number nor the beginning of a content hash'
        named = [one for one in found if hex_of(one.image.content).startswith(digits)]
    if len(named) == 1:
        return named[0]
    return f'"{wanted}" names {len(named) or "none"} of its {len(found)} candidates'


def mismatch_hint(asset: str) -> str:
    """The ways on from an image that is not as the spec says."""
    name = printable(asset)
    return (
        f"change the spec so that the image fits it, take the image as it is (`reconciler choose {name}` lists it), "
        "or pay for another: `reconciler apply --retry-mismatched`"
    )


def redrawn_hint(asset: str) -> str:
    """The ways on from a lost image that was drawn differently."""
    name = printable(asset)
    return (
        f"`reconciler choose {name}` lists the new image and takes it, `reconciler apply --regenerate-missing` draws "
        "again and takes any image; a copy of the lost one can be put back at its path"
    )
