"""Rules in their normal form: what they mean is compared, not how they are written."""

from __future__ import annotations

import pytest

from reconciler.core.derived.key import FileKeys, FileRecipe, derived_key
from reconciler.core.derived.operations import (
    ColourKey,
    Crop,
    Encoding,
    Operation,
    Pad,
    Palette,
    Resize,
    Trim,
)
from reconciler.core.derived.rules import Rule, read_rules
from reconciler.store.yaml.loader import parse
from tests.builders import bytes_of
from tests.core.derived.builders import a_derivation, derived


def the_rule(text: str) -> Rule:
    rules, problems = read_rules(parse(text.encode(), file="specs/_derive.yaml"))
    assert not problems, problems
    (rule,) = rules.values()
    return rule


def operations(text: str) -> list[tuple[Operation, ...]]:
    return [variant.operations for variant in the_rule(text).variants]


NAMED = "output: 'o/${name}-${width}.${ext}'"


def test_widths_are_boxes_without_a_height_or_with_that_of_the_aspect() -> None:
    plain = operations(f"web: {{widths: [320, 640], formats: [png], {NAMED}}}")
    assert plain == [(Resize(320),), (Resize(640),)]
    wide = operations(f"web: {{widths: [320], aspect: '16:9', formats: [png], {NAMED}}}")
    assert wide == [(Resize(320, 180, "cover"),)]
    contained = operations(f"web: {{widths: [320], aspect: '4:3', fit: contain, formats: [png], {NAMED}}}")
    assert contained == [(Resize(320, 240, "contain"),)]


def test_densities_multiply_the_pixels_of_the_result_and_not_those_of_the_image() -> None:
    found = operations(
        "sprite: {densities: [1, 2], formats: [png], ops: [{trim: {padding: 3}}, {resize: {size: 64x32}}, "
        "{pad: {pixels: 2}}]}"
    )
    assert found == [
        (Trim(padding=3), Resize(64, 32), Pad(2)),
        (Trim(padding=3), Resize(128, 64), Pad(4)),
    ]
    assert operations("icon: {size: 16x16, densities: [1, 3], fit: contain, formats: [png]}") == [
        (Resize(16, 16, "contain"),),
        (Resize(48, 48, "contain"),),
    ]


def test_an_aspect_alone_crops() -> None:
    assert operations("a: {aspect: '32:18', formats: [png]}") == [(Crop((16, 9)),)]


def test_operations_are_complete() -> None:
    (found,) = operations(
        "a: {formats: [png], ops: [{key: {}}, {key: {colour: '#00FF00', from: 1, to: 2}}, "
        "{palette: {colours: ['#FF0000', '#00ff00', '#ff0000']}}, {palette: {colours: 4, dither: floyd-steinberg}}]}"
    )
    assert found == (
        ColourKey(),
        ColourKey("#00ff00", 1, 2),
        Palette(2, "none", ("#ff0000", "#00ff00")),
        Palette(4, "floyd-steinberg"),
    )


def test_only_crops_have_a_focus() -> None:
    rule = the_rule(f"web: {{widths: [320], aspect: '16:9', formats: [png], {NAMED}}}")
    (variant,) = rule.variants
    assert rule.focused(variant, (600, 400)) == (Resize(320, 180, "cover", focus=(600, 400)),)
    assert rule.focused(variant, None) == rule.focused(variant, (500, 500)) == variant.operations
    plain = the_rule(f"web: {{widths: [320], formats: [png], {NAMED}}}")
    assert plain.focused(plain.variants[0], (600, 400)) == (Resize(320),)


def test_encodings_have_the_defaults_of_their_format() -> None:
    rule = the_rule("a: {formats: [avif, webp, jpeg, png], lossless: true, quality: {jpeg: 60}, background: '#ABCDEF'}")
    assert rule.encodings == (
        Encoding("avif", 55),
        Encoding("webp", 0, lossless=True),
        Encoding("jpeg", 60, background="#abcdef"),
        Encoding("png"),
    )


def test_the_key_of_many_files_at_once_is_that_of_the_manifest() -> None:
    recipe = FileRecipe((Trim(), Resize(320, 180, "cover", focus=(600, 400))), Encoding("webp", 78))
    content = bytes_of("a")
    assert FileKeys(recipe).of(content) == derived_key(recipe.manifest(content))
    assert FileKeys(recipe).of(content) != FileKeys(recipe).of(bytes_of("b"))
    other = FileRecipe((Trim(), Resize(320, 180, "cover")), Encoding("webp", 78))
    assert FileKeys(other).of(content) != FileKeys(recipe).of(content)


def test_the_key_does_not_move() -> None:
    """Keys are in committed locks: a change of this value makes every derived file of every project anew."""
    recipe = FileRecipe((Trim(), Resize(320, 180, "cover", focus=(600, 400))), Encoding("webp", 78))
    assert FileKeys(recipe).of(bytes_of("a")) == KEPT


KEPT = "d1:fb4c385f863c459cbc58e51e90d2d118cf581a9f96a17e5283d13856f8d358fb"


def test_names_are_filled_in() -> None:
    rules = """\
all:
  size: 8x8
  densities: [1, 2]
  formats: [jpeg, png]
  output: o/${rule}/${id}/${name}${at}-${density}-${format}$$.${ext}
"""
    (one,) = a_derivation({"items": "assets: {sword: {prompt: x, derive: [all]}}"}, rules).asset_sets()
    assert [want.path for want in one.wants] == [
        "o/all/items/sword/sword-1-jpeg$.jpg",
        "o/all/items/sword/sword-1-png$.png",
        "o/all/items/sword/sword@2x-2-jpeg$.jpg",
        "o/all/items/sword/sword@2x-2-png$.png",
    ]


