"""Speed that can be asserted: not times, but which files a command opens and which modules it loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.store.index.snapshot import compare
from reconciler.testing.connections import connections

SPY = """
import json, os, sys
opened = []
sys.addaudithook(lambda event, given: opened.append(given[0]) if event == "open" else None)
from reconciler.cli.entry_point import entry
os._exit = sys.exit  # there is something to say after the end
code = None
try:
    entry()
except SystemExit as end:
    code = end.code
here = os.getcwd() + os.sep
paths = [os.path.join(here, os.fsdecode(path)) for path in opened if isinstance(path, (str, bytes))]
files = [path[len(here):] for path in paths if path.startswith(here) and not os.path.isdir(path)]
os.write(2, b"\\n" + json.dumps([code, files, sorted(sys.modules)]).encode())
"""
HEAVY = ("yaml", "jsonschema", "jsonschema_rs", "httpx", "rich", "PIL", "pybase64", "asyncio", "concurrent.futures")
NEVER_WARM = (*HEAVY, "click", "dataclasses", "typing", "pathlib", "re", "inspect", "decimal", "datetime", "hashlib")
SPECS = tuple(f"specs/d{number % 3}/a{number}.yaml" for number in range(12))


@dataclass(frozen=True)
class Told:
    """What a command did: its exit code, the project's files that it opened, the modules that it loaded."""

    code: int
    files: Counter[str]
    modules: frozenset[str]

    @property
    def specs(self) -> set[str]:
        return {name for name in self.files if name.startswith("specs/")}

    def loaded(self, names: tuple[str, ...]) -> frozenset[str]:
        return self.modules & set(names)


