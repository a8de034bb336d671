"""From files to assets: the layers, the names, and every problem with its place and its hint."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.recipe import TextPart
from reconciler.core.specs.context import Context
from reconciler.core.specs.layers import TEXT_LIMIT
from reconciler.core.specs.room import Room
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.sizes import SIZE_RANGE
from reconciler.core.specs.spec import SpecTurn
from tests.builders import a_document, a_file, an_asset, expanded, the_asset


def problems(files: Any, **rest: Any) -> list[str]:
    return [str(problem) for problem in expanded(files, **rest).problems]


def ids(files: Any, **rest: Any) -> list[str]:
    found = expanded(files, **rest)
    assert not found.problems, "\n".join(map(str, found.problems))
    return list(found.specs)


class TestIds:
    """An asset's id is its file's path, and its key below `assets:`."""

    def test_of_files_and_keys(self) -> None:
        several = "assets: {y: {prompt: y}, x/z: {prompt: z}}"
        files = {"icons/sword.yaml": "prompt: x", "b.yml": several, "a.yaml": "prompt: x"}
        assert ids(files) == ["a", "b#x/z", "b#y", "icons/sword"]

    def test_of_a_matrix(self) -> None:
        matrix = "matrix: {rarity: [common, rare], item: [sword, 2, true]}"
        joined = ["common-2", "common-sword", "common-true", "rare-2", "rare-sword", "rare-true"]
        assert ids({"a.yaml": f"prompt: x\n{matrix}"}) == [f"a#{one}" for one in joined]
        assert ids({"a.yaml": f"assets: {{k: {{prompt: x, {matrix}}}}}"}) == [f"a#k-{one}" for one in joined]
        assert ids({"a.yaml": 'prompt: x\nid: "${v}-${n}"\nvars: {v: w}\nmatrix: {n: [1, 2]}'}) == ["a#w-1", "a#w-2"]
        assert ids({"a.yaml": 'assets: {"${n}.k": {prompt: x, matrix: {n: [1, 2]}}}'}) == ["a#1.k", "a#2.k"]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                "prompt: x\nid: y",
                "specs/sword.yaml:2:1: id: an id is for a matrix only: "
                "the id of an asset is its file's path, # and its key\n"
                "  hint: rename the file or the key",
            ),
            (
                "assets:\n  a*b: {prompt: x}",
                'specs/sword.yaml:2:3: assets.a*b: "a*b" cannot be part of an id\n  hint: leave out # * ? [ ] \\',
            ),
            (
                "assets:\n  a${b}: {prompt: x}",
                "specs/sword.yaml:2:3: assets.a${b}: ${…} in a key needs a matrix\n"
                "  hint: add matrix: or write the name out",
            ),
            (
                "prompt: x\nmatrix: {n: [a-b, a], m: [c, b-c]}",
                'specs/sword.yaml:2:1: matrix: two combinations have the id "sword#a-b-c"\n'
                "  hint: use every ${…} of the matrix in the id",
            ),
            (
                'prompt: x\nid: "${n}"\nmatrix: {n: [a, b], m: [c, d]}',
                'specs/sword.yaml:2:1: id: two combinations have the id "sword#a"\n'
                "  hint: use every ${…} of the matrix in the id",
            ),
            (
                "assets:\n  a\u200bb: {prompt: x}",
                'specs/sword.yaml:2:3: assets.a\\u200bb: "a\\u200bb" cannot be part of an id\n'
                "  hint: leave out # * ? [ ] \\",
            ),
            (
                'prompt: x\nid: "${n}"\nmatrix: {n: ["a\u200b"]}',
                'specs/sword.yaml:2:1: id: "a\\u200b" cannot be part of an id',
            ),
            (
                "prompt: x\nmatrix: {n: [a b]}",
                'specs/sword.yaml:2:1: matrix: "a b" cannot be part of an id\n  hint: give an id: with ${…}',
            ),
            (
                'prompt: x\nid: "${n}"\nmatrix: {n: ["a*"]}',
                'specs/sword.yaml:2:1: id: "a*" cannot be part of an id',
            ),
            (
                'prompt: x\nid: "${rarity}"\nmatrix: {rarities: [a]}',
                'specs/sword.yaml:2:1: id: no variable is called ${rarity}\n  hint: did you mean "rarities"?',
            ),
            (
                'assets:\n  k:\n    prompt: x\n    id: "${n}"\n    matrix: {n: [a]}',
                "specs/sword.yaml:4:5: assets.k.id: an asset under assets: has its key as id\n"
                "  hint: write ${…} in the key",
            ),
            (
                "prompt: x\nmatrix:\n  rarity: [a, b]\n  exclude:\n    - rarityy: a",
                "specs/sword.yaml:5:7: matrix.exclude[0].rarityy: the matrix has no axis of this name\n"
                '  hint: did you mean "rarity"?',
            ),
            (
                "prompt: x\nmatrix: {rarity: [common, rare], exclude: [{rarity: rar}]}",
                'specs/sword.yaml:2:45: matrix.exclude[0].rarity: "rar" is not a value of rarity\n'
                '  hint: did you mean "rare"?',
            ),
            (
                "prompt: x\nmatrix: {a: [x, y, x]}",
                'specs/sword.yaml:2:20: matrix.a[2]: "x" is listed twice\n  hint: remove one',
            ),
            (
                "prompt: x\nmatrix: {a: [x], exclude: [{a: x}]}",
                "specs/sword.yaml:2:1: matrix: leaves no combination\n  hint: exclude less",
            ),
        ],
    )
    def test_that_cannot_be(self, text: str, problem: str) -> None:
        assert problems(text) == [problem]

    @pytest.mark.parametrize(
        "name", ["a*b.yaml", "a#b.yaml", "x/ a.yaml", "[a].yaml", "a\tb.yaml", "a\u200bb.yaml", "a/\u2066b.yaml"]
    )
    def test_of_files_that_cannot_be(self, name: str) -> None:
        (problem,) = expanded({name: "prompt: x"}).problems
        assert problem.fact == "the file's name cannot be an id"

    def test_that_two_assets_have(self) -> None:
        assert problems({"a.yaml": "prompt: x", "a.yml": "prompt: y"}) == [
            'specs/a.yml:1:1: two assets have the id "a" (the other is in specs/a.yaml)\n  hint: rename one of them'
        ]


class TestLayers:
    """Own fields over styles over the file's, the folder's and the project's defaults."""

    files: ClassVar = {
        "_defaults.yaml": "size: '2:1'\nmodel: top\nvars: {mood: calm, place: sea}\n"
        "params: {seed: 1, steps: 9}\ntags: [t]",
        "icons/_defaults.yaml": "model: icons\nvars: {mood: wild}",
        "_styles.yaml": "flat:\n  quality: low\n  size: '3:1'\n  params: {seed: 2}\n  tags: [f]\n"
        "bold:\n  quality: high",
        "icons/all.yaml": "defaults: {style: [flat]}\nassets:\n  a: {prompt: '${mood} ${place}', tags: [own, t]}\n"
        "  b: {prompt: x, size: '4:1', style: [flat, bold], model: own}",
        "icons2/c.yaml": "prompt: ${mood}",
    }
    project = "defaults: {image_size: 4K, quality: project, model: project}"

    def test_nearest_wins(self) -> None:
        found = expanded(self.files, project=self.project)
        assert not found.problems
        a, b, c = found.specs.values()
        assert (a.id, b.id, c.id) == ("icons/all#a", "icons/all#b", "icons2/c")
        shown = [
            (
                s.base_recipe.prompt,
                s.base_recipe.model,
                s.base_recipe.size,
                s.base_recipe.quality,
                s.base_recipe.image_size,
            )
            for s in (a, b, c)
        ]
        assert shown == [
            ("wild sea", "icons", "3:1", "low", "4K"),
            ("x", "own", "4:1", "high", "4K"),
            ("calm", "top", "2:1", "project", "4K"),
        ]
        assert (a.base_recipe.params, c.base_recipe.params) == ({"seed": 2, "steps": 9}, {"seed": 1, "steps": 9})
        assert (a.tags, c.tags) == (("t", "f", "own"), ("t",))

    def test_every_field_knows_where_it_came_from(self) -> None:
        spec = expanded(self.files, project=self.project).specs[AssetId("icons/all#a")]
        origins = {name: [(one.layer, str(one.place)) for one in found] for name, found in spec.origins.items()}
        assert origins["model"] == [
            ("reconciler.yaml", f"reconciler.yaml:1:{self.project.index('model') + 1}"),
            ("specs/_defaults.yaml", "specs/_defaults.yaml:2:1"),
            ("specs/icons/_defaults.yaml", "specs/icons/_defaults.yaml:1:1"),
        ]
        assert origins["size"][-1] == ("style flat", "specs/_styles.yaml:3:3")
        assert origins["params.seed"] == [("style flat", "specs/_styles.yaml:4:12")]
        assert origins["prompt"] == [("the spec", "specs/icons/all.yaml:3:7")]
        assert str(spec.place("prompt")) == "specs/icons/all.yaml:3:7"
        assert str(spec.place("mask")) == "specs/icons/all.yaml:3:7"

    def test_prompt_pieces_stand_around_in_their_order(self) -> None:
        files = {
            "_defaults.yaml": "prompt_prefix: DP\nprompt_suffix: DS",
            "_styles.yaml": "one: {prompt_prefix: P1, prompt_suffix: ', S1'}\n"
            "two: {prompt_prefix: P2, prompt_suffix: S2.}",
            "a.yaml": "prompt: ' the  prompt\n\n  '\nstyle: [one, two]",
        }
        assert the_asset(files).base_recipe.prompt == "DP P2 P1 the  prompt, S1 S2. DS"

    def test_a_style_refers_after_the_asset_itself(self) -> None:
        files = {
            "_styles.yaml": "s: {references: [s.png]}",
            "_defaults.yaml": "references: [d.png]",
            "a.yaml": "prompt: x\nstyle: s\nreferences: [own.png, {asset: b}]\nmask: m.png",
        }
        assert the_asset(files).pictures() == (a_file("own.png"), an_asset("b"), a_file("s.png"), a_file("m.png"))
        files["a.yaml"] = "prompt: x\nstyle: s"
        assert the_asset(files).references == (a_file("d.png"), a_file("s.png"))

    def test_an_unknown_style_and_no_styles_at_all(self) -> None:
        assert problems({"_styles.yaml": "flat: {}", "a.yaml": "prompt: x\nstyle: [flat, flatt]"}) == [
            'specs/a.yaml:2:1: style: no style is called "flatt"\n  hint: did you mean "flat"?'
        ]
        (problem,) = expanded("prompt: x\nstyle: flat").problems
        assert problem.hint == "styles are written in _styles.yaml at the top of the specs"


