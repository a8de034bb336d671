"""Providers of other distributions, installed by pip beside this package into an environment of their own.

`stripes` draws on this machine, `easel` speaks an HTTP API of its own. Both register by entry points.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from pathlib import Path
from typing import get_args

import pytest

from reconciler.core.outcome import Outcome
from reconciler.core.ports import Provider
from reconciler.core.traits import Traits
from reconciler.core.value import fields
from reconciler.testing.gateway import Gateway, running
from tests import pages
from tests.distributions.easel.easel_gateway import EASEL_API
from tests.distributions.environment import DISTRIBUTIONS, PLUGINS, ROOT, Environment, copy, environment

FEW_FAULTS = "not each_fault or ok or 404 or 429 or 500 or stall or cut"
SLICES = {"easel": FEW_FAULTS, "reconciler-a1111": FEW_FAULTS}
"""Of the faults of an answer some: the code that reads them is that of the providers of the package. `make faults`
tries all."""
if os.environ.get("RECONCILER_ALL_FAULTS"):
    SLICES.clear()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return environment(tmp_path_factory.mktemp("installed"), "stripes", "easel", "reconciler-a1111")


def test_a_declaration_loads_no_code_that_makes_images(installed: Environment, tmp_path: Path) -> None:
    code = "import sys, reconciler, stripes_plugin, easel; print(reconciler.__file__, *sys.modules)"
    place, *loaded = installed.run("python", "-c", code, cwd=tmp_path).stdout.split()
    assert place.startswith(str(installed.folder))
    assert {"PIL", "httpx", "asyncio", "stripes"} & {*loaded} == set()


@pytest.mark.parametrize(
    ("name", "modules", "expected"),
    [
        ("stripes", ("stripes.py", "stripes_plugin.py"), {"test_stripes.py::TestStripes": 15, "test_ledger.py": 1}),
        ("easel", ("easel.py",), {"test_easel.py::TestEasel": 30}),
        ("reconciler-a1111", ("reconciler_a1111.py",), {"test_a1111.py::TestA1111": 30}),
    ],
)
def test_the_contract_runs_there_with_nothing_but_pytest(
    name: str, modules: tuple[str, ...], expected: dict[str, int], installed: Environment, tmp_path: Path
) -> None:
    source = copy(name, tmp_path)
    for module in modules:  # the installed one is tested
        (source / module).unlink()
    pytest_there = ("python", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error", "-rA")
    done = installed.run(*pytest_there, "-k", SLICES.get(name, ""), cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    for suite, least in expected.items():
        assert done.stdout.count(f"PASSED {suite}::") >= least


def test_a_failure_of_the_contract_shows_the_values_compared(installed: Environment, tmp_path: Path) -> None:
    source = copy("stripes", tmp_path)
    module = source / "stripes.py"
    sound = module.read_text()
    faulty = sound.replace("content_hash(data), len(data)", "content_hash(data), 7")
    assert faulty != sound
    module.write_text(faulty)
    done = installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-k", "64x48", cwd=source)
    assert done.returncode == 1
    assert "assert 7 ==" in done.stdout


def test_the_commands_of_the_page_print_what_it_shows(installed: Environment, tmp_path: Path) -> None:
    with pages.Reader(tmp_path, ninja=False, programs=installed.folder / "bin") as reader:
        followed = list(reader.follow(pages.parts(PAGE)))
        assert [one for one in followed if not one.right] == []
        commands = {one.command.split()[1] for one in followed if one.command.startswith("reconciler ")}
        assert commands >= {"providers", "validate", "plan", "apply", "check"}
        assert (reader.folder / ".reconciler/journal").read_bytes().count(b"requested") == 0
        (entry,) = json.loads((reader.folder / "assets.lock").read_text())["assets"].values()
        assert (entry["made"]["provider"], entry["made"]["cost"]) == ("stripes", "0 USD")


class EaselProject:
    """A project of two assets whose provider is easel, at the gateway."""

    def __init__(self, root: Path, installed: Environment, gateway: Gateway) -> None:
        self.root, self._installed = root, installed
        self.environ = {"CI": "true", "EASEL_API_KEY": gateway.key}
        easel = {"base_url": gateway.url("easel"), "api_key_env": "EASEL_API_KEY"}
        project = {"provider": "easel", "providers": {"easel": easel}, "defaults": {"model": "easel-1"}}
        (root / "specs").mkdir()
        (root / "reconciler.yaml").write_text(json.dumps(project))
        (root / "specs" / "fox.yaml").write_text("prompt: a fox\nsize: 64x48\n")
        (root / "specs" / "den.yaml").write_text("prompt: its den\nsize: 64x48\nreferences: [{asset: fox}]\n")

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints on both streams. Its exit code is this one."""
        done = self._installed.run("reconciler", *arguments, cwd=self.root, env=self.environ)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


