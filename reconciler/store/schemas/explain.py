"""Explain how a document violates its JSON Schema: place, field, fact, hint.

Imported only when something is wrong: jsonschema explains best, and costs more to import than most commands take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from reconciler.core.errors import Problem, first_problems
from reconciler.core.specs.document import Document, Path
from reconciler.core.specs.sizes import SIZE_RANGE
from reconciler.core.suggest import nearest_word
from reconciler.core.text import one_line
from reconciler.store.schemas.files import schemas_for

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_PATTERN_FACTS = {
    "size": ("is neither a ratio nor pixels", 'write "16:9" or 1536x864'),
    "image_size": ("is not a size that an API names", "write 512, 1K, 2K, 3K or 4K"),
    "format": ("is not an image format", "write png, jpeg, webp or avif"),
    "api_key_env": ("is not the name of an environment variable", "name the variable; the key itself stays out"),
    "base_url": ("is not an address", "write https://host or http://127.0.0.1:port"),
    "currency": ("is not a currency", "write three capital letters: USD"),
    "aspect": ("is not a ratio", 'write "16:9"'),
    "colour": ("is not a colour", 'write "#1b2430", in quotes'),
    "padding": ("is not a share of the side up to 40 %", "write 10%"),
    "fill": ("is no field of a recipe", "write prompt, model, seed, width, height, reference 1, mask or params.NAME"),
    "output": ("gives every asset the same file", "use ${id} or ${name} in it"),
}
_SIDES = ("is not a size in pixels", "write 1280x720")
_PATTERNS_OF_PIXELS = ("^[1-9][0-9]{0,4}x", "^[1-9][0-9]{1,4}x")
_VARIABLE = r"^\$\{[^}]*\}$"
"""The pattern of a field that takes a number or a truth value, or one variable that has it."""
_SECRET = ("api_key_env", "base_url")
"""Fields in which users put keys and passwords: messages do not repeat their values."""
_SAYS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterable[ValidationError]:
    """`pattern` as in ECMA-262 and jsonschema-rs: `$` matches at the end only, in Python also before a last newline."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$(?=[)|]|$)", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Strict: Any = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call] # as it is typed


@cache
def validator(name: str) -> Any:
    """The validator of a file kind, constructed once."""
    schemas = schemas_for(name)
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    return _Strict(schemas[name], registry=registry)


def explained(name: str, document: Document) -> tuple[Problem, ...]:
    """The problems of a document; none if it is valid."""
    errors = validator(name).iter_errors(document.value)
    return tuple(first_problems(problem for error in errors for problem in _problems(document, error)))


def _problems(document: Document, error: ValidationError) -> Iterable[Problem]:
    path: Path = tuple(error.absolute_path)
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    match error.validator:
        case "additionalProperties":
            known = schema.get("properties", {})
            for key in value:
                if key not in known:
                    yield document.unknown((*path, key), "is not a field here", key, known)
        case "required":
            missing = [name for name in limit if name not in value]
            yield document.problem(path, f"lacks {', '.join(missing)}")
        case "type":
            yield _wrong_type(document, path, value, [limit] if isinstance(limit, str) else list(limit), schema)
        case "enum":
            fact = f'"{_text(value)}" is not one of {", ".join(map(str, limit))}'
            yield document.problem(path, fact, nearest_word(str(value), [*map(str, limit)]))
        case "pattern" if error.absolute_schema_path and "propertyNames" in error.absolute_schema_path:
            yield document.problem((*path, value), f'"{_text(value)}" is not a name', "use letters, digits, _ and -")
        case "pattern" if limit == _VARIABLE:
            yield _wrong_type(document, path, value, list(schema["type"]), schema)
        case "pattern":
            named = "fill" if "fill" in path else str(path[-1]) if path else ""
            fact, hint = _PATTERN_FACTS.get(named, ("is not written as it must be", ""))
            if limit.startswith(_PATTERNS_OF_PIXELS):
                fact, hint = _SIDES
            elif limit.startswith("^#"):
                fact, hint = _PATTERN_FACTS["colour"]
            elif path and path[-1] == "size" and re.fullmatch(r"[0-9]+[:x][0-9]+", value):
                fact, hint = "is out of range", SIZE_RANGE
            yield document.problem(path, fact if _secret(path) else f'"{_text(value)}" {fact}', hint)
        case "minLength" | "minItems" | "minProperties":
            yield document.problem(path, "is empty" if not value else f"has fewer than {limit} entries")
        case "maxItems" | "maxProperties":
            yield document.problem(path, f"has {len(value)} entries, and at most {limit} may be")
        case "minimum" | "exclusiveMinimum":
            yield document.problem(path, f"is {_text(value)}, and must be {_bound(str(error.validator))} {limit}")
        case "maximum":
            yield document.problem(path, f"is {_text(value)}, and must be at most {limit}")
        case "not":
            yield document.problem(path, "is not a field here", "write it in the spec")
        case _:
            yield document.problem(path, one_line(error.message, 200))


def _wrong_type(document: Document, path: Path, value: Any, wanted: list[str], schema: Mapping[str, Any]) -> Problem:
    if schema.get("pattern") == _VARIABLE:  # text is allowed as the name of a variable only
        wanted = [each for each in wanted if each != "string"]
    fact = f"is {_kind(value)}, and {' or '.join(_WORDS[each] for each in wanted)} is wanted"
    spelling = document.spelling(path) or _text(value)
    return document.problem(path, fact, "" if _secret(path) else _type_hint(path, value, wanted, spelling))


def _secret(path: Path) -> bool:
    return bool(path) and path[-1] in _SECRET


def _type_hint(path: Path, value: Any, wanted: list[str], spelling: str) -> str:
    """A value of the required type that the author may have meant."""
    if path and path[-1] == "size":  # YAML reads 0x0 as a number
        return _PATTERN_FACTS["size"][1]
    if isinstance(value, int | float) and "string" in wanted:
        return f'quote it: "{spelling}"'
    if isinstance(value, str) and wanted == ["boolean"] and value.lower() in _SAYS:
        return f"write {_SAYS[value.lower()]}"
    if isinstance(value, str) and wanted == ["array"] and value:
        return f"write a list: [{_text(value)}]"
    return ""


def _bound(name: str) -> str:
    return "more than" if name == "exclusiveMinimum" else "at least"


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return _WORDS["boolean"]
    kinds: tuple[tuple[type, str], ...] = ((int, "number"), (float, "number"), (str, "string"), (list, "array"))
    return next((_WORDS[name] for kind, name in kinds if isinstance(value, kind)), _WORDS["object"])


def _text(value: Any) -> str:
    return one_line("true" if value is True else "false" if value is False else str(value))
