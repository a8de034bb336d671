"""What only a process shows: exit codes, Ctrl-C, a reader that goes away, a disk that refuses, another writer."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.events import Removed
from reconciler.store.state.lock import exclusive
from tests.cli.conftest import Scratch, picture
from tests.needs import needs_dev_full


@contextmanager
def at_the_question(project: Scratch, *arguments: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A command on a terminal that waits for its answer."""
    ours, theirs = pty.openpty()
    try:
        with project.forked(*arguments, stdin=theirs, stderr=theirs) as process:
            os.close(theirs)
            response_complete = b""
            while not response_complete.endswith(b"[y/N]: "):
                response_complete += os.read(ours, 1000)
            yield ours, process
    finally:
        os.close(ours)


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C as a person presses it: again, if it came in the moment between the question and the reading."""
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)
            return


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 3), (b"\n", 3), (None, 130)])
@pytest.mark.parametrize("command", ["adopt", "restore", "prune"])
def test_the_question_before_many(project: Scratch, command: str, answer: bytes | None, code: int) -> None:
    for name in ("hero", "pair"):
        if command == "prune":
            (project.root / f"specs/{name}.yaml").unlink()
        else:
            project.write(f"assets/{name}.png", picture())
    before = project.snapshot()
    with at_the_question(project, command, "hero", "pair") as (terminal, process):
        if answer is None:
            interrupt(process)
        else:
            os.write(terminal, answer)
        assert process.wait(30) == code
    assert (project.snapshot() == before) is (code != 0)
    assert project.run("check").code == (0 if code == 0 else 0 if command == "prune" else 2)


def test_exit_codes_reach_the_shell(project: Scratch) -> None:
    def code(*arguments: str) -> tuple[int, bool]:
        with project.forked(*arguments) as process:
            _, err = process.communicate()
            return process.returncode, "Traceback" in err

    assert code("check") == (0, False)
    assert code("show", "nobody") == (1, False)
    assert code("--nonsense") == (1, False)
    project.write("assets/hero.png", picture())
    assert code("check") == (2, False)
    assert code("apply") == (3, False)
    with exclusive(project.root / ".reconciler/lock"):
        for command in ("adopt hero", "restore hero", "prune", "apply"):
            assert code(*command.split()) == (4, False)
    assert project.read("assets/hero.png") == picture()


def test_a_reader_that_goes_away_is_no_error(project: Scratch) -> None:
    for command in ("schema spec", "show *", "explain *", "providers --models"):
        with project.forked(*command.split()) as process:
            assert process.stdout and process.stderr
            process.stdout.close()
            err = process.stderr.read()
            assert (process.wait(30), err) == (0, ""), command


def test_the_exit_code_is_right_though_nobody_reads_and_the_work_is_done(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    for command, code in (("check", 2), ("apply --yes --format json", 0), ("check", 0)):
        with project.forked(*command.split()) as process:
            assert process.stdout and process.stderr
            process.stdout.close()
            process.stderr.close()
            assert process.wait(30) == code, command


@needs_dev_full
def test_words_that_find_no_room_are_an_error(project: Scratch) -> None:
    with open("/dev/full", "w") as full, project.start("show", "hero", stdout=full) as process:
        assert process.stderr
        err = process.stderr.read()
    assert (process.returncode, err) == (1, "cannot write the output: no space left on device\n")


def test_words_that_the_terminal_cannot_show_are_escaped(project: Scratch) -> None:
    project.write("specs/hero.yaml", "prompt: Wawel w Łodzi\n")
    with project.start("plan", env={**os.environ, "PYTHONIOENCODING": "latin-1"}) as process:
        out, err = process.communicate()
    assert (process.returncode, err, "\\u0141odzi" in out) == (0, "", True)


def no_bytes() -> None:
    """As a full disk has it: files can be opened, and take nothing."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("validate", 0), ("plan", 0), ("check --strict", 2), ("show hero", 0), ("explain hero", 0), ("providers", 0),
        ("schema spec", 0), ("adopt hero", 1), ("restore hero", 1), ("prune --yes", 1), ("apply --yes", 1),
    ],
)  # fmt: skip
def test_a_disk_that_takes_nothing_stops_writers_with_a_word_and_readers_not_at_all(
    project: Scratch, command: str, code: int
) -> None:
    project.write("assets/hero.png", picture())
    (project.root / "specs/pair.yaml").unlink()
    before = project.snapshot()
    with project.start(*command.split(), preexec_fn=no_bytes) as process:
        _, err = process.communicate()
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert ("cannot " in err) is (code == 1), err
    assert project.snapshot() == before


