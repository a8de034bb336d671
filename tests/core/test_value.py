"""Values behave as frozen dataclasses with slots do: the same class, defined by both, gives the same answers."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from reconciler.core.value import field, replace, value

NONE: Any = ()


@value
class Nothing:
    """No field at all."""


@value
class Box:
    """One of every kind of field."""

    kind: ClassVar[str] = "box"
    name: str
    size: int = 3
    notes: Mapping[str, int] = field(default_factory=dict)
    weight: float = field(default=1.0, compare=False)
    seen: str = field(default="", init=False, repr=False, compare=False)

    def __lt__(self, other: Box) -> bool:
        return self.size < other.size


@value
class Crate(Box):
    """With a field more than what it inherits."""

    lid: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    """The same as a dataclass."""

    name: str
    size: int = 3
    notes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    weight: float = dataclasses.field(default=1.0, compare=False)
    seen: str = dataclasses.field(default="", init=False, repr=False, compare=False)


@pytest.mark.parametrize("given", [{}, {"size": 4}, {"notes": {"a": 1}}, {"weight": 2.0, "size": 9}])
def test_it_is_what_a_dataclass_is(given: Mapping[str, Any]) -> None:
    box, model = Box("a", **given), Model("a", **given)
    others: tuple[object, ...] = (model, Crate("a", **given))

    assert repr(box) == repr(model).replace("Model", "Box")
    assert [getattr(box, each.name) for each in dataclasses.fields(Model)] == [*vars_of(model)]
    assert box == Box("a", **given)
    assert (box == replace(box, weight=7.0)) == (model == dataclasses.replace(model, weight=7.0))
    assert (box == replace(box, size=0)) == (model == dataclasses.replace(model, size=0))
    assert ([box == other for other in others], Nothing() == Nothing()) == ([False, False], True)
    assert Box.__match_args__ == Model.__match_args__


def vars_of(model: Model) -> list[object]:
    return [getattr(model, each.name) for each in dataclasses.fields(model)]


@pytest.mark.parametrize("same", [copy.copy, copy.deepcopy, lambda box: pickle.loads(pickle.dumps(box)), replace])
def test_it_can_be_copied_and_sent(same: Callable[[Crate], Crate]) -> None:
    box = Crate("a", 4, {"b": 1}, lid=False)
    object.__setattr__(box, "seen", "" if same is replace else "kept")
    assert same(box) == box
    assert (same(box).seen, same(box).lid) == (box.seen, False)


def test_nothing_of_it_changes() -> None:
    box = Box("a")
    changes: tuple[Callable[[], None], ...] = (
        lambda: setattr(box, "size", 4),
        lambda: delattr(box, "size"),
        lambda: setattr(box, "new", 4),
    )
    for change in changes:
        with pytest.raises(AttributeError, match="replace"):
            change()
    assert box == Box("a")
    assert not hasattr(box, "__dict__")
    assert Box("a").notes is not Box("a").notes


@pytest.mark.parametrize("wrong", [(), ("a", 1, {}, 1.0, "seen"), ("a", 1, {}, 1.0, "seen", "more")])
def test_what_does_not_fit_is_refused_by_the_first_and_by_the_next(wrong: tuple[Any, ...]) -> None:
    fresh: Callable[..., object] = value(type("Fresh", (), {"__annotations__": dict(Box.__annotations__)}))
    for kind in (fresh, fresh, Box):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            kind(*wrong, *(("x", "y") if kind is fresh and wrong[1:] else ()))
    with pytest.raises(TypeError):
        Nothing(1)  # type: ignore[call-arg]  # what is tested
    with pytest.raises(TypeError, match="unexpected keyword"):
        replace(Box("a"), colour=1)


def test_it_is_hashed_matched_and_ordered() -> None:
    assert len({Box("a", notes=NONE), Box("a", notes=NONE), Nothing(), Nothing()}) == 2
    assert max(Box("a", 1), Box("b", 2)) == Box("b", 2)
    match Crate("a", 7):
        case Box(name, size):
            assert (name, size) == ("a", 7)
        case _:
            pytest.fail("not matched by position")
    assert (Box.kind, Box("a").kind) == ("box", "box")
