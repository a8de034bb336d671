"""Specs say what was meant: variants, overrides, added texts, and the warnings about what was probably not meant."""

from __future__ import annotations

from typing import ClassVar

import pytest

from reconciler.core.cautions import MAX_CAUTIONS
from reconciler.core.specs.spec_cautions import spec_cautions
from tests.builders import expanded, the_asset
from tests.cli.conftest import Scratch

PAID = "provider: gravitex\ndefaults: {model: gemini-2.5-flash-image}\n"
TILES = "prompt: A tile\nmatrix: {variant: [1, 2, 3, 4]}\n"
SWORDS = """\
prompt: A ${item}, ${rarity}.
id: ${item}-${rarity}
matrix:
  rarity: [common, rare]
  item: [sword, shield]
"""


def told(files: dict[str, str] | str) -> list[str]:
    found = expanded(files)
    assert not found.problems
    return [f"{one.field}: {one.message}: {one.assets}" for one in found.cautions]


def problems(files: dict[str, str] | str) -> list[tuple[str, str, str]]:
    return [(problem.field, problem.fact, problem.hint) for problem in expanded(files).problems]


class TestVariants:
    def test_an_axis_that_changes_nothing_is_told_and_costs_one_request(self, scratch: Scratch) -> None:
        scratch.write("reconciler.yaml", PAID)
        scratch.write("specs/tile.yaml", TILES)
        said = scratch.done("validate")
        assert "specs/tile.yaml:2:1: matrix: assets with one recipe get one image (tile#1, tile#2, " in said.err
        assert ": 4 assets\n" in said.err
        plan = scratch.done("plan", "--verbose")
        assert "tile#1  new  [0.039 USD]\n    1 request for 4 assets with this recipe\n" in plan.out
        assert plan.out.count("[the request of tile#1]") == 3
        assert "4 to generate (0.039 USD)" in plan.out
        limited = scratch.done("plan", "--max-cost", "0.04")
        assert "4 to generate (0.039 USD)" in limited.out
        assert scratch.done("plan", "--format", "json").json["cost"]["amounts"] == ["0.039 USD"]

    def test_variants_can_be_meant(self, scratch: Scratch) -> None:
        scratch.write("reconciler.yaml", PAID)
        scratch.write("specs/tile.yaml", f"take: ${{variant}}\n{TILES}")
        said = scratch.done("plan")
        assert "4 to generate (0.156 USD)" in said.out
        assert "warning" not in said.err

    def test_the_first_take_is_the_recipe_without_one(self) -> None:
        variants = expanded(f"take: ${{variant}}\n{TILES}").specs
        keys = [spec.base_recipe.key() for spec in variants.values()]
        assert keys[0] == the_asset("prompt: A tile").base_recipe.key()
        assert len(set(keys)) == 4

    def test_the_alike_groups_of_a_matrix_are_one_warning(self) -> None:
        assert told("prompt: A ${item}\nmatrix: {item: [sword, shield], variant: [1, 2, 3]}") == [
            "matrix: assets with one recipe get one image (sword#shield-1, sword#shield-2, sword#shield-3, "
            "and so on for 2 recipes): 6"
        ]

    def test_alike_assets_of_several_files_are_told(self) -> None:
        files = {"a.yaml": "prompt: A  tile", "b.yaml": "prompt: A tile\n", "c.yaml": "prompt: A tile\nsize: '1:1'"}
        assert told(files) == ["prompt: assets with one recipe get one image: a, b: 2"]

    def test_references_and_parameters_make_another_recipe(self) -> None:
        text = "assets: {a: {prompt: x}, b: {prompt: x, references: [r.png]}, c: {prompt: x, params: {seed: 1}}}"
        assert told(text) == []


