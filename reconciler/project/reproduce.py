"""Make some derived files anew, and compare them with those that are there. Nothing in the project is written."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from reconciler.core.derived.decide_files import KeepFile
from reconciler.core.derived.derived_plan import FileStep, SetStep
from reconciler.core.derived.operations import Encoding, Resize
from reconciler.core.derived.wanted import AssetSet
from reconciler.core.derived.work import DeriveFailure, FilesWork, MadeFile, Master, WantedFile
from reconciler.core.images.png_pixels import PixelBytes, decibels, png_pixels
from reconciler.core.ports import Deriver
from reconciler.core.value import value
from reconciler.derive.deriver import PillowDeriver
from reconciler.project.derivation import DerivedState
from reconciler.project.derive import DerivedPictures
from reconciler.project.workspace import Workspace

LEAST_DECIBELS = 40.0
_COMPARED = 192
"""Lossy files are compared at this size: encoders of two versions differ in single pixels, and not in the picture."""


@value
class Reproduction:
    """How many files were made anew, and those that are not what is there, with the reason."""

    files: int
    wrong: tuple[tuple[str, str], ...] = ()


def reproduce(workspace: Workspace, state: DerivedState, count: int, chance: random.Random) -> Reproduction:
    """Make `count` files at random anew: a lossless one must have the same pixels, a lossy one at least 40 dB."""
    current = [
        (step, each)
        for step in state.plan.steps
        if isinstance(step.wanted, AssetSet)
        for each in step.files
        if isinstance(each.action, KeepFile) and each.line is not None and not each.line.by_hand
    ]
    chosen = chance.sample(current, min(count, len(current)))
    if not chosen:
        return Reproduction(0)
    pictures = DerivedPictures(workspace, frozenset(each.path for _, each in chosen))
    deriver = PillowDeriver(1)
    try:
        with tempfile.TemporaryDirectory(prefix="reconciler-reproduce-") as folder:
            maker = _Maker(workspace, deriver, pictures, Path(folder))
            found = [(each.path, maker.difference(step, each)) for step, each in chosen]
    finally:
        deriver.close()
    return Reproduction(len(chosen), tuple((path, why) for path, why in found if why))


class _Maker:
    """Makes files anew in a temporary folder."""

    def __init__(self, workspace: Workspace, deriver: Deriver, pictures: DerivedPictures, folder: Path) -> None:
        self._workspace = workspace
        self._deriver = deriver
        self._pictures = pictures
        self._folder = folder

    def difference(self, step: SetStep, each: FileStep) -> str:
        """How a file that is made anew differs from the one that is there; "" if it is the same picture."""
        assert isinstance(step.wanted, AssetSet)
        assert each.keys is not None
        assert each.line is not None
        master = self._pictures.master(step.wanted.asset)
        if master is None:
            return "the bytes of its image are not in this checkout"
        recipe = each.keys.recipe
        new = self._made(master, WantedFile(each.path, recipe.operations, recipe.encoding))
        if isinstance(new, str) or new.content == each.line.content:
            return new if isinstance(new, str) else ""
        there = Master(step.wanted.asset, each.line.content, self._workspace.root / each.path)
        anew = Master(there.asset, new.content, new.path)
        if recipe.encoding.format == "png" or recipe.encoding.lossless:
            plain = [self._made(one, WantedFile("pixels.png", (), Encoding("png"))) for one in (there, anew)]
            contents = [one if isinstance(one, str) else one.content for one in plain]  # equal pixels, equal bytes
            return "" if contents[0] == contents[1] else "its pixels are others"
        pixels = [self._pixels(one) for one in (there, anew)]
        if isinstance(pixels[0], str) or isinstance(pixels[1], str):
            return next(one for one in pixels if isinstance(one, str))
        apart = decibels(pixels[0], pixels[1])
        return "" if apart >= LEAST_DECIBELS else f"it is another picture ({apart:.0f} dB)"

    def _pixels(self, master: Master) -> PixelBytes | str:
        """The pixels of a file at a small size, or why there are none."""
        smaller = (Resize(_COMPARED, _COMPARED, "inside", "box"),)
        made = self._made(master, WantedFile("pixels.png", smaller, Encoding("png")))
        if isinstance(made, str):
            return made
        try:
            return png_pixels(made.path.read_bytes())
        except ValueError as error:
            return str(error)

    def _made(self, master: Master, wanted: WantedFile) -> MadeFile | str:
        place = Path(tempfile.mkdtemp(dir=self._folder))
        made = self._deriver.derive(FilesWork(master, (wanted,), place))
        return made.fact if isinstance(made, DeriveFailure) else made.files[0]
