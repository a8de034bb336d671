"""The real apply under the sweeps: slices, the same in every run. `python -m tests.crash.sweep` runs the whole."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.crash import native
from tests.crash.batching import team_collecting, team_submitting
from tests.crash.conftest import SEED
from tests.crash.deriving import deriving
from tests.crash.disksweep import disk_sweep
from tests.crash.jobs import job_apply
from tests.crash.mutants import MUTANTS, Mutant, hunt, plant
from tests.crash.native import Fault, Keep
from tests.crash.scenario import killed_before, moody, paid_apply
from tests.crash.sweep import Slice, cut_sweep, kill_sweep

pytestmark = [pytest.mark.usefixtures("killer"), pytest.mark.slow]


def test_a_slice_of_the_kills(tmp_path: Path) -> None:
    """The moody model ignores the ratio, fails, refuses, and answers in another format."""
    swept = kill_sweep(moody, tmp_path, part=Slice(0, 400, SEED), calls=400, workers=1)
    assert swept.points >= 1
    assert swept.violations == ()


def test_some_kills_of_a_recovery(tmp_path: Path) -> None:
    killed = functools.partial(killed_before, images=3, concurrency=2)
    swept = kill_sweep(killed, tmp_path, part=Slice(0, 40, SEED), points=40, workers=1)
    assert swept.points >= 1
    assert swept.violations == ()


def test_some_kills_and_power_cuts_of_a_derive(tmp_path: Path) -> None:
    swept = kill_sweep(deriving, tmp_path, part=Slice(0, 320, SEED), calls=320, workers=1)
    assert swept.points >= 1
    assert swept.violations == ()
    swept = cut_sweep(deriving, tmp_path, limit=2, workers=1)
    assert swept.violations == ()


def test_some_kills_of_a_batch(tmp_path: Path) -> None:
    """With a team: `make sweep` does it without one, too."""
    for scenario, calls in ((team_submitting, 300), (team_collecting, 500)):
        swept = kill_sweep(scenario, tmp_path, part=Slice(0, calls, SEED), calls=calls, workers=1)
        assert swept.points >= 1
        assert swept.violations == ()


def test_some_kills_of_jobs(tmp_path: Path) -> None:
    swept = kill_sweep(job_apply, tmp_path, part=Slice(0, 350, SEED), calls=350, workers=1)
    assert swept.points >= 1
    assert swept.violations == ()


def test_some_power_cuts(tmp_path: Path) -> None:
    swept = cut_sweep(paid_apply, tmp_path, limit=6, workers=1)
    assert swept.points == 6
    assert swept.violations == ()


@pytest.mark.usefixtures("shim")
def test_a_slice_of_the_disk_errors(tmp_path: Path) -> None:
    swept = disk_sweep(paid_apply, tmp_path, part=Slice(0, 1200, SEED), workers=1)
    assert swept.points >= 1
    assert swept.violations == ()


@pytest.mark.usefixtures("shim")
def test_a_forked_apply_makes_the_calls_of_a_process_of_its_own(tmp_path: Path) -> None:
    """What the disk sweep counts is what a person's apply would do; the clean run after it meets no fault."""
    with paid_apply(tmp_path, images=1, concurrency=1) as world:
        world.reset()
        forked = world.disturb(Fault("EIO"))
        world.reset()
        whole = native.disturb(
            Fault("EIO"), lambda told: native.execute(world.command, env={**world.env, **told}, cwd=world.root),
            paths=[world.root],
        )  # fmt: skip
        assert (forked.seen, forked.ran.exit, forked.ran.stdout) == (whole.seen, 0, whole.ran.stdout)
        world.reset()
        assert world.disturb(Fault("EIO", 1, Keep.STICKY)).ran.exit == 1
        assert world.again().exit == 0


def test_one_mutant_does_not_live(tmp_path: Path) -> None:
    """`python -m tests.crash.mutants` hunts them all; this one shows at the first point."""
    (mutant,) = (one for one in MUTANTS if one.name == "intent after send")
    assert hunt(mutant, tmp_path, workers=1).violations


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_still_finds_its_place(tmp_path: Path, mutant: Mutant) -> None:
    assert plant(mutant, tmp_path).is_dir()
