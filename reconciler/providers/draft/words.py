"""Read a prompt for colour words and for words that suggest a shape, so that a draft resembles its subject."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.core.value import replace, value

WORDS_READ = 400
"""Words of a prompt that are looked at. The subject stands at its beginning."""
_CHARACTERS_READ = 4_000
_WORD = re.compile(r"[a-z]+")


@value
class Swatch:
    """A colour in OKLCH: lightness from 0 to 1, chroma from 0 to about 0.2, hue in degrees."""

    lightness: float
    chroma: float
    hue: float


_COLOURS = {
    (0.43, 0.175, 27): "red scarlet ruby cherry strawberry tomato reddish",
    (0.38, 0.155, 20): "crimson blood maroon burgundy wine",
    (0.45, 0.145, 38): "lava magma volcano volcanic brick rust rusty terracotta ember embers",
    (0.76, 0.165, 55): "orange fire flame flames fiery pumpkin carrot sunset",
    (0.82, 0.150, 86): "gold golden amber honey brass coin coins treasure",
    (0.90, 0.160, 102): "yellow lemon sun sunny sunlight banana",
    (0.85, 0.075, 88): "sand sandy desert beach straw wheat hay dune dunes",
    (0.435, 0.125, 140): "green grass grassy meadow leaf leaves forest jungle tree trees bush plant cactus emerald",
    (0.38, 0.085, 132): "moss mossy olive swamp ivy",
    (0.84, 0.190, 128): "lime slime poison toxic acid",
    (0.88, 0.085, 160): "mint",
    (0.43, 0.085, 190): "teal turquoise lagoon",
    (0.84, 0.110, 205): "cyan aqua",
    (0.80, 0.095, 232): "sky cloudless",
    (0.43, 0.130, 250): "blue water watery sea ocean river lake rain wave waves pond sapphire cobalt",
    (0.30, 0.090, 262): "navy",
    (0.24, 0.060, 275): "night midnight space galaxy starry moonlit",
    (0.36, 0.090, 290): "dusk twilight",
    (0.84, 0.085, 40): "dawn sunrise peach salmon coral",
    (0.42, 0.160, 290): "violet indigo",
    (0.42, 0.160, 308): "purple plum amethyst magic magical arcane",
    (0.84, 0.080, 305): "lavender lilac",
    (0.44, 0.190, 335): "magenta fuchsia",
    (0.82, 0.115, 355): "pink rose rosy blossom",
    (0.38, 0.065, 55): "brown wood wooden log bark leather chocolate coffee mud muddy dirt soil earth",
    (0.42, 0.095, 50): "copper bronze clay",
    (0.80, 0.060, 75): "tan beige bread biscuit cardboard",
    (0.94, 0.030, 95): "ivory cream bone bones parchment paper pearl",
    (0.96, 0.008, 240): "white snow snowy",
    (0.90, 0.045, 220): "ice icy frost frozen frosty crystal glass",
    (0.78, 0.015, 250): "silver steel chrome iron metal metallic mist fog",
    (0.44, 0.012, 260): "grey gray stone rock rocks rocky cobblestone granite concrete basalt slate smoke ash cliff",
    (0.20, 0.012, 280): "black coal obsidian shadow shadows ink onyx soot",
}
SWATCHES = {word: Swatch(*colour) for colour, words in _COLOURS.items() for word in words.split()}

_DARKER = frozenset({"dark", "deep"})
_LIGHTER = frozenset({"light", "pale", "pastel", "soft"})
_GROUND = frozenset({"background", "backdrop", "outline", "outlines", "outlined", "line", "lines", "border", "frame"})
_BEFORE_GROUND = frozenset({"on", "over", "against", "plain", "solid", "pure"})
_ABSENT = frozenset({"no", "not", "without", "never"})

_SHAPES = {
    "figure": "character hero heroine person man woman boy girl child knight wizard witch robot mascot king queen "
    "prince princess soldier archer villager npc enemy monster goblin orc zombie skeleton ghost guard keeper player",
    "disc": "coin coins ball moon sun planet button badge wheel orb pearl medal token plate pizza apple orange cookie",
    "gem": "gem gems jewel crystal diamond ruby emerald sapphire amethyst",
    "shield": "shield crest emblem armour armor",
    "star": "star stars spark sparkle explosion",
    "drop": "drop droplet water rain blood tear oil flame fire torch",
    "heart": "heart hearts life love health",
    "flask": "potion flask bottle vial elixir jar poison",
    "tree": "tree trees bush shrub oak palm pine mushroom flower",
    "house": "house home cottage hut castle tower temple shop inn barn building",
    "cloud": "cloud clouds smoke fog mist",
    "box": "box chest crate tile block panel card book sign scroll tablet brick barrel table",
}
_SHAPE_OF = {word: shape for shape, words in _SHAPES.items() for word in words.split()}


def colours(prompt: str) -> tuple[Swatch, ...]:
    """The first colour word of a prompt and the first one of another colour, as far as there are any.

    The colour of a background or an outline, and one that is said to be absent, does not count.
    """
    found = dict.fromkeys(_colours(_words(prompt)))
    return tuple(found)[:2]


def shape(text: str) -> str:
    """The shape that the first telling word of a text suggests; "" if there is none."""
    return next((_SHAPE_OF[word] for word in _words(text) if word in _SHAPE_OF), "")


def _colours(words: list[str]) -> Iterator[Swatch]:
    padded = ["", "", *words, ""]
    for earlier, before, word, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        swatch = SWATCHES.get(word)
        if swatch is None or after in _GROUND or before in _BEFORE_GROUND or before in _ABSENT:
            continue
        if earlier in _BEFORE_GROUND and before in {"a", "an", "the", "plain", "solid", "pure"}:
            continue
        if before in _DARKER:
            swatch = replace(swatch, lightness=min(swatch.lightness, 0.32), chroma=swatch.chroma * 0.8)
        elif before in _LIGHTER:
            swatch = replace(swatch, lightness=max(swatch.lightness, 0.86), chroma=swatch.chroma * 0.55)
        yield swatch


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:_CHARACTERS_READ].lower())[:WORDS_READ]