class TestVariables:
    """`${name}` and `$$`, and nothing else."""

    def test_are_filled_in_everywhere(self) -> None:
        spec = the_asset(
            "prompt: ${a}$$ $${a} $a ${b} {a}\nvars: {a: x, b: true}\nmodel: m-${a}\nsize: '${w}:9'\n"
            "params: {p: ['${a}', 7]}\n"
            "references: ['refs/${a}.png', {asset: 'n-${a}'}]\nturns: [{role: user, parts: [{text: 'T ${a}'}]}]\n"
            "output: 'out/${a}.png'\ndescription: d ${a}\nmatrix: {w: [16]}"
        )
        recipe = spec.base_recipe
        assert (recipe.prompt, recipe.model, recipe.size) == ("x$ ${a} $a true {a}", "m-x", "16:9")
        assert spec.base_recipe.params == {"p": ["x", 7]}
        assert spec.references == (a_file("refs/x.png"), an_asset("n-x"))
        assert spec.turns == (SpecTurn("user", (TextPart("T x"),)),)
        assert (spec.output, spec.description) == ("out/x.png", "d x")

    def test_are_not_filled_in_twice(self) -> None:
        assert the_asset("prompt: ${a}\nvars: {a: '${b}', b: x}").base_recipe.prompt == "${b}"

    def test_of_the_matrix_come_before_all_others(self) -> None:
        assert the_asset("prompt: ${a}\nvars: {a: x}\nmatrix: {a: [y]}").base_recipe.prompt == "y"

    def test_id_and_name_in_an_output(self) -> None:
        files = {"x/y.yaml": "assets: {k: {prompt: x, output: 'o/${id}-${name}.png'}}"}
        assert the_asset(files).output == "o/x/y/k-k.png"
        assert problems("prompt: ${id}") == [
            "specs/sword.yaml:1:1: prompt: no variable is called ${id}\n"
            "  hint: give it under vars: or matrix:; a dollar is written $$"
        ]

    def test_unknown_ones_are_placed_to_the_list_item(self) -> None:
        references = "references:\n  - ok.png\n  - refs/${moood}.png\n"
        text = f"prompt: x\nvars: {{mood: calm}}\n{references}params:\n  a:\n    b: ${{c}}"
        assert problems(text) == [
            'specs/sword.yaml:5:5: references[1]: no variable is called ${moood}\n  hint: did you mean "mood"?',
            "specs/sword.yaml:8:5: params.a.b: no variable is called ${c}\n  hint: known: mood",
        ]

    def test_a_text_is_at_most_so_long(self) -> None:
        fits, over = "x" * TEXT_LIMIT, "x" * (TEXT_LIMIT + 1)
        assert len(the_asset(f"prompt: {fits}").base_recipe.prompt) == TEXT_LIMIT
        expected = ["specs/sword.yaml:1:1: prompt: is over 100,000 characters long"]
        assert problems(f"prompt: {over}") == expected
        assert problems(f"prompt: {'${v}' * 1000}\nvars: {{v: {'x' * 101}}}") == expected
        assert not problems(f"prompt: {'${v}' * 1000}\nvars: {{v: {'x' * 100}}}")


