"""The closed list of operations on pictures, in their normal form, and how a result is encoded.

Lengths are pixels, colours `#rrggbb` in lower case, parts of a whole thousandths. A value here is complete: it has no
variable and no default of a rule left in it, and two that mean the same are equal. They are digested (`key.py`), so a
field is never renamed, and a new one has a default that `form` leaves out.
"""

from __future__ import annotations

from reconciler.core.digest import Json
from reconciler.core.value import fields, value

FITS = ("cover", "contain", "inside", "fill")
"""cover: fill the box and crop about the focus. contain: fit into the box, the rest of it transparent, or the
background. inside: fit into the box, the result is no larger than the picture. fill: stretch to the box."""
FILTERS = ("lanczos", "box", "nearest")
DITHERS = ("none", "floyd-steinberg")
CENTRE = (500, 500)
AUTO = "auto"


@value
class ColourKey:
    """Make the colour of a flat background transparent. `colour` is `auto`: the median of the four borders.

    `from_` and `to` are distances, max(|dCb|, |dCr|), 0 to 255: transparent up to `from_`, opaque from `to` on.
    """

    colour: str = AUTO
    from_: int = 18
    to: int = 60


@value
class Trim:
    """Cut to the pixels with an alpha over `threshold` (0 to 254), and leave `padding` transparent pixels around."""

    threshold: int = 8
    padding: int = 0


@value
class Pad:
    """Add pixels on each side, transparent ones if `colour` is ""."""

    pixels: int
    colour: str = ""


@value
class Resize:
    """Resize to a box. A `width` or `height` of 0 follows from the other one and the picture's ratio.

    Never larger than the picture unless `enlarge`: a box that is larger shrinks, and keeps its ratio. `focus` is the
    point that a crop keeps nearest to its middle, thousandths from the left and from the top; `fit: cover` alone reads
    it. `background` fills what `contain` leaves empty, "" with transparency.
    """

    width: int = 0
    height: int = 0
    fit: str = "inside"
    filter: str = "lanczos"
    enlarge: bool = False
    focus: tuple[int, int] = CENTRE
    background: str = ""


@value
class Crop:
    """Crop to a ratio about the focus, for a file whose size is the picture's own."""

    ratio: tuple[int, int]
    focus: tuple[int, int] = CENTRE


@value
class Palette:
    """Reduce to a number of colours (2 to 256), or to the ones listed, and make alpha hard: a pixel with an alpha under
    128 is transparent, any other opaque."""

    colours: int = 16
    dither: str = "none"
    listed: tuple[str, ...] = ()


Operation = ColourKey | Trim | Pad | Resize | Crop | Palette


@value
class Encoding:
    """How the pixels become a file. `quality` is 1 to 100, 0 for PNG. `background` is what transparent pixels of a JPEG
    stand on. `mark` says in its metadata that it is generated: a term of IPTC, and a label of GB 45438 if there is one.
    """

    format: str
    quality: int = 0
    lossless: bool = False
    background: str = "#ffffff"
    mark: tuple[str, ...] = ()


@value
class Slice:
    """The borders of a nine-slice picture that do not stretch: pixels of the file at density 1."""

    left: int
    top: int
    right: int
    bottom: int


def form(each: Operation | Encoding | Slice) -> dict[str, Json]:
    """The value as it is digested and shown: its name, and the fields that differ from their defaults."""
    found: dict[str, Json] = {"op": type(each).__name__.lower()}
    for one in fields(type(each)):
        given = getattr(each, one.name)
        if given != one.default:
            found[one.name.rstrip("_")] = list(given) if isinstance(given, tuple) else given
    return found
