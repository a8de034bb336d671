"""`import bananarama|hokusai`: a spec for each image; what a spec has not is named; hostile manifests are bounded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from reconciler.core.errors import Problem
from reconciler.project.import_manifests import MAX_ROWS, read_manifest
from tests.cli.conftest import Scratch, picture

DECK = """\
defaults:
  style: >
    Flat vectors, like [look].
  aspect-ratio: 3:2
  force: true
images:
  - name: factory
    description: >
      Draw [robot] in a factory for $5 and ${x}.
  - {name: two, description: Two, n: 2, seed: 7, model: gemini-3-pro-image, resolution: 2K}
"""
TARGETS = r"""
defaults: {text_model: mistral-large-latest, image_model: flux-pro}
loops: {animal: [cat, dog], n: [1, 2]}
archive_folder: old
targets:
  hero.png: {prompt: A sunset, width: 1024, height: 768}
  words.png: {prompt: words.txt, reference_images: [hero.png, look.jpg], inputs: [notes.md]}
  "[animal]-[n].png": {prompt: 'A [animal], \[n] is [n]', width: 10}
  cat-1.png: {prompt: written out, model: flux-dev}
  post.md: {prompt: x, inputs: [hero.png]}
  logo.png: {download: "https://example.org/logo.png"}
"""


@pytest.fixture
def deck(project: Scratch) -> Scratch:
    project.write("slides/robot.png", picture("navy"))
    project.write("slides/look.jpg", picture("teal"))
    project.write("slides/words.txt", "Words of a file\n")
    project.write("slides/deck.yaml", DECK)
    project.write("slides/my.hokusai.yaml", TARGETS)
    return project


def spec(project: Scratch, name: str) -> str:
    return project.read(f"specs/{name}.yaml").decode()


def test_a_deck_becomes_specs_with_its_references_style_and_variants(deck: Scratch) -> None:
    told = deck.done("import", "bananarama", "slides/deck.yaml")
    assert told.out == "wrote  specs/factory.yaml\nwrote  specs/two.yaml\n"
    assert told.err == "not imported  defaults.force\n"
    assert spec(deck, "factory") == (
        'prompt: "Draw robot (shown in image 1) in a factory for $$5 and $${x}."\n'
        'prompt_suffix: "Flat vectors, like look (shown in image 2)."\n'
        'model: "gemini-3.1-flash-image-preview"\n'
        'size: "3:2"\n'
        'image_size: "1K"\n'
        'references: ["slides/robot.png", "slides/look.jpg"]\n'
        'output: "slides/deck/factory.png"\n'
    )
    two = spec(deck, "two")
    assert 'params: {"seed": 7}\noutput: "slides/deck/two-${variant}.png"\ntake: "${variant}"\n' in two
    assert 'model: "gemini-3-pro-image"\nsize: "3:2"\nimage_size: "2K"\n' in two
    assert deck.done("validate").out == "all specs are valid: 6 assets\n"
    assert "slides/deck/two-1.png" in deck.done("plan", "--format", "json").out


def test_targets_become_specs_with_loops_and_files_of_prompts(deck: Scratch) -> None:
    (deck.root / "specs/hero.yaml").unlink()
    told = deck.done("import", "hokusai", "slides/my.hokusai.yaml")
    names = [line.removeprefix("wrote  specs/") for line in told.out.splitlines()]
    assert names == ["hero.yaml", "words.yaml", "cat-2.yaml", "dog-1.yaml", "dog-2.yaml", "cat-1.yaml"]
    assert told.err.splitlines() == [
        "not imported  archive_folder",
        "not imported  post.md: not an image with a prompt",
        "not imported  logo.png: not an image with a prompt",
        "not imported  words.png: inputs",
        *(f"not imported  {name}.png: width alone" for name in ("cat-2", "dog-1", "dog-2")),
    ]
    assert spec(deck, "hero") == 'prompt: "A sunset"\nmodel: "flux-pro"\nsize: "1024x768"\noutput: "slides/hero.png"\n'
    assert spec(deck, "words") == (
        'prompt: "Words of a file"\nmodel: "flux-pro"\n'
        'references: [{"asset": "hero"}, "slides/look.jpg"]\noutput: "slides/words.png"\n'
    )
    assert spec(deck, "dog-2") == 'prompt: "A dog, [n] is 2"\nmodel: "flux-pro"\noutput: "slides/dog-2.png"\n'
    assert spec(deck, "cat-1") == 'prompt: "written out"\nmodel: "flux-dev"\noutput: "slides/cat-1.png"\n'
    assert deck.done("validate").out.startswith("all specs are valid")


WRONG = {
    "images is no list": ("bananarama", "images: 3"),
    "a manifest is a mapping": ("hokusai", "- a"),
    "an image has no name": ("bananarama", "images: [{description: x}]"),
    "an image has no description": ("bananarama", "images: [{name: x}]"),
    "n is no number": ("bananarama", "images: [{name: x, description: y, n: 1000000000}]"),
    "no image ../../secret.png": ("bananarama", "images: [{name: x, description: 'see [../../secret]'}]"),
    "there is no image nobody.png": ("bananarama", "images: [{name: x, description: 'see [nobody]'}]"),
    "more than 64 images are named": ("bananarama", f"images: [{{name: x, description: '{'[robot]' * 65}'}}]"),
    "output-dir lies outside": ("bananarama", "output-dir: ../../out\nimages: [{name: x, description: y}]"),
    '"../x" is no id': ("bananarama", "images: [{name: ../x, description: y}]"),
    "slides/deck.yaml:1:10: size": ("bananarama", "images: [{name: x, description: y, aspect-ratio: wide}]"),
    "targets, defaults or loops": ("hokusai", "targets: [a]"),
    "no file missing.txt": ("hokusai", "targets: {a.png: {prompt: missing.txt}}"),
    '"../../x.png" lies outside': ("hokusai", "targets: {a.png: {prompt: x, reference_images: [../../x.png]}}"),
    "a value of more than 200": ("hokusai", f"loops: {{a: [{'x' * 201}]}}\ntargets: {{}}"),
    "more than 10,000 images": (
        "hokusai",
        f"loops: {{a: {[*range(200)]}, b: {[*range(200)]}}}\ntargets: {{'[a]-[b].png': {{prompt: x}}}}",
    ),
}


@pytest.mark.parametrize("fact", WRONG)
def test_a_wrong_manifest_is_refused_and_nothing_is_written(fact: str, deck: Scratch) -> None:
    kind, text = WRONG[fact]
    deck.write("slides/deck.yaml", text)
    before = deck.snapshot()
    told = deck.run("import", kind, "slides/deck.yaml")
    assert told.code == 1 and fact in told.err, told.err
    assert deck.snapshot() == before


def test_a_manifest_outside_of_the_project_and_a_linked_prompt_are_not_read(deck: Scratch, tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret words")
    (deck.root / "slides/linked.txt").symlink_to(outside)
    (deck.root / "slides/away").symlink_to(tmp_path)
    for name in ("linked.txt", "away/secret.txt"):
        deck.write("slides/deck.yaml", f"targets: {{a.png: {{prompt: {name}}}}}")
        told = deck.run("import", "hokusai", "slides/deck.yaml")
        assert (told.code, f"there is no file {name} beside the manifest" in told.err) == (1, True)
    deck.write("slides/.env", "KEY=secret words")
    deck.write("slides/deck.yaml", "targets: {a.png: {prompt: .env}}")
    deck.done("import", "hokusai", "slides/deck.yaml")
    assert 'prompt: ".env"' in spec(deck, "a")
    outside.write_text("images: []")
    told = deck.run("import", "bananarama", str(outside))
    assert told.code == 1 and "outside of the project" in told.err


def test_repeated_text_is_bounded(tmp_path: Path) -> None:
    """Defaults and loops repeat a long prompt, and names that are all the same are no way around the limit."""
    begin = time.process_time()
    manifest = tmp_path / "a.yaml"
    manifest.write_text(f"loops: {{a: {[*range(9_000)]}}}\ntargets: {{'[a].png': {{prompt: {'x' * 20_000}}}}}")
    last = read_manifest(tmp_path, "hokusai", manifest).rows[-1][1]
    assert isinstance(last, Problem) and "MiB of prompts" in last.fact
    same = ", ".join(["x"] * 200)
    manifest.write_text(
        f"loops: {{a: [{same}], b: [{same}], c: [{same}]}}\ntargets: {{'[a][b][c].png': {{prompt: x}}}}"
    )
    last = read_manifest(tmp_path, "hokusai", manifest).rows[-1][1]
    assert isinstance(last, Problem) and f"{MAX_ROWS:,} images" in last.fact
    assert time.process_time() - begin < 10