class TestOverrides:
    def test_by_id_and_by_values(self) -> None:
        text = f"""{SWORDS}overrides:
  - for: sword-common
    set: {{freeze: true, output: public/first.png}}
  - for: {{rarity: rare}}
    set: {{take: 2, vars: {{rarity: very rare}}, tags: [best]}}
  - for: {{rarity: rare, item: shield}}
    set: {{take: 3, style: []}}
"""
        found = {name.partition("#")[2]: spec for name, spec in expanded(text).specs.items()}
        assert {name: spec.base_recipe.take for name, spec in found.items()} == {
            "sword-common": 1, "shield-common": 1, "sword-rare": 2, "shield-rare": 3,
        }  # fmt: skip
        assert [name for name, spec in found.items() if spec.freeze] == ["sword-common"]
        assert found["sword-common"].output == "public/first.png"
        assert found["sword-rare"].tags == ("best",)
        assert found["sword-rare"].base_recipe.prompt == "A sword, rare."  # the matrix wins over vars

    def test_other_assets_keep_their_recipes(self) -> None:
        plain = expanded(SWORDS).specs
        over = expanded(f"{SWORDS}overrides: [{{for: sword-rare, set: {{prompt: A blue sword}}}}]\n").specs
        changed = [name for name in plain if plain[name].base_recipe.key() != over[name].base_recipe.key()]
        assert changed == ["sword#sword-rare"]

    @pytest.mark.parametrize(
        ("wanted", "fact", "hint"),
        [
            ("sword-rear", 'the matrix makes no "sword-rear"', 'did you mean "sword-rare"?'),
            ("{item: bow}", "no combination has item: bow", "name axes of the matrix and their values"),
            ("{kind: sword}", "no combination has kind: sword", "name axes of the matrix and their values"),
        ],
    )
    def test_one_that_applies_to_nothing_is_an_error(self, wanted: str, fact: str, hint: str) -> None:
        text = f"{SWORDS}overrides: [{{for: {wanted}, set: {{take: 2}}}}]\n"
        assert problems(text) == [("overrides[0].for", fact, hint)]

    def test_without_a_matrix_they_are_an_error(self) -> None:
        text = "prompt: A\noverrides: [{for: x, set: {take: 2}}]"
        assert problems(text) == [
            ("overrides", "overrides are for a matrix: this is one asset", "write the fields in the asset itself")
        ]

    def test_explain_names_them(self, scratch: Scratch) -> None:
        scratch.write("reconciler.yaml", "provider: draft\n")
        scratch.write("specs/i.yaml", f"{SWORDS}overrides: [{{for: sword-rare, set: {{size: '16:9'}}}}]\n")
        assert "specs/i.yaml:6:37  an override" in scratch.done("explain", "i#sword-rare").out

    @pytest.mark.parametrize("field", ["freeze: true", "prompt: A bow", "take: 2", "size: '1:1'"])
    def test_an_include_that_names_a_field_is_an_error(self, field: str) -> None:
        name = field.partition(":")[0]
        text = f"{SWORDS}  include: [{{item: sword, {field}}}]\n"
        ((path, fact, hint),) = problems(text)
        assert path == f"matrix.include[0].{name}"
        assert fact.endswith(f"the field {name} stays as it is")
        assert hint == f"write overrides: [{{for: …, set: {{{name}: …}}}}] beside matrix:"

    def test_an_include_that_a_field_uses_is_a_variable_of_any_name(self) -> None:
        text = "prompt: A ${item}\nsize: ${size}\nmatrix:\n  item: [a, b]\n  include: [{size: '1:1'}]\nid: ${item}\n"
        assert {spec.base_recipe.size for spec in expanded(text).specs.values()} == {"1:1"}


