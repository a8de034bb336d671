"""The JSON Schemas, as text and parsed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("spec", "defaults", "styles", "project", "lockfile")


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
    schemas = {name: json.loads(schema_text(name)) for name in NAMES}
    del schemas["project"]["properties"]["providers"]["additionalProperties"]["properties"]["type"]["enum"]
    return schemas
