"""`--report FORMAT=FILE` and RECONCILER_FORMAT: reports beside the output, also of a command that fails."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.cli.quick_reports import is_device
from reconciler.store.index.snapshot import compare
from tests.cli.conftest import PROGRAM, Scratch, picture
from tests.forked.program import program
from tests.needs import needs_proc

FORMATS = ("text", "json", "github", "gitlab", "junit", "markdown", "sarif")


def every(folder: Path) -> list[str]:
    return [word for name in FORMATS for word in ("--report", f"{name}={folder / name}")]


def test_every_format_is_written_in_one_run_and_the_output_stays(project: Scratch, tmp_path: Path) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    told = project.run("check", *every(tmp_path))
    assert (told.code, told.out) == (2, project.run("check").out)
    assert (
        (tmp_path / "github")
        .read_text()
        .startswith("::error file=specs/hero.yaml,line=1,col=1,title=reconciler%3A stale::hero")
    )
    assert "prompt: A lighthouse at [-dusk-]{+dawn+}" in (tmp_path / "text").read_text()
    for name in ("json", "gitlab", "sarif"):
        assert json.loads((tmp_path / name).read_text())
        assert (tmp_path / name).read_text() == project.run("check", "--format", name).out


@pytest.mark.parametrize("command", ["check", "plan", "validate"])
def test_the_reports_of_an_invalid_spec_are_written_although_the_command_fails(
    command: str, project: Scratch, tmp_path: Path
) -> None:
    project.write("specs/hero.yaml", "prompt: x\nsize: wide\n")
    told = project.run(command, "--format", "github", *every(tmp_path))
    assert told.code == 1
    assert told.out.startswith("::error file=specs/hero.yaml,line=2,col=1,title=reconciler%3A invalid-spec::size: ")
    assert (tmp_path / "github").read_text() == told.out
    assert "size: wide" in (tmp_path / "text").read_text() or "wide" in (tmp_path / "text").read_text()


def test_quiet_prints_nothing_and_writes_the_reports(project: Scratch, tmp_path: Path) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    told = project.run("check", "--quiet", "--report", f"github={tmp_path / 'out'}")
    assert (told.code, told.out) == (2, "") and "stale" in (tmp_path / "out").read_text()


def test_places_are_below_the_repository(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root.parent / ".git").mkdir()
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert "file=project/specs/hero.yaml," in project.run("check", "--format", "github").out


def test_the_environment_sets_the_format_and_the_option_wins(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    monkeypatch.setenv("RECONCILER_FORMAT", "github")
    assert project.run("check").out.startswith("::error ")
    assert project.run("check", "--format", "text").out.startswith("~ hero")
    monkeypatch.setenv("RECONCILER_FORMAT", "nonsense")
    told = project.run("check")
    assert told.code == 1 and "'nonsense' is not one of" in told.err


@pytest.mark.parametrize("given", ["github", "github=", "=x", "nonsense=x"])
def test_a_report_that_is_no_format_and_file_is_refused(given: str, project: Scratch) -> None:
    told = project.run("check", "--report", given)
    assert told.code == 1 and "write FORMAT=FILE" in told.err


def test_a_link_is_replaced_and_its_target_left_alone(project: Scratch, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "report").symlink_to(tmp_path / "precious")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert project.run("check", "--report", f"github={tmp_path / 'report'}").code == 2
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "report").is_symlink()


def test_a_pipe_is_written_to_and_a_folder_is_an_error(project: Scratch, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert project.run("check", "--report", f"github={pipe}").code == 2
    reader.join(5)
    assert got[0].startswith("::error ")
    assert [is_device(name) for name in ("/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "report")] == [True] * 3 + [
        False
    ]
    told = project.run("check", "--report", f"github={tmp_path}")
    assert told.code == 1 and "it is not a file" in told.err


def test_the_summary_of_a_step_is_added_to(project: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.done("check", "--report", f"markdown={summary}")
    assert summary.read_text() == "before\n### reconciler check: nothing to do: 3 assets up to date\n"


def test_several_projects_take_no_report_file(project: Scratch) -> None:
    told = project.run("-C", ".", "-C", ".", "check", "--report", "github=x")
    assert told.code == 1 and "several -C take no --report" in told.err


PULL = {
    "pull_request": {
        "number": 7,
        "head": {"sha": "a" * 40, "repo": {"private": False, "full_name": "o/r"}},
    }
}


@pytest.mark.parametrize(
    ("private", "shown"), [(False, '<img width="96"'), (True, "[compare](https://github.com/o/r/pull/7/files#diff-")]
)
def test_the_images_of_a_pull_request_are_shown_or_linked(
    private: bool, shown: str, project: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = json.loads(json.dumps(PULL))
    event["pull_request"]["head"]["repo"]["private"] = private
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert shown in project.run("check", "--format", "markdown").out


@pytest.mark.parametrize(
    "event", ["", "[]", "{", '{"pull_request": 3}', '{"pull_request": {"head": []}}', "[" * 100_000]
)
def test_an_event_of_any_other_shape_gives_no_links(
    event: str, project: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "event.json").write_text(event)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    assert "| look |" not in project.run("check", "--format", "markdown").out


@pytest.mark.parametrize("command", ["check", "plan"])
def test_the_quick_reports_of_a_clean_project_are_those_of_the_long_way(
    command: str, project: Scratch, tmp_path: Path
) -> None:
    long, quick = tmp_path / "long", tmp_path / "quick"
    long.mkdir()
    quick.mkdir()
    while (found := compare(str(project.root), "check", index=".reconciler/index")) is None or found.changed != []:
        assert run(["check"]) == 0
    names = ("text", "github", "gitlab", "markdown")
    words = [word for name in names for word in ("--report", f"{name}={long / name}")]
    said = project.done(command, *words)
    words = [f"--report={name}={quick / name}" for name in names]
    script = "import sys; from reconciler.cli.entry_point import _answered as a; sys.exit(10 + a(sys.argv[1:]))"
    done = subprocess.run([PROGRAM[0], "-c", script, command, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (10, said.out)
    assert {name: (quick / name).read_text() for name in names} == {name: (long / name).read_text() for name in names}


@pytest.mark.parametrize("report", ["sarif=x", "junit=x", "json=x", "github=", "github=/no/such/folder/x", "github=."])
def test_other_reports_take_the_long_way(report: str, project: Scratch) -> None:
    project.done("check")
    script = "import sys; from reconciler.cli.entry_point import _answered as a; sys.exit(a(sys.argv[1:]) is not None)"
    done = subprocess.run([PROGRAM[0], "-c", script, "check", "--report", report], check=False)
    assert done.returncode == 0


def test_a_project_with_orphans_takes_the_long_way(project: Scratch) -> None:
    project.write("specs/pair.yaml", "prompt: Two of image 1\nreferences: [{asset: mascot}]\n")
    (project.root / "specs/pair.yaml").unlink()
    while (found := compare(str(project.root), "check", index=".reconciler/index")) is None or found.changed != []:
        assert run(["check"]) == 0
    assert (
        "::notice file=assets.lock"
        in subprocess.run(
            [*PROGRAM, "check", "--report", "github=/dev/stdout"], capture_output=True, text=True, check=False
        ).stdout
    )


def test_derived_files_are_findings(project: Scratch) -> None:
    project.write(
        "specs/_derive.yaml", "web: {widths: [32], formats: [png], output: 'public/${name}-${width}.${ext}'}\n"
    )
    project.edit("specs/hero.yaml", "size:", "derive: [web]\nsize:")
    (line,) = project.run("check", "--format", "github").out.splitlines()
    assert line.startswith(
        "::error file=specs/hero.yaml,line=2,col=1,title=reconciler%3A derived-stale::hero: 1 derived file out of"
    )
    project.done("derive")
    assert project.done("check", "--format", "github").out == ""
    project.write("public/hero-32.png", picture())
    (line,) = project.run("check", "--format", "github").out.splitlines()
    assert "title=reconciler%3A derived-modified::hero: " in line and "was changed by hand" in line


def test_derived_files_have_no_price_and_a_bundle_is_no_asset(project: Scratch) -> None:
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "defaults: {", "defaults: {model: gemini-2.5-flash-image, ")
    project.write(
        "specs/_derive.yaml", "dot: {size: 8x8, densities: [1, 2], formats: [png], output: 'p/${name}${at}.png'}\n"
    )
    project.write("specs/_bundles.yaml", "sheet: {atlas: {from: [hero, mascot], use: dot, output: public/sheet}}\n")
    project.edit("specs/hero.yaml", "size:", "derive: [dot]\nsize:")
    project.write("assets/hero.png", picture("red"))
    project.done("adopt", "hero", "--generated")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    found = project.run("check", "--format", "github").out.splitlines()
    derived = [line for line in found if "derived-stale" in line]
    assert [line.partition("::error ")[2].partition("::")[2].partition(" out of date")[0] for line in derived] == [
        "hero: 2 derived files", "sheet: 1 derived file", "sheet@2x: 1 derived file",
    ]  # fmt: skip
    assert [line for line in found if "hero: prompt changed" in line and "USD]" in line]
    assert not [line for line in derived if "USD" in line]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@needs_proc
def test_a_report_to_stdout_stands_before_what_is_printed_where_stdout_is_a_file(
    name: str, project: Scratch, tmp_path: Path
) -> None:
    """Opened by its name, the file would be written at another place, and one text would cover the other."""
    project.edit("specs/hero.yaml", "dusk", "dawn")
    printed, report = project.run("check").out, project.run("check", "--format", "github").out
    (tmp_path / "out").write_text("before\n")
    with (tmp_path / "out").open("r+") as out:
        out.seek(7)
        command = [str(program()), "check", "--report", f"github={name}"]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert (tmp_path / "out").read_text() == f"before\n{report}{printed}"


def test_a_report_to_a_descriptor_that_nobody_gave_is_an_error(project: Scratch, tmp_path: Path) -> None:
    with (tmp_path / "own").open("w") as own:
        for number in (own.fileno(), 9_999):
            told = project.run("check", "--report", f"text=/dev/fd/{number}")
            assert told.code == 1 and f"cannot write /dev/fd/{number}: " in told.err
    assert (tmp_path / "own").read_text() == ""


def test_a_report_to_a_given_descriptor_is_written_to_it(project: Scratch) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    project.done("check", "--report", f"text=/dev/fd/{theirs}")
    os.close(theirs)
    with open(ours) as got:
        assert got.read() == "nothing to do: 3 assets up to date\n"
