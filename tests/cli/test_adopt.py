"""`adopt`: what a person brought, painted or blesses becomes the locked content, and nothing else does."""

from __future__ import annotations

import pytest

from reconciler.core.digest import AssetId, RecipeKey, content_hash
from reconciler.core.events import Requested
from reconciler.core.provenance.source_type import TRAINED
from tests.cli.conftest import Scratch, picture, pointer
from tests.core.provenance.carriers import marked


def test_a_painted_output_becomes_the_locked_content(project: Scratch) -> None:
    painted = picture()
    project.write("assets/hero.png", painted)
    assert project.plan() == {"hero": ("conflict", "OutputModified")}
    assert "adopted hero: assets/hero.png (png, 64x48)" in project.done("adopt", "hero").out
    entry = project.lock["hero"]
    assert entry["content"] == content_hash(painted)
    assert entry["image"] == {"bytes": len(painted), "format": "png", "height": 48, "width": 64}
    assert entry["made"]["provider"] == "adopted"
    assert project.read("assets/hero.png") == painted
    assert project.stored(painted)
    assert project.plan() == {}
    assert project.journal() == ()
    (project.root / "assets/hero.png").unlink()
    project.done("apply", "--yes")
    assert project.read("assets/hero.png") == painted


def test_a_file_that_was_there_before_the_spec_is_adopted(project: Scratch) -> None:
    project.write("specs/new.yaml", "prompt: A tree\noutput: art/tree.jpg\n")
    project.write("art/tree.jpg", picture(form="jpeg"))
    assert project.plan() == {"new": ("conflict", "Untracked")}
    project.done("adopt", "new")
    assert project.plan() == {}
    assert project.lock["new"]["recipe"]["prompt"] == "A tree"


def test_a_file_that_says_that_a_model_made_it_is_pointed_out(project: Scratch) -> None:
    project.write("specs/new.yaml", "prompt: A tree\noutput: art/tree.jpg\n")
    project.write("art/tree.jpg", marked("jpeg", TRAINED))
    assert "says that a model made it (IPTC): `adopt --generated` records that" in project.done("adopt", "new").out
    assert project.lock["new"]["made"]["provider"] == "adopted"
    assert "says" not in project.done("adopt", "new", "--generated").out
    assert project.lock["new"]["made"]["provider"] == "imported"


def test_the_present_picture_is_blessed_for_changed_words_and_keeps_its_origin(project: Scratch) -> None:
    before, image = project.lock["hero"], project.read("assets/hero.png")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.done("adopt", "hero")
    entry = project.lock["hero"]
    assert entry["recipe"]["prompt"] == "A lighthouse at dawn"
    assert (entry["content"], entry["made"]) == (before["content"], before["made"])
    assert project.read("assets/hero.png") == image
    assert project.plan() == {}


def test_an_asset_is_kept_as_it_is_after_its_upstream_changed(project: Scratch) -> None:
    project.edit("specs/mascot.yaml", "round", "square")
    assert "with the current image of mascot" in project.done("adopt", "pair").out
    project.done("apply", "--yes", "--exclude", "pair")
    assert project.plan() == {"pair": ("generate", "UpstreamChanged")}
    project.done("adopt", "pair")
    assert project.plan() == {}


def test_upstream_and_downstream_are_adopted_in_one_go(project: Scratch) -> None:
    project.write("assets/mascot.png", picture("red"))
    project.write("assets/pair.png", picture("blue"))
    project.done("adopt", "--yes", "pair", "mascot")
    assert project.plan() == {}
    assert project.lock["pair"]["recipe"]["references"] == [content_hash(picture("red"))]


def test_what_cannot_be_adopted_upstream_does_not_count_downstream(project: Scratch) -> None:
    project.write("assets/mascot.png", b"no image")
    project.write("assets/pair.png", picture("blue"))
    locked = project.lock["mascot"]["content"]
    assert project.run("adopt", "--yes", "pair", "mascot").code == 1
    assert project.lock["pair"]["recipe"]["references"] == [locked]
    assert project.plan() == {"mascot": ("conflict", "OutputModified")}


@pytest.mark.parametrize("key", ["same", "other"])
def test_a_request_in_doubt_is_settled(project: Scratch, key: str) -> None:
    wanted = project.lock["hero"]["recipe"]["key"] if key == "same" else "r1:" + "0" * 64
    request = Requested("a1", AssetId("hero"), RecipeKey(wanted), "gravitex", "0.134 USD", "2026-11-22T16:00:00Z")
    project.journal(request)
    assert project.plan() == {"hero": ("hold", "Doubtful")}
    assert ": resolved" in project.done("adopt", "hero").out
    assert project.journal() == ()
    assert project.run("check").code == 0


def test_a_renamed_asset_takes_its_entry_along_when_it_is_adopted(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "prompt", "output: assets/hero.png\nprompt")
    (project.root / "specs/hero.yaml").rename(project.root / "specs/title.yaml")
    project.done("adopt", "title")
    assert set(project.lock) == {"title", "mascot", "pair"}
    assert project.plan() == {}


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "not a complete image: empty"),
        (b"hello", "not a PNG, JPEG, WebP or AVIF file"),
        (picture()[:-20], "not a complete image: png"),
        (picture(form="jpeg"), "contains jpeg, but its name is for png"),
    ],
    ids=["empty", "text", "cut", "jpeg"],
)
def test_what_is_no_whole_image_of_its_name_is_refused_and_nothing_changes(
    project: Scratch, data: bytes, fact: str
) -> None:
    project.write("assets/hero.png", data)
    before = project.snapshot()
    said = project.run("adopt", "hero")
    assert (said.code, fact in said.err, "hint:" in said.err) == (1, True, True), said
    assert project.snapshot() == before


