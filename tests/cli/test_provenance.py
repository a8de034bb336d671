"""Where images come from: the marks of derived files, the report, the check, and the statement of a release."""

from __future__ import annotations

import pytest

from reconciler.core.provenance.marks import find_marks
from reconciler.core.provenance.source_type import COMPOSITE, TRAINED
from tests.cli.conftest import Scratch, picture

RULES = "web: {widths: [32], formats: [webp, jpeg], output: 'site/${name}.${ext}'}\n"


def made_by_a_model(project: Scratch) -> None:
    """`hero` is a generated image from which two files are derived; all other assets are drafts."""
    project.write("specs/_derive.yaml", RULES)
    project.write("specs/hero.yaml", (project.root / "specs/hero.yaml").read_text() + "derive: [web]\n")
    project.write("assets/hero.png", picture())
    project.done("adopt", "hero", "--generated", "--model", "gemini-3-pro-image")
    project.done("derive")


def names(project: Scratch, path: str) -> tuple[str, ...]:
    return find_marks(memoryview(project.read(path))).names


@pytest.fixture
def site(project: Scratch) -> Scratch:
    made_by_a_model(project)
    return project


def test_derived_files_are_marked_by_default_and_masters_stay_as_they_are(site: Scratch) -> None:
    assert site.read("assets/hero.png") == picture()
    for path in ("site/hero.webp", "site/hero.jpg"):
        assert find_marks(memoryview(site.read(path))).xmp.source_type == TRAINED
    site.done("check")


def test_another_setting_makes_the_files_anew_and_no_other_thing(site: Scratch) -> None:
    lock = (site.root / "assets.lock").read_bytes()
    for setting, wanted in (("none", ()), ("iptc+cn, producer: Example Ltd", ("iptc", "cn")), ("iptc", ("iptc",))):
        text = "".join(line for line in site.read("reconciler.yaml").decode().splitlines(True) if "mark" not in line)
        site.write("reconciler.yaml", f"{text}provenance: {{mark: {setting}}}\n")
        assert site.run("check").code == 2
        site.done("derive")
        site.done("check")
        assert names(site, "site/hero.webp") == wanted
    assert (site.root / "assets.lock").read_bytes() == lock


def test_a_retouched_image_is_a_composite_and_a_persons_own_is_not_marked(site: Scratch) -> None:
    site.write("assets/hero.png", picture("red"))
    site.done("adopt", "hero")
    site.done("derive")
    assert site.lock["hero"]["made"]["provider"] == "imported"
    assert find_marks(memoryview(site.read("site/hero.jpg"))).xmp.source_type == COMPOSITE


def test_a_label_without_a_producer_is_an_error(site: Scratch) -> None:
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + "provenance: {mark: iptc+cn}\n")
    assert "there is no producer" in site.run("validate").err
