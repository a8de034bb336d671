"""Decide where each sprite of an atlas lies: a bottom-left skyline, and a layout that stays when sprites are added.

The input is sorted by (-height, -width, id), so the order in which files were found changes nothing. All sizes are in
pixels. A sprite takes a cell: itself, `extrude` pixels of its own rim on each side, and `padding` to the right and
below. Sprites are not rotated: Godot and CSS cannot draw that.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, pairwise

from reconciler.core.value import replace, value

MOST_SPRITES = 10_000
"""The most sprites of one atlas."""
_WIDTHS = (1.0, 1.12, 1.25, 0.9)
"""The widths of a page that are tried, as parts of the side of a square with the area of all cells."""
_STRIP = 0.02
"""What each time that a page is longer than wide costs, as a part of its area."""
_TRIED_SPRITES = 2_000
"""Up to so many sprites, each width is tried; above, one is."""
_MOST_HOLES = 256
"""The most places of earlier sprites that are filled again."""


@value
class Sprite:
    """A picture to pack, after it is trimmed."""

    id: str
    width: int
    height: int


@value
class AtlasSettings:
    """`width` and `height` are the most that a page may have."""

    width: int = 2048
    height: int = 2048
    padding: int = 2
    extrude: int = 1


@value
class Placement:
    """A sprite and its place: the page, and the top left pixel of the sprite itself, inside its extruded rim."""

    sprite: Sprite
    page: int
    x: int
    y: int


@value
class Layout:
    """The pages of an atlas, as (width, height), and the places of all sprites, by id.

    `moved` says that all sprites were packed anew because the earlier layout would have needed one page more.
    """

    pages: tuple[tuple[int, int], ...]
    placements: tuple[Placement, ...]
    moved: bool = False


@value
class DoesNotFit:
    """A sprite that is larger than a page."""

    sprite: Sprite


def pack_atlas(
    sprites: Iterable[Sprite], settings: AtlasSettings, earlier: Sequence[Placement] = ()
) -> Layout | DoesNotFit:
    """Where all sprites lie. Those of `earlier` with the same id and size stay; the others are packed around them.

    An earlier layout that overlaps itself, leaves the page or has an empty page is ignored. Ids must be unique.
    """
    ordered = sorted(sprites, key=lambda sprite: (-sprite.height, -sprite.width, sprite.id))
    rim = 2 * settings.extrude
    for sprite in ordered:
        if sprite.width + rim > settings.width or sprite.height + rim > settings.height:
            return DoesNotFit(sprite)
    cells = [_Cell(sprite, settings) for sprite in ordered]
    kept = _kept(cells, settings, earlier)
    if kept:
        around = _packed_around(cells, settings, kept, earlier)
        if len(around.pages) <= 1 + max(one.page for one in earlier):
            return around
        anew = _packed_anew(cells, settings)
        if len(anew.pages) >= len(around.pages):
            return around
    else:
        anew = _packed_anew(cells, settings)
    places = {one.sprite: one for one in earlier}
    return replace(anew, moved=any(places.get(one.sprite, one) != one for one in anew.placements))


_Box = tuple[int, int, int, int]
"""Left, top, width, height."""


class _Cell:
    """A sprite with its rim and its padding."""

    __slots__ = ("height", "sprite", "width")

    def __init__(self, sprite: Sprite, settings: AtlasSettings) -> None:
        around = 2 * settings.extrude + settings.padding
        self.sprite = sprite
        self.width = sprite.width + around
        self.height = sprite.height + around


class _Skyline:
    """The upper contour of what is packed on one page; y grows downwards. Segments are [x, y, width], in order of x.

    The page is larger by the padding than the picture will be: no padding is needed at its right and lower border.
    """

    def __init__(self, width: int, height: int, segments: list[tuple[int, int, int]] | None = None) -> None:
        self.width = width
        self.height = height
        self.segments = segments or [(0, 0, width)]

    def place(self, width: int, height: int) -> tuple[int, int] | None:
        """The place whose lower edge is the highest, the leftmost of those; None if there is none."""
        best: tuple[int, int, int] | None = None
        segments = self.segments
        for index, (x, top, _) in enumerate(segments):
            if x + width > self.width:
                break
            if best is not None and top >= best[0]:
                continue
            y, after, end = top, index + 1, x + segments[index][2]
            while end < x + width:
                y = max(y, segments[after][1])
                end += segments[after][2]
                after += 1
            if y + height <= self.height and (best is None or y < best[0]):
                best = (y, index, x)
        if best is None:
            return None
        y, index, x = best
        self._raise(index, x, y + height, width)
        return x, y

    def _raise(self, index: int, x: int, y: int, width: int) -> None:
        """Lay a new segment over those below it, and join neighbours of the same height."""
        segments, after, end = self.segments, index, x + width
        while after < len(segments) and segments[after][0] + segments[after][2] <= end:
            after += 1
        new = [(x, y, width)]
        if after < len(segments) and segments[after][0] < end:
            old_x, old_y, old_width = segments[after]
            new.append((end, old_y, old_x + old_width - end))
            after += 1
        if index and segments[index - 1][1] == y:
            index -= 1
            new[0] = (segments[index][0], y, segments[index][2] + width)
        if len(new) == 1 and after < len(segments) and segments[after][1] == y:
            new[0] = (new[0][0], y, new[0][2] + segments[after][2])
            after += 1
        segments[index:after] = new


def _packed_anew(cells: list[_Cell], settings: AtlasSettings) -> Layout:
    tries = [_packed(cells, settings, width) for width in _widths(cells, settings)]
    return min(tries, key=lambda layout: (len(layout.pages), sum(_cost(*page) for page in layout.pages)))


def _cost(width: int, height: int) -> float:
    """The area of a page; a long strip has to save much of it."""
    return width * height * (1 + _STRIP * (max(width, height) / min(width, height) - 1))


def _widths(cells: list[_Cell], settings: AtlasSettings) -> list[int]:
    """The widths of a page, padding included, that are worth a try."""
    most = settings.width + settings.padding
    if not cells:
        return [most]
    least = max(cell.width for cell in cells)
    side = math.isqrt(sum(cell.width * cell.height for cell in cells)) + 1
    columns = math.ceil(side / least)  # for sprites of one size: whole columns
    wanted = [columns * least, *(int(side * part) for part in _WIDTHS), most]
    fitting = list(dict.fromkeys(min(max(width, least), most) for width in wanted))
    return fitting if len(cells) <= _TRIED_SPRITES else [min(max(int(side * _WIDTHS[1]), least), most)]


def _packed(cells: list[_Cell], settings: AtlasSettings, width: int) -> Layout:
    skylines: list[_Skyline] = []
    placements: list[Placement] = []
    full: dict[tuple[int, int], int] = {}  # for a size: the pages that are known not to have room for it
    height = settings.height + settings.padding
    for cell in cells:
        size = (cell.width, cell.height)
        page = full.get(size, 0)
        while True:
            if page == len(skylines):
                skylines.append(_Skyline(width, height))
            place = skylines[page].place(*size)
            if place is not None:
                break
            page += 1
        full[size] = page
        placements.append(_placement(cell.sprite, page, place, settings))
    return _layout(placements, settings)


def _packed_around(
    cells: list[_Cell], settings: AtlasSettings, kept: dict[str, Placement], earlier: Sequence[Placement]
) -> Layout:
    """The kept ones where they are, the others in the holes of those that are gone, or below all, or on a new page."""
    pages = range(1 + max(one.page for one in kept.values()))
    taken = [[_cell_box(one, settings) for one in kept.values() if one.page == page] for page in pages]
    holes = sorted(islice(_holes(kept, earlier, settings, taken), _MOST_HOLES))
    skylines = [_contour(boxes, settings) for boxes in taken]
    placements = [*kept.values()]
    for cell in cells:
        if cell.sprite.id in kept:
            continue
        page, x, y = _in_a_hole(cell, holes) or _below(cell, skylines, settings)
        placements.append(_placement(cell.sprite, page, (x, y), settings))
    return _layout(placements, settings)


def _below(cell: _Cell, skylines: list[_Skyline], settings: AtlasSettings) -> tuple[int, int, int]:
    """A place on the first page that has one."""
    for page, skyline in enumerate(skylines):
        place = skyline.place(cell.width, cell.height)
        if place is not None:
            return page, *place
    fresh = _Skyline(settings.width + settings.padding, settings.height + settings.padding)
    skylines.append(fresh)
    return _below(cell, skylines, settings)


def _kept(cells: list[_Cell], settings: AtlasSettings, earlier: Sequence[Placement]) -> dict[str, Placement]:
    """The earlier places of sprites that have kept their size; none if the earlier layout cannot be kept."""
    wanted = {cell.sprite.id: cell.sprite for cell in cells}
    kept = {one.sprite.id: one for one in earlier if wanted.get(one.sprite.id) == one.sprite}
    pages = {one.page for one in kept.values()}
    if len(pages) != 1 + max(pages, default=-1) or any(not _inside(one, settings) for one in kept.values()):
        return {}
    for page in pages:
        if _overlap([_cell_box(one, settings) for one in kept.values() if one.page == page]):
            return {}
    return kept


def _inside(one: Placement, settings: AtlasSettings) -> bool:
    left, top, width, height = _cell_box(one, settings)
    fits = left + width <= settings.width + settings.padding and top + height <= settings.height + settings.padding
    return left >= 0 and top >= 0 and fits and 0 <= one.page < MOST_SPRITES


def _cell_box(one: Placement, settings: AtlasSettings) -> _Box:
    """The cell of a sprite."""
    around = 2 * settings.extrude + settings.padding
    left, top = one.x - settings.extrude, one.y - settings.extrude
    return left, top, one.sprite.width + around, one.sprite.height + around


def _overlap(boxes: list[_Box]) -> bool:
    """Whether any two boxes overlap: a sweep downwards, over boxes that lie side by side."""
    events = [(top, 1, left, left + width) for left, top, width, _ in boxes]
    events += [(top + height, 0, left, left + width) for left, top, width, height in boxes]
    open_: list[tuple[int, int]] = []
    for _, begins, left, right in sorted(events):
        at = bisect_left(open_, (left, right))
        if not begins:
            del open_[at]
        elif (at and open_[at - 1][1] > left) or (at < len(open_) and open_[at][0] < right):
            return True
        else:
            open_.insert(at, (left, right))
    return False


def _contour(taken: list[_Box], settings: AtlasSettings) -> _Skyline:
    """The skyline over boxes that stay: a sweep to the right, over the lowest edge at each place."""
    width, height = settings.width + settings.padding, settings.height + settings.padding
    boxes = sorted(taken)
    borders = sorted({0, width, *(box[0] for box in boxes), *(box[0] + box[2] for box in boxes)})
    open_: list[tuple[int, int]] = []
    segments: list[tuple[int, int, int]] = []
    begun = 0
    for left, right in pairwise(borders):
        while begun < len(boxes) and boxes[begun][0] <= left:
            box = boxes[begun]
            heapq.heappush(open_, (-(box[1] + box[3]), box[0] + box[2]))
            begun += 1
        while open_ and open_[0][1] <= left:
            heapq.heappop(open_)
        y = -open_[0][0] if open_ else 0
        if segments and segments[-1][1] == y:
            x, _, before = segments.pop()
            segments.append((x, y, before + right - left))
        else:
            segments.append((left, y, right - left))
    return _Skyline(width, height, segments)


_Hole = tuple[int, int, int, int, int]
"""Height, width, page, left, top: sorted, the smallest comes first."""


def _holes(
    kept: Mapping[str, Placement], earlier: Sequence[Placement], settings: AtlasSettings, taken: list[list[_Box]]
) -> Iterable[_Hole]:
    """The cells of sprites that are gone or have another size, where nothing that stays is in the way. Each is added
    to the boxes that are taken on its page."""
    for one in earlier:
        if one.sprite.id not in kept and one.page < len(taken) and _inside(one, settings):
            box = _cell_box(one, settings)
            if not any(_meet(box, other) for other in taken[one.page]):
                taken[one.page].append(box)
                yield box[3], box[2], one.page, box[0], box[1]


def _meet(one: _Box, other: _Box) -> bool:
    across = one[0] < other[0] + other[2] and other[0] < one[0] + one[2]
    return across and one[1] < other[1] + other[3] and other[1] < one[1] + one[3]


def _in_a_hole(cell: _Cell, holes: list[_Hole]) -> tuple[int, int, int] | None:
    """The smallest hole that takes the cell. What is left of it at the right and below are holes again."""
    for index, (height, width, page, left, top) in enumerate(holes):
        if height >= cell.height and width >= cell.width:
            right = (cell.height, width - cell.width, page, left + cell.width, top)
            below = (height - cell.height, width, page, left, top + cell.height)
            holes[index : index + 1] = [hole for hole in (right, below) if hole[0] and hole[1]]
            holes.sort()
            del holes[:-_MOST_HOLES]
            return page, left, top
    return None


def _placement(sprite: Sprite, page: int, cell: tuple[int, int], settings: AtlasSettings) -> Placement:
    return Placement(sprite, page, cell[0] + settings.extrude, cell[1] + settings.extrude)


def _layout(placements: list[Placement], settings: AtlasSettings) -> Layout:
    """The layout with each page cut to what lies on it."""
    pages: dict[int, tuple[int, int]] = {}
    for one in placements:
        width, height = pages.get(one.page, (0, 0))
        right, below = one.x + one.sprite.width, one.y + one.sprite.height
        pages[one.page] = max(width, right + settings.extrude), max(height, below + settings.extrude)
    sizes = tuple(pages.get(page, (1, 1)) for page in range(1 + max(pages, default=-1)))
    return Layout(sizes, tuple(sorted(placements, key=lambda one: one.sprite.id)))