def test_init_says_what_the_disk_refuses(scratch: Scratch) -> None:
    with scratch.start("init", preexec_fn=no_bytes) as process:
        _, err = process.communicate()
    assert (process.returncode, "cannot write" in err) == (1, True)
    assert [path for path in scratch.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("command", ["restore mascot", "adopt mascot", "prune"])
def test_an_edit_first_settles_what_a_killed_one_left(project: Scratch, command: str) -> None:
    (project.root / "specs/hero.yaml").unlink()
    (project.root / "assets/hero.png").unlink()
    project.journal(Removed(AssetId("hero")))
    assert project.run("check").code == 2
    project.done(*command.split())
    assert set(project.lock) == {"mascot", "pair"}
    assert project.run("check").code == 0
    assert project.journal() == ()


@needs_dev_full
@pytest.mark.parametrize("command", ["plan", "--version"])
def test_a_full_disk_takes_a_quick_answer_with_one_line(project: Scratch, command: str) -> None:
    project.done("plan")
    with open("/dev/full", "w") as full, project.start(command, stdout=full) as process:
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "cannot write the output: no space left on device\n")


HASTY = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from reconciler.cli.entry_point import entry
entry()
"""


@pytest.mark.parametrize("module", ["reconciler.store.index.snapshot", "reconciler.cli.main"])
def test_ctrl_c_while_the_program_loads_is_one_word(scratch: Scratch, module: str) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    program = (sys.executable, "-c", HASTY.format(module=module), "check")
    done = subprocess.run(program, cwd=scratch.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("closed", "command", "code"),
    [(">&-", "check --strict", 0), (">&-", "apply --yes", 0), (">&-", "check", 0), ("2>&-", "check", 2)],
)  # fmt: skip
def test_the_exit_code_is_right_where_there_is_nobody_to_tell(
    project: Scratch, closed: str, command: str, code: int
) -> None:
    project.done("check")
    if code:
        project.edit("specs/hero.yaml", "dusk", "dawn")
    script = f'exec "$0" -c "from reconciler.cli.entry_point import entry; entry()" {command} {closed}'
    program = ("sh", "-c", script, sys.executable)
    done = subprocess.run(program, cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)


def test_ctrl_c_has_its_code_where_there_is_nobody_to_tell(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    program = ("sh", "-c", 'exec "$0" -c "$1" check 2>&-', sys.executable, HASTY.format(module="reconciler.cli.main"))
    assert subprocess.run(program, cwd=scratch.root, check=False).returncode == 130


IMPATIENT = """
import os, signal, sys
class Stuck:
    def isatty(self): return False
    def write(self, text): return len(text)
    def flush(self): os.kill(os.getpid(), signal.SIGINT)
sys.stdout = Stuck()
from reconciler.cli.entry_point import entry
entry()
"""


def test_ctrl_c_while_the_last_words_wait_for_a_reader_ends_it(scratch: Scratch) -> None:
    program = (sys.executable, "-c", IMPATIENT, "--version")
    done = subprocess.run(program, cwd=scratch.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


LEFT_BEHIND = """
import os, pathlib, signal, sys, threading, time
from reconciler.cli import main
def program(arguments):
    print("said", end="")
    threading.Thread(target=land).start()
    return 7
def land():
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
    pathlib.Path("landed").touch()
main.run_program = program
from reconciler.cli.entry_point import entry
entry()
"""


def test_the_end_waits_for_what_threads_are_still_doing_and_no_ctrl_c_cuts_it_short(scratch: Scratch) -> None:
    program = (sys.executable, "-c", LEFT_BEHIND)
    done = subprocess.run(program, cwd=scratch.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "said", "")
    assert (scratch.root / "landed").exists()


PLUG_IN = """
import atexit, os, pathlib, signal, sys

@atexit.register
def at_the_end():
    pathlib.Path("ended").touch()
    if os.environ.get("INTERRUPTED"):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000_000):
            pass
        pathlib.Path("not interrupted").touch()
"""


@pytest.mark.parametrize(("command", "ordinary"), [("apply --yes", True), ("check", False), ("plan", False)])
def test_an_apply_runs_the_exit_handlers_of_plug_ins(project: Scratch, command: str, ordinary: bool) -> None:
    """A quick command ends at once instead: there is nothing in it that has any."""
    project.write("plug-in/sitecustomize.py", PLUG_IN)
    with project.start(*command.split(), env={**os.environ, "PYTHONPATH": "plug-in"}) as process:
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert (project.root / "ended").exists() is ordinary


def test_ctrl_c_in_an_exit_handler_has_its_code_and_no_traceback(project: Scratch) -> None:
    project.write("plug-in/sitecustomize.py", PLUG_IN)
    with project.start("apply", "--yes", env={**os.environ, "PYTHONPATH": "plug-in", "INTERRUPTED": "1"}) as process:
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert (project.root / "ended").exists()
    assert not (project.root / "not interrupted").exists()
