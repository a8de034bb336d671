"""The steps of CONTRIBUTING.md were followed for everything that is here."""

from __future__ import annotations

import json
import re
from pathlib import Path

from reconciler.providers.declaration import Dialect
from reconciler.providers.draft.provider import Draft
from reconciler.providers.registry import REGISTRY
from reconciler.store.schemas.files import schema_text
from reconciler.testing.contract import ProviderContract, RemoteProviderContract
from reconciler.testing.memory_ports import MemorySpool
from tests.providers import test_contract

ROOT = Path(__file__).parents[1]
TYPES = set(REGISTRY.built_in)
DIALECTS = {type_ for type_, declared in REGISTRY.built_in.items() if isinstance(declared, Dialect)}


def test_every_provider_is_under_the_contract(tmp_path: Path) -> None:
    suites = [suite for suite in vars(test_contract).values() if isinstance(suite, type)]
    remote = [suite for suite in suites if issubclass(suite, RemoteProviderContract)]
    assert {suite.provider_type for suite in remote if suite is not RemoteProviderContract} == DIALECTS
    drawing = set(suites) - set(remote) - {ProviderContract}
    made = [suite().provider(MemorySpool(tmp_path)) for suite in drawing if issubclass(suite, ProviderContract)]
    assert [type(provider) for provider in made] == [Draft]


def test_every_provider_is_in_the_schema_and_on_the_page() -> None:
    schema = json.dumps(json.loads(schema_text("project")))
    types = [set(json.loads(found)) for found in re.findall(r'"enum": (\["[^]]*"gravitex"[^]]*\])', schema)]
    assert types == [TYPES]
    page = (ROOT / "docs" / "providers.md").read_text()
    table = page.partition("| type |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == TYPES


def test_the_files_that_it_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:reconciler|schemas|docs|tests)/[\w./]+\.\w+)`", text))
    named |= set(re.findall(r"\]\(([\w./-]+)\)", text))
    assert {name for name in named if not (ROOT / name).is_file()} == {
        "reconciler/providers/NAME.py",
        "reconciler/report/NAME.py",
    }
