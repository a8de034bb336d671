"""The IPTC terms that say how a picture came about, and which of them fits an image of the lockfile.

Vocabulary: http://cv.iptc.org/newscodes/digitalsourcetype.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.lock.entry import LockEntry

TRAINED = "trainedAlgorithmicMedia"
"""Made by a generative model."""
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
"""Partly made by a generative model: a person has edited the image, or the model has edited a picture."""
GENERATIVE_TERMS = frozenset({TRAINED, COMPOSITE, "compositeSynthetic"})
"""The terms that tell a reader that a generative model took part."""
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def source_term(entry: LockEntry) -> str:
    """The term of a locked image; "" for a person's own work, and for a placeholder.

    With a mask the model repaints a part of a picture that existed.
    """
    if entry.made.placeholder:
        return ""
    if entry.made.edited is not None or (entry.recipe.get("mask") and not entry.made.by_hand):
        return COMPOSITE
    return "" if entry.made.by_hand else TRAINED


def combined_term(terms: Iterable[str]) -> str:
    """The term of a picture that is put together from others: theirs if they agree, COMPOSITE if some are generated."""
    found = set(terms)
    if len(found) == 1:
        return found.pop()
    return COMPOSITE if found & GENERATIVE_TERMS else ""
