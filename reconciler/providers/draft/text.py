"""Foreign words as lines in a small built-in font: what has no glyph becomes a bar, as in a layout sketch."""

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
"""Stands for half an em that cannot be shown; a word is made of these alone, or of none."""
ELLIPSIS = "…"
MAX_READ = 1600
"""So much of a text is looked at; no card has room for more."""
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
"""What Unicode does not take apart by itself."""


@value
class Face:
    """The font at one size in pixels, with widths remembered: measuring is what wrapping spends its time on."""

    size: int
    font: ImageFont.FreeTypeFont
    advances: dict[str, float] = field(default_factory=dict)

    @property
    def leading(self) -> int:
        """The distance of two lines."""
        return round(self.size * 1.36)

    def width(self, word: str) -> float:
        """Pixels that a word takes, give or take its kerning."""
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
    """The font that comes with Pillow: the same letters on every machine."""
    return Face(size, cast(ImageFont.FreeTypeFont, ImageFont.load_default(size)))


def readable(text: str) -> tuple[str, ...]:
    """The words of a text, as far as a card has room, in characters that the font has."""
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
    """A character, its plain relatives, bars in its place, or nothing if it takes no room."""
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
    """Lines of words. `whole` says whether nothing had to be left out."""

    lines: tuple[tuple[str, ...], ...]
    whole: bool


def wrap(words: Iterable[str], face: Face, *, width: int, lines: int, joint: str = " ") -> Wrapped:
    """As many words as fit into a width and a number of lines; what is cut off shows as an ellipsis."""
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
    """A word that is wider than a line, in pieces that are not."""
    start, used = 0, 0.0
    for index, char in enumerate(word):
        used += face.width(char)
        if used > width and index > start:
            yield word[start:index]
            start, used = index, face.width(char)
    yield word[start:]


def _cut(line: tuple[str, ...], face: Face, width: int, joint: str) -> tuple[str, ...]:
    """The line with an ellipsis at its end, shortened as far as that needs."""
    kept = list(line)
    while kept:
        last = kept[-1].rstrip(".,;:-_" + HIDDEN)
        ended = (*kept[:-1], last + ELLIPSIS) if last else (*kept[:-1], ELLIPSIS)
        if face.width(joint.join(ended)) <= width:
            return ended
        kept = [*kept[:-1], last[:-1]] if len(last) > 1 else kept[:-1]
    return (ELLIPSIS,)
