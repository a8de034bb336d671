"""Hold a document against its JSON Schema. Nearly every document is right, and that must be quick to see."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from reconciler.core.document import Document
from reconciler.core.errors import Problem

NAMES = ("spec", "defaults", "styles", "project", "lockfile")


def schema_text(name: str) -> str:
    """The JSON Schema of a file kind, as it is shipped."""
    package = Path(__file__).parents[1]
    shipped = package / "schemas"  # in a wheel; in a checkout they lie beside the package, where editors look
    folder = shipped if shipped.is_dir() else package.parent / "schemas"
    return (folder / f"{name}.schema.json").read_text("utf-8")


@cache
def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema, parsed, by the kind of file."""
    return {name: json.loads(schema_text(name)) for name in NAMES}


@cache
def _quick(name: str) -> Any:
    schemas = all_schemas()
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.values()])
    return jsonschema_rs.validator_for(schemas[name], registry=registry)


def accepts(name: str, value: object) -> bool:
    """Whether a value is as its schema has it."""
    return bool(_quick(name).is_valid(value))


def schema_problems(name: str, document: Document) -> tuple[Problem, ...]:
    """Everything in which a document departs from its schema; nothing when it is as it should be."""
    if accepts(name, document.value):
        return ()
    from reconciler.store.schema_words import explained  # noqa: PLC0415 - jsonschema is for what is wrong

    return explained(name, document)
