"""Real actors of Ray draw, and processes are killed. `make test-ray`."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ray.farm import Farm, below, gone, kill_processes, of_kind

ROOT = Path(__file__).parents[2]
WANTED = "RECONCILER_RAY"

if os.environ.get(WANTED) != "1":
    reason = f"NO ACTOR OF RAY IS STARTED: `make test-ray` installs Ray (300 MB) and sets {WANTED}=1"
    pytest.skip(reason, allow_module_level=True)

pytestmark = pytest.mark.timeout(400)
Make = Callable[..., Farm]


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr("tests.ray.farm.PYTHON", str(ROOT / ".venv-ray/bin/python"))
    made: list[Farm] = []

    def make(**given: object) -> Farm:
        made.append(Farm(tmp_path / f"p{len(made)}", **given))  # type: ignore[arg-type]  # as Farm takes them
        return made[-1]

    yield make
    for each in made:
        assert each.left() == []


def wait_for(there: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_actors_draw_what_one_process_draws_and_leave_nothing(farm: Make) -> None:
    drawn = farm(images=8, seconds=0, charges=False)
    code, said = drawn.apply()
    assert code == 0, said
    assert drawn.billed == Counter({f"a#a{n}": 1 for n in range(8)})
    settings = json.loads((drawn.root / "reconciler.yaml").read_text())
    alone = farm(images=8, seconds=0, charges=False)
    (alone.root / "reconciler.yaml").write_text(json.dumps({**settings, "provider": "local"}).replace("p0", "p1"))
    code, said = alone.apply()
    assert code == 0, said
    contents = [{name: entry["content"] for name, entry in each.locked.items()} for each in (drawn, alone)]
    assert contents[0] == contents[1]
    assert {entry["made"]["provider"] for entry in drawn.locked.values()} == {"farm"}


def test_no_file_of_the_project_is_a_module_and_no_key_is_there(farm: Make) -> None:
    hostile = farm(images=2, seconds=1.5)
    for name in ("json", "ray", "reconciler", "PIL", "sitecustomize", "click"):
        (hostile.root / f"{name}.py").write_text("open('/tmp/pwned-by-a-module', 'w').close()\nraise SystemExit(3)\n")
    hostile.keys = {"GEMINI_API_KEY": "secret-key"}
    with hostile.start() as running:
        wait_for(lambda: bool(hostile.billed))
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in of_kind(running.pid, "actor")]
        out, err = running.communicate(timeout=300)
    assert running.returncode == 0, out + err
    assert environments
    assert not any(b"secret-key" in each for each in environments)
    assert not Path("/tmp/pwned-by-a-module").exists()


def test_free_images_are_finished_whoever_dies(farm: Make) -> None:
    free = farm(images=10, seconds=0.4, charges=False)
    with free.start() as running:
        for kind in ("actor", "program", "raylet"):
            wait_for(lambda: bool(free.billed) and bool(of_kind(running.pid, kind)))  # noqa: B023 - called at once
            time.sleep(0.5)
            kill_processes(of_kind(running.pid, kind)[:1])
        out, err = running.communicate(timeout=300)
    assert running.returncode == 0, out + err
    assert len(free.locked) == 10


def test_a_killed_run_leaves_no_process_and_pays_for_nothing_twice(farm: Make) -> None:
    paid = farm(images=6, seconds=0.5)
    with paid.start() as running:
        wait_for(lambda: len(paid.billed) >= 3)
        everyone = list(below(running.pid))
        running.kill()
        running.communicate(timeout=60)
    assert gone(everyone, seconds=40) == []
    code, said = paid.apply()
    assert (code, max(paid.billed.values())) == (3, 1), said
    code, said = paid.apply("--retry-in-doubt")
    assert (code, len(paid.locked)) == (0, 6), said


def test_ctrl_c_twice_leaves_no_process(farm: Make) -> None:
    paid = farm(images=6, seconds=30)
    with paid.start() as running:
        wait_for(lambda: bool(paid.billed))
        everyone = list(below(running.pid))
        for _ in range(2):
            running.send_signal(signal.SIGINT)
            time.sleep(1)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert gone(everyone, seconds=20) == []
    assert max(paid.billed.values()) == 1


def test_ctrl_c_once_finishes_what_is_being_drawn(farm: Make) -> None:
    paid = farm(images=6, seconds=2)
    with paid.start() as running:
        wait_for(lambda: bool(paid.billed))
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == 130
    assert 1 <= len(paid.billed) <= 2
    assert paid.locked.keys() == paid.billed.keys()


@pytest.mark.parametrize("kind", ["gcs", "raylet"])
def test_a_node_and_a_run_that_die_at_once_leave_no_process(farm: Make, kind: str) -> None:
    paid = farm(images=6, seconds=0.5)
    with paid.start() as running:
        wait_for(lambda: bool(paid.billed))
        everyone = list(below(running.pid))
        kill_processes(of_kind(running.pid, kind))
        running.kill()
        running.communicate(timeout=60)
    assert gone(everyone, seconds=40) == []