def test_an_api_of_a_third_party_is_paid_once_an_image(installed: Environment, tmp_path: Path) -> None:
    with running(apis={"easel": EASEL_API}) as gateway:
        project = EaselProject(tmp_path, installed, gateway)
        rows = json.loads(project.run("providers", "--format", "json"))["providers"]
        (row,) = [each for each in rows if each["default"]]
        assert (row["type"], row["origin"], row["key"]["ready"]) == ("easel", gateway.url("easel"), True)
        assert "easel: " in project.run("providers", "--test", "easel")
        assert project.run("validate") == "all specs are valid: 2 assets\n"
        assert "2 to generate (0.08 USD)" in project.run("plan")
        project.run("check", code=2)
        assert "in CI a budget is required" in project.run("apply", "--yes", code=3)
        assert gateway.ledger.requests == ()
        assert "made 2 (0.08 USD)" in project.run("apply", "--yes", "--max-cost", "0.08")
        project.run("check")
        assert "up to date" in project.run("apply", "--yes", "--max-cost", "1")
        ledger = gateway.ledger
    assert ledger.billed_by_prompt() == {"a fox": 1, "its den": 1}
    assert ledger.misdirected == ()
    assert all(entry.key_ok and not entry.key_elsewhere for entry in ledger.entries)
    fox, den = ledger.requests
    assert (fox.path, fox.references, den.references) == ("/render", (), fox.images)
    assert json.loads((tmp_path / "assets.lock").read_text())["assets"]["den"]["made"]["cost"] == "0.04 USD"
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(project.environ["EASEL_API_KEY"].encode() in data for data in written)


def test_a_plugin_for_a_server_of_ones_own_draws_for_nothing(installed: Environment, tmp_path: Path) -> None:
    module = (PLUGINS / "reconciler-a1111" / "reconciler_a1111.py").read_text()
    assert len(module.splitlines()) <= 120
    sys.path.insert(0, str(PLUGINS / "reconciler-a1111"))
    try:
        from a1111_gateway import A1111_API  # its tests have it: it is not installed
    finally:
        sys.path.pop(0)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/fox.yaml").write_text("prompt: a fox\nsize: 320x320\noutput: assets/fox.webp\n")
    with running(apis={"a1111": A1111_API}) as gateway:
        project = {"provider": "a1111", "providers": {"a1111": {"base_url": gateway.url("a1111")}}}
        (tmp_path / "reconciler.yaml").write_text(json.dumps(project))
        for said in ("made 1 (0 USD)", "up to date"):
            done = installed.run("reconciler", "apply", "--yes", cwd=tmp_path, env={"CI": "true"})
            assert (done.returncode, said in done.stdout) == (0, True), done
        (request,) = gateway.ledger.requests
    assert request.path == "/sdapi/v1/txt2img"
    assert (tmp_path / "assets/fox.webp").read_bytes()[8:12] == b"WEBP"


PAGE = (ROOT / "docs" / "write-a-provider.md").read_text()
BUILT_IN = (ROOT / "tests" / "providers" / "test_contract.py").read_text()


def test_the_page_shows_the_files_of_the_distribution() -> None:
    shown = dict(re.findall(r"^`([a-z_]+\.(?:py|toml))`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    stripes, easel = DISTRIBUTIONS / "stripes", DISTRIBUTIONS / "easel"
    files = [*filter(Path.is_file, stripes.iterdir()), *easel.glob("*.py")]
    assert shown == {path.name: path.read_text() for path in files}
    name, value = re.findall(r'^(easel) = "(.*)"$', (easel / "pyproject.toml").read_text(), re.MULTILINE)[0]
    assert f'`{name} = "{value}"`' in PAGE


def test_every_other_block_of_the_page_is_code_of_this_repository() -> None:
    others = re.findall(r"(?<!`:)\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    port, contract = (text for text in others if not text.startswith(("# reconciler.yaml", "# specs/", "$ ")))
    assert contract in BUILT_IN
    name, signature = port.removesuffix(" ...\n").split("\n")
    assert name == "class Provider(Protocol):"
    assert f"{signature}\n" in inspect.getsource(Provider)


def test_the_page_has_every_outcome() -> None:
    assert rows_of("outcome") == [kind.__name__ for kind in get_args(Outcome)]


def test_the_page_has_every_trait() -> None:
    assert set(rows_of("trait")) == {each.name for each in fields(Traits)}


def rows_of(title: str) -> list[str]:
    """The names in the first column of a table."""
    table = PAGE.partition(f"\n| {title} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
