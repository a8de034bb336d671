"""Lay out a placeholder card of exactly the requested size: the asset's name, its prompt and its references."""

from __future__ import annotations

import math
import re

from PIL import Image, ImageDraw

from reconciler.core.value import replace, value
from reconciler.providers.draft.colours import CARD, Scheme, level, opacities, palette
from reconciler.providers.draft.shapes import paint_pattern
from reconciler.providers.draft.silhouette import cut_out
from reconciler.providers.draft.text import Face, face, is_built_in, readable, runs, visual, wrap
from reconciler.providers.draft.thumbnails import Thumbnail, paint_thumbnails

SMALLEST = 8
"""The smallest legible font size, in pixels."""
_FULL, _SOFT, _DIM = level(1.0), level(0.9), level(0.83)
_WIDE = 2.2
"""A card of at least this ratio has two columns."""


@value
class Card:
    """The content of a draft. `paragraphs` are the prompt and the turns; `notes` are at its top.

    `pattern` are the seeds of the pattern: of its kind, and of its tiles. `shape` is the name of a silhouette; "" is a
    whole card.
    """

    size: tuple[int, int]
    name: str
    notes: tuple[str, ...]
    paragraphs: tuple[str, ...]
    pictures: tuple[Thumbnail, ...]
    colours: Scheme
    pattern: tuple[bytes, bytes]
    shape: str = ""


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
    """The card as a palette image; a silhouette carries its opacities."""
    canvas = Image.new("L", card.size, CARD)
    paint_pattern(canvas, *card.pattern)
    colours: tuple[tuple[int, int, int], ...] = ()
    if card.shape:
        _label(canvas, card, _Box(*map(round, cut_out(canvas, card.shape))))
    else:
        colours = _write(canvas, card)
    canvas.putpalette([part for colour in (*palette(card.colours), *colours) for part in colour])
    if card.shape:
        canvas.info["transparency"] = opacities()
    return canvas


def _label(canvas: Image.Image, card: Card, box: _Box) -> None:
    """Draw the name into a silhouette, with a number of the take if there is one, in the middle of the box."""
    small = face(max(SMALLEST, round(min(card.size) * 0.05)))
    notes = tuple(_Line((note,), small, _DIM, small.leading) for note in card.notes[1:-1])
    notes = notes if box.height >= 4 * small.leading else ()
    room = replace(box, bottom=box.bottom - sum(line.height for line in notes))
    title = _title(card.name, room, largest=round(min(card.size) * 0.17), least=SMALLEST)
    lines = (*title, *notes)
    spare = max(0, box.height - sum(line.height for line in lines))
    _draw(canvas, lines, replace(box, bottom=box.bottom - spare // 2), centred=True)


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
    pieces = _breakable(readable(last or name))
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


def _breakable(words: tuple[str, ...]) -> tuple[str, ...]:
    """The pieces of a name between which a line can end; a piece before another word ends in a space."""
    spaced = (*(f"{word} " for word in words[:-1]), *words[-1:])
    return tuple(piece for word in spaced for piece in re.findall(r"[^-_.]+[-_.]*|[-_.]+", word))


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


def _draw(canvas: Image.Image, lines: tuple[_Line, ...], box: _Box, *, centred: bool = False) -> None:
    """Draw the lines, the last one at the bottom of the box; lines from right to left begin at its right edge."""
    draw = ImageDraw.Draw(canvas)
    below = box.bottom - sum(line.height for line in lines)
    for line in lines:
        below += line.height
        base = below - round(line.face.size * 0.24)
        plain = all(map(is_built_in, line.words))
        words, leftwards = (line.words, False) if plain else visual(line.words)
        x = float(box.left)
        if centred or leftwards:
            spare = box.width - line.face.line_width(words, line.joint)
            x += max(0.0, spare / 2 if centred else spare)
        if plain:
            draw.text((x, base), line.joint.join(words), line.colour, line.face.font, anchor="ls")
            continue
        for word in words:
            x = _draw_word(draw, word, (x, base), line) + line.face.width(line.joint)


def _draw_word(draw: ImageDraw.ImageDraw, word: str, start: tuple[float, float], line: _Line) -> float:
    """Draw a word, each run in its font. Returns where it ends."""
    x, base = start
    parts = runs(word)
    for run in reversed(parts) if visual((word,))[1] else parts:
        draw.text((x, base), run.text, line.colour, line.face.font_of(run), anchor="ls")
        x += line.face.run_width(run)
    return x
