"""The report of a run: each failure is in it once."""

from __future__ import annotations

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError, LockfileError, ReconcilerError
from reconciler.engine.report import Line, Report, Result

HERO = AssetId("hero")
CONFLICT = LockfileError("assets.lock: holds a conflict")


def closed(*errors: ReconcilerError) -> Report:
    report = Report()
    for error in errors:
        report.closing_failed(error)
    return report


def test_a_step_that_failed_on_the_local_disk() -> None:
    report = Report()
    report.disk_failed(HERO, DiskError("no space left", hint="delete something"))
    assert report.lines == [Line(HERO, Result.FAILED, None, "no space left", "DiskError", "delete something")]


@pytest.mark.parametrize("error", [CONFLICT, DiskError("no space left")])
def test_an_error_of_the_last_save_is_reported(error: ReconcilerError) -> None:
    assert closed(error).errors == [error]


def test_an_error_of_the_last_save_is_reported_once() -> None:
    assert closed(CONFLICT, LockfileError(str(CONFLICT))).errors == [CONFLICT]
    assert closed(CONFLICT, LockfileError("another")).errors[1:] != []


def test_a_second_error_of_the_disk_is_left_out_and_one_of_the_lockfile_is_not() -> None:
    first = DiskError("no space left")
    assert closed(first, DiskError("still no space left"), CONFLICT).errors == [first, CONFLICT]


def test_an_error_of_the_disk_after_a_step_that_failed_on_it_is_left_out() -> None:
    report = Report([Line(HERO, Result.FAILED, outcome="DiskError")])
    report.closing_failed(DiskError("no space left"))
    report.closing_failed(CONFLICT)
    assert report.errors == [CONFLICT]


def test_an_error_of_the_disk_after_another_failure_is_reported() -> None:
    report = Report([Line(HERO, Result.FAILED, outcome="Refused")])
    report.closing_failed(DiskError("no space left"))
    assert len(report.errors) == 1


def test_the_results_are_counted() -> None:
    report = Report([Line(HERO, Result.MADE), Line(AssetId("fox"), Result.MADE), Line(AssetId("owl"), Result.HELD)])
    assert report.count() == {Result.MADE: 2, Result.HELD: 1}
