"""Make an atlas: sprites are cut out by several processes, packed here, and each page is drawn by a process."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.core.derived.atlas_data import Atlas, AtlasFrame, data_texts, earlier_layout, page_name
from reconciler.core.derived.atlas_packing import (
    MOST_SPRITES,
    AtlasSettings,
    DoesNotFit,
    Layout,
    Sprite,
    pack_atlas,
)
from reconciler.core.derived.operations import Slice
from reconciler.core.derived.work import AtlasWork, MadeFiles, SpriteWork
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.value import value
from reconciler.derive.processes import AnswerPart, DerivingProcesses, NotDerivedError, invalid_answer
from reconciler.derive.unit_folder import UnitFolder
from reconciler.derive.wire import PageRequest, Pixels, PlacedPixels, SpriteCut, SpritesRequest

MOST_ATLAS_PIXELS = 1 << 26
"""The most pixels of all sprites of an atlas: 256 MiB."""
_BATCH = 32
"""The most sprites of one request."""


@value
class _Cut:
    """A sprite as it was cut out: its RGBA pixels, and its place in its source."""

    work: SpriteWork
    part: AnswerPart


class AtlasMaker:
    """Makes atlases on these processes."""

    def __init__(
        self, processes: DerivingProcesses, jobs: int, readable_master: Callable[[Path], Pixels], encoder: str
    ) -> None:
        self._processes = processes
        self._jobs = jobs
        self._readable = readable_master
        self._encoder = encoder

    def made(self, work: AtlasWork) -> MadeFiles:
        """All files of the atlas. Raises NotDerivedError and OSError."""
        if not work.sprites:
            raise NotDerivedError("the atlas has no sprites")
        if len(work.sprites) > MOST_SPRITES:
            raise NotDerivedError(f"{len(work.sprites):,} sprites are too many: an atlas takes {MOST_SPRITES:,}")
        cuts = self._cut_out(work)
        layout = _packed(work, cuts)
        atlas = _atlas(work, cuts, layout)
        texts = [text for kind in work.data for text in data_texts(atlas, kind)]
        pages = [f"{page_name(work.stem, page)}.{work.encoding.format}" for page in range(len(layout.pages))]
        place = posixpath.dirname(work.stem)
        folder = UnitFolder(work.folder, [*pages, *(posixpath.join(place, name) for name, _ in texts)])
        with ThreadPoolExecutor(self._jobs) as pool:
            drawn = pool.map(lambda page: self._drawn(work, cuts, layout, page), range(len(pages)))
            for index, data in enumerate(drawn):
                folder.picture(index, data, work.encoding.format, self._encoder)
        for index, (_, text) in enumerate(texts, len(pages)):
            folder.text(index, text)
        return folder.all(_notes(layout))

    def _cut_out(self, work: AtlasWork) -> dict[str, _Cut]:
        size = min(_BATCH, 1 + len(work.sprites) // (4 * self._jobs))
        batches = [work.sprites[start : start + size] for start in range(0, len(work.sprites), size)]
        found: dict[str, _Cut] = {}
        pixels = 0
        with ThreadPoolExecutor(self._jobs) as pool:
            for batch in pool.map(lambda sprites: self._batch(work, sprites), batches):
                for cut in batch:
                    found[cut.work.name] = cut
                    pixels += cut.part.width * cut.part.height
                if pixels > MOST_ATLAS_PIXELS:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise NotDerivedError(f"the sprites have more than {MOST_ATLAS_PIXELS:,} pixels")
        return found

    def _batch(self, work: AtlasWork, sprites: tuple[SpriteWork, ...]) -> list[_Cut]:
        """Sprites cut out by one process. An error names the sprite where it is known."""
        masters = [self._master(sprite) for sprite in sprites]
        request = SpritesRequest(
            tuple(
                SpriteCut(master, sprite.operations, whole=sprite.borders is not None)
                for master, sprite in zip(masters, sprites, strict=True)
            )
        )
        seconds = sum(10 + int(6 * _megapixels(master.facts)) for master in masters)
        found: list[_Cut] = []

        def most(part: AnswerPart) -> int:
            return _most(work, part)

        def take(part: AnswerPart) -> None:
            if part.index != len(found) or len(part.data) != 4 * part.width * part.height:
                raise invalid_answer()
            found.append(_Cut(sprites[part.index], part))

        try:
            self._processes.ask(request, parts=len(sprites), seconds=seconds, most=most, take=take)
        except NotDerivedError as error:
            raise _of_sprite(sprites[len(found)], error) from error
        return found

    def _master(self, sprite: SpriteWork) -> Pixels:
        try:
            return self._readable(sprite.master.path)
        except NotDerivedError as error:
            raise _of_sprite(sprite, error) from error

    def _drawn(self, work: AtlasWork, cuts: dict[str, _Cut], layout: Layout, page: int) -> bytes:
        width, height = layout.pages[page]
        pieces = tuple(
            PlacedPixels(one.x, one.y, one.sprite.width, one.sprite.height, cuts[one.sprite.id].part.data)
            for one in layout.placements
            if one.page == page
        )
        request = PageRequest(width, height, work.extrude, pieces, work.encoding)
        seconds = 20 + 4 * width * height // 1_000_000
        most = 5 * width * height + (64 << 10)
        found: list[AnswerPart] = []
        self._processes.ask(request, parts=1, seconds=seconds, most=lambda _: most, take=found.append)
        return found[0].data


def _megapixels(facts: ImageFacts) -> float:
    return facts.width * facts.height / 1_000_000


def _most(work: AtlasWork, part: AnswerPart) -> int:
    """The most bytes of a sprite: it must fit on a page."""
    rim = 2 * work.extrude
    if part.width + rim > work.max_width or part.height + rim > work.max_height:
        raise _does_not_fit(work, part.width, part.height)
    return 4 * part.width * part.height


def _does_not_fit(work: AtlasWork, width: int, height: int) -> NotDerivedError:
    fact = f"{width}x{height} pixels do not fit on a page of {work.max_width}x{work.max_height}"
    return NotDerivedError(fact, "give the atlas a larger max, or its rule a smaller size")


def _of_sprite(sprite: SpriteWork, error: NotDerivedError) -> NotDerivedError:
    return NotDerivedError(f"{sprite.name}: {error.fact}", error.hint)


def _packed(work: AtlasWork, cuts: dict[str, _Cut]) -> Layout:
    settings = AtlasSettings(work.max_width, work.max_height, work.padding, work.extrude)
    sprites = [Sprite(name, cut.part.width, cut.part.height) for name, cut in cuts.items()]
    layout = pack_atlas(sprites, settings, earlier_layout(work.earlier) if work.stable else ())
    if isinstance(layout, DoesNotFit):
        error = _does_not_fit(work, layout.sprite.width, layout.sprite.height)
        raise NotDerivedError(f"{layout.sprite.id}: {error.fact}", error.hint)
    return layout


def _atlas(work: AtlasWork, cuts: dict[str, _Cut], layout: Layout) -> Atlas:
    frames = []
    for one in layout.placements:
        cut = cuts[one.sprite.id]
        source_width, source_height = _source(cut)
        frames.append(
            AtlasFrame(
                one.sprite.id,
                one.page,
                one.x,
                one.y,
                one.sprite.width,
                one.sprite.height,
                source_width,
                source_height,
                cut.part.left,
                cut.part.top,
                _borders(cut),
            )
        )
    return Atlas(posixpath.basename(work.stem), tuple(frames), layout.pages, work.scale, work.encoding.format)


def _source(cut: _Cut) -> tuple[int, int]:
    """The size of the source; the frame must lie inside it."""
    width, height = cut.part.source
    if (
        cut.part.left + cut.part.width > width
        or cut.part.top + cut.part.height > height
        or max(width, height) > 1 << 16
    ):
        raise NotDerivedError("the decoder gave no valid answer")
    return width, height


def _borders(cut: _Cut) -> Slice | None:
    borders = cut.work.borders
    if borders and (borders.left + borders.right > cut.part.width or borders.top + borders.bottom > cut.part.height):
        fact = f"{cut.work.name}: its slice is larger than its {cut.part.width}x{cut.part.height} pixels"
        raise NotDerivedError(fact, "give smaller borders: they are pixels of the derived file at density 1")
    return borders


def _notes(layout: Layout) -> tuple[str, ...]:
    return ("all sprites have new places: the earlier layout would have needed one page more",) if layout.moved else ()
