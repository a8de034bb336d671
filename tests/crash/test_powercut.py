"""The power cut model: what it holds for legal, and that it replays a run as it was."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.crash import native, trace
from tests.crash.powercut import DiskState, Order, states
from tests.crash.sweep import recorded
from tests.crash.toy_world import toy_world
from tests.crash.tree import File, Folder, digest, snapshot

pytestmark = pytest.mark.usefixtures("killer")

STEPS = """
import os
def write(path, data, flags=os.O_CREAT | os.O_TRUNC):
    fd = os.open(path, os.O_WRONLY | flags); os.write(fd, data); os.close(fd)
def sync(path):
    fd = os.open(path, os.O_RDONLY); os.fsync(fd); os.close(fd)
"""


def run(root: Path, script: str, *, order: Order = Order.ORDERED) -> list[DiskState]:
    """Every state of a script that runs in a folder with a synced file `old`."""
    (root / "sub").mkdir(parents=True)
    (root / "old").write_bytes(b"old")
    initial, file = snapshot(root), root.with_suffix(".trace")
    command = [sys.executable, "-I", "-S", "-c", STEPS + script]
    ran = native.record(command, root=root, env={"PATH": os.environ["PATH"]}, trace=file, watch=file)
    assert ran.exit == 0, ran.stderr
    return list(states(trace.load(file), initial, root, limit=5000, seed=1, order=order))


def shown(state: DiskState) -> tuple[tuple[str, bytes | None], ...]:
    """Names and bytes, without what was there before."""
    found = {name: node.data if isinstance(node, File) else None for name, node in state.tree.items()}
    return tuple(sorted((name, data) for name, data in found.items() if (name, data) not in BEFORE))


BEFORE = {("", None), ("sub", None), ("old", b"old")}


def everything(found: list[DiskState]) -> set[tuple[tuple[str, bytes | None], ...]]:
    return {shown(state) for state in found}


def once(marker: str, found: list[DiskState]) -> set[tuple[tuple[str, bytes | None], ...]]:
    """What else may be there when `marker`, made later, is."""
    return {
        tuple(pair for pair in state if pair[0] != marker) for state in everything(found) if (marker, None) in state
    }


NONE: tuple[tuple[str, bytes | None], ...] = ()


def test_without_a_sync_the_name_and_the_bytes_are_independent(tmp_path: Path) -> None:
    found = everything(run(tmp_path / "r", "write('f', b'new')"))
    assert found == {NONE, (("f", b""),), (("f", b"\0\0\0"),), (("f", b"new"),)}


def test_an_fsync_keeps_the_bytes_and_not_the_name(tmp_path: Path) -> None:
    found = run(tmp_path / "r", "write('f', b'new'); sync('f'); os.mkdir('sub/late')")
    assert once("sub/late", found) == {NONE, (("f", b"new"),)}


def test_write_sync_rename_sync_is_all_or_nothing(tmp_path: Path) -> None:
    found = run(tmp_path / "r", "write('t', b'new'); sync('t'); os.rename('t', 'old'); sync('.'); os.mkdir('sub/late')")
    assert {dict(shown(state)).get("old", b"old") for state in found} == {b"old", b"new"}
    assert once("sub/late", found) == {(("old", b"new"),)}


def test_a_rename_before_the_sync_may_show_any_bytes(tmp_path: Path) -> None:
    found = run(tmp_path / "r", "write('t', b'new'); os.rename('t', 'old'); sync('old'); sync('.')")
    assert {dict(shown(state)).get("old", b"old") for state in found} == {b"old", b"new", b"", b"\0\0\0"}


def test_a_rename_across_folders_loses_nothing(tmp_path: Path) -> None:
    script = "write('t', b''); os.mkdir('ready'); sync('.'); os.rename('t', 'sub/t'); sync('.'); os.mkdir('late')"
    found = run(tmp_path / "r", script)
    old, new = ("t", b""), ("sub/t", b"")
    assert once("ready", [state for state in found if "late" not in state.tree]) == {(old,), (new, old), (new,)}
    assert once("ready", [state for state in found if "late" in state.tree]) == {(("late", None), new)}


def test_a_new_folder_is_only_there_once_its_parent_is_synced(tmp_path: Path) -> None:
    script = "os.mkdir('d'); write('d/f', b'x'); sync('d/f'); sync('d'); os.mkdir('sub/late')"
    assert once("sub/late", run(tmp_path / "1", script)) == {NONE, (("d", None), ("d/f", b"x"))}
    synced = script.replace("sync('d');", "sync('d'); sync('.');")
    assert once("sub/late", run(tmp_path / "2", synced)) == {(("d", None), ("d/f", b"x"))}


def test_a_large_write_tears_at_blocks(tmp_path: Path) -> None:
    found = run(tmp_path / "r", "write('f', b'x' * 1500)")
    sizes = {len(data) for state in found for name, data in shown(state) if name == "f" and data is not None}
    holes = {bytes(data[:1000]) for state in found for name, data in shown(state) if data and len(data) == 1500}
    assert {0, 512, 1024, 1500} <= sizes
    assert b"\0" * 512 + b"x" * 488 in holes


def test_only_the_order_any_lets_a_later_name_overtake(tmp_path: Path) -> None:
    script = "os.mkdir('first'); os.mkdir('second')"
    overtaken = (("second", None),)
    assert overtaken not in everything(run(tmp_path / "ordered", script))
    assert overtaken in everything(run(tmp_path / "any", script, order=Order.ANY))


def test_links_truncates_appends_and_removals_are_replayed(tmp_path: Path) -> None:
    script = """