def test_a_git_lfs_pointer_is_adopted_only_with_its_bytes(project: Scratch) -> None:
    image = picture()
    project.git("init", "-q", ".")
    project.write("assets/hero.png", pointer(content_hash(image), len(image)))
    said = project.run("adopt", "hero")
    assert (said.code, "its bytes are not in this checkout" in said.err) == (1, True), said
    oid = content_hash(image).removeprefix("sha256:")
    project.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", image)
    project.done("adopt", "hero")
    assert project.lock["hero"]["content"] == content_hash(image)
    assert project.stored(image)
    assert project.plan() == {}


def test_nothing_to_adopt_is_said_and_changes_nothing(project: Scratch) -> None:
    before = project.snapshot()
    said = project.done("adopt", "*")
    assert said.out.count("locked as it is already") == 3
    assert project.snapshot() == before


def test_a_draft_stays_a_placeholder_and_that_is_said(project: Scratch) -> None:
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "image_size: '512'", "model: some-model")
    assert "a draft" in project.done("adopt", "hero").out
    assert project.plan()["hero"] == ("generate", "Placeholder")


def test_more_than_one_asset_needs_a_yes(project: Scratch) -> None:
    for name in ("hero", "mascot"):
        project.write(f"assets/{name}.png", picture())
    before = project.snapshot()
    said = project.run("adopt", "hero", "mascot")
    assert (said.code, "pass --yes" in said.err) == (3, True), said
    assert project.snapshot() == before
    project.done("adopt", "--yes", "hero", "mascot")
    assert project.plan() == {"pair": ("generate", "UpstreamChanged")}


def test_a_glob_passes_over_what_has_no_file_and_an_id_does_not(project: Scratch) -> None:
    project.write("specs/new.yaml", "prompt: A tree\n")
    assert project.run("adopt", "n*").code == 0
    said = project.run("adopt", "new")
    assert (said.code, "there is no file assets/new.png" in said.err) == (1, True)
    project.write("specs/child.yaml", "prompt: A leaf\nreferences: [{asset: new}]\n")
    project.write("assets/child.png", picture())
    said = project.run("adopt", "child")
    assert (said.code, "refers to new, which has no image yet" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("hreo", 'did you mean "hero"'), ("x*", 'nothing matches "x*"'), ("icon", "`reconciler ls`"), ("", "no asset")],
)
def test_a_name_that_names_nothing_is_an_error_with_a_hint(project: Scratch, name: str, words: str) -> None:
    project.write("specs/icons.yaml", "assets: {sword: {prompt: A sword}}\n")
    said = project.run("adopt", name)
    assert (said.code, words in said.err) == (1, True), said


def test_a_changed_spec_leaves_an_adopted_image_alone_until_it_is_replaced(project: Scratch) -> None:
    painted = picture()
    project.write("assets/hero.png", painted)
    project.done("adopt", "hero")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    said = project.run("apply", "--yes")
    assert (said.code, said.out) == (3, "held 1\n")
    assert "prompt changed, but its image was made by hand: left alone" in said.err
    assert project.run("check").code == 2
    assert project.read("assets/hero.png") == painted
    project.done("apply", "--yes", "--replace", "hero")
    assert project.read("assets/hero.png") != painted
    assert project.stored(painted)
    assert project.plan() == {}


def test_a_draft_that_was_painted_over_is_a_persons_work(project: Scratch) -> None:
    project.write("assets/hero.png", picture())
    project.done("adopt", "hero")
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "image_size: '512'", "model: some-model")
    assert project.plan()["hero"] == ("hold", "MadeByHand")


def test_images_that_a_model_made_elsewhere_are_imported_and_not_frozen(project: Scratch) -> None:
    for name in ("fox", "owl"):
        project.write(f"specs/icons/{name}.yaml", f"prompt: A {name}\n")
        project.write(f"assets/icons/{name}.png", picture("red" if name == "fox" else "grey"))
    out = project.done("adopt", "--yes", "--generated", "--model", "sd-xl", "icons/*").out
    assert out.count("imported icons/") == 2
    made = project.lock["icons/fox"]["made"]
    assert (made["provider"], made["model"]) == ("imported", "sd-xl")
    assert project.plan() == {}
    project.edit("specs/icons/fox.yaml", "fox", "red fox")
    assert project.plan() == {"icons/fox": ("hold", "RealImage")}  # a draft replaces no real image
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "image_size: '512'", "model: gemini-2.5-flash-image")
    assert project.plan()["icons/fox"] == ("generate", "RecipeChanged")
    told = project.done("costs", "--format", "json").json["locked"]
    assert (told["images"], told["brought"]) == (0, 2)


def test_an_adopted_image_is_thawed_and_a_made_one_stays_as_it_was_made(project: Scratch) -> None:
    made = project.lock["mascot"]["made"]
    project.write("assets/hero.png", picture())
    project.done("adopt", "hero")
    project.done("adopt", "--yes", "--generated", "hero", "mascot")
    assert project.lock["hero"]["made"]["provider"] == "imported"
    assert project.lock["mascot"]["made"] == made
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "image_size: '512'", "model: gemini-2.5-flash-image")
    assert project.plan()["hero"] == ("generate", "RecipeChanged")
    said = project.run("adopt", "--model", "sd-xl", "hero")
    assert (said.code, "--generated" in said.err) == (1, True)
