"""Every fault of the billing fake, in every dialect, ends in its class; nothing is paid twice, no key leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.outcome import BadOutput, Done, NotSent, Rejected, Throttled
from reconciler.testing.gateway import Gateway, faults, running
from reconciler.testing.memory_ports import MemorySpool
from tests.providers.builders import FAST, MODELS, QUICK, a_provider, a_recipe, a_request, settings_for

ROUTES = [
    ("gravitex", "images"),
    ("gravitex", "native"),
    ("gemini", "native"),
    ("openai", "images"),
    ("local", "images"),
]
PATIENCE = {"stall", "stall_mid_body", "slow", "tls_garbage"}
"""Faults that end when our patience does."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Gateway]:
    with running() as started:
        yield started


@pytest.fixture
def spool(tmp_path: Path) -> MemorySpool:
    return MemorySpool(tmp_path / "spool")


@pytest.mark.parametrize(("dialect", "route"), ROUTES, ids=str)
@pytest.mark.parametrize("fault", faults.EXPECTED)
def test_fault(shared: Gateway, spool: MemorySpool, dialect: str, route: str, fault: str) -> None:
    shared.ledger.forget()
    settings = settings_for(
        dialect,
        shared.origin_for(fault, dialect),
        endpoint="native" if (dialect, route) == ("gravitex", "native") else "",
        timeouts=QUICK if fault in PATIENCE else FAST,
    )
    prompt = f"a cat fault:{fault}" if fault not in faults.CONNECTION else "a cat"
    recipe = a_recipe(prompt, model=MODELS[dialect], size="16:9")
    provider = a_provider(settings, spool, key=shared.key)
    outcome = asyncio.run(provider.generate(a_request(recipe)))

    assert type(outcome).__name__ == faults.expected(fault, dialect, route), outcome
    assert len(shared.ledger.requests) == (0 if fault in faults.CONNECTION else 1)
    assert len(shared.ledger.billed) <= 1
    assert shared.ledger.trapped == ()
    assert shared.key not in repr(outcome)
    if not isinstance(outcome, Done):
        assert outcome.message
        assert outcome.message.isprintable()
    kept = {outcome.spooled.path} if isinstance(outcome, Done) else set()
    kept |= {outcome.kept.path} if isinstance(outcome, BadOutput) and outcome.kept else set()
    assert spool.left() == kept
    if isinstance(outcome, Done):
        assert outcome.spooled.content.partition(":")[2] in shared.ledger.requests[0].images
        assert outcome.spooled.size == outcome.image.size == outcome.spooled.path.stat().st_size
    if isinstance(outcome, Rejected):
        stop = faults.STOPS.get(fault)
        assert (outcome.stop.name if outcome.stop else None) == stop
    if isinstance(outcome, Throttled):
        assert outcome.retry_after == pytest.approx(faults.retry_after(fault))
    if isinstance(outcome, NotSent):
        assert outcome.final == (fault == "bad_certificate")
