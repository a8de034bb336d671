"""Lay out a placeholder card of exactly the requested size: the asset's name, its prompt and its references."""

from __future__ import annotations

import math
import re

from PIL import Image, ImageDraw

from reconciler.core.value import replace, value
from reconciler.providers.draft.colours import CARD, level, opacities, palette
from reconciler.providers.draft.shapes import paint_pattern, round_corners
from reconciler.providers.draft.text import HIDDEN, Face, face, readable, wrap
from reconciler.providers.draft.thumbnails import Thumbnail, paint_thumbnails

SMALLEST = 8
"""The smallest legible font size, in pixels."""
_FULL, _SOFT, _DIM, _BAR = level(1.0), level(0.9), level(0.83), level(0.4)
_WIDE = 2.2
"""A card of at least this ratio has two columns."""


@value
class Card:
    """The content of a draft. `paragraphs` are the prompt and the turns; `notes` are at its top.

    `colours` and `pattern` are seeds. `rounded`: its corners are transparent.
    """

    size: tuple[int, int]
    name: str
    notes: tuple[str, ...]
    paragraphs: tuple[str, ...]
    pictures: tuple[Thumbnail, ...]
    colours: bytes
    pattern: bytes
    rounded: bool


@value
class _Box:
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        return max(0, self.bottom - self.top)


@value
class _Line:
    """The words of one line, and its height with the space above it."""

    words: tuple[str, ...]
    face: Face
    colour: int
    height: int
    joint: str = " "


def paint(card: Card) -> Image.Image:
    """The card as a palette image; one with rounded corners carries its opacities."""
    canvas = Image.new("L", card.size, CARD)
    paint_pattern(canvas, card.pattern)
    colours = _write(canvas, card)
    if card.rounded:
        round_corners(canvas)
    canvas.putpalette([part for colour in (*palette(card.colours), *colours) for part in colour])
    if card.rounded:
        canvas.info["transparency"] = opacities()
    return canvas


