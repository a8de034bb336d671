"""All files of one master: it is decoded once, and operations that several files begin with are done once.

Files are made depth first, so that beside the master only pixels are kept that a later file begins with. Imported by
the confined process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PIL import Image

from reconciler.core.derived.operations import Operation
from reconciler.core.derived.work import WantedFile
from reconciler.derive.transform import transformed
from reconciler.imaging.confined import load_plugin
from reconciler.imaging.encoders import encoded


def made(decode: Callable[[], Image.Image], files: tuple[WantedFile, ...]) -> Iterator[tuple[int, Image.Image, bytes]]:
    """The place of each file, its pixels and its bytes; those that begin alike follow each other."""
    order = sorted(range(len(files)), key=lambda index: [repr(each) for each in files[index].operations])
    kept: dict[int, Image.Image] = {0: decode()}  # by the number of operations that are done
    for at, index in enumerate(order):
        operations = files[index].operations
        needed = {_alike(operations, files[later].operations) for later in order[at + 1 :]}
        depth = max(each for each in kept if each <= len(operations))
        image = kept[depth]
        while depth < len(operations):
            if depth not in needed:
                kept.pop(depth, None)
            image = transformed(image, operations[depth])
            depth += 1
            if depth in needed:
                kept[depth] = image
        load_plugin(files[index].encoding.format)
        yield index, image, encoded(image, files[index].encoding)
        del image
        if at + 1 < len(order):
            shared = _alike(operations, files[order[at + 1]].operations)
            kept = {each: pixels for each, pixels in kept.items() if each <= shared}


def _alike(one: tuple[Operation, ...], other: tuple[Operation, ...]) -> int:
    """The number of operations with which both begin."""
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
