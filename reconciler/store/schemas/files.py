"""The JSON Schemas, as text and parsed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("spec", "defaults", "styles", "derive", "bundles", "project", "lockfile")
_APART = ("derive", "bundles")
"""Schemas that no other refers to: parsed for projects that have such a file."""


def schema_text(name: str) -> str:
    """The JSON Schema of a file kind, as it is shipped."""
    package = Path(__file__).parents[2]
    shipped = package / "schemas"  # in a wheel; in a checkout they lie beside the package, where editors look
    folder = shipped if shipped.is_dir() else package.parent / "schemas"
    return (folder / f"{name}.schema.json").read_text("utf-8")


@cache
def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema as documents are checked against it, parsed, by the kind of file.

    The shipped project schema lists the built-in types of providers, for editors. A plug-in has others, so the reader
    of the project checks them.
    """
    schemas = {name: json.loads(schema_text(name)) for name in NAMES if name not in _APART}
    del schemas["project"]["properties"]["providers"]["additionalProperties"]["properties"]["type"]["enum"]
    return schemas


def schemas_for(name: str) -> dict[str, dict[str, Any]]:
    """The schema of a file kind, and those that it may refer to."""
    return {name: json.loads(schema_text(name))} if name in _APART else all_schemas()
