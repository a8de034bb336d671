"""Every way to fool a stat cache: whatever was done to a clean project, `check` says what `check --strict` says."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from reconciler.cli.main import run
from reconciler.core.digest import ContentHash, content_hash
from reconciler.store.index.index import TICK_NS, Index, racy, stat_of
from reconciler.store.index.parsed_specs import WORTH, _reader
from reconciler.store.index.snapshot import Snapshot, compare, load, pack, signature, unpack
from tests.store.tampering import CLEAN, FILES, SECOND, TAMPERS, Project, output_in_place


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "specs/linked.yaml").symlink_to("../texts/one.yaml")
    (root / "refs").mkdir()
    Image.new("RGB", (64, 64), "teal").save(root / "refs/coast.png")
    assert run(["-C", str(root), "apply", "--yes"]) == 0
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A clean project whose index answers."""
    monkeypatch.delenv("CI", raising=False)
    copy = Project(tmp_path / "project")
    shutil.copytree(made, copy.root, symlinks=True)
    copy.warm()
    return copy


@pytest.mark.parametrize("tamper", TAMPERS)
def test_nothing_that_was_done_is_overlooked(
    tamper: Callable[[Project], None], project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(project)

    first, second = project.check(), project.check()

    capsys.readouterr()
    strict = run(["-C", str(project.root), "check", "--strict"])
    truth = (int(strict), capsys.readouterr().out)
    assert truth != (0, CLEAN), "the tampering did nothing"
    assert (first, second) == (truth, truth)


def test_a_file_that_is_only_touched_is_clean_again_at_once(project: Project) -> None:
    os.utime(project.path("specs/hero.yaml"))
    os.utime(project.path("assets/hero.png"))

    assert project.check() == (0, CLEAN)


def hurt(data: bytes) -> Iterator[bytes]:
    """The index cut short, with a bit flipped, and as no index at all."""
    yield from (data[:size] for size in range(0, len(data), 7))
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
    yield from (b"", b"reconciler index", data + b"x", b"\0" * len(data), data[:30] + b"9" * 400 + data[430:])


def test_a_damaged_index_knows_nothing(project: Project) -> None:
    data = project.index.read_bytes()
    for damaged in hurt(data):
        assert unpack(damaged) is None, damaged


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"garbage", lambda data: data[:50] + data[51:]]
)
def test_a_command_goes_on_without_its_index(damage: Callable[[bytes], bytes], project: Project) -> None:
    project.index.write_bytes(damage(project.index.read_bytes()))
    assert project.check() == (0, CLEAN)

    output_in_place(project)
    assert project.check()[0] == 2


def remembered(path: Path, old: bytes, *, now_ns: int) -> tuple[bool, ContentHash | None]:
    """What an index says of a file that held `old` as it was read, and has been written within the same tick since.

    The times that the reader saw are those of the later write: that is what "within the same tick" means.
    """
    root, seen = path.parent, os.stat(path)
    index = Index(root, root / "index", now_ns=lambda: now_ns)
    project_file = root / "reconciler.yaml"
    project_file.touch()
    index.note_stat(project_file.name, os.stat(project_file))
    index.note_stat(path.name, seen)
    index.remember(path.name, signature(seen), content_hash(old))
    index.save({"check": "clean\n"})
    known = compare(str(root), "check", index="index")
    return known is not None and known.changed == [], Index(root, root / "index").load().content(path.name, seen)


@pytest.mark.parametrize(
    ("age_ns", "stamp_ns", "safe"),
    [
        (1_000, 5 * SECOND + 7, False),  # read at once
        (TICK_NS - 1, 5 * SECOND + 7, False),
        (TICK_NS + 1, 5 * SECOND + 7, True),  # no write that comes after this read can carry these times any more
        (SECOND, 5 * SECOND, False),  # a file system that keeps whole seconds
        (-SECOND, 5 * SECOND + 7, False),  # the clock was set back: the file is younger than now
        (-86_400 * SECOND, 5 * SECOND + 7, False),
    ],
)
def test_what_is_racy(age_ns: int, stamp_ns: int, safe: bool) -> None:
    assert racy((3, stamp_ns, stamp_ns, 1), stamp_ns + age_ns) is not safe
    assert racy((3, 0, stamp_ns, 1), stamp_ns + age_ns) is not safe, "utime can set the mtime back, not the ctime"


