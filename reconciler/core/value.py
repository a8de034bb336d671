"""Frozen values: like frozen dataclasses with slots, at a fiftieth of the cost of defining one.

A dataclass compiles half a dozen methods while its module is imported: half a millisecond for each of a hundred
classes, at every start. Here only `__init__` is compiled, when the first value is made; the other
methods are closures over the fields. Fields are given as in a dataclass; there are no other options and no
`__post_init__`, and a class that needs an order defines `__lt__` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")

_MISSING: Any = object()


class Field:
    """One field of a value. `factory` makes a default that is not shared; `init` says whether `__init__` takes it."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr")

    def __init__(self, default: Any, factory: Callable[[], Any] | None, **kept: bool) -> None:
        self.name = ""
        self.default = default
        self.factory = factory
        self.init, self.repr, self.compare = (kept.get(each, True) for each in ("init", "repr", "compare"))


def field(*, default: Any = _MISSING, default_factory: Callable[[], Any] | None = None, **kept: bool) -> Any:
    """A field with more options than its default: `default_factory=`, `init=`, `repr=`, `compare=`."""
    return Field(default, default_factory, **kept)


def fields(cls: type) -> tuple[Field, ...]:
    """The fields of a value's class, in order."""
    found: tuple[Field, ...] = vars(cls)["__value_fields__"]
    return found


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A class of frozen values with slots: equal by their fields, hashable, matched by position."""
    body = {name: each for name, each in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    own = tuple(_fields_of(cls, body))
    known = {each.name: each for base in reversed(cls.__mro__[1:]) for each in getattr(base, "__value_fields__", ())}
    known |= {each.name: each for each in own}
    body["__slots__"] = tuple(each.name for each in own)
    body["__value_fields__"] = tuple(known.values())
    body["__match_args__"] = tuple(each.name for each in known.values() if each.init)
    made: type[T] = type(cls.__name__, cls.__bases__, body)
    _give_methods(made, tuple(known.values()))
    return made


def _fields_of(cls: type, body: dict[str, Any]) -> Iterator[Field]:
    for name, annotation in cls.__annotations__.items():
        if not str(annotation).startswith("ClassVar"):
            given = body.pop(name, _MISSING)
            each = given if isinstance(given, Field) else Field(given, None)
            each.name = name
            yield each


def _give_methods(cls: type, known: tuple[Field, ...]) -> None:
    compared = _getter([each.name for each in known if each.compare])

    def first(self: Any, *given: Any, **named: Any) -> None:
        init = _compiled(cls, known)
        cls.__init__ = init  # type: ignore[misc]  # from the second value on it is this one
        init(self, *given, **named)

    def equal(self: Any, other: object) -> Any:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(compared(self))

    own = vars(cls)
    methods = (equal, hashed, _repr, _frozen, _unmoved, _state, _restored)
    names = ("__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__", "__getstate__", "__setstate__")
    for name, method in zip(names, methods, strict=True):
        if name not in own or name == "__hash__":
            setattr(cls, name, method)
    if known:
        cls.__init__ = first  # type: ignore[misc]  # the class has none


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)  # a tuple
    return (lambda self: (getattr(self, names[0]),)) if names else lambda _: ()


def _compiled(cls: type, known: tuple[Field, ...]) -> Callable[..., None]:
    """`__init__` as it would be written by hand; a slot is set directly, since `__setattr__` raises."""
    scope: dict[str, Any] = {"_missing": _MISSING}
    taken, lines = ["self"], []
    for each in known:
        name = each.name
        scope |= {f"_set_{name}": getattr(cls, name).__set__, f"_of_{name}": each.factory or each.default}
        if each.init:
            taken.append(
                name + (f"=_of_{name}" if each.default is not _MISSING else "=_missing" if each.factory else "")
            )
        made = f"_of_{name}()" if each.factory else f"_of_{name}"
        got = made if not each.init else f"{made} if {name} is _missing else {name}" if each.factory else name
        lines.append(f"    _set_{name}(self, {got})")
    text = f"def __init__({', '.join(taken)}):\n" + "\n".join(lines)
    exec(text, scope)  # noqa: S102 - the only way to a function with given parameters; the names are our own
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _repr(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(type(self)) if each.repr)
    return f"{type(self).__qualname__}({shown})"


def _frozen(self: Any, name: str, _: object) -> None:
    raise AttributeError(f"{type(self).__qualname__}.{name}: a value does not change: `replace` makes another one")


def _unmoved(self: Any, name: str) -> None:
    _frozen(self, name, None)


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(type(self))]


def _restored(self: Any, state: list[Any]) -> None:
    for each, kept in zip(fields(type(self)), state, strict=True):
        object.__setattr__(self, each.name, kept)


def replace(old: T, /, **changes: Any) -> T:
    """A copy of the value with these fields changed."""
    for each in fields(type(old)):
        if each.init and each.name not in changes:
            changes[each.name] = getattr(old, each.name)
    return type(old)(**changes)