WRONG = {
    "an unknown field": ("a: {formats: [png], witdhs: [1]}", "1:21", "a.witdhs", "is not a field here", "widths"),
    "no format": ("a: {}", "1:1", "a", "lacks formats", ""),
    "an unknown operation": (
        "a: {formats: [png], ops: [{blur: {}}]}",
        "1:28",
        "a.ops[0].blur",
        "is not a field here",
        "",
    ),
    "two operations in one": (
        "a: {formats: [png], ops: [{trim: {}, key: {}}]}",
        "1:27",
        "a.ops[0]",
        "has 2 entries, and at most 1 may be",
        "",
    ),
    "a size that is a ratio": (
        "a: {formats: [png], size: '16:9'}",
        "1:21",
        "a.size",
        "is not a size in pixels",
        "1280x720",
    ),
    "a colour without quotes": (
        "a: {formats: [png], background: red}",
        "1:21",
        "a.background",
        "is not a colour",
        "quotes",
    ),
    "an aspect that is a size": ("a: {formats: [png], aspect: 16x9}", "1:21", "a.aspect", "is not a ratio", "16:9"),
    "widths and densities": (
        "a: {formats: [png], widths: [1], densities: [1], output: 'o/${name}-${width}.png'}",
        "1:21",
        "a.widths",
        "stands beside densities",
        "",
    ),
    "densities of nothing": ("a: {formats: [png], densities: [2]}", "1:21", "a.densities", "has no size", "256x256"),
    "two resizes": (
        "a: {formats: [png], size: 1x1, ops: [{resize: {size: 1x1}}]}",
        "1:21",
        "a.size",
        "stands beside a resize",
        "",
    ),
    "a key that takes nothing": (
        "a: {formats: [png], ops: [{key: {from: 60, to: 60}}]}",
        "1:28",
        "a.ops[0].key",
        "from must be less than to",
        "",
    ),
    "a resize to nothing": (
        "a: {formats: [png], ops: [{resize: {fit: fill}}]}",
        "1:28",
        "a.ops[0].resize",
        "has no size",
        "64x64",
    ),
    "a quality for nothing": (
        "a: {formats: [png], quality: {webp: 1}}",
        "1:31",
        "a.quality.webp",
        "webp is not among the formats",
        "",
    ),
    "widths with one name": (
        "a: {formats: [png], widths: [1, 2], output: 'o/${name}.png'}",
        "1:37",
        "a.output",
        "several widths one name",
        "${width}",
    ),
    "formats with one name": (
        "a: {formats: [png, webp], output: 'o/${name}.png'}",
        "1:27",
        "a.output",
        "several formats one name",
        "${ext}",
    ),
    "assets with one name": (
        "a: {formats: [png], output: 'o/a.${ext}'}",
        "1:21",
        "a.output",
        "every asset one name",
        "${name}",
    ),
    "an unknown variable": (
        "a: {formats: [png], output: 'o/${nmae}${id}.png'}",
        "1:21",
        "a.output",
        "no variable is called ${nmae}",
        "name",
    ),
    "an open variable": ("a: {formats: [png], output: 'o/${id'}", "1:21", "a.output", "never closed", "}"),
    "a side that is too long": (
        "a: {formats: [png], size: 9000x9000, densities: [2]}",
        "1:1",
        "a",
        "more than 16,384 pixels",
        "",
    ),
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_rule_has_a_place_a_fact_and_a_hint(given: tuple[str, str, str, str, str]) -> None:
    text, place, name, fact, hint = given
    _, problems = derived({"hero": "prompt: x"}, text)
    found = [one for one in problems if fact in one.fact]
    assert found, "\n".join(map(str, problems))
    assert (str(found[0].place), found[0].field) == (f"specs/_derive.yaml:{place}", name)
    assert hint in found[0].hint


OUTSIDE = {
    "outside the project": ("../${name}.png", "may leave the project"),
    "in the folder of a tool": (".git/${name}.png", "belongs to a tool"),
    "among the specs": ("specs/${name}.png", "lies in the folder of the specs"),
    "of another kind": ("o/${name}.txt", "is not named as png"),
    "of another format": ("o/${name}.webp", "is not named as png"),
    "not in normal form": ("o//${name}.png", "is not in normal form"),
}


@pytest.mark.parametrize("given", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_an_output_that_may_not_be_written_is_reported_once(given: tuple[str, str]) -> None:
    output, fact = given
    both = {"hero": "prompt: x\nderive: [a]\n", "other": "prompt: y\nderive: [a]\n"}
    _, problems = derived(both, f"a: {{formats: [png], output: '{output}'}}")
    (problem,) = problems
    assert fact in problem.fact
    assert "(for hero)" in problem.fact
    assert str(problem.place) == "specs/_derive.yaml:1:21"


def test_an_unknown_rule_is_reported_where_it_is_named() -> None:
    rules = "banner: {formats: [png], output: 'o/${id}.png'}"
    _, problems = derived({"hero": "prompt: x\nderive: [banner, baner]\n"}, rules)
    (problem,) = problems
    assert str(problem) == (
        'specs/hero.yaml:2:18: derive[1]: no rule is called "baner"\n  hint: did you mean "banner"?'
    )
