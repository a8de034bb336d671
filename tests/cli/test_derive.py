"""Derived files, from the command line: made from real pictures, checked, edited, restored, removed."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from time import time_ns

import pytest
from PIL import Image

from reconciler.core.digest import content_hash
from reconciler.project.incremental_plan import incremental_plan
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import derived_files, plan_project, remember
from reconciler.project.workspace import Workspace
from reconciler.report.plan_report import PlanFacts, cached_answers
from reconciler.store.index.index import Index
from reconciler.store.index.snapshot import Snapshot, load
from reconciler.store.worktree.observe import TreeObserver
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Scratch, picture, pointer
from tests.cli.paid_project import PaidProject, opened

RULES = """\
web:
  widths: [16, 32]
  aspect: "16:9"
  formats: [webp, jpeg]
  output: img/${name}-${width}.${ext}
"""
BUNDLES = "images: {manifest: {from: hero, use: web, output: images.json, html: snippets, url: img}}\n"
HERO = "prompt: A lighthouse\nderive: [web]\nalt: A lighthouse\noutput: art/hero.png\n"
FOUR = ["img/hero-16.jpg", "img/hero-16.webp", "img/hero-32.jpg", "img/hero-32.webp"]


def set_up(scratch: Scratch) -> Scratch:
    """One adopted picture with four sizes and a manifest, nothing derived yet."""
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/hero.yaml", HERO)
    scratch.write("specs/_derive.yaml", RULES)
    scratch.write("specs/_bundles.yaml", BUNDLES)
    scratch.write("art/hero.png", picture())
    scratch.done("adopt", "hero")
    return scratch


@pytest.fixture(scope="session")
def derived_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the first test that needs it derives, for the others to copy."""
    return tmp_path_factory.mktemp("derived") / "project"


@pytest.fixture
def derived(scratch: Scratch, derived_project: Path) -> Scratch:
    """A project with everything derived."""
    if not derived_project.exists():
        set_up(scratch).done("derive")
        shutil.copytree(scratch.root, derived_project)
    else:
        shutil.copytree(derived_project, scratch.root, dirs_exist_ok=True)
    return scratch


def lines(scratch: Scratch) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = json.loads(scratch.read("derived.lock"))["sets"]
    return found


def test_everything_is_made_recorded_and_proven(scratch: Scratch) -> None:
    set_up(scratch)
    said = scratch.run("check")
    assert said.code == 2
    assert "* hero    4 of 4 derived files to make  [free]" in said.out
    assert "* images  a web manifest to make of 1 asset  [free]" in said.out
    assert said.out.endswith("\n\n1 asset up to date; 4 files and 1 bundle to derive\n")
    assert scratch.run("plan", "--exit-code").code == 2
    made = scratch.done("derive")
    assert made.out == "derived files: 6 made; 0 up to date\n"
    assert sorted(lines(scratch)["hero~web"]) == FOUR
    assert Image.open(BytesIO(scratch.read("img/hero-32.webp"))).size == (32, 18)
    listed = json.loads(scratch.read("images.json"))["images"]["hero"]
    assert (listed["alt"], listed["width"], listed["img"]["src"]) == ("A lighthouse", 32, "/hero-32.jpg")
    assert 'alt="A lighthouse"' in scratch.read("snippets/hero.html").decode()
    assert scratch.done("check").out == "nothing to do: 1 asset and 6 derived files up to date\n"
    before = scratch.snapshot()
    assert scratch.done("derive").out == "nothing to derive: 6 derived files up to date\n"
    assert scratch.snapshot() == before
    assert not list(scratch.root.glob(".reconciler/deriv*"))


