"""Warnings about models, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.text import printable
from reconciler.providers.models.warnings import Caution


def caution_lines(found: Sequence[Caution]) -> Iterator[str]:
    """For stderr."""
    for one in found:
        yield f"warning: {printable(one.message)}: {one.assets:,} asset{'' if one.assets == 1 else 's'}"


def cautions_json(found: Sequence[Caution]) -> list[dict[str, Any]]:
    """For programs."""
    return [{"model": one.model, "words": one.message, "assets": one.assets} for one in found]
