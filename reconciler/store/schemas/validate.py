"""Hold a document against its JSON Schema. Nearly every document is right, and that must be quick to see."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from reconciler.core.errors import Problem
from reconciler.core.specs.document import Document
from reconciler.store.schemas.files import all_schemas


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
    from reconciler.store.schemas.explain import explained  # noqa: PLC0415 - jsonschema is for what is wrong

    return explained(name, document)
