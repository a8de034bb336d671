"""Validate a document against its JSON Schema: fast for valid documents, which nearly all are."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from reconciler.core.errors import Problem
from reconciler.core.specs.document import Document
from reconciler.core.specs.spelling import spelling_problems
from reconciler.store.schemas.files import schemas_for


@cache
def _quick(name: str) -> Any:
    schemas = schemas_for(name)
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.values()])
    return jsonschema_rs.validator_for(schemas[name], registry=registry)


def accepts(name: str, value: object) -> bool:
    """Whether a value is valid."""
    return bool(_quick(name).is_valid(value))


def schema_problems(name: str, document: Document) -> tuple[Problem, ...]:
    """The problems of a document; none if it is valid."""
    if accepts(name, document.value):
        return spelling_problems(name, document) if document.spellings else ()
    from reconciler.store.schemas.explain import explained  # noqa: PLC0415 - jsonschema is for what is wrong

    return explained(name, document)
