"""A run that derives files: what it makes, what it leaves alone, and what a death at any moment leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.derived_plan import DerivedPlan
from reconciler.core.derived.derived_report import DerivedReport
from reconciler.core.derived.units import LockLines, UnitWorld
from reconciler.core.derived.wanted import Derivation
from reconciler.core.derived.work import (
    DerivedResult,
    DeriveFailure,
    FilesWork,
    IconsWork,
    MadeFile,
    MadeFiles,
    ManifestWork,
    Master,
    Work,
)
from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.errors import DiskError, LockfileError
from reconciler.core.plan.observed import Found
from reconciler.core.ports import DerivedPlacement, InTheWay, Placed
from reconciler.core.value import replace
from reconciler.engine.deriving import Deriving, DerivingWorld
from tests.core.derived.builders import LADDER, a_derivation, planned_files, sources

MANIFEST = "images: {manifest: {from: hero, use: web, output: images.json}}\n"
TWO = {name: f"prompt: {name}\nderive: [web]\n" for name in ("hero", "other")}


class Disk:
    """The files of a project and its locks in memory, and a Deriver that writes the key of a file into it."""

    def __init__(self, tmp_path: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.committed: dict[str, dict[str, DerivedLine]] = {}
        self.local: dict[str, dict[str, DerivedLine]] = {}
        self.underway: dict[str, dict[str, DerivedLine]] = {}
        self.ignored: dict[str, list[str]] = {}
        self.log: list[str] = []
        self.saves = 0
        self.broken: set[str] = set()
        self.save_error: Exception | None = None
        self.on_derive: Callable[[], None] = lambda: None
        self.at_once = self.most_at_once = 0
        self._tmp = tmp_path
        self._number = 0
        self._lock = threading.Lock()

    # --- Deriver
    def derive(self, work: Work) -> DerivedResult:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.on_derive()
            return self._derived(work)
        finally:
            with self._lock:
                self.at_once -= 1

    def _derived(self, work: Work) -> DerivedResult:
        assert isinstance(work, (FilesWork, ManifestWork, IconsWork))
        if isinstance(work, FilesWork):
            if work.master.asset in self.broken:
                return DeriveFailure("the picture cannot be read", "restore it")
            texts = {one.output: f"{work.master.content} {one.operations} {one.encoding}" for one in work.files}
        else:
            assert isinstance(work, ManifestWork)
            texts = {work.output: repr([(one.asset, one.sources) for one in work.entries])}
        made = []
        for number, (output, text) in enumerate(texts.items()):
            path = work.folder / str(number)
            path.write_text(text)
            width = 0 if output.endswith(".json") else 32
            made.append(MadeFile(output, path, content_hash(text.encode()), len(text), width, width, "1"))
        return MadeFiles(tuple(made), ("a note",) if isinstance(work, ManifestWork) else ())

    def encoder(self, format_: str) -> str:
        return "1"

    def close(self) -> None: ...

    # --- DerivedOutputs
    def unit_folder(self) -> Path:
        with self._lock:
            self._number += 1
            folder = self._tmp / str(self._number)
            folder.mkdir()
            return folder

    def place(self, files: Sequence[DerivedPlacement]) -> tuple[Placed | InTheWay, ...]:
        for one in files:
            there = self.content(one.path)
            if there not in (one.content, one.expect):
                return tuple(InTheWay(self.content(each.path)) if each is one else Placed() for each in files)
        for one in files:
            self.log.append(f"place {one.path}")
            assert self.knows(one), "recorded before it is put in place"
            self.files[one.path] = one.source.read_bytes()
        return tuple(Placed() for _ in files)

    def knows(self, one: DerivedPlacement) -> bool:
        return any(block.get(one.path, None) is not None for block in self.underway.values())

    def remove(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        if path in self.files and self.content(path) != expect:
            return InTheWay(self.content(path))
        self.log.append(f"remove {path}")
        self.files.pop(path, None)
        return Placed()

    def settle(self, ignored: Mapping[str, Collection[str]]) -> tuple[str, ...]:
        self.ignored = {folder: sorted(names) for folder, names in ignored.items()}
        return ()

    # --- DerivedRecords
    def begin(self, sets: Mapping[str, Mapping[str, DerivedLine]], sources: Iterable[Path]) -> None:
        self.log.append("begin")
        for name, block in sets.items():
            self.underway.setdefault(name, {}).update(block)
        assert all(path.exists() for path in sources)

    def save(
        self,
        committed: Mapping[str, Mapping[str, DerivedLine]],
        local: Mapping[str, Mapping[str, DerivedLine]],
    ) -> None:
        if self.save_error is not None:
            raise self.save_error
        self.log.append("save")
        self.saves += 1
        self.committed = {name: dict(block) for name, block in committed.items() if block}
        self.local = {name: dict(block) for name, block in local.items() if block}
        self.underway.clear()

    # --- the rest
    def content(self, path: str) -> ContentHash | None:
        return content_hash(self.files[path]) if path in self.files else None

    def found(self) -> dict[str, Found]:
        return {path: content_hash(data) for path, data in self.files.items()}

    def plan(self, derivation: Derivation, *, image: str = "image") -> DerivedPlan:
        names = {each.asset for each in derivation.asset_sets()}
        return planned_files(
            derivation,
            images=sources(**dict.fromkeys(names, image)),
            lock=DerivedLock(self.committed),
            local=DerivedLock(self.local),
            found=self.found(),
        )


class Shown:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        self.lines.append(f"{name}: {len(paths)}")

    def failed(self, name: str, failure: DeriveFailure) -> None:
        self.lines.append(f"{name}: {failure.fact}")

    def close(self) -> None:
        self.lines.append("closed")


def ran(
    disk: Disk,
    derivation: Derivation,
    *,
    image: str = "image",
    jobs: int = 2,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = lambda: 0.0,
    shown: Shown | None = None,
) -> DerivedReport:
    plan = disk.plan(derivation, image=image)
    names = {each.asset for each in derivation.asset_sets()}
    contents = sources(**dict.fromkeys(names, image)).contents
    preview = disk.unit_folder() / "preview"

    def world(lines: LockLines) -> UnitWorld:
        return UnitWorld(
            lambda asset: Master(asset, contents[asset], preview),
            lambda path, content: preview if disk.content(path) == content else None,
            lines,
            lambda path: "",
        )

    made = DerivingWorld(
        disk, disk, disk, world, lambda *_: None, lambda _: shown or Shown(), jobs=jobs, stopped=stopped, clock=clock
    )
    return Deriving(plan, made, local=frozenset(disk.local)).run(plan.steps)


def test_a_run_makes_everything_and_a_second_one_nothing(tmp_path: Path) -> None:
    disk, derivation, shown = Disk(tmp_path), a_derivation(TWO, bundles=MANIFEST), Shown()
    report = ran(disk, derivation, shown=shown)
    assert (report.made, report.removed, report.failures, report.notes) == (9, 0, (), ("images: a note",))
    assert sorted(disk.committed) == ["hero~web", "images", "other~web"]
    assert all(disk.content(path) == line.content for block in disk.committed.values() for path, line in block.items())
    assert sorted(shown.lines) == ["closed", "hero~web: 4", "images: 1", "other~web: 4"]
    assert not disk.plan(derivation).left
    disk.log.clear()
    assert ran(disk, derivation).made == 0
    assert disk.log == ["save"]


def test_files_are_recorded_before_they_are_put_in_place_and_saved_after(tmp_path: Path) -> None:
    """`Disk.place` asserts the first half, for each file."""
    disk = Disk(tmp_path)
    ran(disk, a_derivation())
    assert disk.log[0] == "begin"
    assert sorted(disk.log[1:5]) == sorted(f"place {path}" for path in disk.files)
    assert disk.log[5:] == ["save", "save"]
    assert not disk.underway


def test_what_nothing_derives_is_removed_before_bundles_are_made(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    ran(disk, a_derivation(bundles=MANIFEST))
    narrow = a_derivation(rules=LADDER.replace("[320, 640]", "[320]"), bundles=MANIFEST)
    disk.log.clear()
    report = ran(disk, narrow)
    assert (report.made, report.removed) == (1, 2)
    assert sorted(disk.committed["hero~web"]) == ["img/hero-320.jpg", "img/hero-320.webp"]
    assert b"640" not in disk.files["images.json"]
    assert disk.log.index("remove img/hero-640.jpg") < disk.log.index("place images.json")


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    disk = Disk(tmp_path)

    def appear() -> None:
        disk.files["img/hero-320.webp"] = b"a person's"

    disk.on_derive = appear
    report = ran(disk, a_derivation())
    assert report.conflicts == ("img/hero-320.webp",)
    assert disk.files["img/hero-320.webp"] == b"a person's"
    assert "img/hero-320.webp" not in disk.committed["hero~web"]
    assert report.made == 3


def test_equal_bytes_that_are_there_already_are_recorded(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    ran(disk, a_derivation())
    before, disk.committed = disk.committed, {}
    report = ran(disk, a_derivation())
    assert (report.conflicts, disk.committed) == ((), before)


def test_a_unit_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.broken = {"hero"}
    bundles = MANIFEST.replace("from: hero", "from: [hero, other]")
    report = ran(disk, a_derivation(TWO, bundles=bundles))
    assert [(name, failure.fact) for name, failure in report.failures] == [
        ("hero~web", "the picture cannot be read"),
        ("images", "hero has no files of the rule web yet"),
    ]
    assert sorted(disk.committed) == ["other~web"]


def test_a_stop_finishes_what_was_begun_and_begins_nothing_more(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    specs = {f"a{number}": "prompt: x\nderive: [web]\n" for number in range(20)}
    stopped: list[bool] = []
    disk.on_derive = lambda: stopped.append(True)
    report = ran(disk, a_derivation(specs), stopped=lambda: bool(stopped))
    assert 0 < len(disk.committed) < 20
    assert report.left == 20 - len(disk.committed)
    assert report.made == 4 * len(disk.committed)
    assert ran(disk, a_derivation(specs)).made == 80 - report.made


def test_a_stop_removes_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    ran(disk, a_derivation())
    before = dict(disk.files)
    report = ran(disk, a_derivation(rules=LADDER.replace("[320, 640]", "[320]")), stopped=lambda: True)
    assert (report.removed, disk.files) == (0, before)


def test_files_that_a_bundle_makes_no_more_are_removed_with_it(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    ran(disk, a_derivation(bundles=MANIFEST))
    disk.files["images-1.json"] = b"a page more"
    line = disk.committed["images"]["images.json"]
    disk.committed["images"]["images-1.json"] = replace(line, content=content_hash(b"a page more"))
    report = ran(disk, a_derivation(bundles=MANIFEST), image="another")
    assert (report.made, report.removed) == (5, 1)
    assert sorted(disk.committed["images"]) == ["images.json"]
    assert "images-1.json" not in disk.files


def test_a_bundle_with_an_edited_file_is_not_even_made(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    ran(disk, a_derivation(bundles=MANIFEST))
    disk.committed["images"]["images-1.json"] = disk.committed["images"]["images.json"]
    disk.files["images-1.json"] = disk.files["images.json"]
    disk.files["images.json"] = b"edited"
    made: list[int] = []
    disk.on_derive = lambda: made.append(1)
    report = ran(disk, a_derivation(bundles=MANIFEST), image="another")
    assert (report.conflicts, len(made), disk.files["images.json"]) == (("images.json",), 1, b"edited")


def test_at_most_so_many_units_run_at_a_time(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    specs = {f"a{number}": "prompt: x\nderive: [web]\n" for number in range(12)}
    ran(disk, a_derivation(specs), jobs=3)
    assert disk.most_at_once <= 3


def test_the_lock_is_saved_from_time_to_time(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    now = iter(float(number) for number in range(10_000))
    specs = {f"a{number}": "prompt: x\nderive: [web]\n" for number in range(12)}
    ran(disk, a_derivation(specs), jobs=1, clock=lambda: next(now))
    assert 3 <= disk.saves <= 14


def test_a_disk_that_refuses_ends_the_run_and_keeps_what_was_finished(tmp_path: Path) -> None:
    disk = Disk(tmp_path)

    def refuse() -> None:
        raise DiskError("cannot write: no space left on device", hint="free some space")

    disk.on_derive = refuse
    report = ran(disk, a_derivation(TWO))
    assert {failure.fact for _, failure in report.failures} == {"cannot write: no space left on device"}
    assert not disk.files


def test_a_lock_that_another_program_changed_is_not_overwritten(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.save_error = LockfileError("derived.lock was changed by another program meanwhile")
    report = ran(disk, a_derivation())
    assert "changed by another program" in report.failures[0][1].fact
    assert disk.underway["hero~web"].keys() == disk.files.keys()


def test_the_names_of_files_that_git_ignores_are_given_by_folder(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    local = LADDER.replace("web:\n", "web:\n  commit: false\n")
    ran(disk, a_derivation(rules=local))
    assert disk.committed == {}
    assert disk.ignored == {"img": sorted(path.removeprefix("img/") for path in disk.files)}
    ran(disk, a_derivation())
    assert (disk.local, disk.ignored) == ({}, {"img": []})
    assert sorted(disk.committed["hero~web"]) == sorted(disk.files)
