"""Show small pictures on a terminal: by the protocol of kitty or of iTerm2, or else as half blocks of colour."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import IO

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from reconciler.cli.terminal import has_colour, terminal_width
from reconciler.core.value import value
from reconciler.project.gallery.image_files import image_facts
from reconciler.providers.decoding.decode import THUMBNAILS

_ROWS = 8
_PIXELS = 160
"""The height of a picture in pixels, where the terminal shows pixels."""
_CHUNK = 4096
"""The most characters of base64 in one command of kitty's protocol."""
_ITERM = ("iTerm.app", "WezTerm", "mintty")


class PictureProtocol(Enum):
    """How a terminal shows pictures."""

    NONE = "not at all"
    KITTY = "kitty's graphics protocol"
    ITERM = "iTerm2's inline images"
    BLOCKS = "two pixels of colour in each character"


@value
class RgbPicture:
    """A picture: `rgb` has three bytes for each of its pixels, row by row."""

    width: int
    height: int
    rgb: bytes


def picture_protocol(stream: IO[str], environ: Mapping[str, str]) -> PictureProtocol:
    """How this stream can show a picture, by what terminals say of themselves. A multiplexer passes no pixels on."""
    if not terminal_width(stream, environ) or not has_colour(stream, environ):
        return PictureProtocol.NONE
    term = environ.get("TERM", "")
    if term.startswith(("screen", "tmux")) or environ.get("TMUX"):
        return PictureProtocol.BLOCKS
    if term in ("xterm-kitty", "xterm-ghostty") or environ.get("KITTY_WINDOW_ID"):
        return PictureProtocol.KITTY
    if environ.get("TERM_PROGRAM") in _ITERM or environ.get("LC_TERMINAL") == "iTerm2":
        return PictureProtocol.ITERM
    return PictureProtocol.BLOCKS


def picture_text(path: Path, protocol: PictureProtocol, environ: Mapping[str, str]) -> str:
    """What to print for the picture of a file; "" if the terminal shows none, or the file cannot be decoded."""
    match protocol:
        case PictureProtocol.NONE:
            return ""
        case PictureProtocol.BLOCKS:
            pixels = _pixels(path, 2 * _ROWS)
            return _blocks(pixels, environ) if pixels is not None else ""
        case PictureProtocol.KITTY:
            pixels = _pixels(path, _PIXELS)
            return "".join(_kitty(pixels)) if pixels is not None else ""
        case PictureProtocol.ITERM:
            pixels = _pixels(path, _PIXELS)
            return _iterm(pixels) if pixels is not None else ""


def _pixels(path: Path, height: int) -> RgbPicture | None:
    """The picture at this height. A process with limits decodes it."""
    facts = image_facts(path)
    try:
        made = THUMBNAILS.make(path, facts, height) if facts is not None else None
    except OSError:
        return None
    return None if made is None else RgbPicture(*made[0], made[1])


def _kitty(pixels: RgbPicture) -> Iterator[str]:
    data = base64.standard_b64encode(zlib.compress(pixels.rgb)).decode("ascii")
    head = f"a=T,f=24,o=z,q=2,s={pixels.width},v={pixels.height},r={_ROWS},"
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        yield f"\x1b_G{head if not start else ''}m={more};{data[start : start + _CHUNK]}\x1b\\"


def _iterm(pixels: RgbPicture) -> str:
    data = _png(pixels)
    encoded = base64.standard_b64encode(data).decode("ascii")
    return f"\x1b]1337;File=inline=1;size={len(data)};height={_ROWS};preserveAspectRatio=1:{encoded}\x07"


def _png(pixels: RgbPicture) -> bytes:
    across = 3 * pixels.width
    rows = b"".join(b"\0" + pixels.rgb[at : at + across] for at in range(0, len(pixels.rgb), across))
    head = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _blocks(pixels: RgbPicture, environ: Mapping[str, str]) -> str:
    """Half blocks: the upper pixel is the colour of the character, the lower one that of its background."""
    exact = environ.get("COLORTERM") in ("truecolor", "24bit")
    system = ColorSystem.TRUECOLOR if exact else ColorSystem.EIGHT_BIT
    text = Text(no_wrap=True)
    for row in range(0, pixels.height - 1, 2):
        for column in range(pixels.width):
            upper, lower = (_colour(pixels, column, at).downgrade(system) for at in (row, row + 1))
            text.append("▀", Style(color=upper, bgcolor=lower))
        text.append("\n")
    out = StringIO()
    Console(file=out, color_system="truecolor", force_terminal=True, width=2 * pixels.width).print(text, end="")
    return out.getvalue().removesuffix("\n")


def _colour(pixels: RgbPicture, column: int, row: int) -> Color:
    at = 3 * (row * pixels.width + column)
    return Color.from_rgb(*pixels.rgb[at : at + 3])
