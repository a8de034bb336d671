"""What holds of every outcome of a provider, whatever was asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

from reconciler.core.digest import content_hash
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.outcome import BadOutput, Done, Mismatched, Outcome
from reconciler.testing.memory_ports import MemorySpool


def files_of(outcome: Outcome | None) -> set[Path]:
    """The files that an outcome hands over."""
    match outcome:
        case Done(spooled=spooled):
            return {spooled.path}
        case Mismatched(done=done):
            return {done.spooled.path}
        case BadOutput(kept=kept) if kept is not None:
            return {kept.path}
        case _:
            return set()


def check_outcome(outcome: Outcome, spool: MemorySpool) -> None:
    """It is of the closed set, it has a message for people, and its files are whole and the only ones that are left."""
    assert isinstance(outcome, get_args(Outcome)), outcome
    assert spool.left() == files_of(outcome)
    if isinstance(outcome, Done | Mismatched):
        done = outcome.done if isinstance(outcome, Mismatched) else outcome
        data = done.spooled.path.read_bytes()
        assert done.spooled.content == f"sha256:{hashlib.sha256(data).hexdigest()}"
        facts = sniff(data)
        assert isinstance(facts, ImageFacts), facts
        assert done.image == facts
        assert done.spooled.size == facts.size == len(data)
    if isinstance(outcome, Done):
        return
    assert outcome.message
    assert outcome.message.isprintable(), repr(outcome.message)
    if isinstance(outcome, BadOutput) and outcome.kept is not None:
        assert outcome.kept.content == content_hash(outcome.kept.path.read_bytes())
