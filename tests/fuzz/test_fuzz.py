"""A slice of the fuzzer, the same inputs each time; `make fuzz` follows the coverage for as long as one likes."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.mutations import MAX_SIZE, mutated
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Broken, run

_INPUTS = 40


@pytest.fixture(scope="module")
def sound() -> dict[str, list[bytes]]:
    return seeds()


def test_every_target_has_seeds_that_it_reads(sound: dict[str, list[bytes]]) -> None:
    assert sound.keys() == TARGETS.keys()
    for name, inputs in sound.items():
        assert inputs, name
        for data in inputs:
            run(name, data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_changed_input_gives_an_answer_or_one_clean_error(name: str, sound: dict[str, list[bytes]]) -> None:
    random = Random(name)
    for _ in range(_INPUTS):
        data = mutated(random.choice(sound[name]), random)
        assert len(data) <= MAX_SIZE
        run(name, data)


def test_a_rule_that_does_not_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "loud", _raise)
    with pytest.raises(Broken, match="a workflow command"):
        run("loud", b"::error::x")
    with pytest.raises(Broken, match="unescaped"):
        run("loud", "a\u202eb".encode())


def _raise(data: bytes) -> None:
    from reconciler.core.errors import ReconcilerError

    class Loud(ReconcilerError):
        def __str__(self) -> str:
            return data.decode()

    raise Loud("x")
