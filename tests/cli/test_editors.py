"""Schemas for editors: of the running version, named relative to each spec, and an entry for SchemaStore."""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.store.schemas.files import NAMES, schema_text
from tests.cli.conftest import Scratch

ROOT = Path(__file__).parents[2]


def test_init_writes_the_schemas_and_both_modelines(scratch: Scratch) -> None:
    told = scratch.done("init", "--schemas", "--example")
    for name in NAMES:
        assert scratch.read(f"schemas/{name}.schema.json").decode() == schema_text(name)
    for spec in scratch.root.glob("specs/**/[!_]*.yaml"):
        first, second, *_ = spec.read_text().splitlines()
        for line, start in ((first, "# yaml-language-server: $schema="), (second, "# $schema: ")):
            assert (spec.parent / line.removeprefix(start)).resolve() == scratch.root / "schemas/spec.schema.json"
    settings = json.loads("{" + told.out[told.out.index('"yaml.schemas"') : told.out.index("\n}") + 2] + "}")
    for schema in settings["yaml.schemas"]:
        assert (scratch.root / schema).is_file()
    assert scratch.done("validate").code == 0


def test_the_entry_for_schemastore_names_schemas_that_exist() -> None:
    for entry in json.loads((ROOT / "schemas/schemastore.json").read_text())["entries"]:
        name = entry["url"].rpartition("/reconciler-")[2].removesuffix(".json")
        assert name in NAMES and entry["fileMatch"] and entry["description"]