SUFFIX = "\n  hint: end it in .png, .jpg, .webp or .avif"
RANGE = f"is out of range\n  hint: {SIZE_RANGE}"
RATIO = '\n  hint: write "16:9" or 1536x864'


class TestFields:
    """What a schema cannot say of one asset."""

    def test_all_problems_of_all_files_come_at_once_in_order(self) -> None:
        files = {
            "b.yaml": "prompt: ${nope}\nsize: 16x9\nimage_size: 9K\nformat: gif\nprovider: gemin\n"
            "references: [../x.png]\noutput: a/../b.png\nmask: /m.png",
            "a.yaml": "size: '0:1'",
        }
        assert [problem.partition("\n")[0] for problem in problems(files)] == [
            "specs/a.yaml:1:1: has no prompt",
            'specs/a.yaml:1:1: size: "0:1" is out of range',
            "specs/b.yaml:1:1: prompt: no variable is called ${nope}",
            'specs/b.yaml:2:1: size: "16x9" is out of range',
            'specs/b.yaml:3:1: image_size: "9K" is not a size that an API names',
            'specs/b.yaml:4:1: format: "gif" is not an image format',
            'specs/b.yaml:5:1: provider: no provider is called "gemin"',
            'specs/b.yaml:6:14: references[0]: "../x.png" may leave the project',
            'specs/b.yaml:7:1: output: "a/../b.png" may leave the project',
            'specs/b.yaml:8:1: mask: "/m.png" is not below the project root',
        ]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("prompt: ' '", "1:1: prompt: is empty\n  hint: write prompt: what to draw"),
            ("prompt_suffix: flat", "1:1: has no prompt\n  hint: write prompt: what to draw"),
            ("prompt: x\nsize: 16x9", f'2:1: size: "16x9" {RANGE}'),
            ("prompt: x\nsize: wide", f'2:1: size: "wide" is neither a ratio nor pixels{RATIO}'),
            ("prompt: x\nsize: 21:1", f'2:1: size: "21:1" {RANGE}'),
            ("prompt: x\nsize: 99999x99999", f'2:1: size: "99999x99999" {RANGE}'),
            ("prompt: x\nsize: ${s}\nvars: {s: '16:'}", f'2:1: size: "16:" is neither a ratio nor pixels{RATIO}'),
            (
                "prompt: x\nprovider: gravtex",
                '2:1: provider: no provider is called "gravtex"\n  hint: did you mean "gravitex"?',
            ),
            (
                "prompt: x\nprovider: gravitex",
                "1:1: has no model, and the provider gravitex needs one\n"
                "  hint: write model: here, in _defaults.yaml, or under defaults: in reconciler.yaml",
            ),
            ("prompt: x\noutput: a/b", f'2:1: output: "a/b" has no image suffix{SUFFIX}'),
            ("prompt: x\noutput: a/b.gif", f'2:1: output: "a/b.gif": .gif is not a supported image suffix{SUFFIX}'),
            (
                "prompt: x\noutput: specs/a.png",
                '2:1: output: "specs/a.png" lies in the folder of the specs\n'
                "  hint: keep pictures in a folder of their own",
            ),
            (
                "prompt: x\nreferences: [ok.PNG, reconciler.yaml]",
                '2:22: references[1]: "reconciler.yaml": .yaml is not a supported image suffix\n'
                "  hint: refer to a .png, .jpg, .webp or .avif",
            ),
            (
                "prompt: x\nmask: m.gif",
                '2:1: mask: "m.gif": .gif is not a supported image suffix\n'
                "  hint: refer to a .png, .jpg, .webp or .avif",
            ),
            (
                "prompt: $${ok} ${mood\nvars: {mood: calm}",
                "1:1: prompt: ${ is never closed\n  hint: write } after the name; ${ as text is written $${",
            ),
            (
                "prompt: x\noutput: a.jpg\nformat: webp",
                '2:1: output: "a.jpg" is named jpeg, and the format is webp\n  hint: make them agree',
            ),
            (
                "prompt: x\noutput: .git/a.png",
                '2:1: output: ".git/a.png" lies in .git/, which belongs to a tool',
            ),
            (
                "prompt: x\noutput: nul.png",
                '2:1: output: "nul.png" has a name that Windows reserves (nul.png)\n  hint: choose another name',
            ),
            (
                "prompt: x\noutput: a.jpg\nbackground: transparent",
                "3:1: background: jpeg has no alpha channel for a transparent background\n  hint: use png, webp, avif",
            ),
            (
                "prompt: x\noutput: a.png\nreferences: [./a.png]",
                "2:1: output: the output is one of its own references\n  hint: rename one",
            ),
            (
                "prompt: x\nreferences: [{asset: sword}]",
                "2:14: references[0]: the asset refers to itself\n  hint: name another asset",
            ),
            (
                "turns:\n  - role: user\n    parts:\n      - text: x\n      - image: /a.png",
                '5:9: turns[0].parts[1].image: "/a.png" is not below the project root\n'
                "  hint: write a path relative to reconciler.yaml",
            ),
        ],
    )
    def test_wrong(self, text: str, problem: str) -> None:
        assert problems(text) == [f"specs/sword.yaml:{problem}"]

    @pytest.mark.parametrize("key", ["..", "../x", "con", "a./b"])
    def test_a_key_leads_to_no_bad_output(self, key: str) -> None:
        found = expanded(f"assets: {{'{key}': {{prompt: x}}}}")
        assert len(found.problems) == (0 if key == ".." else 1)
        assert all(spec.output == "assets/sword/...png" for spec in found.specs.values())

    def test_a_default_output_follows_the_id_and_the_format(self) -> None:
        assert the_asset("prompt: x").output == "assets/sword.png"
        jpg = the_asset("prompt: x\nformat: jpg", outputs="public/img")
        assert (jpg.output, jpg.base_recipe.format) == ("public/img/sword.jpg", "jpeg")
        webp = the_asset("prompt: x\noutput: a/b.WEBP")
        assert (webp.output, webp.base_recipe.format) == ("a/b.WEBP", "webp")

    def test_a_wrong_format_is_one_problem(self) -> None:
        (problem,) = problems("prompt: x\nformat: ${a}\nvars: {a: red}")
        assert '"red" is not an image format' in problem

    def test_a_size_is_normal(self) -> None:
        assert the_asset("prompt: x\nsize: 016:09").base_recipe.size == "16:9"
        assert the_asset("prompt: x\nsize: 1536x864").base_recipe.size == "1536x864"
        assert the_asset("prompt: x\nimage_size: 2k").base_recipe.image_size == "2K"

    def test_turns_need_no_prompt(self) -> None:
        spec = the_asset("turns: [{role: user, parts: [{text: x}, {image: a.png}, {image: {asset: b}}]}]")
        assert spec.turns == (SpecTurn("user", (TextPart("x"), a_file("a.png"), an_asset("b"))),)

    def test_the_projects_provider_needs_a_model_too(self) -> None:
        assert len(problems("prompt: x", provider="gravitex")) == 1
        assert the_asset("prompt: x\nmodel: m", provider="gravitex").provider == "gravitex"
        assert the_asset("prompt: x\nprovider: draft", provider="gravitex").provider == "draft"

    def test_an_asset_with_a_problem_is_left_out_and_the_others_are_not(self) -> None:
        found = expanded("assets: {a: {prompt: x}, b: {prompt: '${x}'}, c: {prompt: x}}")
        assert (list(found.specs), len(found.problems), found.broken) == (["sword#a", "sword#c"], 1, ("sword",))

    def test_one_problem_of_a_matrix_is_told_once(self) -> None:
        assert len(problems("prompt: ${oops}\nmatrix: {n: [1, 2, 3]}")) == 1


