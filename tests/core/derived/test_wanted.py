"""What is derived from which assets, and every way in which that can be wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.derived import wanted
from reconciler.core.derived.bundles import AtlasBundle
from reconciler.core.derived.operations import Resize, Slice
from reconciler.core.derived.wanted import AssetSet, BundleSet, derivation
from reconciler.core.specs.expand import SpecTree, expand
from reconciler.core.specs.settings import Settings
from tests.builders import PROVIDERS, a_document
from tests.core.derived.builders import HERO, LADDER, a_derivation, derived

ITEMS = {
    "items": "assets:\n  sword: {prompt: x, tags: [icon], slice: [1, 2, 3, 4]}\n  shield: {prompt: y, tags: [icon]}\n"
}
SPRITE = "sprite: {size: 64x64, fit: contain, densities: [1, 2], formats: [png]}\n"
ATLAS = "items: {atlas: {from: 'tag:icon', use: sprite, output: atlas/items}}\n"
MANIFEST = "images: {manifest: {from: hero, use: web, output: images.json, html: snippets}}\n"


def test_the_fields_of_all_layers_count_and_the_nearest_wins() -> None:
    specs = {"a": "prompt: x\nmatrix: {n: [one, two]}\noverrides: [{for: two, set: {derive: []}}]\nderive: [web]\n"}
    found = a_derivation(specs)
    assert [each.name for each in found.sets] == ["a#one~web"]


def test_a_focus_is_in_the_keys_of_crops_alone() -> None:
    rules = "web: {widths: [8], aspect: '1:1', formats: [png], output: 'o/${name}.${ext}'}\n"
    plain = "icon: {size: 8x8, formats: [png], output: 'i/${name}.${ext}'}\n"
    one, other = (
        a_derivation({"hero": f"prompt: x\nderive: [web, icon]\nfocus: {focus}\n"}, rules + plain)
        for focus in ("[0.25, 0.5]", "[0.5, 0.5]")
    )
    recipes = [[want.keys.recipe for each in found.asset_sets() for want in each.wants] for found in (one, other)]
    assert recipes[0][0].operations == (Resize(8, 8, "cover", focus=(250, 500)),)
    assert recipes[0][0] != recipes[1][0]
    assert recipes[0][1] == recipes[1][1]


def test_a_focus_may_be_a_variable() -> None:
    rules = "web: {widths: [8], aspect: '1:1', formats: [png], output: 'o/${name}.${ext}'}\n"
    found = a_derivation({"hero": "prompt: x\nvars: {x: 1}\nderive: [web]\nfocus: ['${x}', 0]\n"}, rules)
    (each,) = found.asset_sets()
    assert each.wants[0].keys.recipe.operations == (Resize(8, 8, "cover", focus=(1000, 0)),)


def test_an_atlas_has_the_operations_of_its_rule_at_each_density() -> None:
    found = [each for each in a_derivation(ITEMS, SPRITE, ATLAS).sets if isinstance(each, BundleSet)]
    assert [each.name for each in found] == ["items", "items@2x"]
    assert [each.stem for each in found] == ["atlas/items", "atlas/items@2x"]
    for each in found:
        assert isinstance(each.bundle.what, AtlasBundle)
        shield, sword = each.members
        assert (shield.name, sword.name) == ("shield", "sword")
        assert sword.operations == (Resize(64 * each.density, 64 * each.density, "contain"),)
        assert sword.borders == Slice(*(side * each.density for side in (1, 2, 3, 4)))


WRONG: dict[str, tuple[Mapping[str, str], str, str, str, str]] = {
    "a rule without an output": (
        {"hero": "prompt: x\nderive: [sprite]\n"},
        SPRITE,
        "",
        "specs/hero.yaml:2:10",
        "the rule sprite has no output",
    ),
    "no rules at all": (
        {"hero": "prompt: x\nderive: [web]\n"},
        "",
        "",
        "specs/hero.yaml:2:10",
        'no rule is called "web"',
    ),
    "a focus outside": (
        {"hero": "prompt: x\nfocus: [1.5, 0]\n"},
        "",
        "",
        "specs/hero.yaml:2:9",
        "is 1.5, and must be at most 1",
    ),
    "a focus of three": ({"hero": "prompt: x\nfocus: [0, 0, 0]\n"}, "", "", "specs/hero.yaml:2:1", "at most 2 may be"),
    "a slice below nothing": (
        {"hero": "prompt: x\nslice: [0, 0, 0, -1]\n"},
        "",
        "",
        "specs/hero.yaml:2:18",
        "is -1, and must be at least 0",
    ),
    "the output of another asset": (
        {"hero": HERO, "other": "prompt: y\noutput: img/hero-320.webp\n"},
        LADDER,
        "",
        "specs/_derive.yaml:4:3",
        '"img/hero-320.webp" is also the output of other',
    ),
    "the same file in other letters": (
        {"hero": HERO, "other": "prompt: y\noutput: IMG/Hero-320.webp\n"},
        LADDER,
        "",
        "specs/_derive.yaml:4:3",
        "is also the output of other",
    ),
    "one file of two rules": (
        {"hero": "prompt: x\nderive: [web, page]\n"},
        LADDER + LADDER.replace("web:", "page:"),
        "",
        "specs/_derive.yaml:8:3",
        "is also made by the rule web for hero",
    ),
    "one name of two assets": (
        {"a/hero": HERO, "b/hero": HERO},
        LADDER,
        "",
        "specs/_derive.yaml:4:3",
        "is also made by the rule web for a/hero",
    ),
    "a derived file as a reference": (
        {"hero": HERO, "other": "prompt: y\nreferences: [img/hero-320.webp]\n"},
        LADDER,
        "",
        "specs/other.yaml:2:14",
        '"img/hero-320.webp" is a derived file, and cannot be a reference',
    ),
    "a derived file whose name has its key": (
        {"hero": "prompt: x\nderive: [a]\n", "other": "prompt: y\nmask: o/hero-0123abcd.png\n"},
        "a: {formats: [png], output: 'o/${name}-${key8}.png'}\n",
        "",
        "specs/other.yaml:2:1",
        "is a derived file, and cannot be a reference",
    ),
    "a page of an atlas as a reference": (
        ITEMS | {"other": "prompt: y\nreferences: [atlas/items-1.png]\n"},
        SPRITE,
        ATLAS,
        "specs/other.yaml:2:14",
        "is a derived file, and cannot be a reference",
    ),
    "a page of an atlas as an output": (
        ITEMS | {"other": "prompt: y\noutput: atlas/items@2x-3.png\n"},
        SPRITE,
        ATLAS,
        "specs/_bundles.yaml:1:48",
        "would be a file of it, and is made by other",
    ),
    "an atlas of nothing": (
        {"hero": "prompt: x"},
        SPRITE,
        ATLAS,
        "specs/_bundles.yaml:1:17",
        '"tag:icon" selects no asset',
    ),
    "an atlas of an unknown rule": (
        ITEMS,
        SPRITE,
        ATLAS.replace("use: sprite", "use: sprit"),
        "specs/_bundles.yaml:1:35",
        'no rule is called "sprit"',
    ),
    "an atlas of widths": (
        ITEMS,
        LADDER,
        ATLAS.replace("use: sprite", "use: web"),
        "specs/_bundles.yaml:1:35",
        "the rule web has widths",
    ),
    "two sprites of one name": (
        dict.fromkeys(("a/x", "b/x"), "prompt: x\ntags: [icon]\n"),
        SPRITE,
        ATLAS,
        "specs/_bundles.yaml:1:17",
        '"x" would be the name of two sprites, a/x and b/x',
    ),
    "an atlas with a suffix": (
        ITEMS,
        SPRITE,
        ATLAS.replace("atlas/items}", "atlas/items.png}"),
        "specs/_bundles.yaml:1:48",
        "has a suffix",
    ),
    "icons of two assets": (
        ITEMS,
        SPRITE,
        "app: {icons: {from: 'items', output: icons}}",
        "specs/_bundles.yaml:1:15",
        "selects 2 assets",
    ),
    "a manifest of an asset that derives nothing": (
        {"hero": "prompt: x"},
        LADDER,
        MANIFEST,
        "specs/_bundles.yaml:1:21",
        "hero does not derive web",
    ),
    "a manifest without alt": (
        {"hero": HERO},
        LADDER,
        MANIFEST.replace("use: web", "use: web, require_alt: true"),
        "specs/hero.yaml:1:1",
        "hero has no alt, and the manifest images requires one",
    ),
    "a manifest that is no JSON": (
        {"hero": HERO},
        LADDER,
        MANIFEST.replace("images.json", "images.js"),
        "specs/_bundles.yaml:1:43",
        "is not a JSON file",
    ),
    "a bundle outside": (
        {"hero": HERO},
        LADDER,
        MANIFEST.replace("images.json", "../images.json"),
        "specs/_bundles.yaml:1:43",
        "may leave the project",
    ),
    "two kinds in one bundle": (
        {"hero": HERO},
        LADDER,
        "a: {atlas: {from: x, output: a}, icons: {from: x, output: b}}",
        "specs/_bundles.yaml:1:1",
        "at most 1 may be",
    ),
    "an unknown kind": (
        {"hero": HERO},
        LADDER,
        "a: {atals: {from: x}}",
        "specs/_bundles.yaml:1:5",
        "is not a field here",
    ),
}


@pytest.mark.parametrize("given_", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_has_a_place(given_: tuple[Mapping[str, str], str, str, str, str]) -> None:
    specs, rules, bundles, place, fact = given_
    _, problems = derived(specs, rules, bundles)
    told = [(str(one.place), one.fact) for one in problems]
    assert any(where == place and fact in what for where, what in told), "\n".join(map(str, problems))


def test_a_file_cannot_lie_below_a_file() -> None:
    rules = "a: {formats: [png], output: 'o/${id}.png'}\nb: {formats: [png], output: 'o/x.png/${name}.png'}\n"
    _, problems = derived({"x": "prompt: x\nderive: [a, b]\n"}, rules)
    assert '"o/x.png/x.png" lies below "o/x.png"' in problems[0].fact


def test_the_patterns_of_all_bundles_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "MATCHES", 5)
    one = "atlas: {from: ['items#*', 'tag:icon'], output: a}"
    assert not derived(ITEMS, bundles=f"a: {{{one}}}")[1]
    other = one.replace("output: a", "output: b")
    _, problems = derived(ITEMS, bundles=f"a: {{{one}}}\nb: {{{other}}}")
    assert [str(problem.place) for problem in problems] == ["specs/_bundles.yaml:2:13"]
    assert "take too long to match" in problems[0].fact


def test_alt_may_be_empty() -> None:
    bundles = MANIFEST.replace("use: web", "use: web, require_alt: true")
    (_, manifest) = a_derivation({"hero": f'{HERO}alt: ""\n'}, LADDER, bundles).sets
    assert isinstance(manifest, BundleSet)
    assert manifest.members[0].alt == ""
    assert manifest.formats == ("webp", "jpeg")


def test_the_files_of_a_project_have_a_bound() -> None:
    document = a_document(LADDER, file="specs/_derive.yaml")
    specs = {f"{n}.yaml": a_document(f"prompt: {n}\nderive: [web]\n", file=f"specs/{n}.yaml") for n in range(6)}
    small = Settings(providers=PROVIDERS, asset_limit=1)
    found = expand(Settings(providers=PROVIDERS), None, SpecTree(specs))
    problems = derivation(small, found.specs, document, None).problems
    assert "more than 20 files are derived" in problems[0].fact


fields = st.fixed_dictionaries(
    {},
    optional={
        "derive": st.sampled_from(["[web]", "[]", "[web, icon]"]),
        "focus": st.sampled_from(["[0, 0]", "[0.5, 1]"]),
        "alt": st.sampled_from(['""', "A sword", "'${colour} sword'"]),
        "slice": st.just("[1, 2, 3, 4]"),
    },
)


@settings(max_examples=40)
@given(fields, fields, st.booleans())
def test_no_field_about_derived_files_is_part_of_a_recipe(
    one: dict[str, str], other: dict[str, str], as_style: bool
) -> None:
    """In the spec or in a style, any change of them leaves every recipe and its key as they were."""
    keys = []
    for given_ in (one, other):
        text = "".join(f"{name}: {value}\n" for name, value in given_.items())
        spec = "prompt: A ${colour} sword\nvars: {colour: red}\nreferences: [a.png]\n"
        documents = {"a.yaml": a_document(spec + ("style: [s]\n" if as_style else text), file="specs/a.yaml")}
        indented = "".join(f"  {line}\n" for line in text.splitlines())
        style = a_document(f"s:\n{indented}" if text else "s: {}", file="specs/_styles.yaml")
        expanded = expand(Settings(providers=PROVIDERS), None, SpecTree(documents, styles=style if as_style else None))
        assert not expanded.problems, expanded.problems
        (found,) = expanded.specs.values()
        keys.append((found.base_recipe.manifest(), found.base_recipe.key(), found.references, found.output, found.tags))
        wanted = found.derived
        assert (wanted is None) == (not given_)
    assert keys[0] == keys[1]


def test_sets_are_named_by_asset_and_rule() -> None:
    found = a_derivation({"a": "assets: {x: {prompt: y, derive: [web]}}"})
    assert [(type(each), each.name, each.commit) for each in found.sets] == [(AssetSet, "a#x~web", True)]
