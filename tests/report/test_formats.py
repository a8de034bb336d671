"""Every report has its formats in one table, and a format can be added by the recipe of CONTRIBUTING.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import click
import pytest

from reconciler.cli.main import COMMANDS, cli
from reconciler.report.findings.listed import FindingList
from reconciler.report.formats import FINDING_FORMATS, FINDINGS, REPORTS, Printed, formats_of

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from reconciler.cli.entry_point import entry; entry()")


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", sub) for each, sub in command.commands.items())


@pytest.mark.parametrize("report", REPORTS)
def test_the_formats_of_a_report_take_the_same_facts(report: str) -> None:
    taken = set()
    for place in REPORTS[report].values():
        module, _, function = place.partition(":")
        hints = get_type_hints(getattr(import_module(f"reconciler.report.{module}"), function))
        assert hints.pop("return") is Printed, place
        (facts,) = hints.values()
        taken.add(facts)
    assert len(taken) == 1


@pytest.mark.parametrize("report", FINDINGS)
def test_a_list_of_findings_is_of_the_same_facts(report: str) -> None:
    (first, *_) = REPORTS[report].values()
    assert hints(FINDINGS[report]) == [hints(first)[0], FindingList]


@pytest.mark.parametrize("place", FINDING_FORMATS.values())
def test_a_format_of_findings_takes_any_list_of_them(place: str) -> None:
    assert hints(place) == [FindingList, Printed]


def hints(place: str) -> list[object]:
    """The types that a function takes and returns."""
    module, _, function = place.partition(":")
    return list(get_type_hints(getattr(import_module(f"reconciler.report.{module}"), function)).values())


def test_every_report_has_text_and_json() -> None:
    assert all(list(formats)[:2] == ["text", "json"] for formats in REPORTS.values())


def test_every_command_offers_the_formats_of_the_table() -> None:
    offered = {}
    for name, command in commands():
        for option in command.params:
            if option.name == "format_":
                assert isinstance(option.type, click.Choice)
                offered[name] = list(option.type.choices)
    by_another = {
        "against",  # `plan --against`
        "derived file",  # `show` and `explain` of one
        "models",  # `providers --models`
        "store verify remote",  # `store verify --remote`
        "error",  # the end of a command that fails
    }
    assert offered == {name: list(formats_of(name)) for name in REPORTS if name not in by_another}
    assert list(REPORTS["models"]) == list(REPORTS["providers"])


def test_a_format_is_added_by_the_steps_of_the_recipe(tmp_path: Path) -> None:
    """The code blocks of the recipe, on a copy of the tree: a module, a line in the table, and a command has it."""
    recipe = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a report format")[2].partition("\n## ")[0]
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", recipe, re.MULTILINE | re.DOTALL)
    module, line = (re.sub("^   ", "", block, flags=re.MULTILINE) for block in blocks)
    copied = tmp_path / "reconciler"
    shutil.copytree(ROOT / "reconciler", copied, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (copied / "report/tsv.py").write_text(module)
    table = copied / "report/formats.py"
    before = re.findall(r'^    "check": .*\n', table.read_text(), re.MULTILINE)[0]
    table.write_text(table.read_text().replace(before, line))
    project = tmp_path / "project"
    (project / "specs").mkdir(parents=True)
    (project / "reconciler.yaml").write_text("provider: draft\n")
    (project / "specs/hero.yaml").write_text("prompt: A lighthouse\nsize: 64x64\n")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": str(tmp_path)}

    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, *arguments]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    assert "[text|json|tsv|github|gitlab|junit|markdown|sarif]" in said("check", "--help").stdout
    assert "[text|json|github|gitlab|junit|markdown|sarif]" in said("plan", "--help").stdout
    checked = said("check", "--format", "tsv")
    assert (checked.returncode, checked.stdout) == (2, "hero\tnew\n"), checked.stderr
