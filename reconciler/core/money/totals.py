"""Sum the cost of images: those locked now, and all that were ever generated here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reconciler.core.digest import ContentHash
from reconciler.core.lock.entry import ADOPTED, IMPORTED, Made
from reconciler.core.money.cost import Total, parse_cost, total
from reconciler.core.value import value

BROUGHT = frozenset({ADOPTED, IMPORTED})
"""`made.provider` of images from elsewhere: no cost of them is known."""
NO_TAG = "(no tag)"
NO_MODEL = "(not known)"


@value
class Image:
    """One image and its origin. `content` is that of the response, also where it was converted. `tags` are those of
    the assets for which it was generated, as far as they are known."""

    content: ContentHash
    made: Made
    tags: tuple[str, ...] = ()


@value
class Sum:
    """The cost of some images. `paid` are those from a provider that may charge."""

    cost: Total
    paid: int
    drafts: int
    brought: int


@value
class Row:
    """One group of images, by its name: the sum of those locked now, and of all that were ever generated here."""

    name: str
    locked: Sum
    ever: Sum


Named = Callable[[Image], tuple[str, ...]]
"""The groups that an image belongs to."""

GROUPS: Mapping[str, Named] = {
    "model": lambda image: (image.made.model or NO_MODEL,),
    "tag": lambda image: image.tags or (NO_TAG,),
    "month": lambda image: (image.made.at[:7],),
    "provider": lambda image: (image.made.provider,),
}


def summed(images: Iterable[Image]) -> Sum:
    """An image that several assets or recipes share counts once, and so does one with its edited versions."""
    calls = {
        (each.made.edited or each.content, each.made.at, each.made.request, each.made.provider): each.made
        for each in images
    }
    paid = [made for made in calls.values() if _paid(made)]
    drafts = sum(made.placeholder for made in calls.values())
    brought = sum(made.provider in BROUGHT for made in calls.values())
    cost = total(parse_cost(made.cost) for made in paid)
    return Sum(cost, len(paid), drafts, brought)


def grouped(locked: Iterable[Image], ever: Iterable[Image], named: Named) -> tuple[Row, ...]:
    """The groups of paid images, by name. An image in several groups counts in each."""
    now, here = _apart(locked, named), _apart(ever, named)
    return tuple(Row(name, summed(now.get(name, ())), summed(here.get(name, ()))) for name in sorted({*now, *here}))


def _apart(images: Iterable[Image], named: Named) -> dict[str, list[Image]]:
    groups: dict[str, list[Image]] = {}
    for image in images:
        for name in named(image) if _paid(image.made) else ():
            groups.setdefault(name, []).append(image)
    return groups


def _paid(made: Made) -> bool:
    """Whether an image came from a provider that may charge."""
    return not made.placeholder and made.provider not in BROUGHT