write('f', b'123456'); os.truncate('f', 4); write('f', b'xy', os.O_APPEND); os.link('f', 'g'); os.unlink('f')
fd = os.open('g', os.O_RDWR); os.pwrite(fd, b'Z', 8); os.writev(fd, [b'a', b'b']); os.fsync(fd); os.close(fd)
os.rename('sub', 'moved'); write('moved/x', b'x'); os.mkdir('e'); os.rmdir('e'); os.unlink('old')
source = os.open('g', 0); target = os.open('copy', os.O_WRONLY | os.O_CREAT); os.sendfile(target, source, 0, 9)
"""
    root = tmp_path / "r"
    found = run(root, script)
    assert digest(snapshot(root)) in {digest(state.tree) for state in found}


@pytest.mark.parametrize("threads", [1, 4])
def test_a_run_is_replayed_to_its_end_and_the_bills_grow(tmp_path: Path, threads: int) -> None:
    """Of one thread there are some 200 states; of four there are more, the more the less they happen to take turns."""
    with toy_world(tmp_path, threads=threads, count=4) as world:
        found, ledger = recorded(world, tmp_path, limit=200, seed=1)
        some = list(found)
        real = digest(snapshot(world.root))
    assert len({state.digest for state in some}) == len(some) == 200
    whole = max((state for state in some if state.why.endswith("all of it")), key=lambda state: state.cut)
    assert digest(whole.tree) == real
    billed, one_by_one = {state.watched for state in some}, {at * len(ledger) // 4 for at in range(5)}
    assert {0, len(ledger)} <= billed <= one_by_one
    assert billed == one_by_one or threads > 1


def test_a_folder_is_there_as_soon_as_another_thread_has_made_it(tmp_path: Path) -> None:
    """Its mkdir returned last."""
    facts: dict[str, Any] = {"result": 0, "other": "", "args": (), "mode": 0, "watched": 0, "at": 0, "data": b""}
    inner = trace.Call("mkdir", entered=2, left=3, path=str(tmp_path / "d/e"), inode=3, **facts)
    outer = trace.Call("mkdir", entered=1, left=4, path=str(tmp_path / "d"), inode=2, **facts)
    found = list(states([inner, outer], {"": Folder(1)}, tmp_path, limit=9, seed=1))
    assert {tuple(state.tree) for state in found} == {("",), ("", "d"), ("", "d", "d/e")}


def test_one_seed_one_enumeration_and_a_state_can_be_written(tmp_path: Path) -> None:
    with toy_world(tmp_path, count=1) as world:
        world.reset()
        initial = snapshot(world.root)
        native.record(world.command, root=world.root, env=world.env, trace=tmp_path / "trace", watch=world.ledger)
        calls, root = trace.load(tmp_path / "trace"), world.root
    some, again, other = (list(states(calls, initial, root, limit=60, seed=seed)) for seed in (3, 3, 4))
    assert [state.digest for state in some] == [state.digest for state in again] != [state.digest for state in other]
    some[-1].materialise(tmp_path / "made")
    assert digest(snapshot(tmp_path / "made")) == digest(some[-1].tree)