def test_the_guard_is_what_keeps_a_racy_file_from_being_believed(tmp_path: Path) -> None:
    path = tmp_path / "hero.png"
    path.write_bytes(b"new")
    stamp = os.stat(path).st_ctime_ns

    within_the_tick = remembered(path, b"old", now_ns=stamp + TICK_NS // 2)
    guard_disabled = remembered(path, b"old", now_ns=stamp + 3_600 * SECOND)

    assert within_the_tick == (False, None)
    assert guard_disabled == (True, content_hash(b"old")), "this is how wrong an index without the guard would be"


def test_what_took_long_to_hash_is_as_racy_as_when_it_was_looked_at(tmp_path: Path) -> None:
    """Written just before a run began, looked at, and written again in the same tick while it was hashed."""
    path = tmp_path / "hero.png"
    path.write_bytes(b"new")
    seen = os.stat(path)
    times = iter([seen.st_ctime_ns + TICK_NS // 2, seen.st_ctime_ns + 60 * SECOND, seen.st_ctime_ns + 60 * SECOND])
    index = Index(tmp_path, tmp_path / "index", now_ns=lambda: next(times))
    index.remember_all({path.name: (signature(seen), content_hash(b"old"))})
    index.save({"check": "clean\n"})

    assert Index(tmp_path, tmp_path / "index").load().content(path.name, seen) is None


def a_committed_index(root: Path, said: str, *, known: tuple[str, ...]) -> None:
    index = Index(root, root / ".reconciler/index", now_ns=lambda: time.time_ns() + 3_600 * SECOND)
    for name in known:
        index.note_stat(name, stat_of(root / name))
    index.save({"check": said})


@pytest.mark.parametrize(
    ("said", "known", "believed"),
    [
        ("clean \u00e9\n", ("reconciler.yaml",), True),
        ("clean\n", (), False),
        ("clean\n", ("specs/reconciler.yaml", "gone.yaml"), False),
        ("clean\x1b[2J\n", ("reconciler.yaml",), False),
    ],
)
def test_an_index_is_believed_if_it_knows_the_project_file_and_says_what_can_be_shown(
    said: str, known: tuple[str, ...], believed: bool, tmp_path: Path
) -> None:
    (tmp_path / ".reconciler").mkdir()
    (tmp_path / "reconciler.yaml").touch()
    a_committed_index(tmp_path, said, known=known)
    found = compare(str(tmp_path), "check", index=".reconciler/index")
    assert (found is not None and found.changed == [] and found.said == said) is believed


def test_an_index_behind_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".reconciler").mkdir()
    (tmp_path / "reconciler.yaml").touch()
    a_committed_index(tmp_path, "clean\n", known=("reconciler.yaml",))
    index = tmp_path / ".reconciler/index"
    index.rename(tmp_path / "elsewhere")
    index.symlink_to("../elsewhere")
    assert compare(str(tmp_path), "check", index=".reconciler/index") is None
    index.unlink()
    (tmp_path / "elsewhere").rename(index)
    (tmp_path / ".reconciler").rename(tmp_path / "state")
    (tmp_path / ".reconciler").symlink_to("state")
    assert compare(str(tmp_path), "check", index=".reconciler/index") is None


def test_an_index_saved_after_the_clock_was_set_back_has_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "hero.png"
    path.write_bytes(b"x")
    seen = os.stat(path)
    times = iter([seen.st_ctime_ns + 10 * SECOND, seen.st_ctime_ns - SECOND])
    index = Index(tmp_path, tmp_path / "index", now_ns=lambda: next(times))
    index.note_stat(path.name, seen)
    index.remember(path.name, signature(seen), content_hash(b"x"))

    index.save({"check": "clean\n"})

    assert compare(str(tmp_path), "check", index="index") is None


def test_what_a_kernel_stamps_within_one_tick_is_never_called_clean(tmp_path: Path) -> None:
    """The real thing: read, save, and write again at once; whether the times differ is up to the kernel."""
    for turn in range(50):
        path = tmp_path / f"{turn}.png"
        path.write_bytes(b"old")
        seen = os.stat(path)
        index = Index(tmp_path, tmp_path / "index")
        index.note_stat(path.name, seen)
        index.remember(path.name, signature(seen), content_hash(path.read_bytes()))
        index.save({"check": "clean\n"})
        with open(path, "r+b") as stream:
            stream.write(b"new")
        known = compare(str(tmp_path), "check", index="index")
        assert known is None or known.changed != []
        assert Index(tmp_path, tmp_path / "index").load().content(path.name, os.stat(path)) is None


def test_a_cache_of_parsed_specs_is_racy_too(tmp_path: Path) -> None:
    """A spec that was written again within the tick says what it says now, not what was parsed."""
    for number in range(WORTH):
        (tmp_path / f"{number}.yaml").write_text("prompt: new\n")
    stats = {number: os.stat(tmp_path / f"{number}.yaml") for number in range(WORTH)}
    newest = max(seen.st_ctime_ns for seen in stats.values())

    def known(now_ns: int) -> object:
        index = Index(tmp_path, tmp_path / "index", now_ns=lambda: now_ns)
        for number, seen in stats.items():
            index.parsed.remember(f"{number}.yaml", seen, {"prompt": "old"})
        index.parsed.save()
        return Index(tmp_path, tmp_path / "index").load().parsed.value("0.yaml", stats[0])

    assert known(stats[0].st_ctime_ns + TICK_NS // 2) is None
    assert known(newest + 3_600 * SECOND) == {"prompt": "old"}, "without the guard"


def rewritten(project: Project, change: Callable[[Snapshot], None]) -> None:
    """The index with other contents and a checksum that is right for them."""
    snapshot = load(str(project.index))
    assert snapshot is not None
    change(snapshot)
    project.index.write_bytes(pack(snapshot))


def _deep(snapshot: Snapshot) -> None:
    snapshot.notes = b"[" * 3_000 + b"]" * 3_000 + b"\n" + snapshot.notes.partition(b"\n")[2]


def _notes(head: bytes) -> Callable[[Snapshot], None]:
    def change(snapshot: Snapshot) -> None:
        snapshot.notes = head + b"\n" + snapshot.notes.partition(b"\n")[2]

    return change


MENDED: dict[str, Callable[[Snapshot], None]] = {
    "no marks": lambda found: found.marks.__delitem__(slice(None)),
    "fewer marks": lambda found: found.marks.__delitem__(slice(-3, None)),
    "more marks": lambda found: found.marks.extend([0] * 4),
    "no digests": lambda found: setattr(found, "digests", b""),
    "a cut digest": lambda found: setattr(found, "digests", found.digests[:-1]),
    "no names": lambda found: found.names.clear(),
    "a name more": lambda found: found.names.append("x"),
    "no folders": lambda found: found.folders.clear(),
    "a count below zero": lambda found: found.folders.insert(0, ("x", -1, False)),
    "a huge count": lambda found: found.folders.append(("nowhere", 10**15, True)),
    "a folder that is none": lambda found: found.folders.append(("specs/hero.yaml", 0, True)),
    "an answer with a control sequence": lambda found: found.says.update(check="\x1b[2J\n"),
    "an end that is no time": lambda found: setattr(found, "until", float("nan")),
    "deep notes": _deep,
    "notes that are a number": _notes(b"7"),
    "notes of other types": _notes(b'{"assets": "x", "more": false, "room": [1, 2]}'),
    "notes without room": _notes(b'{"assets": 1, "more": false, "room": ["a", {}]}'),
    "notes that are not UTF-8": _notes(b"\xff\xfe"),
}


@pytest.mark.parametrize("part", range(6))
def test_an_index_with_a_mended_checksum_takes_the_long_way(part: int, project: Project) -> None:
    """A spec has changed, so that the notes are read, too."""
    sound = project.index.read_bytes()
    project.path("specs/hero.yaml").write_text("prompt: A lighthouse at dawn\n")
    for command, code in (("check", 2), ("plan", 0)):
        project.index.unlink()
        truth = project.ask(command)
        assert truth[0] == code
        for what in list(MENDED)[part::6]:
            project.index.write_bytes(sound)
            rewritten(project, MENDED[what])
            assert project.ask(command) == truth, what


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 3_000 + b"]" * 3_000, b"[" * 300_000 + b"]" * 300_000, b"7", b"null", b"\xff\xfe", b"{}",
        b'{"for": 1, "specs": []}',
        b'{"specs": ' + b'{"a":' * 3_000 + b"1" + b"}" * 3_001, b'{"for": "READER", "specs": 7}',
        b'{"for": "READER", "specs": {"0.yaml": 7}}', b'{"for": "READER", "specs": {"0.yaml": [1, 2]}}',
        b'{"for": "READER", "specs": {"0.yaml": [[], {}, null, "x", {}]}}',
        b'{"for": "READER", "specs": {"0.yaml": [MARK, 7]}}',
        b'{"for": "READER", "specs": {"0.yaml": [MARK, ' + b"[" * 900 + b"]" * 900 + b"]}}",
    ],
)  # fmt: skip
def test_a_cache_of_parsed_specs_of_any_other_shape_is_not_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "0.yaml"
    path.write_text("prompt: x\n")
    seen = os.stat(path)
    mark = ", ".join(map(str, signature(seen))).encode()
    (tmp_path / "parsed").write_bytes(content.replace(b"READER", _reader().encode()).replace(b"MARK", mark))
    assert Index(tmp_path, tmp_path / "index").load().parsed.value("0.yaml", seen) is None