def _write(canvas: Image.Image, card: Card) -> tuple[tuple[int, int, int], ...]:
    """Draw the content of the card. Returns the colours of its thumbnails."""
    width, height = card.size
    short = min(card.size)
    margin = max(3, round(short * 0.075))
    inner = _Box(margin, margin, width - margin, height - margin)
    middle = math.sqrt(width * height)
    small = face(max(SMALLEST, round(min(short * 0.056, middle * 0.027))))
    roomy = inner.height >= 5 * small.leading and inner.width >= 8 * small.size
    if not roomy:
        _draw(canvas, _title(card.name, inner, largest=round(short * 0.4), least=SMALLEST), inner)
        return ()
    _draw_notes(canvas, card.notes, small, inner)
    inner = replace(inner, top=inner.top + round(small.leading * 1.5))
    left, right = _columns(inner) if width >= _WIDE * height else (inner, inner)
    colours, used = paint_thumbnails(
        canvas, card.pictures, (right.left, right.bottom), right.width, round(min(short * 0.26, middle * 0.135))
    )
    text = replace(right, bottom=right.bottom - used)
    if left is not right:
        _draw(canvas, _title(card.name, left, largest=round(short * 0.26), least=small.size), left)
        _draw(canvas, _paragraphs(card.paragraphs, small, text), text)
        return colours
    title = _title(
        card.name, replace(text, bottom=text.top + text.height // 2), largest=round(short * 0.15), least=small.size
    )
    rest = replace(text, top=text.top + sum(line.height for line in title))
    rest = replace(rest, top=max(rest.top, rest.bottom - round(text.height * 0.6)))
    body = _paragraphs(card.paragraphs, small, rest)
    _draw(canvas, (*title, *body), text)
    return colours


def _columns(box: _Box) -> tuple[_Box, _Box]:
    return (
        replace(box, right=box.left + round(box.width * 0.42)),
        replace(box, left=box.left + round(box.width * 0.48)),
    )


def _draw_notes(canvas: Image.Image, notes: tuple[str, ...], small: Face, box: _Box) -> None:
    """Draw the notes on the first line: the first one on the left, as many of the others as fit on the right."""
    draw = ImageDraw.Draw(canvas)
    base = box.top + small.size
    draw.text((box.left, base), notes[0], _DIM, small.font, anchor="ls")
    room = box.width - small.width(notes[0]) - small.size
    for count in range(len(notes), 1, -1):
        rest = " · ".join(notes[1:count])
        if small.width(rest) <= room:
            draw.text((box.right, base), rest, _DIM, small.font, anchor="rs")
            return


def _title(name: str, box: _Box, *, largest: int, least: int) -> tuple[_Line, ...]:
    """The last part of an id, as large as fits; the parts before it small above, if there is space."""
    if box.width < 3 * SMALLEST or box.height < 2 * SMALLEST:
        return _initial(name, box)
    way, last = re.fullmatch(r"(.*[/#])?(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]  # matches anything
    pieces = tuple(piece for word in readable(last or name) for piece in re.findall(r"[^-_.]+[-_.]*|[-_.]+", word))
    size = max(largest, least)
    while True:
        letters = face(size)
        height = round(size * 1.14)
        count = min(3, box.height // height)
        lines = wrap(pieces, letters, width=box.width, lines=count, joint="")
        if size == least or (lines.whole and all(letters.width(piece) <= box.width for piece in pieces)):
            break
        size = max(least, int(size * 0.9))
    title = tuple(_Line(words, letters, _FULL, height, "") for words in lines.lines)
    above = face(max(SMALLEST, round(size * 0.36)))
    if not way or (len(title) * height + above.leading) > box.height or box.height < 6 * SMALLEST:
        return title
    way_lines = wrap(readable(way.rstrip("/#").replace("/", " / ")), above, width=box.width, lines=1)
    return (*(_Line(words, above, _DIM, above.leading) for words in way_lines.lines), *title)


def _initial(name: str, box: _Box) -> tuple[_Line, ...]:
    """A single letter, if there is no space for a word."""
    letters = face(max(1, min(box.width, box.height)))
    return tuple(_Line((word[:1],), letters, _FULL, box.height) for word in readable(re.split("[/#]", name)[-1])[:1])


def _paragraphs(paragraphs: tuple[str, ...], small: Face, box: _Box) -> tuple[_Line, ...]:
    """As much of every paragraph as fits: the font shrinks before words are left out."""
    texts = tuple(words for words in map(readable, paragraphs) if words)
    for size in (small.size, round(small.size * 0.85), round(small.size * 0.72)):
        letters = face(max(size, SMALLEST))
        lines, whole = _fill(texts, letters, box)
        if whole:
            break
    return lines


def _fill(texts: tuple[tuple[str, ...], ...], letters: Face, box: _Box) -> tuple[tuple[_Line, ...], bool]:
    """The paragraphs as lines; each leaves one line to each that follows. Half a line is free above the first."""
    gap = round(letters.leading * 0.45)
    room = box.height
    lines: list[_Line] = []
    whole = True
    for number, words in enumerate(texts):
        waiting = min(len(texts) - number - 1, max(0, room // (2 * letters.leading)))
        count = (room - gap - waiting * (letters.leading + gap)) // letters.leading
        wrapped = wrap(words, letters, width=box.width, lines=max(0, count))
        whole = whole and wrapped.whole
        colour = _DIM if number else _SOFT
        for index, shown in enumerate(wrapped.lines):
            lines.append(_Line(shown, letters, colour, letters.leading + (0 if index else gap)))
        room -= sum(line.height for line in lines[-len(wrapped.lines) :]) if wrapped.lines else 0
    return tuple(lines), whole


def _draw(canvas: Image.Image, lines: tuple[_Line, ...], box: _Box) -> None:
    """Draw the lines, the last one at the bottom of the box."""
    draw = ImageDraw.Draw(canvas)
    below = box.bottom - sum(line.height for line in lines)
    for line in lines:
        below += line.height
        base = below - round(line.face.size * 0.24)
        if not any(word.startswith(HIDDEN) for word in line.words):
            draw.text((box.left, base), line.joint.join(line.words), line.colour, line.face.font, anchor="ls")
            continue
        x = float(box.left)
        for word in line.words:
            _draw_word(draw, word, (x, base), line)
            x += line.face.width(word) + line.face.width(line.joint)


def _draw_word(draw: ImageDraw.ImageDraw, word: str, start: tuple[float, float], line: _Line) -> None:
    if not word.startswith(HIDDEN):
        draw.text(start, word, line.colour, line.face.font, anchor="ls")
        return
    size, (x, base) = line.face.size, start
    shape = (round(x), round(base - size * 0.56), round(x + line.face.width(word) - 1), round(base - size * 0.06))
    draw.rounded_rectangle(shape, round(size * 0.2), _BAR)
