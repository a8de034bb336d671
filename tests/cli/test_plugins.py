"""Providers of other distributions, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Scratch
from tests.providers.test_registry import Plugins

DRAWS = """
from reconciler.core.provider_types import SettingProblem
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory
from reconciler.providers.draft.provider import Draft


def problems(settings):
    if settings.endpoint:
        return (SettingProblem("endpoint", "is not used by it", "remove it"),)
    return ()


PROVIDER = ProviderFactory(
    "{type}",
    Traits(free=True, local=True, needs_key=False, needs_model=False, deterministic=True),
    create=lambda settings, resources: Draft(resources.spool, resources.references),
    problems=problems,
)
"""
SENDS = """
from reconciler.core.outcome import Rejected
from reconciler.providers.declaration import Dialect

PROVIDER = Dialect(
    "{type}",
    home="https://images.example.com",
    key_variables=("SENDS_KEY",),
    build=lambda request, settings, base, table: Rejected("it is only a test"),
)
"""
FREE_SERVER = """
from reconciler.core.traits import Traits
from reconciler.providers.declaration import Dialect
from reconciler.providers.openai import build

PROVIDER = Dialect("{type}", home="", build=build, traits=Traits(free=True, needs_key=False))
"""


@pytest.fixture
def plugins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    folder: Path = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(folder)
    return Plugins(folder)


def test_a_free_plugin_makes_images_without_consent_key_or_budget(
    plugins: Plugins, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.install("cli_free", text=DRAWS)
    monkeypatch.setenv("CI", "true")
    scratch.write("reconciler.yaml", "provider: cli_free\n")
    scratch.write("specs/m.yaml", "prompt: a fox\nsize: 64x64\n")
    scratch.write("specs/thumb.yaml", "prompt: its head\nsize: 32x32\nreferences: [{asset: m}]\n")
    assert "[free]" in scratch.done("plan").out
    scratch.done("apply", "--yes")
    made = scratch.lock["m"]["made"]
    assert (made["provider"], made["cost"]) == ("cli_free", "0 USD")
    assert not (scratch.root / ".reconciler/journal").read_bytes().count(b"requested")
    scratch.done("check")
    scratch.edit("specs/m.yaml", "fox", "owl")
    assert "made 2 (0 USD)" in scratch.done("apply", "--yes").out
    scratch.done("check")


def test_a_free_server_needs_no_consent_key_or_budget(
    plugins: Plugins, scratch: Scratch, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.install("cli_free_server", text=FREE_SERVER)
    monkeypatch.setenv("CI", "true")
    providers = {"mine": {"type": "cli_free_server", "base_url": gateway.url("local")}}
    scratch.write("reconciler.yaml", json.dumps({"provider": "mine", "providers": providers}))
    scratch.write("specs/m.yaml", "prompt: a fox\nmodel: toy\nsize: 64x64\n")
    assert "made 1 (0 USD)" in scratch.done("apply", "--yes").out
    assert (scratch.lock["m"]["made"]["model"], scratch.lock["m"]["made"]["cost"]) == ("toy", "0 USD")
    assert [(entry.prompt, entry.key_ok) for entry in gateway.ledger.requests] == [("a fox", None)]
    scratch.done("check")


def test_a_provider_is_configured_by_its_type_or_under_the_name_of_it(plugins: Plugins, scratch: Scratch) -> None:
    plugins.install("cli_named", text=DRAWS)
    scratch.write("reconciler.yaml", "providers: {cli_named: {}, mine: {type: cli_named}}\nprovider: mine\n")
    scratch.write("specs/m.yaml", "prompt: a fox\nsize: 64x64\nprovider: cli_named\n")
    scratch.write("specs/n.yaml", "prompt: an owl\nsize: 64x64\n")
    scratch.done("validate")
    scratch.done("apply", "--yes")
    assert {entry["made"]["provider"] for entry in scratch.lock.values()} == {"cli_named", "mine"}
    rows = {one["name"]: one for one in scratch.done("providers", "--format", "json").json["providers"]}
    assert (rows["mine"]["type"], rows["mine"]["origin"], rows["mine"]["default"]) == ("cli_named", "", True)
    assert "free, offline" in scratch.done("providers").out


def test_a_paid_plugin_needs_its_key_and_a_price(
    plugins: Plugins, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins.install("cli_paid", text=SENDS)
    scratch.write("reconciler.yaml", "provider: cli_paid\ndefaults: {model: m-1}\n")
    scratch.write("specs/m.yaml", "prompt: a fox\n")
    assert "[price unknown]" in scratch.done("plan").out
    lacking = scratch.run("apply", "--yes", "--max-images", "1")
    assert (lacking.code, "SENDS_KEY is not set" in lacking.err) == (1, True)
    monkeypatch.setenv("SENDS_KEY", "k-0123456789")
    rejected = scratch.run("apply", "--yes", "--max-images", "1")
    assert rejected.code == 1
    assert "it is only a test" in rejected.err
    journal = (scratch.root / ".reconciler/journal").read_bytes()
    assert journal == b"" or b"k-0123456789" not in journal
    (row,) = [one for one in scratch.done("providers", "--format", "json").json["providers"] if one["default"]]
    assert (row["origin"], row["key"]["variable"], row["key"]["ready"]) == (
        "https://images.example.com",
        "SENDS_KEY",
        True,
    )


@pytest.mark.parametrize(
    ("project", "place", "fact"),
    [
        ("providers: {mine: {type: no_such}}\n", "reconciler.yaml:1:20", '"no_such" is not one of draft, gravitex'),
        ("providers: {mine: {type: opena}}\n", "reconciler.yaml:1:20", 'did you mean "openai"?'),
        ("providers: {no_such: {}}\n", "reconciler.yaml:1:13", "has no type"),
        ("provider: no_such\n", "reconciler.yaml:1:1", 'no provider is called "no_such"'),
        ("providers: {mine: {type: no_such, nonsense: 1}}\n", "reconciler.yaml:1:35", "is not a field here"),
        ("providers: {mine: {type: no_such, nonsense: 1}}\n", "reconciler.yaml:1:20", "is not one of"),
    ],
)
def test_a_type_that_nobody_provides_is_an_error_at_its_place(
    project: str, place: str, fact: str, scratch: Scratch
) -> None:
    scratch.write("reconciler.yaml", project)
    said = scratch.run("validate")
    assert said.code == 1
    assert f"{place}: " in said.err
    assert fact in said.err


def test_a_broken_plugin_is_an_error_at_its_place_and_a_warning_elsewhere(plugins: Plugins, scratch: Scratch) -> None:
    plugins.install("cli_broken", text="raise SystemError('boom')")
    scratch.write("reconciler.yaml", "provider: draft\n")
    listed = scratch.done("providers")
    assert listed.err == 'warning: the plug-in "cli_broken" of plugin_cli_broken 1.0 does not load: SystemError: boom\n'
    for project in (
        "providers: {mine: {type: cli_broken}}\n",
        "providers: {cli_broken: {}}\n",
        "provider: cli_broken\n",
    ):
        scratch.write("reconciler.yaml", project)
        said = scratch.run("validate")
        assert said.code == 1
        assert "does not load: SystemError: boom\n  hint: upgrade or reinstall that distribution\n" in said.err
        assert "Traceback" not in said.err


def test_a_plugin_named_like_a_built_in_type_is_a_warning_and_is_not_used(plugins: Plugins, scratch: Scratch) -> None:
    plugins.install("gravitex", text="raise SystemError('imported')")
    scratch.write("reconciler.yaml", "provider: gravitex\ndefaults: {model: m-1}\n")
    scratch.write("specs/m.yaml", "prompt: a fox\n")
    listed = scratch.done("providers")
    assert listed.err == 'warning: "gravitex" is built in and cannot be replaced by a plug-in\n'
    assert "https://api.gravitex.ai" in listed.out
    assert "plug-in" not in scratch.done("validate").err
    assert "1 to generate" in scratch.done("plan").out


def test_a_plugin_checks_the_settings_of_its_providers(plugins: Plugins, scratch: Scratch) -> None:
    plugins.install("cli_checked", text=DRAWS)
    scratch.write("reconciler.yaml", "providers:\n  mine:\n    type: cli_checked\n    endpoint: edits\n")
    said = scratch.run("validate")
    assert (said.code, said.err.splitlines()[0]) == (
        1,
        "reconciler.yaml:4:5: providers.mine.endpoint: is not used by it",
    )
