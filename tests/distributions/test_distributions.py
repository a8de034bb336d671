"""A provider of another distribution, installed by pip beside this package into an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distributions.environment import Environment, copy, environment


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
    assert done.stdout.count("PASSED test_stripes.py::TestStripes::") == done.stdout.count("PASSED ") > 10


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
