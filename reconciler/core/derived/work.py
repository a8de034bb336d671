"""A unit of work for the port `Deriver`, and what comes back.

A unit is one asset and one rule, whose picture is decoded once for all its files; or one bundle at one density, made
completely or not at all. A unit is a plain value: it can be pickled. The Deriver writes every result into `folder`, an
existing empty directory of this unit alone, under any name. It never writes to an output: the caller moves the files.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.core.derived.operations import Encoding, Operation, Slice
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.value import value


@value
class Master:
    """A picture that files are derived from. The file has this content, hashed by the caller just now.

    It comes from a stranger: decode it in a limited process.
    """

    asset: AssetId
    content: ContentHash
    path: Path


@value
class WantedFile:
    """One file to make: its path in the project, the operations in order, and the encoding."""

    output: str
    operations: tuple[Operation, ...]
    encoding: Encoding


@value
class FilesWork:
    """The files of one asset and one rule."""

    master: Master
    files: tuple[WantedFile, ...]
    folder: Path


@value
class SpriteWork:
    """One picture of an atlas. `name` is its key in the data files. `borders` are pixels of this density."""

    name: str
    master: Master
    operations: tuple[Operation, ...]
    borders: Slice | None = None


@value
class AtlasWork:
    """Pages and data files of an atlas at one density. Lengths are pixels of the page.

    `stem` is the path of the first page without its suffix: pages are `STEM.png`, `STEM-1.png`, …, and a data file is
    the stem and `atlas_data`'s suffix for its kind (`data`, of `ATLAS_DATA`). `scale` is the density. `earlier` is the
    text of the machine-readable data file that was made last, "" if there is none: with `stable`, the rectangles in it
    stay where they are.
    """

    sprites: tuple[SpriteWork, ...]
    stem: str
    encoding: Encoding
    data: tuple[str, ...]
    folder: Path
    scale: int = 1
    max_width: int = 2048
    max_height: int = 2048
    padding: int = 2
    extrude: int = 0
    stable: bool = True
    earlier: str = ""


@value
class IconsWork:
    """Icon sets from one picture: the files that `icon_sets` lists for `sets`, below `prefix`, a folder of the project.

    `background` is what opaque icons stand on. `padding` is thousandths of the side, on each side of the picture.
    """

    master: Master
    sets: tuple[str, ...]
    prefix: str
    folder: Path
    background: str = "#ffffff"
    padding: int = 0
    name: str = ""
    mark: tuple[str, ...] = ()


@value
class ManifestSource:
    """A derived file in a web manifest. Sizes are pixels, as made."""

    output: str
    format: str
    width: int
    height: int


@value
class ManifestEntry:
    """One picture of a web manifest. `alt` None: nobody wrote one. `preview` is a small file of the picture, hashed by
    the caller just now, for its thumbhash and colour. `sources` are in the order of the rule's formats, then by width.
    `ai` is the term of IPTC for a picture that a model made.
    """

    asset: AssetId
    alt: str | None
    preview: Path
    sources: tuple[ManifestSource, ...]
    ai: str = ""


@value
class ManifestWork:
    """`images.json`, and one HTML snippet for each picture.

    `output` is the path of the JSON file, `html` the folder of the snippets, "" for none. `url` is a prefix of paths in
    the project that is cut off to make URLs (`public/` → `/`). `fallback` is the format of the `<img>`.
    """

    entries: tuple[ManifestEntry, ...]
    output: str
    folder: Path
    fallback: str
    sizes: str = ""
    html: str = ""
    url: str = ""


Work = FilesWork | AtlasWork | IconsWork | ManifestWork


@value
class MadeFile:
    """One file that was made. `path` is where its bytes are, inside the unit's folder; `width` and `height` are pixels,
    0 for a file that is no picture. `made` says by which revision of our operations and which encoder:
    `1 pillow 13.0.0 avif 1.4.2`, or `1` for a text."""

    output: str
    path: Path
    content: ContentHash
    size: int
    width: int
    height: int
    made: str


@value
class MadeFiles:
    """All files of a unit, in order. A note is for the user: `the layout was packed anew: 3 sprites did not fit`."""

    files: tuple[MadeFile, ...]
    notes: tuple[str, ...] = ()


@value
class DeriveFailure:
    """Why a unit was not made, in words that follow the name of the asset or bundle. Nothing of it counts then."""

    fact: str
    hint: str = ""


DerivedResult = MadeFiles | DeriveFailure

ATLAS_DATA = ("texturepacker", "texturepacker-array", "phaser3", "godot", "plist", "unity", "css")
ICON_SETS = ("favicon", "apple-touch", "pwa", "maskable", "ios", "android")
OPERATIONS_REVISION = 1
"""The first word of `made`. Raised with every change of an operation that changes pixels: information, never drift."""
