"""Numbers that are not written as they would read as text: `007` would become `7` in a prompt or an id."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.digest import Json
from reconciler.core.errors import Problem, first_problems
from reconciler.core.specs.document import Document, Path, as_text


def spelling_problems(kind: str, document: Document) -> tuple[Problem, ...]:
    """The values of `vars` and `matrix`, which become text, that would read differently there. `kind` is the name of
    the schema, which the document has passed."""
    return tuple(first_problems(_problems(kind, document)))


def _problems(kind: str, document: Document) -> Iterator[Problem]:
    for path, layer in _layers(kind, document.value):
        for name in _TEXTS & layer.keys():
            for place, value in _scalars((*path, name), layer[name]):
                written = document.spelling(place)
                if written:
                    fact = f"{written} is a number, and reads {as_text(value)} as text"
                    if isinstance(value, bool):
                        fact = f"{written} reads {as_text(value)} as text"
                    yield document.problem(place, fact, f'quote it: "{written}"')


_TEXTS = frozenset({"vars", "matrix", "for"})


def _layers(kind: str, value: Json) -> Iterator[tuple[Path, dict[str, Json]]]:
    """The mappings of a file that hold the fields of an asset."""
    body = value if isinstance(value, dict) else {}
    several: tuple[Path, ...] = {
        "project": (("defaults",),),
        "styles": tuple((name,) for name in body),
    }.get(kind, ((),))
    if kind == "spec" and "assets" in body:
        assets = body["assets"]
        several = (("defaults",), *(("assets", key) for key in (assets if isinstance(assets, dict) else {})))
    for path in several:
        found: Json = body
        for part in path:
            found = found.get(str(part), {}) if isinstance(found, dict) else {}
        if isinstance(found, dict):
            yield path, found
            overrides = found.get("overrides", ())
            for index, item in enumerate(overrides if isinstance(overrides, list) else ()):
                yield (*path, "overrides", index), item if isinstance(item, dict) else {}


def _scalars(path: Path, value: Json) -> Iterator[tuple[Path, Json]]:
    """Every scalar below a node, with its path. The loader limits the depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars((*path, index), item)
    else:
        yield path, value
