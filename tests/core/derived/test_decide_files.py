"""The decision about one derived file, over every combination of what it depends on."""

from __future__ import annotations

import itertools

import pytest

from reconciler.core.derived.decide_files import (
    AwaitSource,
    FileAction,
    FileConflict,
    KeepFile,
    MakeFile,
    RemoveFile,
    RestoreFile,
    decide_file,
)
from reconciler.core.derived.derived_lock import BY_HAND, DerivedLine
from reconciler.core.derived.key import DerivedKey
from reconciler.core.digest import AssetId
from reconciler.core.plan.observed import Blocked, Found
from tests.builders import bytes_of

NOW, BEFORE = DerivedKey("d1:now"), DerivedKey("d1:before")
WAITS = AwaitSource((AssetId("hero"),))
MADE, EDITED = bytes_of("made"), bytes_of("edited")
WANTED: dict[str, DerivedKey | AwaitSource | None] = {"now": NOW, "waits": WAITS, "nothing": None}
LINES: dict[str, DerivedLine | None] = {
    "none": None,
    "now": DerivedLine(NOW, MADE, 1, "1"),
    "before": DerivedLine(BEFORE, MADE, 1, "1"),
    "now by hand": DerivedLine(NOW, MADE, 1, BY_HAND),
    "before by hand": DerivedLine(BEFORE, MADE, 1, BY_HAND),
}
FOUND: dict[str, Found] = {"absent": None, "made": MADE, "edited": EDITED, "blocked": Blocked("a directory")}
EVERY = list(itertools.product(WANTED, LINES, FOUND, (False, True)))

TABLE: dict[tuple[str, str, str], FileAction] = {
    ("now", "none", "absent"): MakeFile(),
    ("now", "none", "made"): MakeFile(),
    ("now", "none", "edited"): MakeFile(),
    ("now", "now", "absent"): MakeFile(),
    ("now", "now", "made"): KeepFile(),
    ("now", "now", "edited"): FileConflict(EDITED),
    ("now", "before", "absent"): MakeFile(None, changed=True),
    ("now", "before", "made"): MakeFile(MADE, changed=True),
    ("now", "before", "edited"): FileConflict(EDITED, stale=True),
    ("now", "now by hand", "absent"): MakeFile(),
    ("now", "now by hand", "made"): KeepFile(),
    ("now", "now by hand", "edited"): FileConflict(EDITED),
    ("now", "before by hand", "absent"): MakeFile(None, changed=True),
    ("now", "before by hand", "made"): FileConflict(MADE, stale=True),
    ("now", "before by hand", "edited"): FileConflict(EDITED, stale=True),
    ("nothing", "none", "absent"): KeepFile(),
    ("nothing", "none", "made"): KeepFile(),
    ("nothing", "none", "edited"): KeepFile(),
    ("nothing", "now", "absent"): RemoveFile(None),
    ("nothing", "now", "made"): RemoveFile(MADE),
    ("nothing", "now", "edited"): FileConflict(EDITED),
    ("nothing", "now by hand", "absent"): RemoveFile(None),
    ("nothing", "now by hand", "made"): FileConflict(MADE),
    ("nothing", "now by hand", "edited"): FileConflict(EDITED),
}
"""Where no source has the bytes of the line. An image that is awaited has rules of its own, below."""


def decided(wanted: str, line: str, found: str, restorable: bool) -> FileAction:
    return decide_file(WANTED[wanted], LINES[line], FOUND[found], restorable=restorable)


@pytest.mark.parametrize(("wanted", "line", "found"), TABLE)
def test_the_table(wanted: str, line: str, found: str) -> None:
    assert decided(wanted, line, found, restorable=False) == TABLE[wanted, line, found]


def test_the_table_is_whole() -> None:
    """Not in it: blocked paths, awaited images, and lines of `before` that nothing derives: they are as now."""
    for wanted, line, found, _ in EVERY:
        if found != "blocked" and wanted != "waits":
            known = line.replace("before", "now") if wanted == "nothing" else line
            assert (wanted, known, found) in TABLE
            assert decided(wanted, line, found, restorable=False) == decided(wanted, known, found, restorable=False)


@pytest.mark.parametrize(("wanted", "line", "found", "restorable"), EVERY)
def test_nobodys_bytes_are_replaced_or_removed(wanted: str, line: str, found: str, restorable: bool) -> None:
    """Only bytes that the lock records, and that no person has adopted, are ever to be replaced or removed."""
    action = decided(wanted, line, found, restorable)
    there, known = FOUND[found], LINES[line]
    match action:
        case MakeFile(replacing=replaced) | RemoveFile(content=replaced) | RestoreFile(replacing=replaced):
            assert replaced is None or (known is not None and replaced == there == known.content)
            assert replaced is None or not (known is not None and known.by_hand)
        case FileConflict(found=kept):
            assert kept == there
        case KeepFile() | AwaitSource():
            pass
    if isinstance(there, Blocked):
        assert isinstance(action, FileConflict)


@pytest.mark.parametrize(("wanted", "line", "found", "restorable"), EVERY)
def test_a_source_helps_only_where_the_recorded_file_is_missing(
    wanted: str, line: str, found: str, restorable: bool
) -> None:
    action = decided(wanted, line, found, restorable)
    may = wanted == "now" and line.startswith("now") and found == "absent" and restorable
    assert isinstance(action, RestoreFile) == may


@pytest.mark.parametrize("line", LINES)
def test_an_awaited_image_changes_nothing_but_shows_what_was_edited(line: str) -> None:
    known = LINES[line]
    for name, there in FOUND.items():
        edited = isinstance(there, Blocked) or (known is not None and there is not None and there != known.content)
        action = decided("waits", line, name, restorable=True)
        assert isinstance(action, FileConflict) if edited else action == WAITS
