"""`reconciler gallery`: one file with every image, before and after; it overwrites nothing of a person."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from reconciler.core.digest import content_hash
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Scratch, picture, pointer
from tests.cli.paid_project import PaidProject, opened


@pytest.fixture(autouse=True)
def only_this_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def committed(project: Scratch) -> Scratch:
    project.git("init", "-q", "-b", "main", ".")
    project.git("add", "-A")
    project.git("commit", "-qm", "all")
    return project


def page(scratch: Scratch, *arguments: str, file: str = "gallery.html") -> Any:
    """The data of the page that the command writes; images by their content."""
    scratch.done("gallery", *arguments, "-o", file)
    text = (scratch.root / file).read_text()
    found = re.search(r'<script id="data" type="application/json">(.*?)</script', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def asset(data: Any, name: str) -> Any:
    return next(each for each in data["assets"] if each["id"] == name)


def image(data: Any, place: int) -> Any:
    return data["images"][place]


def decoded(address: str) -> Image.Image:
    head, _, body = address.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(BytesIO(base64.b64decode(body)))


def test_every_asset_with_its_image_reference_and_origin(project: Scratch) -> None:
    data = page(project)
    assert [each["id"] for each in data["assets"]] == ["hero", "mascot", "pair"]
    hero = asset(data, "hero")
    shown = image(data, hero["now"])
    assert shown["content"] == project.lock["hero"]["content"]
    assert max(decoded(shown["preview"]).size) <= 384
    assert (project.root / unquote(shown["whole"])).read_bytes() == project.read("assets/hero.png")
    assert (hero["state"], hero["draft"], hero["obstacle"]) == ("current", True, "it is a draft")
    pair = asset(data, "pair")
    assert pair["references"] == [["mascot", asset(data, "mascot")["now"], "mascot"]]


def test_links_are_relative_to_the_folder_of_the_page(project: Scratch) -> None:
    (project.root / "out" / "deep").mkdir(parents=True)
    data = page(project, file="out/deep/page.html")
    link = image(data, asset(data, "hero")["now"])["whole"]
    assert link == "../../assets/hero.png"


def test_before_is_what_the_revision_has(committed: Scratch) -> None:
    old = committed.read("assets/hero.png")
    committed.edit("specs/hero.yaml", "at dusk", "at dawn")
    committed.done("apply", "--yes")
    committed.write("specs/new.yaml", "prompt: A new one\n")
    committed.done("apply", "--yes")
    (committed.root / "specs/mascot.yaml").unlink()
    (committed.root / "specs/pair.yaml").unlink()
    committed.done("prune", "--yes")
    data = page(committed, "--against", "main")
    assert data["against"] == "main"
    assert data["removed"] == ["mascot", "pair"]
    hero = asset(data, "hero")
    before = image(data, hero["before"]["image"])
    assert before["content"] == content_hash(old)
    assert hero["before"]["name"] == "main"
    assert ["-", "dusk"] in hero["before"]["prompt"] and ["+", "dawn"] in hero["before"]["prompt"]
    assert asset(data, "new")["added"]
    assert [each["id"] for each in page(committed, "--changed")["assets"]] == ["hero", "new"]


def test_before_comes_out_of_git_where_no_other_copy_is(committed: Scratch) -> None:
    old = committed.read("assets/hero.png")
    committed.edit("specs/hero.yaml", "at dusk", "at dawn")
    committed.done("apply", "--yes")
    (committed.root / ".reconciler/store/objects" / hashlib.sha256(old).hexdigest()[:2]).rename(
        committed.root / "elsewhere"
    )
    stored = committed.snapshot()
    data = page(committed, "hero", "--against", "HEAD", "--embed", "full")
    before = image(data, asset(data, "hero")["before"]["image"])
    head, _, body = before["whole"].partition(",")
    assert (head, base64.b64decode(body)) == ("data:image/png;base64", old)
    assert decoded(before["preview"]).width
    after = {name: data for name, data in committed.snapshot().items() if ".reconciler/thumbs/" not in name}
    assert {Path(name).name for name in after if after[name] != stored.get(name)} == {"gallery.html"}


def test_before_of_a_git_lfs_pointer_is_the_object(committed: Scratch) -> None:
    data = committed.read("assets/hero.png")
    oid = hashlib.sha256(data).hexdigest()
    committed.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", data)
    committed.write("assets/hero.png", pointer(f"sha256:{oid}"))
    committed.git("commit", "-qam", "pointer")
    committed.write("assets/hero.png", data)
    committed.edit("specs/hero.yaml", "at dusk", "at dawn")
    committed.done("apply", "--yes")
    (committed.root / ".reconciler/store/objects" / oid[:2] / oid).unlink()
    shown = page(committed, "--against", "HEAD")
    before = image(shown, asset(shown, "hero")["before"]["image"])
    assert before["content"] == f"sha256:{oid}"
    assert decoded(before["preview"]).width


def test_a_file_that_a_person_changed_is_beside_the_locked_one(project: Scratch) -> None:
    locked = project.lock["hero"]["content"]
    project.write("assets/hero.png", picture("red"))
    hero = asset(data := page(project), "hero")
    assert image(data, hero["now"])["content"] == content_hash(picture("red"))
    assert (hero["state"], hero["before"]["name"]) == ("conflict", "the locked image")
    assert image(data, hero["before"]["image"])["content"] == locked
    assert hero["words"].startswith("the file was changed by hand")


def test_the_second_page_decodes_nothing(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    first = page(project)

    def refuse(*_: object) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr("reconciler.project.gallery.previews.image_facts", refuse)
    assert [each["preview"] for each in page(project)["images"]] == [each["preview"] for each in first["images"]]


def test_a_page_of_many_images_has_smaller_previews(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    large = decoded(page(project)["images"][0]["preview"])
    monkeypatch.setattr("reconciler.project.gallery.gallery.MANY_IMAGES", 2)
    small = decoded(page(project)["images"][0]["preview"])
    assert max(small.size) <= 256 < max(large.size)


def test_a_preview_in_the_cache_that_is_no_webp_is_made_again(project: Scratch, tmp_path: Path) -> None:
    first = page(project)
    (kept,) = (project.root / ".reconciler/thumbs").rglob(f"{project.lock['hero']['content'][7:]}.webp")
    kept.write_bytes(b"<svg onload=alert(1)>")
    assert page(project)["images"] == first["images"]
    kept.unlink()
    (tmp_path / "secret").write_bytes(b"RIFF1234WEBPsecret")
    kept.symlink_to(tmp_path / "secret")
    assert page(project)["images"] == first["images"]


def test_a_checkout_that_nobody_may_write_to_has_a_page(project: Scratch) -> None:
    (project.root / ".reconciler").rename(project.root.parent / "state")
    before = project.snapshot()
    said = project.run("gallery", "-o", "-")
    assert said.code == 0
    assert said.out.startswith("<!doctype html>\n<!-- reconciler gallery 1 -->\n")
    assert project.snapshot() == before


def test_thumbnails_without_room_are_left_out_and_counted(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    room = len(page(project)["images"][0]["preview"])
    monkeypatch.setattr("reconciler.project.gallery.gallery.MOST_EMBEDDED", room)
    data = page(project)
    assert [("preview" in each) for each in data["images"]] == [True, False, False]
    assert data["cautions"] == ["2 thumbnails are left out: name the assets to show"]


def test_pointers_of_git_lfs_are_no_images(project: Scratch) -> None:
    project.write("assets/hero.png", pointer(project.lock["hero"]["content"]))
    (project.root / ".reconciler/store").rename(project.root / "elsewhere")
    data = page(project, "hero")
    assert "1 output is a Git LFS pointer" in data["cautions"][0]
    assert "preview" not in image(data, 0) and "whole" not in image(data, 0)


def test_a_file_of_a_person_is_not_replaced(project: Scratch) -> None:
    project.write("page.html", "<!doctype html><p>mine")
    said = project.run("gallery", "-o", "page.html")
    assert said.code == 1
    assert said.err == "page.html is there, and is no gallery\n  hint: write the page to another file: -o FILE\n"
    assert project.read("page.html") == b"<!doctype html><p>mine"
    project.done("gallery")
    project.done("gallery")  # a page of ours is


def test_a_link_is_not_followed(project: Scratch, tmp_path: Path) -> None:
    project.done("gallery")
    (project.root / "gallery.html").rename(tmp_path / "elsewhere.html")
    (project.root / "gallery.html").symlink_to(tmp_path / "elsewhere.html")
    assert project.run("gallery").code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--against", "nope"), '--against: git has no commit "nope" here'),
        (("--against", "--output=x"), '--against: git has no commit "--output=x" here'),
        (("nothing",), 'no asset, folder or output is called "nothing"'),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], words: str, committed: Scratch) -> None:
    said = committed.run("gallery", *arguments)
    assert (said.code, said.err.splitlines()[0]) == (1, words)
    assert not (committed.root / "gallery.html").exists()


def test_no_repository_is_named(project: Scratch) -> None:
    said = project.run("gallery", "--changed")
    assert (said.code, said.err) == (1, "--against: the project is in no git repository\n")


def test_images_that_are_too_many_to_embed_are_an_error(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.project.gallery.gallery.MOST_EMBEDDED", 1000)
    said = project.run("gallery", "--embed", "full")
    assert said.code == 1
    assert said.err.startswith("--embed full: the images have more than ")


def test_an_image_that_no_decoder_reads_has_no_preview(project: Scratch) -> None:
    broken = bytearray(picture())
    broken[50:60] = os.urandom(10)
    project.write("assets/hero.png", bytes(broken))
    hero = asset(data := page(project), "hero")
    assert "preview" not in image(data, hero["now"])
    assert hero["state"] == "conflict"


def test_derived_files_are_with_their_asset(project: Scratch) -> None:
    project.write(
        "specs/_derive.yaml", "web: {widths: [64, 128], formats: [webp], output: 'public/${name}-${width}.${ext}'}\n"
    )
    project.edit("specs/hero.yaml", "prompt:", "derive: [web]\nprompt:")
    project.done("derive")
    hero = asset(data := page(project), "hero")
    assert [each[:2] for each in hero["derived"]] == [
        ["public/hero-64.webp", "hero~web"],
        ["public/hero-128.webp", "hero~web"],
    ]
    small = image(data, hero["derived"][0][2])
    assert (small["width"], small["whole"]) == (64, "public/hero-64.webp")
    assert "derived" not in asset(data, "mascot")


@pytest.fixture
def paid(
    tmp_path: Path, gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> PaidProject:
    root = tmp_path / "shop"
    root.mkdir()
    return opened(PaidProject(root, capsys, gateway), monkeypatch)


def test_an_image_is_compared_with_the_take_before_it(paid: PaidProject) -> None:
    paid.set_up(hero="A lighthouse")
    paid.apply()
    first = paid.lock["hero"]["content"]
    paid.set_up(hero={"prompt": "A lighthouse", "take": 2})
    paid.apply()
    hero = asset(data := page(paid), "hero")
    assert (hero["before"]["name"], image(data, hero["before"]["image"])["content"]) == ("the take before", first)
    assert [image(data, place)["content"] for place, _, _ in hero["takes"]] == [first]
    second = paid.lock["hero"]["content"]
    paid.apply("--replace", "hero")
    hero = asset(data := page(paid), "hero")
    assert (hero["before"]["name"], image(data, hero["before"]["image"])["content"]) == ("the image before", second)


def test_candidates_and_verdicts_are_on_the_page(paid: PaidProject) -> None:
    paid.set_up(hero="A lighthouse")
    paid.apply("--candidates", "3")
    assert "candidates" not in asset(page(paid), "hero")
    paid.done("approve", "hero", "--by", "ada@example.com", "--note", "calm")
    paid.done("reject", "hero", "--candidate", "3", "--by", "ada@example.com", "--note", "dark")
    hero = asset(data := page(paid, "--candidates"), "hero")
    assert [(one["number"], one.get("locked"), one.get("rejected")) for one in hero["candidates"]] == [
        (1, True, None),
        (2, None, None),
        (3, None, True),
    ]
    review = image(data, hero["now"])["review"]
    assert (review["state"], review["verdicts"][0][0], review["verdicts"][0][3]) == (
        "approved",
        "ada@example.com",
        "calm",
    )
    assert image(data, hero["candidates"][2]["image"])["review"]["state"] == "rejected"
    assert (hero["model"], hero["cost"]) == ("gemini-2.5-flash-image", "0.039 USD")


def test_what_the_next_apply_would_change_is_shown(paid: PaidProject) -> None:
    paid.set_up(hero="A calm lighthouse")
    paid.apply()
    paid.set_up(hero={"prompt": "A wild lighthouse", "size": "16:9"})
    hero = asset(page(paid), "hero")
    assert hero["next"]["prompt"] == [["=", "A"], ["-", "calm"], ["+", "wild"], ["=", "lighthouse"]]
    assert hero["next"]["changes"] == [["size", "1:1", "16:9"]]
    assert (hero["state"], hero["words"]) == ("generate", "prompt, size changed")
    assert hero["obstacle"] == "it is not up to date: prompt, size changed"