def test_an_empty_document_is_an_asset_without_a_prompt() -> None:
    assert a_document("").value is None
    assert [problem.partition("\n")[0] for problem in problems("")] == ["specs/sword.yaml:1:1: has no prompt"]


def test_text_that_a_matrix_multiplies_has_a_bound() -> None:
    axis = [str(number) for number in range(90)]
    long = f"prompt: {'a' * 90_000}${{x}}${{y}}\nmatrix: {{x: {axis}, y: {axis}}}\n"
    said = problems({"a.yaml": "prompt: a", "b.yaml": long, "c.yaml": "prompt: c"})
    assert len(said) == 1
    assert "specs/b.yaml" in said[0] and "more than 16,000,000 characters of text" in said[0]


def test_entries_that_a_matrix_multiplies_are_counted_before_it_is_expanded() -> None:
    axis = [str(number) for number in range(99)]
    vars_ = "{" + ", ".join(f"k{number}: 1" for number in range(250)) + "}"
    body = f"prompt: a ${{x}}${{y}}\nmatrix: {{x: {axis}, y: {axis}}}\n"
    said = problems({"a.yaml": "prompt: a", "b.yaml": f"{body}vars: {vars_}\n", "c.yaml": "prompt: c"})
    assert len(said) == 1
    assert "specs/b.yaml" in said[0] and "more than 2,000,000 entries" in said[0]


