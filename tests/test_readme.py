"""The README and the pages of docs/ do not lie: transcripts are run, examples read, tables and links complete."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from reconciler.cli.init_files import GIT_ATTRIBUTES
from reconciler.cli.main import COMMANDS, run
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import dumps, loads, verify_recipe_keys
from reconciler.providers.models.table import model_table
from reconciler.store.schemas.files import schema_text
from tests import plan_picture

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
END = "--- end of command ---"


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """Commands (lines that begin with `$ `) and what each prints."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    assert not parts[0], "a block begins with a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def printed(root: Path, commands: list[str]) -> list[str]:
    """What each command prints in one shell, stdout and stderr as a terminal mixes them."""
    script = "".join(f"{command}\n__code=$?; echo '{END}'; (exit $__code)\n" for command in commands)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(root),
        "LC_ALL": "C.UTF-8",
        **{
            f"GIT_{who}_{what}": f"reader@{who}".lower()
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split(END + "\n")[:-1]


def test_the_transcripts_print_what_they_say(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    Image.new("RGB", (1360, 768), "teal").save(tmp_path / "retouched.png")
    told = [step for block in blocks(README, "console") for step in steps(block)]
    assert len(told) > 10
    saw = printed(tmp_path, [command for command, _ in told])
    assert list(zip([command for command, _ in told], saw, strict=True)) == told


def test_the_picture_of_a_plan_is_what_plan_prints() -> None:
    made = plan_picture.svg(plan_picture.planned())
    assert plan_picture.PICTURE.read_text() == made, "run: python -m tests.plan_picture"


@pytest.mark.parametrize("file", PAGES, ids=lambda file: os.fspath(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
        assert target.startswith("https://") or (file.parent / target).exists(), target


def test_every_command_and_exit_code_is_in_its_table() -> None:
    assert set(re.findall(r"^\| `reconciler ([a-z]+)", README, re.MULTILINE)) == set(COMMANDS)
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == set(Exit)


def test_the_project_of_the_page_on_specs_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in re.findall(r"^```yaml (\S+)\n(.*?)^```$", page("specs.md"), re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert run(["-C", str(tmp_path), "plan", "--format", "json"]) == 0, capsys.readouterr().err
    ids = {step["asset"] for step in json.loads(capsys.readouterr().out)["steps"]}
    named = {"mascot", "hero", "cards#plan", "cards#apply", "icons/key"}
    assert ids == named | {f"icons/items#{name}" for name in ("sword-common", "shield-common", "sword-rare")}


def test_the_page_on_specs_has_every_field() -> None:
    schema = json.loads(schema_text("spec"))["$defs"]
    told = re.findall(r"^\| (`[^|]+) \|", page("specs.md"), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(told))) == sorted(schema["asset"]["properties"])


def test_the_lockfile_shown_is_one() -> None:
    (shown,) = blocks(page("lockfile.md"), "json")
    lock = loads(shown, file="lockfile.md", content_of=lambda _: None)
    verify_recipe_keys(lock)
    assert dumps(lock) == shown


@pytest.mark.parametrize("name", ["README.md", "docs/providers.md"])
def test_the_project_files_shown_are_valid(tmp_path: Path, name: str) -> None:
    shown = [block for block in blocks((ROOT / name).read_text(), "yaml") if "runs-on" not in block]
    assert shown
    for block in shown:
        (tmp_path / "reconciler.yaml").write_text(block)
        assert run(["-C", str(tmp_path), "validate"]) == 0, block


def test_the_git_lines_shown_are_those_of_init() -> None:
    assert blocks(page("lockfile.md"), "gitattributes") == ["".join(f"{line}\n" for line in GIT_ATTRIBUTES)]


def test_the_prices_of_the_page_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| (g\S+) \| (0\.[^|]*) \| (\S*) *\|$", (ROOT / "docs/providers.md").read_text(), re.MULTILINE)
    table = model_table()
    assert len(rows) == 5
    for name, prices, retires in rows:
        row = table.models[name]
        assert {Decimal(price) for price in re.findall(r"0\.\d+", prices)} == set(row.prices.values())
        assert retires == row.retires
    assert table.date in (ROOT / "docs/providers.md").read_text()
