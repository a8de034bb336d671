"""The steps of CONTRIBUTING.md were followed for everything that is here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from reconciler.providers.declaration import Dialect
from reconciler.providers.registry import REGISTRY
from reconciler.store.schemas.files import schema_text
from reconciler.testing.contract import ProviderContract, RemoteProviderContract
from reconciler.testing.gateway import Gateway
from reconciler.testing.job_contract import JobProviderContract
from tests.pages import edited
from tests.providers import test_contract

ROOT = Path(__file__).parents[1]
TYPES = set(REGISTRY.built_in)
DIALECTS = {name: declared for name, declared in REGISTRY.built_in.items() if isinstance(declared, Dialect)}
WITH_JOBS = {name for name, declared in DIALECTS.items() if declared.jobs is not None}


def test_every_provider_is_under_the_contract() -> None:
    named = [suite for name, suite in vars(test_contract).items() if name.startswith("Test")]
    suites = [suite for suite in named if issubclass(suite, ProviderContract)]
    assert {suite.provider_type for suite in suites} == TYPES
    assert {
        suite.provider_type for suite in suites if issubclass(suite, RemoteProviderContract)
    } == DIALECTS.keys() - WITH_JOBS
    assert {suite.provider_type for suite in suites if issubclass(suite, JobProviderContract)} == WITH_JOBS


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


class CopiedTree:
    """The package and its schemas in another folder, and the command line of that copy in a project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        shutil.copytree(ROOT / "reconciler", root / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "schemas", root / "schemas")

    def insert(self, file: str, line: str, *, after: str, below: str = "") -> None:
        """Write a line into a file: after another line, the first one below a text."""
        path = self.root / file
        head, found, rest = path.read_text().partition(below) if below else ("", "", path.read_text())
        assert after in rest
        path.write_text(head + found + rest.replace(after, after + line, 1))

    def write(self, name: str, text: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if name != "CI"} | variables
        environment["PYTHONPATH"] = str(self.root)
        program = "from reconciler.cli.entry_point import entry; entry()"
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, cwd=self.project, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def blocks_of(heading: str) -> list[str]:
    recipe = (ROOT / "CONTRIBUTING.md").read_text().partition(f"## {heading}")[2].partition("\n## ")[0]
    found = re.findall(r"^   ```\w+\n(.*?)^   ```", recipe, re.MULTILINE | re.DOTALL)
    return [re.sub("^   ", "", block, flags=re.MULTILINE) for block in found]


def add_the_provider(tree: CopiedTree) -> None:
    """Steps 1 and 2 of the recipe, with its code blocks."""
    module, change = blocks_of("Add a provider")
    (tree.root / "reconciler/providers/atelier.py").write_text(module)
    registry = tree.root / "reconciler/providers/registry.py"
    registry.write_text(edited(registry.read_text(), change))


def test_a_provider_is_added_by_the_steps_of_the_recipe(tmp_path: Path, gateway: Gateway) -> None:
    tree = CopiedTree(tmp_path)
    add_the_provider(tree)
    tree.write("specs/hero.yaml", "prompt: A lighthouse\nmodel: gpt-image-2\n")
    tree.write("reconciler.yaml", "provider: atelier\n")
    code, said = tree.run("providers", "--format", "json")
    assert code == 0, said
    (row,) = [row for row in json.loads(said)["providers"] if row["default"]]
    assert (row["type"], row["origin"]) == ("atelier", "https://api.atelier.example")
    assert row["key"]["variable"] == "ATELIER_API_KEY"
    assert tree.run("validate") == (0, "all specs are valid: 1 asset\n")
    code, said = tree.run("plan")
    assert (code, "+ hero  new" in said) == (0, True), said
    code, said = tree.run("apply", "--yes", "--max-images", "1")
    assert (code, "ATELIER_API_KEY is not set" in said) == (1, True), said
    here = {"atelier": {"base_url": gateway.url("openai"), "api_key_env": "ATELIER_API_KEY"}}
    tree.write("reconciler.yaml", json.dumps({"provider": "atelier", "providers": here}))
    code, said = tree.run("apply", "--yes", "--max-images", "1", ATELIER_API_KEY=gateway.key)
    assert code == 0, said
    assert gateway.ledger.billed_by_prompt() == {"A lighthouse": 1}
    assert all(entry.key_ok and not entry.key_elsewhere for entry in gateway.ledger.requests)
    assert tree.run("check") == (0, "nothing to do: 1 asset up to date\n")


def add_the_field(tree: CopiedTree) -> None:
    """Steps 1 to 3 of the recipe, with its code blocks."""
    in_schema, in_recipe, in_request = blocks_of("Add a recipe field")
    path = tree.root / "schemas/spec.schema.json"
    schema = json.loads(path.read_text())
    properties: dict[str, Any] = schema["$defs"]["asset"]["properties"]
    properties |= json.loads(f"{{{in_schema}}}")
    properties["ignore_changes"]["items"]["enum"].append("seed_hint")
    path.write_text(json.dumps(schema, indent=2))
    tree.insert("reconciler/core/recipe.py", in_recipe, after="    take: int = 1\n", below="class Recipe:")
    builder = "reconciler/providers/requests/openai_images.py"
    tree.insert(builder, in_request, after='"quality": recipe.quality,\n', below="def plain_fields")


def test_a_recipe_field_is_added_by_the_steps_of_the_recipe(tmp_path: Path, gateway: Gateway) -> None:
    tree = CopiedTree(tmp_path)
    add_the_field(tree)
    provider = {"type": "openai", "base_url": gateway.url("local"), "api_key_env": ""}
    tree.write("reconciler.yaml", json.dumps({"provider": "local", "providers": {"local": provider}}))
    tree.write("specs/_defaults.yaml", "model: sketch\nsize: 64x64\nseed_hint: low ${level}\nvars: {level: tide}\n")
    tree.write("specs/hero.yaml", "prompt: A lighthouse\n")
    tree.write("specs/still.yaml", "prompt: A pier\nignore_changes: [seed_hint]\n")
    assert tree.run("validate") == (0, "all specs are valid: 2 assets\n")
    code, said = tree.run("apply", "--yes")
    assert code == 0, said
    assert [json.loads(request.body)["seed_hint"] for request in gateway.ledger.requests] == ["low tide"] * 2
    assert json.loads((tree.project / "assets.lock").read_text())["assets"]["hero"]["recipe"]["seed_hint"] == "low tide"
    tree.write("specs/_defaults.yaml", "model: sketch\nsize: 64x64\nseed_hint: high tide\n")
    code, said = tree.run("plan")
    assert code == 0
    assert "seed_hint changed" in said
    assert "seed_hint: low tide → high tide" in said
    assert "1 to generate" in said
    code, said = tree.run("explain", "hero")
    assert code == 0
    assert "  seed_hint: high tide\n      specs/_defaults.yaml:3:1\n" in said
    tree.write("specs/hero.yaml", "prompt: A lighthouse\nseed_hint: [7]\n")
    code, said = tree.run("validate")
    assert code != 0
    assert "seed_hint: is a list, and text is wanted" in said