class TestAddedTexts:
    FILES: ClassVar[dict[str, str]] = {
        "_defaults.yaml": "prompt_suffix: ', no text'\nprompt_prefix: Game art of",
        "_styles.yaml": "flat: {prompt_suffix: ', flat'}\nwide: {prompt_suffix: {add: ', wide'}}",
    }

    @pytest.mark.parametrize(
        ("own", "prompt"),
        [
            ("", "Game art of a key, no text"),
            ("prompt_suffix: ', on white'", "Game art of a key, on white"),
            ("prompt_suffix: {add: ', on white'}", "Game art of a key, on white, no text"),
            ("prompt_prefix: {add: the drawing of}", "Game art of the drawing of a key, no text"),
            ("style: flat\nprompt_suffix: {add: ', on white'}", "Game art of a key, flat, on white, no text"),
            ("style: wide", "Game art of a key, wide, no text"),
        ],
    )
    def test_the_nearest_text_is_nearest_to_the_prompt(self, own: str, prompt: str) -> None:
        assert the_asset({**self.FILES, "a.yaml": f"prompt: a key\n{own}"}).base_recipe.prompt == prompt

    def test_a_plain_text_stops_what_lies_above(self) -> None:
        defaults = "defaults: {prompt_suffix: ', on white'}\n"
        own = "assets: {k: {prompt: a key, prompt_suffix: {add: ', ${c}'}, vars: {c: red}}}"
        assert the_asset({**self.FILES, "a.yaml": defaults + own}).base_recipe.prompt == (
            "Game art of a key, red, on white"
        )

    def test_explain_shows_each_that_is_used(self, scratch: Scratch) -> None:
        for name, text in self.FILES.items():
            scratch.write(f"specs/{name}", text)
        scratch.write("reconciler.yaml", "provider: draft\n")
        scratch.write("specs/a.yaml", "prompt: a key\nprompt_suffix: {add: ', on white'}\n")
        (asset,) = scratch.done("explain", "a", "--format", "json").json["assets"]
        (suffix,) = [one for one in asset["fields"] if one["field"] == "prompt_suffix"]
        assert [layer["used"] for layer in suffix["from"]] == [True, True]


class TestUnusedVariables:
    def test_one_that_no_asset_uses_is_told_where_it_is_written(self) -> None:
        files = {
            "_defaults.yaml": "vars: {mood: calm, kind: key}",
            "a.yaml": "prompt: A ${kind}",
            "b.yaml": "prompt: B",
        }
        assert told(files) == ["vars.mood: no field uses ${mood}: 2"]

    @pytest.mark.parametrize("field", ["prompt", "prompt_suffix", "output", "description", "params"])
    def test_a_variable_in_any_field_is_used(self, field: str) -> None:
        value = "{a: {b: ['${v}']}}" if field == "params" else "assets/${v}.png"
        text = f"vars: {{v: x}}\n{field}: {value}\n" + ("" if field == "prompt" else "prompt: A\n")
        assert told(text) == []

    def test_a_variable_of_the_id_is_used(self) -> None:
        assert told("prompt: A ${n}\nid: ${v}-${n}\nvars: {v: x}\nmatrix: {n: [1, 2]}") == []

    def test_what_an_include_adds_and_nothing_uses_is_told(self) -> None:
        assert told(f"{SWORDS}  include: [{{rarity: rare, glow: blue}}]\n") == [
            "matrix.include[0].glow: no field uses ${glow}: 4"
        ]


class TestLeftOvers:
    @pytest.mark.parametrize("text", ["A {name}.", "A {{name}}.", "A {{ name }}", "Un {nom_2}"])
    def test_a_placeholder_of_another_template_is_told(self, text: str) -> None:
        (found,) = told(f'prompt: "{text}"')
        assert "is sent as it is: 1" in found

    @pytest.mark.parametrize(
        "text", ["A $${name}", "{style: flat}", "a {red|blue} one", "{}", "{ a b }", "css {\n color: red }", "$${{x}}"]
    )
    def test_other_braces_are_text(self, text: str) -> None:
        assert told({"a.yaml": "prompt: |\n  " + text.replace("\n", "\n  ") + "\n"}) == []

    def test_in_a_conversation(self) -> None:
        text = "prompt: A\nturns: [{role: user, parts: [{text: 'A {name}'}]}]"
        (one,) = spec_cautions(expanded(text).specs)
        assert (one.field, one.hint) == ("turns", "write ${name} for a variable")


def test_many_warnings_are_cut_off() -> None:
    names = ", ".join(f"v{number}: x" for number in range(100))
    found = told(f"prompt: A\nvars: {{{names}}}\n")
    assert len(found) == MAX_CAUTIONS
    assert found[-1] == ": there are more warnings, which are not shown: 0"


def test_a_changed_file_that_drops_the_last_use_is_told_by_the_quick_plan_too(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/_defaults.yaml", "vars: {mood: calm}\n")
    scratch.write("specs/a.yaml", "prompt: A ${mood}\n")
    scratch.write("specs/b.yaml", "prompt: B\n")
    scratch.done("apply", "--yes")
    scratch.done("check")
    scratch.write("specs/a.yaml", "prompt: A\n")
    assert "no field uses ${mood}" in scratch.done("plan").err