@pytest.mark.parametrize("where", ["_defaults.yaml", "_styles.yaml"])
def test_entries_of_defaults_and_styles_count_for_each_asset(where: str) -> None:
    vars_ = "vars: {" + ", ".join(f"k{number}: 1" for number in range(2_000)) + "}"
    assets = "".join(f"  a{number}: {{prompt: a, style: s}}\n" for number in range(1_100))
    styles = "s: {prompt_prefix: b}" if where == "_defaults.yaml" else f"s: {{{vars_}}}"
    files = {"_styles.yaml": styles, "b.yaml": f"assets:\n{assets}"}
    if where == "_defaults.yaml":
        files[where] = vars_
    (said,) = problems(files)
    assert "more than 2,000,000 entries" in said


LONG = "vars: {v: " + "x" * 99_000 + ", e: ''}\n"


@pytest.mark.parametrize(
    "field",
    [
        "params: {" + ", ".join(f"k{number}: 'a${{v}}'" for number in range(11)) + "}",
        "params: {" + ", ".join(f"k{number}: '${{v}}'" for number in range(11)) + "}",
        "turns: [{role: user, parts: [" + ", ".join(["{text: 'a${v}'}"] * 11) + "]}]",
        "style: [" + ", ".join(["s"] * 11) + "]",
        "quality: " + "'" + "${e}" * 90_000 + "'\nparams: {k: '" + "${e}" * 90_000 + "'}",
    ],
)
def test_the_text_of_one_asset_has_a_bound(field: str) -> None:
    (said,) = problems({"a.yaml": f"prompt: a\n{LONG}{field}\n", "_styles.yaml": "s: {prompt_prefix: 'a${v}'}"})
    assert "the asset has more than 1,000,000 characters of text" in said


