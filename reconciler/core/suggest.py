"""Did you mean …? The nearest of the valid names, at a cost that the input cannot raise."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from unicodedata import normalize

EAGER = 48
"""Names. With more, a suggestion is computed only for the problems that are shown first."""
_COMPARED = 400
"""The most names that difflib compares with a wrong one: each comparison takes about 10 µs."""
_LONGEST = 100
_LISTED = 12


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """A hint with the nearest valid name, or with all valid names if they are few, or ""."""
    names = sorted(set(right))
    return nearest_word(wrong, names) or (f"known: {', '.join(names)}" if 0 < len(names) <= _LISTED else "")


OTHER_FORM = "the same name is there in another Unicode form (NFC, NFD)"


def differ_in_form(one: str, other: str) -> bool:
    """Whether two names look the same and are written with other code points: é as one character, or as e and an
    accent."""
    return one != other and not other.isascii() and normalize("NFC", one) == normalize("NFC", other)


def nearest_word(wrong: str, right: Collection[str]) -> str:
    """A hint with the nearest valid name, or "" if none is near."""
    import difflib  # noqa: PLC0415 - for a mistake

    if len(wrong) > _LONGEST:
        return ""
    if not wrong.isascii() and any(differ_in_form(wrong, name) for name in right):
        return f"{OTHER_FORM}: copy the name from there"
    close = difflib.get_close_matches(wrong, _comparable(wrong, sorted(set(right))), n=1, cutoff=0.7)
    return f'did you mean "{close[0]}"?' if close else ""


def _comparable(wrong: str, names: Collection[str]) -> list[str]:
    """The names worth comparing: of a length that can be near, those with the longest common beginning first."""
    near = [name for name in names if len(wrong) * 0.5 <= len(name) <= len(wrong) * 2]
    if len(near) <= _COMPARED:
        return near
    return sorted(near, key=lambda name: (-_common(wrong, name), abs(len(name) - len(wrong))))[:_COMPARED]


def _common(one: str, other: str) -> int:
    """How many characters two names begin or end with in common."""
    begin = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    pairs = zip(reversed(one), reversed(other), strict=False)
    end = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    return max(begin, end)
