"""Did you mean …? The nearest of the names that would have been right."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """A hint that names the nearest right word, or the right words if they are few, or nothing."""
    names = sorted(set(right))
    return nearest_word(wrong, names) or (f"known: {', '.join(names)}" if 0 < len(names) <= 12 else "")


def nearest_word(wrong: str, right: Iterable[str]) -> str:
    """A hint that names the nearest right word, or nothing where none is near."""
    import difflib  # noqa: PLC0415 - for a mistake

    close = difflib.get_close_matches(wrong, sorted(set(right)), n=1, cutoff=0.7)
    return f'did you mean "{close[0]}"?' if close else ""
