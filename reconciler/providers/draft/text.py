"""Break text into lines of a small built-in font, and of other fonts for the scripts that it lacks."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby
from typing import cast

from PIL import ImageFont

from reconciler.core.value import field, value
from reconciler.providers.draft.fonts import FontChoice, font_for, load_font
from reconciler.providers.draft.romanise import romanised

ELLIPSIS = "…"
MAX_READ = 1600
"""Characters of a text that are read; no card has space for more."""
_JOINERS = "\u200c\u200d"
"""Invisible, but they change the letters beside them."""
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
class TextRun:
    """A part of a word in one font; None is the built-in font."""

    text: str
    font: FontChoice | None


@value
class Face:
    """The fonts at one size in pixels, with a cache of widths: wrapping spends its time on measuring."""

    size: int
    font: ImageFont.FreeTypeFont
    advances: dict[str, float] = field(default_factory=dict)

    @property
    def leading(self) -> int:
        """The line height in pixels."""
        return round(self.size * 1.36)

    def width(self, word: str) -> float:
        """The width of a word in pixels; in the built-in font without kerning."""
        if is_built_in(word):
            return self._plain_width(word)
        return sum(self.run_width(run) for run in runs(word))

    def run_width(self, run: TextRun) -> float:
        """The width of a run in pixels, after its letters are shaped."""
        return self._plain_width(run.text) if run.font is None else self.font_of(run).getlength(run.text)

    def line_width(self, words: Iterable[str], joint: str) -> float:
        """The width of a line in pixels."""
        widths = [self.width(word) for word in words]
        return sum(widths) + self.width(joint) * (len(widths) - 1)

    def font_of(self, run: TextRun) -> ImageFont.FreeTypeFont:
        """The font of a run at this size."""
        return self.font if run.font is None else load_font(run.font.path, run.font.index, self.size)

    def _plain_width(self, word: str) -> float:
        total = 0.0
        for char in word:
            advance = self.advances.get(char)
            if advance is None:
                advance = self.advances[char] = self.font.getlength(char)
            total += advance
        return total


@lru_cache(maxsize=128)
def face(size: int) -> Face:
    """The font that ships with Pillow: the same glyphs on every machine."""
    return Face(size, cast(ImageFont.FreeTypeFont, ImageFont.load_default(size)))


def readable(text: str) -> tuple[str, ...]:
    """The words of a text, up to MAX_READ characters, in characters for which there is a font."""
    words = chain.from_iterable(map(_readable_word, text[:MAX_READ].split()))
    return (*words, ELLIPSIS) if len(text) > MAX_READ else tuple(words)


def is_built_in(word: str) -> bool:
    """Whether the built-in font has every character."""
    return all(map(_has_glyph, word))


@lru_cache(maxsize=4096)
def runs(word: str) -> tuple[TextRun, ...]:
    """A word of `readable` by fonts, in logical order: one font for the whole word, if one has all its characters."""
    if is_built_in(word):
        return (TextRun(word, None),)
    font = font_for(word)
    if font is not None:
        return (TextRun(word, font),)
    parts = groupby(word, lambda char: None if _has_glyph(char) else font_for(char))
    return tuple(TextRun("".join(chars), found) for found, chars in parts)


def visual(words: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The words of a line from left to right, and whether the line is read from right to left.

    The first word with a direction gives that of the line; numbers and signs take that of the words around them.
    """
    directions = [_direction(word) for word in words]
    if "R" not in directions:
        return words, False
    base = next(each for each in directions if each)
    for index, each in enumerate(directions):
        if not each:
            before = next((one for one in reversed(directions[:index]) if one), base)
            after = next((one for one in directions[index + 1 :] if one), base)
            directions[index] = before if before == after else base
    parts = [
        [word for _, word in (reversed(list(part)) if direction == "R" else part)]
        for direction, part in groupby(zip(directions, words, strict=True), lambda pair: pair[0])
    ]
    return tuple(chain.from_iterable(reversed(parts) if base == "R" else parts)), base == "R"


def _direction(word: str) -> str:
    """`R` for a word that is read from right to left, `L` for one from left to right, "" for numbers and signs."""
    for char in () if word.isascii() and not any(map(str.isalpha, word)) else word:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return kind[-1] if kind == "L" else "R"
    return ""


def _readable_word(word: str) -> Iterator[str]:
    plain = [_plain(char) for char in word]
    if None not in plain:
        shown = "".join(part for part in plain if part)
        if shown:
            yield shown
        return
    kept = "".join(char for char in unicodedata.normalize("NFC", word) if _is_kept(char))
    if font_for(kept) is not None:
        yield kept
        return
    written = ""
    for char, part in zip(word, plain, strict=True):
        if part is None and font_for(char) is None:
            part = romanised(char)
            if part.startswith("U+"):  # a code point is a word, or several could not be told apart
                yield from filter(None, (written, part))
                written = ""
                continue
        written += char if part is None else part
    if written:
        yield written


def _is_kept(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char)[0] != "C"


@lru_cache(maxsize=4096)
def _plain(char: str) -> str | None:
    """A character or its decomposition in the built-in font, "" for a mark or a control character; otherwise None."""
    if unicodedata.category(char)[0] in "CM":
        return ""
    if _has_glyph(char):
        return char
    plain = "".join(part for part in unicodedata.normalize("NFKD", char).translate(_LOOKALIKES) if _has_glyph(part))
    return plain.strip() or None


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
    if not is_built_in(word):
        yield from _shaped_pieces(word, face, width)
        return
    for index, char in enumerate(word):
        across = face.width(char)
        used += across
        if used > width and index > start:
            yield word[start:index]
            start, used = index, across
    yield word[start:]


def _shaped_pieces(word: str, face: Face, width: int) -> Iterable[str]:
    """The same for a word whose letters may change beside others: every piece is measured as a whole."""
    most = width // 2 + 2  # no letter is narrower than two pixels; to measure all that is left takes long
    while len(word) > most or face.width(word) > width:
        fits = range(2, min(len(word), most))
        end = 1 + bisect_left(fits, True, key=lambda end: face.width(word[:end]) > width)
        while end > 1 and unicodedata.category(word[end])[0] == "M":
            end -= 1
        yield word[:end]
        word = word[end:]
        if not word:
            return
    yield word


def _cut(line: tuple[str, ...], face: Face, width: int, joint: str) -> tuple[str, ...]:
    """The line with an ellipsis at its end, shortened to fit."""
    kept = list(line)
    while kept:
        last = kept[-1].rstrip(".,;:-_")
        ended = (*kept[:-1], last + ELLIPSIS) if last else (*kept[:-1], ELLIPSIS)
        if face.line_width(ended, joint) <= width:
            return ended
        kept = [*kept[:-1], last[:-1]] if len(last) > 1 else kept[:-1]
    return (ELLIPSIS,)
