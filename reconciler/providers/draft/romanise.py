"""Write characters for which there is no font in Latin letters, or as their code point, so that an id can be read."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ALPHABETS = (
    ("абвгдеёжзийклмноп", "a b v g d e yo zh z i y k l m n o p"),
    ("рстуфхцчшщъыьэюя", "r s t u f kh ts ch sh shch ' y ' e yu ya"),
    ("іїєґўђѓјљњћќџ", "i yi ye g u dj gj j lj nj c kj dz"),
    ("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o"),
    ("אבגדהוזחטיכךלמםנןסעפףצץקרשת", "a b g d h v z ch t y k k l m m n n s ' p f ts ts q r sh t"),
    ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "a b t th j h kh d dh r z s sh s d t z ' gh f q k l m n h w y"),
    ("ءآأؤإئةىپچژگکی", "' a a w i y h a p ch zh g k y"),
)
_LATIN = {char: latin for chars, said in _ALPHABETS for char, latin in zip(chars, said.split(), strict=True)} | {
    "、": ",",
    "。": ".",
    "「": '"',
    "」": '"',
    "・": "-",
    "ー": "-",
    "،": ",",
    "؟": "?",
    "ـ": "",
}
_NAMED = re.compile(r"(?:(?:LETTER|SYLLABLE|VOWEL SIGN)(?: CAPITAL| SMALL)? ([A-Z]+)\Z|CHARACTER (?:SARA )?([A-Z]+))")
_LONGEST_NAME = 24


@lru_cache(maxsize=4096)
def romanised(char: str) -> str:
    """A character in Latin letters (`ш` as `sh`), a symbol by its name, an ideograph as `U+706F`. "" for a mark."""
    if unicodedata.category(char)[0] in "CM":
        return ""
    lower = char.lower()
    said = _LATIN.get(lower)
    if said is not None:
        return said if lower == char else said.capitalize()
    name = unicodedata.name(char, "")
    letter = _NAMED.search(name)
    if letter is not None:
        return (letter[1] or letter[2]).lower()
    if unicodedata.category(char)[0] == "S" and 0 < len(name) <= _LONGEST_NAME:
        return name.lower().replace(" ", "-")
    return f"U+{ord(char):04X}"
