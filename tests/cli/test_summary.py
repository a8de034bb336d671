"""The end of an apply whose disk failed: every rescue file is named in full, and the first error is what is told."""

from __future__ import annotations

from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError, Exit, LockfileError
from reconciler.engine.report import Report
from reconciler.report.apply_summary import exit_code, problem_lines, report_json

FULL = "free some space"


def a_rescue(name: str) -> DiskError:
    return DiskError(f"cannot save {'deep/' * 150}x.part: no space; the paid bytes are in /tmp/{name}.png", hint=FULL)


def test_every_rescue_file_is_named_in_full_and_the_hint_once() -> None:
    report = Report()
    report.disk_failed(AssetId("sword"), a_rescue("one"))
    report.disk_failed(AssetId("shield"), a_rescue("two"))
    first, hint, second = problem_lines(report)
    assert first.startswith("failed: sword: ") and first.endswith("/tmp/one.png")
    assert second.startswith("failed: shield: ") and second.endswith("/tmp/two.png")
    assert hint == f"  hint: {FULL}"
    assert exit_code(report) is Exit.ERROR


def test_what_a_broken_disk_refuses_at_the_end_is_not_news() -> None:
    report = Report()
    report.disk_failed(AssetId("sword"), DiskError("no space"))
    report.closing_failed(DiskError("cannot write assets.lock"))
    assert list(problem_lines(report)) == ["failed: sword: no space"]


def test_a_disk_that_fails_only_at_the_end_is_told_once() -> None:
    report = Report()
    report.closing_failed(DiskError("cannot write assets.lock", hint=FULL))
    report.closing_failed(DiskError("cannot write the journal"))
    assert list(problem_lines(report)) == [f"cannot write assets.lock\n  hint: {FULL}"]
    assert report_json(report)["errors"] == [f"cannot write assets.lock\n  hint: {FULL}"]
    assert exit_code(report) is Exit.ERROR


def test_a_lockfile_that_a_person_is_merging_is_told_beside_a_disk_that_failed() -> None:
    report = Report()
    report.disk_failed(AssetId("sword"), DiskError("no space"))
    report.closing_failed(LockfileError("assets.lock cannot be read"))
    assert list(problem_lines(report)) == ["failed: sword: no space", "assets.lock cannot be read"]
