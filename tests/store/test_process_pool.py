"""Work shared with processes of our own: each in a fresh interpreter, since one with threads may not fork."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, content_hash, hex_of
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Lock, LockEntry, Made, dumps
from reconciler.core.recipe import Recipe
from reconciler.store.index.index import Index
from reconciler.store.index.snapshot import Snapshot, load, signature
from reconciler.store.worktree.observe import TreeObserver

POOL = (
    "import json, os, signal, sys\n"
    "from reconciler.store.parallel.process_pool import ProcessPool, start_pool\nme = os.getpid()\n"
)
FEW = POOL + (
    "from reconciler.store.parallel import process_pool\nprocess_pool._cores = lambda: 1\n"
    "print(json.dumps(start_pool(str, 9) is None))"
)
CHECK = (
    "import faulthandler, sys\nfaulthandler.dump_traceback_later(25, exit=True)\n"
    "from reconciler.store.parallel import process_pool\n"
    "cores = int(sys.argv.pop())\nprocess_pool._cores = lambda: cores\n"
)
CHECK += "from reconciler.cli.entry_point import entry\nentry()"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"the bytes of a picture " * 100
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 2300\n"


def python(script: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def said(script: str) -> Any:
    done = python(script)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_every_piece_is_done_once_by_whoever_takes_it() -> None:
    found = said(POOL + "print(json.dumps(ProcessPool(lambda piece: [piece * piece], 300, helpers=3).results()))")

    assert found == {str(piece): [piece * piece] for piece in range(300)}


def test_a_helper_that_dies_takes_only_its_own_results_along() -> None:
    die = "def work(piece):\n if os.getpid() != me: os.kill(os.getpid(), signal.SIGKILL)\n return piece\n"
    found = said(POOL + die + "print(json.dumps(ProcessPool(work, 300, helpers=2).results()))")

    assert 298 <= len(found) <= 300
    assert all(found[piece] == int(piece) for piece in found)


def test_a_helper_whose_work_fails_says_nothing() -> None:
    fail = "def work(piece):\n if os.getpid() != me: raise KeyboardInterrupt\n return piece\n"

    assert len(said(POOL + fail + "print(json.dumps(ProcessPool(work, 300, helpers=2).results()))")) >= 298


def test_helpers_leave_when_nobody_waits_for_them_any_more(tmp_path: Path) -> None:
    """Their answers fit in no pipe, and the parent dies before it reads one: they hold nothing that others need."""
    die = "with open('lock', 'w') as lock:\n    fcntl.flock(lock, fcntl.LOCK_EX)\n"
    die += "    crew = ProcessPool(lambda piece: bytes(1_000_000), 2, helpers=2)\n    os.kill(me, signal.SIGKILL)"
    command = [sys.executable, "-c", f"import fcntl\n{POOL}{die}"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.communicate(timeout=60) == (b"", b""), "nobody keeps what their caller reads"

    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite's limit of time would end the wait


def test_where_no_file_can_be_opened_a_helper_is_gone_and_never_a_second_parent() -> None:
    """As many descriptors as the parent needs for its pipes, and then one fewer, and so on."""
    script = f"import resource\n{POOL}crews = 0\nfor most in range(12, 3, -1):\n"
    script += " resource.setrlimit(resource.RLIMIT_NOFILE, (most, 99))\n crew = None\n"
    script += " try: crew = ProcessPool(str, 9, helpers=2)\n except OSError: pass\n"
    script += " if crew is not None: crews += set(crew.results().values()) <= set('012345678')\n"
    script += "os.write(1, json.dumps([crews > 3, os.getpid() == me]).encode() + b';')"
    done = python(script)

    assert (done.stdout, done.stderr) == ("[true, true];", "")


def test_there_is_no_crew_on_one_core() -> None:
    assert said(FEW) is True


def test_there_is_no_crew_beside_threads() -> None:
    beside = "import threading\nend = threading.Event()\nthreading.Thread(target=end.wait).start()\n"

    assert said(POOL + beside + "print(json.dumps(start_pool(str, 9) is None))\nend.set()") is True


def test_more_cores_say_the_same(tmp_path: Path) -> None:
    """Enough specs and bytes to share; wrong ones among them, and a path that is a link."""
    (tmp_path / "reconciler.yaml").write_text("provider: draft\n")
    for number in range(600):
        spec = tmp_path / f"specs/d{number % 3}/a{number}.yaml"
        spec.parent.mkdir(parents=True, exist_ok=True)
        spec.write_text(f"# {number}\nprompt: The picture {number}\nsize: '16:9'\n")
    (tmp_path / "one.yaml").write_text("prompt: one that is linked\n")
    (tmp_path / "specs/linked.yaml").symlink_to("../one.yaml")
    clean = [python(CHECK, "check", cores, cwd=tmp_path) for cores in ("1", "3")]
    (tmp_path / "specs/d0/a300.yaml").write_text("prompt: |\n  two lines\n  of text\nsizes: 3\n")
    (tmp_path / "specs/d1/a400.yaml").write_text("prompt: a ${nobody} in it\n")
    (tmp_path / "specs/d2/a500.yaml").write_text("prompt: 'open\n")
    wrong = [python(CHECK, "check", cores, cwd=tmp_path) for cores in ("1", "3")]

    assert [done.returncode for done in (*clean, *wrong)] == [2, 2, 1, 1]
    for one, other in (clean, wrong):
        assert (one.stdout, one.stderr) == (other.stdout, other.stderr)
    assert "specs/d0/a300.yaml:4:1" in wrong[0].stderr
    assert "specs/d1/a400.yaml:1:1" in wrong[0].stderr


def test_more_cores_see_the_same(tmp_path: Path) -> None:
    """Outputs that are said to be large enough to share, and of all kinds."""
    (tmp_path / "reconciler.yaml").write_text("provider: draft\n")
    (tmp_path / "specs").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "inside").write_bytes(PICTURE)
    (tmp_path.parent / "outside").write_bytes(PICTURE)
    made: dict[str, Callable[[Path], object]] = {
        "whole": lambda path: path.write_bytes(PICTURE),
        "edited": lambda path: path.write_bytes(PICTURE[:-1]),
        "pointer": lambda path: path.write_bytes(LFS % hex_of(content_hash(PICTURE)).encode()),
        "linked": lambda path: path.symlink_to("inside"),
        "leaves": lambda path: path.symlink_to("../../outside"),
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "gone": lambda path: None,
    }
    entries = {}
    for name, make in made.items():
        (tmp_path / f"specs/{name}.yaml").write_text(f"prompt: The picture {name}\n")
        make(tmp_path / f"assets/{name}.png")
        recipe = Recipe(f"The picture {name}")
        facts = ImageFacts("png", 64, 64, 40_000_000)
        entries[AssetId(name)] = LockEntry(
            f"assets/{name}.png", content_hash(PICTURE), facts, recipe.key(), recipe.manifest(), Made("gravitex", "")
        )
    (tmp_path / "assets.lock").write_text(dumps(Lock(entries)))

    one, other = (python(CHECK, "check", "--format", "json", cores, cwd=tmp_path) for cores in ("1", "3"))

    assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)
    assert {step["asset"] for step in json.loads(one.stdout)["steps"]} == {"edited", "leaves", "folder", "pipe", "gone"}


def test_more_cores_leave_the_same_index(tmp_path: Path) -> None:
    """A clean project: what the next run must know is worked out while others hash."""
    for folder in ("specs", "assets", ".reconciler"):
        (tmp_path / folder).mkdir()
    (tmp_path / "reconciler.yaml").write_text("provider: draft\n")
    entries = {}
    for name, more in {"one": "", "two": "references: [{asset: one}]\n", "three": "tags: [t]\n"}.items():
        (tmp_path / f"specs/{name}.yaml").write_text(f"prompt: The picture {name}\n{more}")
        (tmp_path / f"assets/{name}.png").write_bytes(PICTURE)
        recipe = Recipe(f"The picture {name}", references=(content_hash(PICTURE),) if name == "two" else ())
        facts = ImageFacts("png", 64, 64, 40_000_000)
        entries[AssetId(name)] = LockEntry(
            f"assets/{name}.png", content_hash(PICTURE), facts, recipe.key(), recipe.manifest(), Made("draft", "")
        )
    (tmp_path / "assets.lock").write_text(dumps(Lock(entries)))

    def left(cores: str) -> Snapshot:
        """Once the files are old enough to be believed."""
        found = None
        while found is None or not found.says:
            (tmp_path / ".reconciler/index").unlink(missing_ok=True)
            assert python(CHECK, "check", cores, cwd=tmp_path).returncode == 0
            found = load(str(tmp_path / ".reconciler/index"))
        return found

    one, other = left("1"), left("3")

    assert b"specs/three.yaml\tloose\tthree\tassets/three.png\n" in one.notes
    for part in ("says", "folders", "names", "marks", "digests", "notes"):
        assert getattr(one, part) == getattr(other, part), part
    assert bytes.fromhex(hex_of(content_hash(PICTURE))) in one.digests


def test_what_is_wrong_with_the_lockfile_is_said_before_what_is_wrong_with_the_project(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("provider: nobody\n")
    (tmp_path / "assets.lock").write_text("[]")

    found = python(CHECK, "check", "3", cwd=tmp_path)

    assert found.stderr.startswith("assets.lock: not a lockfile")


def test_hashing_gives_the_contents_of_plain_files(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).write_bytes(b"%d" % number * 100_000)
    (tmp_path / "100").symlink_to("1")
    script = "import json, sys\nfrom reconciler.store.parallel.hashing import Hashing\n"
    script += "print(json.dumps(Hashing(sys.argv[1], [f'{number}' for number in range(102)]).results()))"

    done = python(script, str(tmp_path))

    plain = {str(number): b"%d" % number * 100_000 for number in range(100)}
    assert json.loads(done.stdout) in (
        {},  # a machine with one core
        {name: [list(signature((tmp_path / name).stat())), content_hash(data), False] for name, data in plain.items()},
    )


def test_a_file_that_changed_after_others_hashed_it_is_hashed_again(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    tree = TreeObserver(tmp_path, Index(tmp_path, tmp_path / "index"))
    tree.begin({"a.png": 40_000_000})
    before = tree.outputs(["a.png"])
    (tmp_path / "a.png").write_bytes(PICTURE[:-1])

    assert before == {"a.png": content_hash(PICTURE)}
    assert tree.outputs(["a.png"]) == {"a.png": content_hash(PICTURE[:-1])}


SEEN = """
import json, pathlib
from reconciler.core.plan.observed import Blocked
from reconciler.store.index.index import Index, stat_of
from reconciler.store.worktree.observe import TreeObserver
root = pathlib.Path.cwd()
index = Index(root, root / "index")
paths = sorted(path.name for path in root.iterdir())
tree = TreeObserver(root, index)
found = {path: content if isinstance(content, str) else content.what for path, content in tree.outputs(paths).items()}
print(json.dumps([found, bool(tree._hashed)]))
"""
LARGE = "from reconciler.store.parallel import hashing\nhashing._WORTH = 1\n"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def test_files_that_the_index_does_not_know_are_hashed_alike_by_one_core_and_by_all(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]) * 10_000)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n"
    (tmp_path / "pointer.png").write_text(pointer)
    (tmp_path / "linked.png").symlink_to("1.png")
    (tmp_path / "away.png").symlink_to("/etc/hostname")
    (tmp_path / "folder.png").mkdir()

    def seen(setup: str) -> tuple[dict[str, str], bool]:
        command = [sys.executable, "-c", setup + SEEN]
        found, pooled = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)
        return found, pooled

    alone, together = seen(""), seen(LARGE)
    assert not alone[1]
    assert together[1] or cores() == 1
    assert alone[0] == together[0]
    assert alone[0]["pointer.png"] == "sha256:" + "ab" * 32
    assert alone[0]["linked.png"] == alone[0]["1.png"] == content_hash(bytes([1]) * 10_000)
    assert alone[0]["folder.png"] == "a directory"
    assert alone[0]["away.png"] == "a link that leaves the project"
