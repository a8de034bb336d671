"""`watch` spends nothing and follows changes; `import` writes specs and overwrites none."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from reconciler.project.watch import seen_by_look, wait_for_change, watched
from reconciler.project.workspace import open_workspace
from tests.cli.conftest import Scratch


def test_watch_draws_drafts_and_leaves_paid_images_alone(project: Scratch) -> None:
    project.write("specs/moon.yaml", "prompt: A moon\n")
    project.write("specs/paid.yaml", "prompt: A sun\nprovider: gravitex\nmodel: gemini-3-pro-image\n")
    out = project.done("watch", "--once").out
    assert "+ moon" in out and "+ paid" in out and "[price unknown]" in out
    assert project.lock["moon"]["made"]["provider"] == project.lock["paid"]["made"]["provider"] == "draft"
    project.write("specs/moon.yaml", "prompt: [\n")
    assert "specs/moon.yaml:" in project.done("watch", "--once").out


def test_a_look_has_no_key_and_no_money(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment has a key and the project has a budget."""
    monkeypatch.setenv("GRAVITEX_API_KEY", "secret")
    text = "provider: gravitex\ndefaults: {model: gemini-3-pro-image}\nbudget: {per_run: 100}\n"
    project.write("reconciler.yaml", text)
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.done("watch", "--once")
    assert {entry["made"]["provider"] for entry in project.lock.values()} == {"draft"}
    assert "dawn" in project.lock["hero"]["recipe"]["prompt"] and project.journal() == ()


def test_a_signature_changes_with_every_input(project: Scratch) -> None:
    seen = [watched(lambda: open_workspace(None, {}))]
    for change in (
        lambda: project.edit("specs/hero.yaml", "dusk", "dawn!"),
        lambda: project.write("specs/new/moon.yaml", "prompt: A moon\n"),
        (project.root / "specs/new/moon.yaml").unlink,
        lambda: project.write("reconciler.yaml", "provider: draft\n"),
    ):
        time.sleep(0.02)
        change()
        seen.append(watched(lambda: open_workspace(None, {})))
    assert len(set(seen)) == len(seen)


def test_it_follows_a_change_until_it_is_interrupted(project: Scratch) -> None:
    process = project.start("watch", "--interval", "0.05")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "nothing to do: 3 assets up to date\n"
        project.edit("specs/hero.yaml", "dusk", "dawn")
        while "made 1" not in process.stdout.readline():
            assert process.poll() is None
        assert "dawn" in project.lock["hero"]["recipe"]["prompt"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


@pytest.mark.parametrize("extra", [True, False], ids=["reported", "polled"])
def test_a_wait_ends_with_a_change_or_with_its_time(
    extra: bool, project: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra, a change ends the wait early; without it, the wait is a sleep."""
    if not extra:
        monkeypatch.setitem(sys.modules, "watchfiles", None)
    slept: list[float] = []
    signature = watched(lambda: open_workspace(None, {}))
    wait_for_change(signature, 0.02, slept.append)
    assert slept == ([] if extra else [0.02])
    if extra:
        writer = threading.Timer(0.3, project.edit, ("specs/hero.yaml", "dusk", "dawn!"))
        writer.start()
        begin = time.monotonic()
        wait_for_change(signature, 10, slept.append)
        assert time.monotonic() - begin < 30 and watched(lambda: open_workspace(None, {})) != signature
        wait_for_change((("/nowhere/at/all", 0, 0),), 7, slept.append)
        assert slept == [7]
        writer.join()


def test_rows_become_specs_and_existing_ones_are_kept(project: Scratch) -> None:
    project.write("icons.csv", 'id,prompt,tags,size\nicons/bow,"A bow, drawn",web ui,1:1\nhero,Another,,\n')
    told = project.done("import", "csv", "icons.csv")
    assert told.out == "wrote  specs/icons/bow.yaml\nkept  specs/hero.yaml\n"
    text = project.read("specs/icons/bow.yaml").decode()
    assert text == 'prompt: "A bow, drawn"\ntags: ["web", "ui"]\nsize: "1:1"\n'
    assert b"dusk" in project.read("specs/hero.yaml")
    rows = [{"id": "a", "prompt": "x: y # z\nsecond", "params": {"seed": 7}}, {"id": "b", "prompt": "ü"}]
    project.write("rows.jsonl", "\n".join(map(json.dumps, rows)))
    assert project.done("import", "jsonl", "rows.jsonl", "--dry-run").out.startswith("would write  specs/a.yaml")
    project.done("import", "jsonl", "rows.jsonl")
    assert project.done("validate").out == "all specs are valid: 6 assets\n"


@pytest.mark.parametrize(
    ("kind", "text", "fact"),
    [
        ("csv", "id,prompt\n../x,y\n", '"../x" is no id'),
        ("csv", "prompt\ny\n", '"" is no id'),
        ("csv", "id,prompt,colour\na,b,red\n", "colour"),
        ("csv", "id,prompt\na,b\na,c\n", "an earlier row"),
        ("jsonl", "[1]\n", "is no object"),
        ("jsonl", "{\n", "is no object"),
        ("jsonl", '{"id": "a"}\n{"id": "b", "prompt": 3}\n', ":2"),
        ("jsonl", "[" * 100_000, "is no object"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_written(kind: str, text: str, fact: str, project: Scratch) -> None:
    project.write("table", text)
    before = project.snapshot()
    told = project.run("import", kind, "table")
    assert told.code == 1 and fact in told.err
    assert project.snapshot() == before


def test_no_row_is_written_behind_a_link_or_as_defaults(project: Scratch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / "specs/linked").symlink_to(outside)
    for name, fact in (("linked/bow", "specs/linked/bow.yaml lies behind a link"), ("_styles", '"_styles" is no id')):
        project.write("rows.csv", f"id,prompt\n{name},A bow\n")
        told = project.run("import", "csv", "rows.csv")
        assert (told.code, fact in told.err) == (1, True)
    assert not list(outside.iterdir())


def test_an_edit_during_a_look_is_a_change_and_the_lockfile_that_it_wrote_is_none() -> None:
    spec, lock = ("/p/specs/a.yaml", 1, 1), ("/p/assets.lock", 1, 1)
    written, edited = ("/p/assets.lock", 2, 1), ("/p/specs/a.yaml", 2, 1)
    assert seen_by_look((lock, spec), (written, spec)) == (written, spec)
    assert seen_by_look((lock, spec), (written, edited)) == (lock, spec)
