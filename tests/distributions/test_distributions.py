"""A provider of another distribution, installed by pip beside this package into an environment of its own."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest

from reconciler.core.outcome import Outcome
from reconciler.core.ports import Provider
from tests.distributions.environment import DISTRIBUTIONS, ROOT, Environment, copy, environment


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return environment(tmp_path_factory.mktemp("installed"), "stripes")


def test_the_environment_has_both_distributions_of_its_own(installed: Environment, tmp_path: Path) -> None:
    done = installed.run("python", "-c", "import reconciler, stripes; print(reconciler.__file__)", cwd=tmp_path)
    assert done.stdout.startswith(str(installed.folder)), done.stderr


def test_the_contract_runs_there_with_nothing_but_pytest(installed: Environment, tmp_path: Path) -> None:
    source = copy("stripes", tmp_path)
    (source / "stripes.py").unlink()  # the installed module is the one that is tested
    pytest_there = ("python", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error", "-rA")
    done = installed.run(*pytest_there, cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED test_stripes.py::TestStripes::") > 10
    assert "PASSED test_ledger.py::test_only_the_second_request_is_billed" in done.stdout


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


PAGE = (ROOT / "docs" / "write-a-provider.md").read_text()
BUILT_IN = (ROOT / "tests" / "providers" / "test_contract.py").read_text()


def test_the_page_shows_the_files_of_the_distribution() -> None:
    shown = dict(re.findall(r"^`([a-z_]+\.(?:py|toml))`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    files = [path for path in (DISTRIBUTIONS / "stripes").iterdir() if path.is_file()]
    assert shown == {path.name: path.read_text() for path in files}


def test_every_other_block_of_the_page_is_code_of_this_repository() -> None:
    others = re.findall(r"(?<!`:)\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(others) == 2
    port, contract = others
    assert contract in BUILT_IN
    name, signature = port.removesuffix(" ...\n").split("\n")
    assert name == "class Provider(Protocol):"
    assert f"{signature}\n" in inspect.getsource(Provider)


def test_the_page_has_every_outcome() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [kind.__name__ for kind in get_args(Outcome)]
