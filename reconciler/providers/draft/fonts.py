"""Find fonts for scripts that the built-in font lacks: in the package of the extra `fonts`, then in the system.

Nothing is searched before a character needs it. The fonts of the system are listed by fontconfig, in one process.
"""

from __future__ import annotations

import importlib.util
import subprocess
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

from PIL import ImageFont, features

from reconciler.core.value import value

PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
"""Noto fonts as Python packages: the same glyphs on every machine that has them."""
WITHOUT_FONTCONFIG = ("/System/Library/Fonts/Supplemental/Arial Unicode.ttf", "/Library/Fonts/Arial Unicode.ttf")
"""A font of macOS for many scripts; fontconfig is no part of macOS."""
_SUFFIXES = (".ttf", ".otf", ".ttc")
_LIST = "%{slant}|%{weight}|%{width}|%{color}|%{scalable}|%{variable}|%{index}|%{family[0]}|%{file}|%{charset}\n"
_SECONDS = 5
_MOST_LISTED = 64 << 20
"""Bytes that fc-list may write; 3,000 fonts take about 10 MB."""
_PROBE = 24
_REGULAR = 400
_NEEDS_SHAPING = ((0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x1A20, 0x1CFF), (0xA8E0, 0xAAFF))
"""Scripts of India and South-East Asia whose vowel signs move."""


class Font(Protocol):
    """A font file that may have glyphs for a text."""

    @property
    def path(self) -> str: ...

    @property
    def index(self) -> int: ...

    def covers(self, text: str) -> bool:
        """Whether it has a glyph for every character."""
        ...


class ListedFont:
    """A font of the system, whose characters fontconfig has listed as hexadecimal ranges."""

    def __init__(self, path: str, index: int, charset: str) -> None:
        self.path = path
        self.index = index
        self._charset = charset

    @cached_property
    def _ranges(self) -> tuple[tuple[int, int], ...]:
        pairs = (part.partition("-") for part in self._charset.split())
        return tuple((int(first, 16), int(last or first, 16)) for first, _, last in pairs)

    def covers(self, text: str) -> bool:
        """Whether fontconfig lists every character, and the file can be read."""
        codes = {ord(char) for char in text}
        return all(any(a <= code <= b for a, b in self._ranges) for code in codes) and _opens(self.path, self.index)


class FontFile:
    """A font file whose characters are found by drawing them."""

    index = 0

    def __init__(self, path: str) -> None:
        self.path = path

    def covers(self, text: str) -> bool:
        """Whether every character differs from the glyph of a missing character."""
        return _opens(self.path, 0) and all(map(self._has, text))

    @lru_cache(maxsize=4096)  # noqa: B019 - the fonts of a process are few, and live as long as it
    def _has(self, char: str) -> bool:
        font = load_font(self.path, 0, _PROBE)
        return bytes(font.getmask(char)) != bytes(font.getmask("\uffff"))


@value
class FontChoice:
    """A font for a text: the arguments of `load_font` but the size."""

    path: str
    index: int


@lru_cache(maxsize=4096)
def font_for(text: str) -> FontChoice | None:
    """The first font with every character of the text; None if there is none, or if its script cannot be shaped."""
    if len(text) > 1 and None in map(font_for, text):
        return None  # an unknown character is searched in all fonts only once
    if needs_shaping(text) and not can_shape():
        return None
    return next((FontChoice(font.path, font.index) for font in _fonts() if font.covers(text)), None)


@lru_cache(maxsize=256)
def load_font(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    """The font at a size in pixels; a variable font in its regular weight."""
    font = ImageFont.truetype(path, size, index)
    try:
        axes = font.get_variation_axes()
    except (OSError, NotImplementedError):
        return font
    font.set_variation_by_axes(
        [_REGULAR if axis["name"] in (b"Weight", "Weight") else axis["default"] or 0 for axis in axes]
    )
    return font


def needs_shaping(text: str) -> bool:
    """Whether a text runs from right to left, or has letters whose form depends on their neighbours."""
    return any(
        unicodedata.bidirectional(char) in ("R", "AL") or any(a <= ord(char) <= b for a, b in _NEEDS_SHAPING)
        for char in text
    )


def can_shape() -> bool:
    """Whether Pillow found the libraries that shape text, of which fribidi may be missing on this machine."""
    return features.check_feature("raqm") is True


@lru_cache(maxsize=1)
def _fonts() -> tuple[Font, ...]:
    return (
        *_packaged(),
        *listed_fonts(_fc_list()),
        *(FontFile(path) for path in WITHOUT_FONTCONFIG if Path(path).is_file()),
    )


def _packaged() -> Iterator[Font]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            paths = (str(path) for path in Path(folder).iterdir() if path.suffix in _SUFFIXES)
            yield from (FontFile(path) for path in sorted(paths) if "Italic" not in path)


def _fc_list() -> str:
    """The output of fc-list; nothing if the program is absent or does not answer."""
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are fixed
            ("fc-list", "--format", _LIST),  # noqa: S607 - fontconfig's own program, as installed on this machine
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[:_MOST_LISTED].decode("utf-8", "replace")


def listed_fonts(text: str) -> Iterator[Font]:
    """One font of each family, scalable and in one colour: sans serifs first, of a family the most regular one."""
    best: dict[str, tuple[tuple[object, ...], ListedFont]] = {}
    for line in text.splitlines():
        fields = line.split("|", 9)
        if len(fields) < 10 or fields[3:5] != ["False", "True"]:
            continue
        slant, weight, width, _, _, _, index, family, path, charset = fields
        if not (path.endswith(_SUFFIXES) and index.isdecimal() and int(index) < 1 << 16):
            continue  # a named instance of a variable font
        kind = "Sans" not in family, "Mono" in family, "Serif" in family
        rank = kind, slant != "0", _distance(weight, 80), _distance(width, 100), path, int(index)
        if family not in best or rank < best[family][0]:
            best[family] = rank, ListedFont(path, int(index), charset)
    return iter([font for _, font in sorted(best.values(), key=lambda each: each[0])])


def _distance(text: str, wanted: int) -> float:
    """How far a number is from the wanted one; a range, as variable fonts have, counts as near."""
    try:
        return abs(float(text) - wanted)
    except ValueError:
        return 0.0


@lru_cache(maxsize=1024)
def _opens(path: str, index: int) -> bool:
    try:
        load_font(path, index, _PROBE)
    except OSError:
        return False
    return True