@pytest.mark.parametrize(
    "field",
    ["quality: '${v}${x}'", "model: '${v}'", "references: [{asset: '${v}'}]", "params: {k: '${v}'}"],
)
def test_text_of_every_field_counts(field: str) -> None:
    axis = [str(number) for number in range(90)]
    matrix = f"id: '${{x}}-${{y}}'\nmatrix: {{x: {axis}, y: {axis}}}\n"
    said = problems({"a.yaml": f"prompt: a\n{LONG}{field}\n{matrix}"})
    assert "more than 16,000,000 characters of text" in "".join(said)
    assert len(said) < 200


def test_variables_without_text_count_as_work() -> None:
    axis = [str(number) for number in range(90)]
    text = "${e}" * 1_000
    (said,) = problems(f"prompt: 'a {text}'\n{LONG}id: '${{x}}-${{y}}'\nmatrix: {{x: {axis}, y: {axis}}}\n")
    assert "more than 16,000,000 characters of text" in said


def test_the_axes_of_a_matrix_count_for_each_combination() -> None:
    axis = [str(number) for number in range(99)]
    more = "".join(f", a{number}: [1]" for number in range(250))
    (said,) = problems(f"prompt: a\nid: ${{x}}-${{y}}\nmatrix: {{x: {axis}, y: {axis}{more}}}\n")
    assert "more than 2,000,000 entries" in said


