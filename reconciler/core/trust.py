"""Lists of what the user trusts: files of a project can name a server, a program or a store, and only the user's own
settings allow it."""

from __future__ import annotations


def listed_words(text: str) -> list[str]:
    """The words of an environment variable that lists them, separated by commas or spaces."""
    return text.replace(",", " ").split()
