"""The mutation tests themselves: which faults there are, how few are drawn, and that each is found or reported."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutate.__main__ import (
    ARGUED,
    MODULES,
    RELATED,
    ROOT,
    Found,
    Suite,
    Verdict,
    as_row,
    chosen,
    folder_of,
    judged,
    passes,
    read_argued,
    suites_of,
    table,
)
from tests.mutate.operators import Mutant, is_sound, mutants

SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for name in MODULES
    for path in sorted((ROOT / "reconciler" / name).rglob("*.py"))
}


def changes(source: str) -> set[tuple[str, str]]:
    found = list(mutants("m.py", source))
    assert all(is_sound(mutant, source) for mutant in found)
    return {(mutant.before, mutant.after) for mutant in found}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("x = a < b", "x = a < b", "x = a <= b"),
        ("x = a is not b", "x = a is not b", "x = a is b"),
        ("x = a not in b", "x = a not in b", "x = a in b"),
        ("x = a and (b or c)", "x = a and (b or c)", "x = a or (b or c)"),
        ("x = a and (b or c)", "x = a and (b or c)", "x = a and (False or c)"),
        ("x = not (a or b)", "x = not (a or b)", "x = (a or b)"),
        ("x = a - b", "x = a - b", "x = b - a"),
        ("x = 20", "x = 20", "x = 21"),
        ("def f(a=True): pass", "True", "False"),
        ("x = [a for a in b if a]", "x = [a for a in b if a]", "x = [a for a in b if True]"),
        ("if a: f()", "a", "False"),
        ("if a: f()", "f()", "pass"),
        ("f(a, b)", "f(a, b)", "f(b, a)"),
        ("f(a, b=c)", "f(a, b=c)", "f(a)"),
        ("x = f(b=c)", "x = f(b=c)", "x = f()"),
        ("x = isinstance(a, B | C)", "x = isinstance(a, B | C)", "x = isinstance(a, C)"),
        ("x = min(a)", "x = min(a)", "x = max(a)"),
        ("match a:\n  case B(): f()", "B()", "B() if False"),
        ("try: f()\nexcept E: pass", "E", "()"),
        ("def f():\n  raise E", "raise E", "pass"),
        ("x = 'é' == a  # é", "x = 'é' == a", "x = 'é' != a"),
    ],
)
def test_a_fault_of_each_kind(source: str, before: str, after: str) -> None:
    assert (before, after) in changes(source)


def test_what_no_test_can_see_is_left_alone() -> None:
    assert changes('"""Says 1."""\nx: Literal[1]\nassert x\ny = f"{1}"\n@f(1)\ndef g() -> Literal[1]: ...') == set()


def test_a_mutant_says_where_it_is() -> None:
    (found,) = mutants("m.py", "class A:\n  def f(self):\n    return 1\n")
    assert (str(found), found.function) == ("m.py:3  return 1  ->  return 2", "A.f")


def test_mutants_that_look_alike_are_numbered() -> None:
    found = mutants("m.py", "def f():\n  g()\n  g()\n")
    assert [(mutant.line, mutant.function) for mutant in found] == [(2, "f"), (3, "f #2")]


def test_the_same_few_are_drawn_again_and_another_seed_draws_others() -> None:
    source = {"m.py": SOURCES["reconciler/core/plan/decide.py"]}
    drawn = chosen(source, count=10, seed=0)
    assert (chosen(source, count=10, seed=0), len(drawn)) == (drawn, 10)
    assert chosen(source, count=10, seed=1) != drawn
    moved = chosen({"m.py": "\n\n" + source["m.py"]}, count=10, seed=0)
    assert [one.key for one in moved] == [one.key for one in drawn], "where a line stands draws nothing else"


def test_every_module_has_its_tests_and_they_exist() -> None:
    assert len(SOURCES) > 20
    for file, source in SOURCES.items():
        for mutant in mutants(file, source):
            assert folder_of(mutant)
    for groups in RELATED.values():
        assert all((ROOT / path).exists() for paths in groups for path in paths.split())


def test_what_was_found_is_not_tried_again(tmp_path: Path) -> None:
    first, second, third = chosen({"m.py": SOURCES["reconciler/core/plan/decide.py"]}, count=3, seed=0)
    found = Found(tmp_path / "found.jsonl", [first, second, third])
    assert found.before == []
    found.note(first, Verdict.KILLED, 1.04)
    found.note(second, Verdict.SURVIVED, 2.0)
    found.note(third, Verdict.TIMED_OUT, 3.0)
    assert Found(tmp_path / "found.jsonl", [first, second, third]).before == [
        (first, Verdict.KILLED, 1.0),
        (third, Verdict.TIMED_OUT, 3.0),
    ]


def test_the_tests_of_a_modules_name_come_first() -> None:
    (mutant,) = mutants("reconciler/engine/lane/limits.py", "x = 1")
    quick, others = suites_of(mutant)
    assert quick == ("tests/engine/test_limits.py", "tests/engine")
    assert "tests/cli/test_money.py" in others[0].split()


def test_a_row_of_the_page_is_read_as_the_mutant_that_it_was_written_for() -> None:
    found = list(mutants("m.py", "x = a | b\ny = f(b=1)\n"))
    assert any("|" in mutant.before for mutant in found)
    page = "\n".join(["| file | change |", "|---|---|", *map(as_row, found)])
    assert read_argued(page) == {mutant.key for mutant in found}


def test_every_row_of_the_page_has_an_argument() -> None:
    rows = [line for line in ARGUED.read_text().splitlines() if line.startswith("| `reconciler/")]
    assert len(read_argued("\n".join(rows))) == len(rows)
    assert all(len(row.rsplit("|", 2)[1].strip()) > 10 for row in rows)


SOURCE = "def larger(a, b):\n    return a > b\n"


def a_tree(folder: Path, *, source: str = SOURCE) -> Path:
    (folder / "m.py").write_text(source)
    (folder / "test_m.py").write_text("from m import larger\ndef test_larger(): assert larger(2, 1)\n")
    return folder


def larger_is_two(tree: Path, tests: Suite) -> bool:
    """Plays pytest: whether the functions in the tree are right about two numbers."""
    names: dict[str, Callable[[int, int], bool]] = {}
    exec((tree / "m.py").read_text(), names)
    if "while True" in (tree / "m.py").read_text():
        raise subprocess.TimeoutExpired("pytest", tests.limit)
    return names["larger"](2, 1)


def test_a_fault_is_found_or_reported_and_the_tree_is_as_before(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    found = {mutant.after: mutant for mutant in mutants("m.py", SOURCE)}
    survivor = found["return a >= b"]
    killed = Mutant("m.py", 2, "larger", "", "", SOURCE.index(">"), SOURCE.index(">") + 1, "<")
    start = SOURCE.index("return")
    hangs = Mutant("m.py", 2, "larger", "", "", start, start, "while True: pass\n    ")
    results = [
        (one, judged(tree, one, SOURCE, [Suite(("test_m.py",))], passes=larger_is_two), 1.0)
        for one in (survivor, killed, hangs)
    ]
    assert [verdict for _, verdict, _ in results] == [Verdict.SURVIVED, Verdict.KILLED, Verdict.TIMED_OUT]
    assert (tree / "m.py").read_text() == SOURCE
    assert [line.split() for line in table(results, {survivor.key})][-1] == ["all", "3", "1", "1", "1", "0", "3"]
    assert [line.split() for line in table(results, set())][-1] == ["all", "3", "1", "1", "0", "1", "3"]


@pytest.mark.timeout(600)  # it starts pytest, which takes as long as the machine is busy
def test_pytest_runs_on_the_modules_of_the_tree(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, source=SOURCE.replace(">", "<"))
    assert not passes(tree, Suite(("test_m.py",)))
    assert "assert larger(2, 1)" in (tree / "output.txt").read_text()


def test_tests_that_take_too_long_are_ended(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        passes(a_tree(tmp_path), Suite(("test_m.py",), limit=0.0))
