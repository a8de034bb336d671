"""Break text into lines of a small built-in font. Characters without a glyph become bars, as in a wireframe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import cast

from PIL import ImageFont

from reconciler.core.value import field, value

HIDDEN = "\0"
"""Half an em of text without glyphs; a word consists of these only, or of none."""
ELLIPSIS = "…"
MAX_READ = 1600
"""Characters of a text that are read; no card has space for more."""
_LONGEST_BAR = 8
_LOOKALIKES = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "×": "x",
        "•": "·",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
    }
)
"""Characters without a decomposition in Unicode."""


@value
class Face:
    """The font at one size in pixels, with a cache of widths: wrapping spends its time on measuring."""

    size: int
    font: ImageFont.FreeTypeFont
    advances: dict[str, float] = field(default_factory=dict)

    @property
    def leading(self) -> int:
        """The line height in pixels."""
        return round(self.size * 1.36)

    def width(self, word: str) -> float:
        """The width of a word in pixels, without kerning."""
        total = 0.0
        for char in word:
            advance = self.advances.get(char)
            if advance is None:
                advance = self.size * 0.5 if char == HIDDEN else self.font.getlength(char)
                self.advances[char] = advance
            total += advance
        return total


@lru_cache(maxsize=128)
def face(size: int) -> Face:
    """The font that ships with Pillow: the same glyphs on every machine."""
    return Face(size, cast(ImageFont.FreeTypeFont, ImageFont.load_default(size)))


def readable(text: str) -> tuple[str, ...]:
    """The words of a text, up to MAX_READ characters, in characters that the font has."""
    words: list[str] = []
    for word in text[:MAX_READ].split():
        shown = "".join(map(_shown, word))
        bare = shown.replace(HIDDEN, "")
        if 2 * len(bare) > len(shown):
            words.append(bare)
        else:
            words += re.findall(f"{HIDDEN}{{1,{_LONGEST_BAR}}}|[^{HIDDEN}]+", shown)
    return (*words, ELLIPSIS) if len(text) > MAX_READ else tuple(words)


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    """A character, its decomposition, bars in its place, or "" for a combining or control character."""
    if unicodedata.category(char)[0] in "CM":
        return ""
    if _has_glyph(char):
        return char
    plain = "".join(part for part in unicodedata.normalize("NFKD", char).translate(_LOOKALIKES) if _has_glyph(part))
    return plain.strip() or HIDDEN * (2 if unicodedata.east_asian_width(char) in "WF" else 1)


@lru_cache(maxsize=4096)
def _has_glyph(char: str) -> bool:
    font = face(24).font
    return char.isprintable() and bytes(font.getmask(char)) != bytes(font.getmask("\uffff"))


@value
class Wrapped:
    """Lines of words. `whole`: no word was left out."""

    lines: tuple[tuple[str, ...], ...]
    whole: bool


def wrap(words: Iterable[str], face: Face, *, width: int, lines: int, joint: str = " ") -> Wrapped:
    """As many words as fit into a width in pixels and a number of lines; an ellipsis marks the cut."""
    if lines <= 0:
        return Wrapped((), whole=False)
    space = face.width(joint)
    done: list[tuple[str, ...]] = []
    line: list[str] = []
    used = 0.0
    for word in chain.from_iterable(_pieces(word, face, width) for word in words):
        room = face.width(word)
        if line and used + space + room > width:
            done.append(tuple(line))
            line, used = [], 0.0
            if len(done) >= lines:
                break
        used += room + (space if line else 0)
        line.append(word)
    else:
        return Wrapped((*done, tuple(line)) if line else tuple(done), whole=True)
    return Wrapped((*done[:-1], _cut(done[-1], face, width, joint)), whole=False)


def _pieces(word: str, face: Face, width: int) -> Iterable[str]:
    """A word, split into pieces that fit into a line."""
    start, used = 0, 0.0
    for index, char in enumerate(word):
        used += face.width(char)
        if used > width and index > start:
            yield word[start:index]
            start, used = index, face.width(char)
    yield word[start:]


def _cut(line: tuple[str, ...], face: Face, width: int, joint: str) -> tuple[str, ...]:
    """The line with an ellipsis at its end, shortened to fit."""
    kept = list(line)
    while kept:
        last = kept[-1].rstrip(".,;:-_" + HIDDEN)
        ended = (*kept[:-1], last + ELLIPSIS) if last else (*kept[:-1], ELLIPSIS)
        if face.width(joint.join(ended)) <= width:
            return ended
        kept = [*kept[:-1], last[:-1]] if len(last) > 1 else kept[:-1]
    return (ELLIPSIS,)
