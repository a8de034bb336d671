"""What only all assets together can show: order, cycles, unknown references, colliding outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.specs.graph import whole_problems, work_order
from reconciler.core.specs.spec import Spec
from tests.builders import a_file, a_spec, an_asset, expanded

OUTPUT = "give each asset an output of its own"


def the_specs(*specs: Spec) -> dict[AssetId, Spec]:
    return {spec.id: spec for spec in sorted(specs, key=lambda one: one.id)}


def facts(*specs: Spec) -> list[str]:
    return sorted(problem.fact for problem in whole_problems(the_specs(*specs)))


def an_edge(identity: str, *ups: str) -> Spec:
    return a_spec(identity, references=tuple(an_asset(up) for up in ups))


@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=8), st.permutations(range(8)))
def test_every_asset_comes_after_all_that_it_refers_to(edges: list[list[int]], names: list[int]) -> None:
    ups_of = {f"n{names[at]}": [f"n{names[up]}" for up in ups if up < at] for at, ups in enumerate(edges)}
    specs = the_specs(*(an_edge(identity, *ups) for identity, ups in ups_of.items()))
    order = work_order(specs)
    assert sorted(order) == sorted(specs)
    assert all(order.index(up) < order.index(spec.id) for spec in specs.values() for up in spec.upstreams())
    assert not whole_problems(specs)


def test_a_long_chain_and_a_wide_fan_are_no_burden() -> None:
    chain = [an_edge("n0000"), *(an_edge(f"n{at:04}", f"n{at - 1:04}", "n0000") for at in range(1, 3000))]
    backwards = dict(reversed(the_specs(*chain).items()))
    assert work_order(backwards) == tuple(spec.id for spec in chain)
    assert not whole_problems(backwards)


@pytest.mark.parametrize(
    ("specs", "paths"),
    [
        ([an_edge("a", "b"), an_edge("b", "a")], ["a → b → a"]),
        ([an_edge("c", "a"), an_edge("a", "b"), an_edge("b", "c"), an_edge("d", "a")], ["a → b → c → a"]),
        ([an_edge("a", "a")], ["a → a"]),
        ([an_edge("a", "b"), an_edge("b", "a"), an_edge("x", "y"), an_edge("y", "x")], ["a → b → a", "x → y → x"]),
        ([an_edge("top", "m"), an_edge("m", "n"), an_edge("n", "m")], ["m → n → m"]),
    ],
)
def test_a_cycle_is_named_once_with_its_path(specs: list[Spec], paths: list[str]) -> None:
    assert facts(*specs) == [f"assets refer to each other in a cycle: {path}" for path in paths]


def test_a_cycle_is_placed_at_a_reference() -> None:
    found = expanded({"a.yaml": "prompt: x\nreferences: [{asset: b}]", "b.yaml": "references: [{asset: a}]\nprompt: x"})
    (problem,) = whole_problems(found.specs)
    assert str(problem.place) == "specs/a.yaml:2:14"


class TestUnknownReferences:
    """An asset that nobody defines, told apart from one that could not be read."""

    def test_are_placed_and_the_nearest_name_is_offered(self) -> None:
        found = expanded({"mascot.yaml": "prompt: x", "a.yaml": "prompt: x\nreferences:\n  - {asset: mascott}\n"})
        assert [str(problem) for problem in whole_problems(found.specs)] == [
            'specs/a.yaml:3:5: references[0]: no asset is called "mascott"\n  hint: did you mean "mascot"?'
        ]

    def test_in_turns_are_placed_there(self) -> None:
        text = "turns:\n  - role: user\n    parts: [{image: {asset: nobody}}]\n"
        (problem,) = whole_problems(expanded({"a.yaml": text}).specs)
        assert str(problem.place) == "specs/a.yaml:3:14"

    def test_into_a_file_that_could_not_be_read_are_not_held_against_it(self) -> None:
        specs = the_specs(an_edge("a", "mascot"), an_edge("b", "sheet#one"))
        assert len(whole_problems(specs, ["mascot", "sheet"])) == 2
        assert not whole_problems(specs, ["mascot", "sheet"], partial=True)
        assert [problem.fact for problem in whole_problems(specs, ["mascot"], partial=True)] == [
            'no asset is called "sheet#one"'
        ]

    def test_into_a_file_of_which_one_asset_is_broken_are_not_held_against_it(self) -> None:
        files = {
            "sheet.yaml": "assets:\n  good: {prompt: x}\n  bad: {prompt: x, size: 1}\n",
            "a.yaml": "prompt: x\nreferences: [{asset: sheet#bad}, {asset: nobody}]\n",
        }
        found = expanded({**files, "sheet.yaml": files["sheet.yaml"].replace("size: 1", 'size: "1"')})
        assert len(found.problems) == 1
        problems = whole_problems(found.specs, partial=True)
        assert [problem.fact for problem in problems] == ['no asset is called "nobody"']

    def test_into_a_file_whose_only_asset_is_broken_are_not_held_against_it(self) -> None:
        found = expanded({"mascot.yaml": "prompt: ${x}", "a.yaml": "prompt: x\nreferences: [{asset: mascot}]\n"})
        assert len(found.problems) == 1
        assert not whole_problems(found.specs, found.broken, partial=True)


class TestCollisions:
    """Two assets, one file."""

    def test_of_equal_outputs(self) -> None:
        assert facts(a_spec("a", output="x.png"), a_spec("b", output="x.png")) == ['"x.png" is also the output of a']

    @pytest.mark.parametrize(
        ("one", "other"), [("x/A.png", "X/a.png"), ("caf\u00e9.png", "cafe\u0301.png"), ("straße.png", "STRASSE.png")]
    )
    def test_that_only_some_file_systems_see(self, one: str, other: str) -> None:
        same = f'as "{one}": some file systems see one file'
        if not one.isascii() and one.casefold() != other.casefold():
            same = "the names differ in their Unicode form only, NFC and NFD: some file systems see one file"
        expected = f'"{other}" is also the output of a ({same})'
        assert facts(a_spec("a", output=one), a_spec("b", output=other)) == [expected]

    def test_of_an_output_below_another(self) -> None:
        specs = [a_spec("a", output="x.png/y/b.png"), a_spec("b", output="X.png")]
        assert facts(*specs) == ['"x.png/y/b.png" lies below "X.png", which is the output of b']

    def test_of_an_output_and_a_reference(self) -> None:
        specs = [a_spec("a", output="x.png"), a_spec("b", mask=a_file("X.png"))]
        (problem,) = whole_problems(the_specs(*specs))
        assert problem.fact == '"x.png" is a file that b refers to'
        assert problem.hint == "refer to it as {asset: a}, or choose another output"

    def test_are_placed_at_the_output(self) -> None:
        found = expanded({"a.yaml": "prompt: x\noutput: x.png", "b.yaml": "prompt: x\n\noutput: x.png"})
        assert [str(problem.place) for problem in whole_problems(found.specs)] == ["specs/b.yaml:3:1"]
        assert [problem.hint for problem in whole_problems(found.specs)] == [OUTPUT]

    def test_are_not_seen_where_there_are_none(self) -> None:
        assert facts(a_spec("a", output="x/a.png"), a_spec("b", output="x/b.png"), a_spec("c", output="x.png")) == []
