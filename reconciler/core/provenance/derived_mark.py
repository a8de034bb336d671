"""Decide the mark of a derived file: it is part of its key, so another setting makes the file anew, for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from reconciler.core.digest import ContentHash
from reconciler.core.json_text import json_text
from reconciler.core.provenance.settings import ProvenanceSettings

SIGNED = "c2pa"


def derived_mark(settings: ProvenanceSettings, term: str, contents: Sequence[ContentHash]) -> tuple[str, ...]:
    """The mark of a file that is derived from these contents: a term of IPTC, a label or "", and SIGNED for a
    manifest. What is not wanted is left out at the end."""
    if not term or settings.mark == "none":
        return ()
    if settings.mark == "c2pa":
        return (term, "", SIGNED)
    return (term, _label(settings.producer, contents)) if settings.mark == "iptc+cn" else (term,)


def unsigned(mark: tuple[str, ...]) -> tuple[str, ...]:
    """The mark of a file of a bundle, which has no single image that it could name in a manifest."""
    return mark[:1] if is_signed(mark) else mark


def is_signed(mark: tuple[str, ...]) -> bool:
    """Whether a file with this mark gets a C2PA manifest."""
    return mark[2:] == (SIGNED,)


def _label(producer: str, contents: Sequence[ContentHash]) -> str:
    """The label of GB 45438-2025, appendix E. Label 1: generated. The id is that of the content, or of all contents."""
    digest = (
        contents[0].partition(":")[2] if len(contents) == 1 else hashlib.sha256("".join(contents).encode()).hexdigest()
    )
    return json_text(
        {
            "Label": "1",
            "ContentProducer": producer,
            "ProduceID": digest[:32],
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        }
    )
