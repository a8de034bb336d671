"""The words of the author: an error where no server takes them, a warning where a gateway may, and true pixels."""

from __future__ import annotations

import pytest

from reconciler.core.images.sniff import ImageFacts, sniff
from tests.cli.conftest import Scratch, picture

FLASH, PRO = "gemini-2.5-flash-image", "gemini-3-pro-image"


def write(scratch: Scratch, provider: str, model: str, **fields: str) -> None:
    scratch.write("reconciler.yaml", f"provider: {provider}\n")
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    scratch.write("specs/a.yaml", f"prompt: A\nmodel: {model}\n{lines}")


@pytest.mark.parametrize(("model", "size"), [(FLASH, "2K"), (FLASH, "3K"), (PRO, "3K")])
@pytest.mark.parametrize("references", ["[]", "[r.png]"])
def test_a_size_that_a_gateway_may_make_is_a_warning_there_and_an_error_at_the_vendor(
    scratch: Scratch, model: str, size: str, references: str
) -> None:
    words = {"size": '"16:9"', "quality": "high", "image_size": size, "references": references}
    scratch.write("r.png", picture())
    write(scratch, "gravitex", model, **words)
    said = scratch.done("validate")
    assert f"not {size}, at its vendor; it is sent as written: 1 asset" in said.err
    write(scratch, "gemini", model, **words)
    said = scratch.run("validate")
    assert said.code == 1
    assert f"specs/a.yaml:5:1: image_size: {model} makes " in said.err


def test_another_address_of_the_same_dialect_is_a_gateway(scratch: Scratch) -> None:
    write(scratch, "proxy", FLASH, image_size="2K")
    proxy = "{type: gemini, base_url: 'https://proxy.example.org'}"
    scratch.write("reconciler.yaml", f"provider: proxy\nproviders: {{proxy: {proxy}}}\n")
    assert "sent as written" in scratch.done("validate").err


def test_a_size_between_two_prices_is_estimated_by_the_larger(scratch: Scratch) -> None:
    write(scratch, "gravitex", PRO, image_size="3K", output="a.jpg")
    assert "[at most 0.24 USD]\n\n1 to generate (at most 0.24 USD)" in scratch.done("plan").out
    assert "1 to generate" in scratch.done("plan", "--max-cost", "0.25").out
    assert "1 held" in scratch.done("plan", "--max-cost", "0.2").out


@pytest.mark.parametrize("provider", ["gravitex", "gemini"])
def test_pixels_that_a_model_does_not_give_are_an_error_that_names_what_it_gives(
    scratch: Scratch, provider: str
) -> None:
    write(scratch, provider, FLASH, size="64x64")
    said = scratch.run("validate")
    assert said.code == 1
    assert f'size: {FLASH} gives about 1024x1024 for the ratio 1:1 at 1K, not 64x64 (write size: "1:1")' in said.err


@pytest.mark.parametrize(
    ("model", "fields", "pixels"),
    [
        (FLASH, {"size": "64x64"}, (1024, 1024)),
        (PRO, {"size": '"1:1"', "image_size": "2K"}, (2048, 2048)),
        ("qwen-image-plus", {"size": '"16:9"'}, (1664, 928)),
        ("never-heard-of", {"size": "64x64"}, (64, 64)),
    ],
)
def test_a_draft_has_the_pixels_of_the_model(
    scratch: Scratch, model: str, fields: dict[str, str], pixels: tuple[int, int]
) -> None:
    write(scratch, "draft", model, **fields)
    assert ("64x64" in fields["size"] and model == FLASH) == ("gives about" in scratch.done("validate").err)
    scratch.done("apply", "--yes")
    facts = sniff(scratch.read("assets/a.png"))
    assert isinstance(facts, ImageFacts)
    assert (facts.width, facts.height) == pixels
