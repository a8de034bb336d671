"""Types of providers: those that are built in, and plug-ins of other distributions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.errors import ProjectError
from reconciler.core.provider_types import UnusableType
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import Base, parse_base
from reconciler.providers.registry import REGISTRY

PLUGIN = """
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory

PROVIDER = ProviderFactory("{type}", Traits(free=True, local=True), create=lambda settings, resources: None)
"""


class Plugins:
    """Distributions in a folder of the import path, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, type_: str, *, text: str = PLUGIN, module: str = "", value: str = "PROVIDER") -> None:
        module = module or f"plugin_{type_}"
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[reconciler.providers]\n{type_} = {module}:{value}\n")
        (self.folder / f"{module}.py").write_text(text.replace("{type}", type_))


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(tmp_path)
    return Plugins(tmp_path)


@pytest.mark.parametrize("type_", sorted(REGISTRY.built_in))
def test_a_declaration_is_complete(type_: str) -> None:
    declared = REGISTRY.built_in[type_]
    assert declared.type == type_
    assert bool(declared.key_variables) == declared.traits.needs_key
    if isinstance(declared, Dialect):
        assert isinstance(parse_base(declared.home), Base)
        assert declared.models_path.startswith("/v1") or (declared.jobs and not declared.models_path)
    assert declared.traits.free or not declared.traits.local


def test_no_variable_belongs_to_two_types() -> None:
    names = [name for declared in REGISTRY.built_in.values() for name in declared.key_variables]
    assert len(names) == len(set(names))


def test_the_registry_loads_no_code_that_makes_requests() -> None:
    code = "import sys, reconciler.providers.registry; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"asyncio", "httpx", "ssl", "PIL", "pybase64", "importlib.metadata", "reconciler.providers.http.request"}
    assert heavy & {*loaded} == set()


def test_a_plugin_is_found_by_the_name_of_its_type(plugins: Plugins) -> None:
    plugins.install("stripes_a")
    found = REGISTRY.find("stripes_a")
    assert not isinstance(found, UnusableType)
    assert (found.type, found.traits.free) == ("stripes_a", True)
    assert ("stripes_a", found) in list(REGISTRY.installed())


def test_an_unknown_type_has_a_hint(plugins: Plugins) -> None:
    plugins.install("stripes_b")
    near = REGISTRY.find("strips_b")
    assert near == UnusableType(
        '"strips_b" is not one of draft, gravitex, gemini, openai, fal, replicate, bfl, command, comfyui, ray, '
        "stripes_b",
        'did you mean "stripes_b"?',
    )
    with pytest.raises(ProjectError, match=r"providers\.mine\.type: \"strips_b\" is not one of"):
        REGISTRY.declared(ProviderSettings("mine", "strips_b"))


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"text": "raise SystemError('boom\\n\\x1b[31m')"}, "does not load: SystemError: boom \\x1b[31m"),
        ({"text": "import no_such_module"}, "does not load: ModuleNotFoundError: No module named 'no_such_module'"),
        ({"value": "OTHER"}, "does not load: AttributeError: module"),
        ({"text": "PROVIDER = 7"}, "is a int, not a Dialect or a ProviderFactory"),
        ({"text": PLUGIN.replace("{type}", "other")}, 'declares the type "other"'),
    ],
)
def test_a_broken_plugin_is_one_fact_and_a_hint(given: dict[str, Any], fact: str, plugins: Plugins) -> None:
    number = abs(hash(fact)) % 1_000_000
    plugins.install(f"broken_{number}", **given)
    found = REGISTRY.find(f"broken_{number}")
    assert isinstance(found, UnusableType)
    assert found.fact.startswith(f'the plug-in "broken_{number}" of plugin_broken_{number} 1.0 {fact}')
    assert (found.hint, found.broken) == ("upgrade or reinstall that distribution", True)


def test_two_plugins_of_one_type_are_an_error(plugins: Plugins) -> None:
    plugins.install("stripes_c", module="first")
    plugins.install("stripes_c", module="second")
    found = REGISTRY.find("stripes_c")
    assert isinstance(found, UnusableType)
    assert found.fact == '"stripes_c" is a plug-in of first 1.0 and second 1.0'


def test_a_plugin_replaces_no_built_in_type(plugins: Plugins) -> None:
    plugins.install("gemini", text="raise SystemError")
    assert REGISTRY.find("gemini") is REGISTRY.built_in["gemini"]
    named = dict(REGISTRY.installed())["gemini"]
    assert isinstance(named, UnusableType)
    assert named.fact == '"gemini" is built in and cannot be replaced by a plug-in'