def test_apply_derives_unless_told_not_to(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\ndefaults: {image_size: '512'}\n")
    scratch.write("specs/hero.yaml", HERO)
    scratch.write("specs/_derive.yaml", RULES)
    said = scratch.done("plan")
    totals = "1 to generate (0 USD); 0 up to date; 4 to derive"
    assert said.out == f"+ hero  new  [free]\n* hero  4 of 4 derived files to make  [free]\n\n{totals}\n"
    assert "4 to derive" not in scratch.done("check", "--help").out
    scratch.done("apply", "--yes", "--no-derive")
    assert not (scratch.root / "derived.lock").exists()
    assert scratch.run("check").code == 2
    assert scratch.done("apply").out.endswith("derived files: 4 made; 0 up to date\n")
    scratch.edit("specs/hero.yaml", "prompt: ", "prompt: New ")
    assert scratch.done("apply").err.startswith("~ hero  prompt changed")
    ended = json.loads(scratch.done("apply", "--format", "json").out)
    assert (ended["derived"]["made"], ended["derived"]["failed"]) == (0, [])
    scratch.edit("specs/hero.yaml", "lighthouse\n", "tower\n")
    said = scratch.done("apply", "--yes")
    assert said.out.endswith("derived files: 4 made; 0 up to date\n")
    assert scratch.run("check").code == 0


def test_what_is_not_derived_is_not_announced(derived: Scratch) -> None:
    derived.edit("reconciler.yaml", "provider: draft", "provider: gravitex\ndefaults: {model: gemini-2.5-flash-image}")
    derived.done("adopt", "hero", "--generated")
    derived.done("derive")  # the files say now that a model made the image
    derived.edit("specs/hero.yaml", "prompt: A lighthouse", "prompt: A tower")
    assert "to derive" in derived.done("plan").out
    assert "to derive" not in derived.done("plan", "--max-cost", "0.01").out
    held = derived.run("apply", "--yes", "--max-cost", "0.01")
    assert (held.code, "deriv" in held.err) == (3, False)
    assert held.out.endswith("nothing to derive: 6 derived files up to date\n")
    derived.edit("reconciler.yaml", "gravitex", "draft")
    assert "deriv" not in derived.done("apply", "--draft", "--replace", "hero", "--no-derive", "--yes").err


def test_a_mistake_in_the_rules_is_told_alone(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.edit("specs/_derive.yaml", "aspect:", "aspcet:")
    said = scratch.run("plan")
    place = "specs/_derive.yaml:3:3: web.aspcet: is not a field here"
    assert (said.code, said.err) == (1, f'{place}\n  hint: did you mean "aspect"?\n')


def test_a_new_width_makes_only_its_own_files(derived: Scratch) -> None:
    before, listed = derived.snapshot(), derived.read("images.json")
    derived.edit("specs/_derive.yaml", "32]", "32, 48]")
    assert derived.plan() == {}
    derived.done("derive", "hero")
    after = derived.snapshot()
    changed = {Path(name).name for name in after if after[name] != before.get(name) and "store" not in name}
    assert changed == {"hero-48.webp", "hero-48.jpg", "_derive.yaml", "derived.lock", "images.json", "hero.html"}
    assert derived.stored(listed), "no header tells that a text is ours: it is kept before it is replaced"


def test_an_edited_file_is_left_alone_until_a_person_decides(derived: Scratch) -> None:
    original = derived.read(FOUR[0])
    retouched = picture("red", "jpeg")
    derived.write(FOUR[0], retouched)
    said = derived.run("check")
    assert said.code == 2
    assert f"! hero  {FOUR[0]} was changed by hand" in said.out
    assert derived.run("derive").code == 3
    assert derived.run("apply").code == 3
    assert derived.read(FOUR[0]) == retouched
    assert derived.done("adopt", FOUR[0]).out == f"adopted {FOUR[0]}: it is left as it is\n"
    assert derived.run("check").code == 0
    assert lines(derived)["hero~web"][FOUR[0]]["made"] == "by hand"
    derived.done("derive", "--refresh")
    assert derived.read(FOUR[0]) == retouched
    derived.edit("specs/_derive.yaml", '"16:9"', '"1:1"')
    assert f"! hero    {FOUR[0]} was changed by hand, and would be made anew" in derived.run("check").out
    assert derived.run("derive").code == 3
    assert derived.read(FOUR[0]) == retouched
    derived.edit("specs/_derive.yaml", '"1:1"', '"16:9"')
    said = derived.done("restore", FOUR[0])
    assert "kept in the store" in said.err
    assert derived.stored(retouched)
    assert derived.read(FOUR[0]) == original
    derived.done("derive")
    assert derived.run("check").code == 0


def test_a_file_that_is_no_picture_is_not_adopted_as_one(derived: Scratch) -> None:
    derived.write(FOUR[1], "text")
    assert "is not a complete webp image" in derived.run("adopt", FOUR[1]).out
    assert derived.run("check").code == 2


def test_files_of_others_are_not_overwritten(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.write(FOUR[0], picture("red", "jpeg"))
    scratch.write("images.json", "{}")
    said = scratch.run("derive")
    assert said.code == 3
    assert f"left alone: {FOUR[0]}" in said.err
    assert scratch.read("images.json") == b"{}"
    assert not (scratch.root / "snippets").exists()
    assert sorted(lines(scratch)) == ["hero~web"]


def test_what_nothing_derives_any_more_goes_and_what_was_edited_stays(derived: Scratch) -> None:
    edited = picture("red", "webp")
    derived.write("img/hero-32.webp", edited)
    derived.write("specs/_bundles.yaml", "")
    derived.edit("specs/_derive.yaml", "16, 32", "16")
    said = derived.run("derive")
    assert (said.code, said.out) == (3, "derived files: 3 removed, 1 file left alone; 2 up to date\n")
    assert sorted(path.name for path in derived.root.glob("img/*")) == ["hero-16.jpg", "hero-16.webp", "hero-32.webp"]
    assert not (derived.root / "snippets").exists()
    assert derived.read("img/hero-32.webp") == edited
    assert "yours now" in derived.done("adopt", "img/hero-32.webp").out
    assert derived.done("check").out == "nothing to do: 1 asset and 2 derived files up to date\n"


def test_without_rules_the_lock_goes_with_the_last_file(derived: Scratch) -> None:
    (derived.root / "specs/_bundles.yaml").unlink()
    (derived.root / "specs/_derive.yaml").unlink()
    derived.edit("specs/hero.yaml", "derive: [web]\n", "")
    said = derived.run("check")
    assert "- hero" in said.out
    assert said.code == 2
    derived.done("derive")
    assert not (derived.root / "derived.lock").exists()
    assert not (derived.root / "img").exists()
    assert derived.done("check").out == "nothing to do: 1 asset up to date\n"


def test_a_missing_file_comes_back_from_git_as_it_was(derived: Scratch) -> None:
    derived.git("init", "-q")
    derived.git("add", "-A")
    derived.git("commit", "-qm", "all")
    original = derived.read(FOUR[0])
    derived.write("derived.lock", derived.read("derived.lock").replace(b"pillow", b"other encoder"))
    (derived.root / FOUR[0]).unlink()
    assert f"+ hero  1 derived file to restore ({FOUR[0]})" in derived.run("check").out
    assert derived.done("derive").out == "derived files: 1 restored; 5 up to date\n"
    assert derived.read(FOUR[0]) == original


def test_a_pointer_of_git_lfs_counts_as_the_file_that_it_names(derived: Scratch) -> None:
    content = str(lines(derived)["hero~web"][FOUR[0]]["content"])
    derived.write(FOUR[0], pointer(content))
    assert derived.run("check").code == 0
    derived.edit("specs/_derive.yaml", '"16:9"', '"1:1"')
    derived.done("derive")
    assert Image.open(BytesIO(derived.read(FOUR[0]))).size == (16, 16)


def test_an_older_encoder_is_a_note_and_no_drift(derived: Scratch) -> None:
    derived.write("derived.lock", derived.read("derived.lock").replace(b'"1 pillow', b'"0 pillow'))
    for _ in range(2):
        said = derived.done("check")
        assert "4 derived files were made by an older encoder or operation\n" in said.out
        assert "`reconciler derive --refresh` makes them anew, for nothing" in said.out
    assert derived.done("check", "--format", "json").json["derived_older"] == 4
    assert derived.done("derive", "--refresh", "-q").out == "derived files: 6 made; 0 up to date\n"
    assert "older" not in derived.done("check").out


def test_files_are_made_anew_and_compared(derived: Scratch) -> None:
    """The same bytes; other bytes of the same picture, as another encoder makes them; another picture."""
    said = derived.done("check", "--reproduce", "4")
    assert said.err.endswith("made anew: 4 derived files, 4 of them the same picture\n")
    forge(derived, FOUR[0], Image.open(BytesIO(derived.read(FOUR[0]))), quality=99)
    assert derived.run("check").code == 0
    assert derived.run("check", "--reproduce", "9").code == 0
    forge(derived, FOUR[0], Image.new("RGB", (16, 9), "red"), quality=99)
    said = derived.run("check", "--reproduce", "9")
    assert said.code == 2
    assert f"not reproduced: {FOUR[0]}: it is another picture" in said.err
    derived.write("specs/_derive.yaml", RULES.replace("[webp, jpeg]", "[webp, jpeg, png]"))
    derived.done("derive", "-q")
    (path,) = derived.root.glob("img/hero-16.png")
    forge(derived, "img/hero-16.png", Image.open(path), compress_level=0)
    forge(derived, FOUR[0], Image.open(BytesIO(derived.read(FOUR[2]))).resize((16, 9)), quality=95)
    assert derived.run("check", "--reproduce", "9").err.endswith("6 of them the same picture\n")


def forge(scratch: Scratch, path: str, image: Image.Image, **options: int) -> None:
    """Other bytes, recorded as if they had been derived."""
    buffer = BytesIO()
    image.save(buffer, "jpeg" if path.endswith("jpg") else "png", **options)
    old = content_hash(scratch.read(path))
    scratch.write(path, buffer.getvalue())
    new = content_hash(buffer.getvalue())
    scratch.write("derived.lock", scratch.read("derived.lock").replace(old.encode(), new.encode()))


def test_both_sides_of_a_merge_are_read(derived: Scratch) -> None:
    text = derived.read("derived.lock").decode()
    first, *rest = text.splitlines(keepends=True)
    theirs = "".join(line.replace('"bytes": ', '"bytes": 1') for line in rest)
    derived.write("derived.lock", f"{first}<<<<<<< a\n{''.join(rest)}=======\n{theirs}>>>>>>> b\n")
    said = derived.run("check")
    assert said.code == 2
    assert "derived.lock is not as the rules say" in said.out
    assert derived.done("derive").out == "nothing to derive: 6 derived files up to date\n"
    assert derived.read("derived.lock").decode() == text


def test_a_broken_lock_is_an_error_with_a_way_out(derived: Scratch) -> None:
    derived.write("derived.lock", '{"derived": 9, "sets": {}}')
    said = derived.run("check")
    assert (said.code, said.out) == (1, "")
    assert "derived.lock: has version 9" in said.err
    derived.write("derived.lock", "{")
    assert "`reconciler derive` makes it anew" in derived.run("check").err
    (derived.root / "derived.lock").unlink()
    derived.done("derive")
    assert derived.run("check").code == 0


def test_files_that_git_ignores_are_built_and_not_checked(derived: Scratch) -> None:
    derived.edit("specs/_derive.yaml", "web:\n", "web:\n  commit: false\n")
    derived.done("derive")
    assert sorted(lines(derived)) == ["images"]
    assert derived.read("img/.gitignore").decode().splitlines()[1:] == [f"/{Path(path).name}" for path in FOUR]
    for path in FOUR:
        (derived.root / path).unlink()
    assert derived.run("check").code == 0
    assert derived.run("check", "--built").code == 2
    assert "4 of 4 derived files to make" in derived.done("plan").out
    derived.done("derive")
    assert derived.run("check", "--built").code == 0
    derived.edit("specs/_derive.yaml", "  commit: false\n", "")
    derived.done("derive")
    assert not (derived.root / "img/.gitignore").exists()
    assert sorted(lines(derived)) == ["hero~web", "images"]
    assert derived.run("check").code == 0


def test_a_gitignore_of_the_user_is_not_written(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.edit("specs/_derive.yaml", "web:\n", "web:\n  commit: false\n")
    scratch.write("img/.gitignore", "/hero-16.jpg\n")
    said = scratch.done("derive")
    assert "img/.gitignore: /hero-16.webp" in said.err
    assert "hero-16.jpg" not in said.err
    assert scratch.read("img/.gitignore") == b"/hero-16.jpg\n"


def test_selected_files_alone_are_made(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.write("specs/other.yaml", HERO.replace("hero", "other"))
    scratch.write("art/other.png", picture("red"))
    scratch.done("adopt", "other")
    assert scratch.done("derive", "other", "-q").out.startswith("derived files: 4 made")
    assert scratch.done("derive", FOUR[0], f"./{FOUR[2]}", "-q").out.startswith("derived files: 2 made")
    assert sorted(path.name for path in scratch.root.glob("img/hero*")) == ["hero-16.jpg", "hero-32.jpg"]
    assert scratch.run("check", "other").code == 0
    assert scratch.run("check", "hero").code == 2
    assert "* images  a web manifest" in scratch.done("derive", "images").err
    said = scratch.run("derive", "img/hero-61.jpg")
    assert (said.code, said.err) == (
        1,
        'no derived file is called "img/hero-61.jpg"\n  hint: did you mean "img/hero-16.jpg"?\n',
    )


def test_a_dry_run_shows_and_writes_nothing(scratch: Scratch) -> None:
    set_up(scratch)
    before = scratch.snapshot()
    said = scratch.done("derive", "--dry-run")
    assert said.out.endswith("\n4 files and 1 bundle to derive\n")
    listed = scratch.done("derive", "--dry-run", "--format", "json").json
    assert [(one["set"], len(one["files"])) for one in listed["derived"]] == [("hero~web", 4), ("images", 1)]
    assert scratch.snapshot() == before


def test_the_state_of_a_derived_file_is_shown_and_explained(derived: Scratch) -> None:
    said = derived.done("show", FOUR[0])
    assert said.out.splitlines()[:3] == [
        FOUR[0],
        "  state       up to date",
        "  made of     hero by the rule web (specs/_derive.yaml:1:1)",
    ]
    (file,) = derived.done("explain", FOUR[0], "--format", "json").json["files"]
    assert file["operations"] == [{"op": "resize", "width": 16, "height": 9, "fit": "cover"}]
    assert file["from"] == derived.lock["hero"]["content"]
    assert "manifest (specs/_bundles.yaml:1:1)" in derived.done("explain", "images.json").out
    assert derived.run("show", FOUR[0], "hero").code == 1
    outputs = derived.done("ls", "--outputs").out.split()
    assert outputs == ["art/hero.png", "images.json", *FOUR, "snippets/hero.html"]


def test_a_broken_master_is_one_error_and_nothing_half_written(derived: Scratch) -> None:
    broken = picture()[:60]
    derived.write("art/hero.png", broken)
    text = derived.read("assets.lock").decode()
    forged = text.replace(derived.lock["hero"]["content"], content_hash(broken))
    derived.write("assets.lock", forged)
    before = {path: derived.read(path) for path in FOUR}
    said = derived.run("derive")
    assert said.code == 1
    assert "hero~web: the picture cannot be read" in said.err
    assert {path: derived.read(path) for path in FOUR} == before


def test_an_image_without_bytes_here_is_an_error(derived: Scratch) -> None:
    derived.edit("specs/_derive.yaml", "32]", "32, 48]")
    derived.write("art/hero.png", pointer(derived.lock["hero"]["content"]))
    shutil.rmtree(derived.root / ".reconciler")
    said = derived.run("derive")
    assert "hero~web: the locked bytes of hero are not in this checkout" in said.err
    assert said.code == 1


def test_specs_with_mistakes_are_told_by_validate(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.edit("specs/hero.yaml", "[web]", "[webb]")
    said = scratch.run("validate")
    assert said.code == 1
    assert 'specs/hero.yaml:2:10: derive[0]: no rule is called "webb"' in said.out + said.err
    assert 'did you mean "web"?' in said.out + said.err
    scratch.write("specs/sub/_derive.yaml", "a: {formats: [png]}\n")
    assert "rules are read at the top of the specs only" in scratch.run("validate").err
    scratch.write("specs/_derived.yaml", "")
    scratch.edit("specs/hero.yaml", "[webb]", "[web]")
    (scratch.root / "specs/sub/_derive.yaml").unlink()
    assert 'did you mean "_derive"' in scratch.run("validate").err


def test_a_manifest_without_alt_is_a_warning_unless_it_is_required(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.edit("specs/hero.yaml", "alt: A lighthouse\n", "")
    said = scratch.done("validate")
    assert "the manifest images lists images without alt: hero" in said.err + said.out
    scratch.edit("specs/_bundles.yaml", "use: web", "use: web, require_alt: true")
    assert "hero has no alt, and the manifest images requires one" in scratch.run("validate").err
    scratch.edit("specs/hero.yaml", "derive:", 'alt: ""\nderive:')
    assert "alt" not in scratch.done("validate").err


def test_a_spec_that_begins_to_derive_is_seen_by_a_warm_check(scratch: Scratch) -> None:
    set_up(scratch)
    scratch.edit("specs/hero.yaml", "derive: [web]\n", "")
    scratch.write("specs/_bundles.yaml", "")
    assert scratch.run("check").code == 0
    scratch.edit("specs/hero.yaml", "alt:", "derive: [web]\nalt:")
    assert "4 of 4 derived files to make" in scratch.run("check").out


def test_half_a_bundle_of_a_run_that_died_is_ours_and_made_again(derived: Scratch) -> None:
    """Its first file was put in place, and its second, which is new, was not."""
    derived.edit("specs/_bundles.yaml", ", html: snippets", "")
    derived.done("derive")
    before = derived.read("derived.lock")
    derived.edit("specs/_bundles.yaml", "images.json", "images.json, html: snippets")
    derived.done("derive")
    late = {"derived": 1, "sets": {"images": lines(derived)["images"]}}
    derived.write(".reconciler/deriving", json.dumps(late) + "\n")
    derived.write("derived.lock", before)
    (derived.root / "snippets/hero.html").unlink()
    assert derived.run("check").code == 2
    assert derived.done("derive", "-q").out == "derived files: 2 made; 4 up to date\n"
    assert (derived.root / "snippets/hero.html").exists()
    assert derived.run("check").code == 0
    assert not (derived.root / ".reconciler/deriving").exists()


def remembered(root: Path) -> Snapshot | None:
    """The index after a check, as if ten seconds had passed: it believes nothing of files that may still change."""
    workspace = Workspace(root, strict=False)
    workspace.index = Index(root, root / ".reconciler/index", now_ns=lambda: time_ns() + 10**10)
    workspace.tree = TreeObserver(root, workspace.index)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    state = derived_files(workspace, planned, Selection(), built=False)
    facts = PlanFacts(planned.plan, datetime.now(UTC), derived=state.facts if state is not None else None)
    remember(workspace, planned, cached_answers(facts), state)
    return load(str(root / ".reconciler/index"))


def test_a_warm_check_answers_only_where_nothing_is_left_to_derive(derived: Scratch) -> None:
    found = remembered(derived.root)
    assert found is not None
    assert found.says["check"] == "nothing to do: 1 asset and 6 derived files up to date\n"
    noted = {f"{folder}/{name}".lstrip("/") for folder, name in _names(found)}
    assert noted >= {*FOUR, "images.json", "derived.lock", "specs/_derive.yaml", ".reconciler/deriving"}
    (derived.root / FOUR[0]).unlink()
    found = remembered(derived.root)
    assert found is not None
    assert not found.says


def _names(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    names = iter(snapshot.names)
    for folder, count, _ in snapshot.folders:
        yield from ((folder, next(names)) for _ in range(count))


def test_the_quick_plan_leaves_derived_files_to_the_full_one(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/a.yaml", "prompt: A lighthouse\n")
    scratch.write("assets/a.png", picture())
    scratch.done("adopt", "a", "--generated")
    found = remembered(scratch.root)
    assert found is not None
    changed = [("specs/a.yaml", found.names.index("a.yaml"))]
    scratch.write("specs/a.yaml", "prompt: A tower\n")
    assert incremental_plan(scratch.root, found, changed, command="plan") is not None
    scratch.write("specs/a.yaml", "prompt: A tower\nderive: [web]\n")
    assert incremental_plan(scratch.root, found, changed, command="plan") is None


def test_ctrl_c_finishes_what_was_begun(scratch: Scratch) -> None:
    set_up(scratch)
    large = large_picture()
    for name in "abcdef":
        scratch.write(f"specs/{name}.yaml", HERO.replace("hero", name))
        scratch.write(f"art/{name}.png", large)
    scratch.done("adopt", "*", "--yes")
    scratch.edit("specs/_derive.yaml", "16, 32", "400, 600")
    process = scratch.start("derive", "--jobs", "1")
    assert process.stderr is not None
    while "web manifest" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "stopping: the files being made are finished" in err) == (130, True)
    assert "not begun" in out
    known = {path for block in lines(scratch).values() for path in block} if "made" in out else set()
    assert {str(path.relative_to(scratch.root)) for path in scratch.root.glob("img/*")} == known
    assert not list(scratch.root.glob(".reconciler/deriving*"))


def large_picture() -> bytes:
    buffer = BytesIO()
    Image.effect_noise((640, 360), 8).convert("RGB").save(buffer, "png")
    return buffer.getvalue()


def test_no_setting_of_derived_files_costs_anything(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of derived files come and go on a paid asset: it is paid for once, and its recipe stays."""
    paid = opened(PaidProject(tmp_path, capsys, gateway), monkeypatch)
    paid.set_up(hero="A lighthouse")
    paid.apply()
    assert len(gateway.ledger.billed) == 1
    recipe = paid.lock["hero"]["recipe"]
    paid.write("specs/_derive.yaml", RULES)
    for fields in (
        {"derive": ["web"]},
        {"derive": ["web"], "focus": [0.1, 0.9], "alt": "A tower"},
        {"derive": [], "slice": [1, 1, 1, 1]},
    ):
        paid.write("specs/hero.yaml", json.dumps({"prompt": "A lighthouse", **fields}))
        assert paid.plan() == {}
        assert paid.apply().code == 0
    paid.edit("specs/_derive.yaml", "16, 32", "8")
    assert paid.apply().code == 0
    assert paid.lock["hero"]["recipe"] == recipe
    assert (len(gateway.ledger.billed), paid.asked) == (1, 1)