def spied(root: Path, *arguments: str, **environment: str) -> Told:
    """A command as a process of its own, isolated from what this one has loaded."""
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("COV")}
    command = [sys.executable, "-c", SPY, *arguments]
    done = subprocess.run(command, cwd=root, env=clean | environment, capture_output=True, text=True, check=False)
    code, files, modules = json.loads(done.stderr.splitlines()[-1])
    return Told(code, Counter(files), frozenset(modules))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean project whose index answers. Whoever changes it puts it right again with `warm`."""
    root = tmp_path_factory.mktemp("project")
    (root / "reconciler.yaml").write_text("provider: draft\ndefaults: {image_size: '512', format: jpeg}\n")
    for name in SPECS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"prompt: The picture {name}\n")
    assert run(["-C", str(root), "apply", "--yes"]) == 0
    warm(root)
    return root


def warm(root: Path) -> None:
    """Check until the index answers: what has just been written is not believed for an instant."""
    while (found := compare(str(root), "check", index=".reconciler/index")) is None or found.changed != []:
        assert run(["-C", str(root), "check"]) == 0


def startup_modules() -> frozenset[str]:
    """What an interpreter here loads before it reads our first line, .pth files included."""
    command = [sys.executable, "-c", "import json, os, sys; print(json.dumps(sorted(sys.modules)))"]
    return frozenset(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


@pytest.mark.parametrize("command", ["check", "plan"])
def test_the_no_op_reads_its_index_and_nothing_else(command: str, made: Path) -> None:
    told = spied(made, command)

    assert told.code == 0
    assert told.files == {".reconciler/index": 1}
    assert told.loaded(NEVER_WARM) - startup_modules() == set()


def test_the_no_op_with_reports_loads_no_more(made: Path, tmp_path: Path) -> None:
    told = spied(made, "check", "--report", f"github={tmp_path / 'a'}", "--report", f"gitlab={tmp_path / 'b'}")

    assert (told.code, (tmp_path / "b").read_text()) == (0, "[]\n")
    assert {name for name in told.files if not name.endswith(".tmp")} == {".reconciler/index"}
    assert told.loaded(NEVER_WARM) - startup_modules() == set()


@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_change_to_one_file_reads_one_spec(command: str, made: Path) -> None:
    (made / SPECS[4]).write_text("prompt: Another picture\n")
    try:
        told = spied(made, command)
    finally:
        (made / SPECS[4]).write_text(f"prompt: The picture {SPECS[4]}\n")
        warm(made)

    assert told.code == (2 if command == "check" else 0)
    assert told.specs == {SPECS[4]}
    assert told.files[SPECS[4]] == 1
    assert told.loaded(("httpx", "rich", "PIL", "jsonschema", "pybase64")) == set()


def test_a_change_to_one_file_reads_the_defaults_above_it_and_no_others(made: Path) -> None:
    above, beside = made / "specs/_defaults.yaml", made / "specs/d0/_defaults.yaml"
    above.write_text("tags: [here]\n")
    beside.write_text("tags: [there]\n")
    warm(made)
    (made / SPECS[4]).write_text("prompt: Another picture\n")
    try:
        told = spied(made, "plan")
    finally:
        above.unlink()
        beside.unlink()
        (made / SPECS[4]).write_text(f"prompt: The picture {SPECS[4]}\n")
        warm(made)

    assert told.code == 0
    assert told.specs == {SPECS[4], "specs/_defaults.yaml"}


def test_a_plan_that_went_the_long_way_leaves_the_next_one_quick(made: Path) -> None:
    output = made / "assets/d0/a6.jpeg"
    picture = output.read_bytes()
    try:
        (made / SPECS[4]).write_text("prompt: Another picture\n")
        long = spied(made, "plan", "--format", "json")
        (made / SPECS[4]).write_text("prompt: Yet another picture\n")
        quick = spied(made, "plan")
        output.write_bytes(b"a person's")  # and nothing that changes meanwhile goes unseen
        (made / SPECS[4]).write_text(f"prompt: The picture {SPECS[4]}\n")
        unseen = spied(made, "check")
    finally:
        output.write_bytes(picture)
        (made / SPECS[4]).write_text(f"prompt: The picture {SPECS[4]}\n")
        warm(made)

    assert long.modules & {"click"}
    assert (quick.code, quick.specs) == (0, {SPECS[4]})
    assert unseen.code == 2


def test_where_nothing_is_derived_nothing_of_it_is_loaded_or_looked_at(made: Path) -> None:
    """Not by a warm check, and by a cold one the absence of one file is noted."""
    derived = ("reconciler.core.derived.derived_plan", "reconciler.derive.deriver", "reconciler.project.derivation")
    for arguments in (("check",), ("check", "--strict"), ("apply",)):
        told = spied(made, *arguments)
        assert told.code == 0
        assert not [name for name in told.files if "deriv" in name]
        assert not told.loaded(derived)
        crops = {"reconciler.core.derived", "reconciler.core.derived.crop_box", "reconciler.core.derived.operations"}
        loaded = {name for name in told.modules if name.startswith("reconciler.core.derived")}
        assert loaded <= crops, "an answer may be cropped, whatever is derived"


def test_a_strict_check_reads_every_file_once(made: Path) -> None:
    told = spied(made, "check", "--strict")
    ours = {name: times for name, times in told.files.items() if not name.startswith(".reconciler/")}
    outputs = [name for name in ours if name.startswith("assets/")]

    assert told.code == 0
    assert len(outputs) == len(SPECS)
    assert ours == dict.fromkeys([*SPECS, *outputs, "reconciler.yaml", "assets.lock"], 1)
    assert told.loaded(("httpx", "rich", "PIL", "jsonschema", "pybase64", "asyncio")) == set()


def test_without_verdicts_no_code_for_them_is_loaded(made: Path) -> None:
    told = spied(made, "check", "--strict")

    assert (
        told.loaded(("reconciler.core.reviews.verdict", "reconciler.project.reviews", "reconciler.report.reviews"))
        == set()
    )
    assert not [name for name in told.files if name.startswith("reviews")]


def test_in_ci_nothing_is_believed_of_the_index(made: Path) -> None:
    told = spied(made, "check", CI="true")

    assert told.specs == set(SPECS)
    assert sum(name.startswith("assets/") for name in told.files) == len(SPECS)


def test_the_version_needs_no_click(made: Path) -> None:
    told = spied(made, "--version")

    assert told.code == 0
    assert not told.files
    assert told.loaded(NEVER_WARM) - startup_modules() == set()


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_help_and_completion_load_no_command(arguments: list[str], made: Path) -> None:
    told = spied(made, *arguments)
    commands = {name for name in told.modules if name.startswith("reconciler.cli.commands.")}

    assert told.code == 0
    assert not told.files
    assert told.loaded((*HEAVY, "pathlib", "urllib.parse")) - startup_modules() == set()
    assert commands <= {f"reconciler.cli.commands.{arguments[0]}"}


@pytest.mark.parametrize(
    ("words", "loads"), [("reconciler pl", set()), ("reconciler ", set()), ("reconciler show h", {"show"})]
)
def test_a_tab_loads_only_the_command_that_it_is_about(words: str, loads: set[str], made: Path) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    told = spied(made, _RECONCILER_COMPLETE="bash_complete", **asked)
    commands = {name.rpartition(".")[2] for name in told.modules if name.startswith("reconciler.cli.commands.")}

    assert told.code == 0
    assert commands == loads
    assert loads or told.loaded(HEAVY) == set()


def test_an_apply_with_nothing_to_do_loads_no_network(made: Path) -> None:
    told = spied(made, "apply", "--yes")

    assert told.code == 0
    assert told.loaded(("httpx", "rich", "PIL", "jsonschema", "pybase64")) == set()


@pytest.mark.parametrize("arguments", [["plan"], ["show", SPECS[0][6:-5]], ["choose", "--help"], ["review", "--list"]])
def test_pages_of_images_cost_other_commands_nothing(arguments: list[str], made: Path) -> None:
    told = spied(made, *arguments)
    ours = {name for name in told.modules if ".gallery" in name or ".serve" in name}

    assert told.code == 0
    assert not ours
    assert told.loaded(("http.server", "socketserver", "webbrowser", "PIL")) == set()


TEAM_MODULES = ("obstore", "cryptography", "httpx", "ssl", "reconciler.team", "reconciler.project.team")


@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_store_of_a_team_is_not_opened_by_commands_that_are_offline(command: str, made: Path) -> None:
    settings = made / "reconciler.yaml"
    before = settings.read_text()
    settings.write_text(f"{before}team: {{url: 's3://acme-art/reconciler'}}\n")
    try:
        cold = spied(made, command, "--strict") if command == "check" else spied(made, command)
        with connections() as opened:
            assert run(["-C", str(made), command]) == 0
        warm(made)
        quick = spied(made, command)
    finally:
        settings.write_text(before)
        warm(made)

    assert opened == []
    assert (cold.code, quick.code) == (0, 0)
    assert cold.loaded(TEAM_MODULES) - startup_modules() == set()
    assert quick.loaded(NEVER_WARM) - startup_modules() == set()
    assert set(quick.files) - {".reconciler/team"} == {".reconciler/index"}  # the folder of the catalogue is looked at


def test_a_project_without_a_team_loads_nothing_of_it(made: Path) -> None:
    told = spied(made, "check", "--strict")

    assert not [name for name in told.modules if name.startswith(("reconciler.team", "reconciler.core.team"))]