def test_a_file_of_defaults_without_fields_counts_for_each_asset() -> None:
    axis = [str(number) for number in range(99)]
    files = {"/".join(["d"] * depth) + "/_defaults.yaml": "{}" for depth in range(1, 210)}
    spec = f"prompt: a\nid: ${{x}}-${{y}}\nmatrix: {{x: {axis}, y: {axis}}}\n"
    (said,) = problems(files | {"/".join(["d"] * 210) + "/a.yaml": spec})
    assert "more than 2,000,000 entries" in said


@pytest.mark.parametrize(
    "spec",
    [
        "prompt: a\nid: '${v}${x}'\nmatrix: {x: [1, 2]}\nvars: {v: " + "x" * 1_000 + "}",
        "prompt: a\nid: '${x}" + "${e}" * 250 + "'\nmatrix: {x: [1, 2]}\nvars: {e: ''}",
        "prompt: a\nmatrix: {x: [" + "x" * 1_000 + "]}",
        "assets: {" + "x" * 1_000 + ": {prompt: a}}",
        "assets: {" + "x" * 1_000 + ": {prompt: a, matrix: {x: [1, 2]}}}",
    ],
)
def test_an_id_has_a_bound(spec: str) -> None:
    (said,) = problems(spec)
    assert "more than 1,000 characters" in said


def test_problems_end_after_a_thousand() -> None:
    wrong = {f"{number}.yaml": "prompt: " + " ".join(f"${{v{n}}}" for n in range(300)) for number in range(6)}
    assert len(problems(wrong)) == 1_200  # the file in which the thousandth is, and none after it


def test_the_entries_of_a_plain_spec_count() -> None:
    room, plain = Room(0, 4), a_document("prompt: a\nparams: {b: 1, c: [1]}\n")
    assert not room.takes_entries(Context(Settings()), "a.yaml", plain)
    assert Room(0, 5).takes_entries(Context(Settings()), "a.yaml", plain)
