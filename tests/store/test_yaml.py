"""The YAML loader: what values it gives, where it says they are, and that nothing gets past its limits."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import InvalidInput, Problem
from reconciler.core.specs.document import Document, Path
from reconciler.store.yaml.loader import MAX_ALIASES, MAX_DEPTH, MAX_NODES, MAX_NUMBER, parse
from reconciler.store.yaml.source import MAX_BYTES, PARSERS, Start

Read = Callable[[str | bytes], Document]

SPEC = """\
# a comment with an é
prompt: |
  A lighthouse at dusk, ${mood}.
model: &model gemini
size: "16:9"
references:
  - refs/coast.png
  - asset: 'mascot'
style: [flat-v2, *model]
vars: {mood: calm sea}
base: &base
  quality: high
take: 1
card:
  <<: *base
  freeze: false
"""


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__)
def read(request: pytest.FixtureRequest) -> Read:
    """`parse` over one of the parsers that are there."""
    return lambda text: parse(text.encode() if isinstance(text, str) else text, file="f.yaml", parser=request.param)


def node(document: Document, *path: str | int) -> Any:
    """The value at a path, of any type: indexing Json needs a check of each level."""
    found: Any = document.value
    for part in path:
        found = found[part]
    return found


def problem(read: Read, text: str | bytes) -> Problem:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    (only,) = caught.value.problems
    assert only.place.file == "f.yaml"
    return only


def place(read: Read, text: str | bytes) -> tuple[int, int]:
    found = problem(read, text).place
    return found.line, found.column


def outcome(data: bytes, parser: Start) -> tuple[str, dict[Path, tuple[int, int]]] | None:
    """Value and marks, or None for the one problem that any bad input is."""
    try:
        document = parse(data, file="f.yaml", parser=parser)
    except InvalidInput as error:
        (only,) = error.problems
        assert only.place.line >= 1 and only.place.column >= 1 and only.fact
        return None
    return repr(document.value), dict(document.marks)


def test_both_parsers_are_tested() -> None:
    assert [parser.__name__ for parser in PARSERS] == ["CParser", "PureParser"]


SCALARS = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    "0": 0,
    "012": 12,
    "-7": -7,
    "+7": 7,
    "0o17": 15,
    "0xfF": 255,
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "-1e3": -1000.0,
    "1E-2": 0.01,
    "1.10": 1.1,
    "+.5": 0.5,
    **{text: text for text in ["16:9", "1:1", "yes", "no", "on", "off", "NO", "y", "2026-01-01", "1_000", "0b1", "2K"]},
    **{text: text for text in ["nULL", "tRUE", "-0x1", "0o8", "0x", ".", "+", "1e", "--1", "=", "-.", "1.2.3", "inf"]},
    **{text: text for text in ["<<", "a b", "a#b", "a:b", "http://x/y", "naïve", "😀", "None", "٣"]},
    "'12'": "12",
    '"true"': "true",
    "''": "",
    '"\\u00e9\\n\\0"': "é\n\0",
    "|\n  12": "12\n",
    ">-\n  a\n  b": "a b",
    "a\tb": "a\tb",
    "a\n  b": "a b",
    '! "1"': "1",
}


@pytest.mark.parametrize("text", SCALARS)
def test_scalars(read: Read, text: str) -> None:
    found = node(read(f"k: {text}\n"), "k")
    assert (found, type(found)) == (SCALARS[text], type(SCALARS[text]))


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999", "9" * (MAX_NUMBER + 1)])
def test_numbers_that_nothing_takes(read: Read, text: str) -> None:
    found = problem(read, f"k: {text}\n")
    assert (found.place.line, found.place.column, found.hint) == (1, 4, "quote it")
    assert read(f"k: '{text}'").value == {"k": text}


def test_a_number_may_be_as_long_as_the_limit(read: Read) -> None:
    assert read(f"k: {'9' * MAX_NUMBER}").value == {"k": 10**MAX_NUMBER - 1}


def test_values_and_marks_of_a_spec(read: Read) -> None:
    document = read(SPEC)
    assert document.value == {
        "prompt": "A lighthouse at dusk, ${mood}.\n",
        "model": "gemini",
        "size": "16:9",
        "references": ["refs/coast.png", {"asset": "mascot"}],
        "style": ["flat-v2", "gemini"],
        "vars": {"mood": "calm sea"},
        "base": {"quality": "high"},
        "take": 1,
        "card": {"freeze": False, "quality": "high"},
    }
    marks = document.marks
    assert marks[()] == (2, 1)
    assert marks["prompt",] == (2, 1)
    assert marks["references",] == (6, 1)
    assert marks["references", 0] == (7, 5)
    assert marks["references", 1] == marks["references", 1, "asset"] == (8, 5)
    assert marks["style", 1] == (9, 18)
    assert marks["vars", "mood"] == (10, 8)
    assert marks["card", "freeze"] == (16, 3)
    assert marks["card", "quality"] == (12, 3)  # where it was written
    assert "<<" not in str(list(marks))
    assert len(marks) == 19
    assert list(marks)[3:7] == [("size",), ("references",), ("references", 0), ("references", 1)]
    missing = [("card", "<<"), ("references", 2), ("take", 0), ("size", 0), ("prompt", "x"), ("x",)]
    assert not any(path in marks for path in missing)
    assert str(document.place(("references", 1, "asset", "x"))) == "f.yaml:8:5"


def test_marks_survive_another_process(read: Read) -> None:
    document = read(SPEC)
    assert pickle.loads(pickle.dumps(document)) == document


@pytest.mark.parametrize("text", ["", "\n", "# only words\n", "---\n", "--- ~\n...\n", "%YAML 1.2\n---\n"])
def test_nothing_in_it(read: Read, text: str) -> None:
    document = read(text)
    assert document.value is None
    assert list(document.marks) == [()]
    assert document.place().line


def test_an_empty_document_is_marked_where_it_begins(read: Read) -> None:
    assert read("# c\n--- # d\n\n").marks[()] == (2, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", "x"),
        ("[why?, a?b, a:b]", ["why?", "a?b", "a:b"]),
        ("- 1\n- {}", [1, {}]),
        ("[]", []),
        ("%YAML 1.1\n---\n{}", {}),
    ],
)
def test_any_root(read: Read, text: str, value: Any) -> None:
    assert read(text).value == value


def test_columns_count_characters_and_lines_end_in_three_ways(read: Read) -> None:
    marks = read("é: {😀: 1, b: 2}\r\nc: 3\rd: 4\n").marks
    assert (marks["é", "b"], marks["c",], marks["d",]) == ((1, 11), (2, 1), (3, 1))


# --- aliases and merges


def test_an_alias_is_marked_where_it_stands_and_its_content_where_it_was_written(read: Read) -> None:
    document = read("a: &x {b: [1, 2]}\nc: [*x]\nd: &y 5\ne: *y\n")
    assert document.value == {"a": {"b": [1, 2]}, "c": [{"b": [1, 2]}], "d": 5, "e": 5}
    assert document.marks["c", 0] == (2, 5)
    assert document.marks["c", 0, "b", 1] == document.marks["a", "b", 1] == (1, 15)


def test_the_last_anchor_of_a_name_counts(read: Read) -> None:
    assert read("[&a 1, *a, &a 2, *a]").value == [1, 1, 2, 2]


def test_merge_explicit_keys_win_then_the_first_mapping(read: Read) -> None:
    text = "a: &a {x: 1, y: 1, z: 1}\nb: &b {x: 2, w: 2}\nc:\n  <<: [*b, *a, {v: 3}]\n  y: 4\n"
    document = read(text)
    assert list(node(document, "c").items()) == [("y", 4), ("x", 2), ("w", 2), ("z", 1), ("v", 3)]
    assert document.marks["c", "x"] == (2, 8)
    assert document.marks["c", "y"] == (5, 3)
    assert document.marks["c", "v"] == (4, 17)
    assert read("&a <<: {}\nb: *a").value == {"b": "<<"}
    assert read("&m {<<: {a: &n {b: 1}}, c: *n}").value == {"c": {"b": 1}, "a": {"b": 1}}


def test_a_quoted_merge_key_is_a_key(read: Read) -> None:
    assert read("'<<': 1\n<<: {a: 2}\n").value == {"<<": 1, "a": 2}


BAD_ALIASES = {
    "a: *b": (1, 4, "no anchor &b"),
    "a: *b\nb: &b 1": (1, 4, "no anchor &b"),
    "a: &a [*a]": (1, 8, "inside what it names"),
    "&a {b: [{c: *a}]}": (1, 13, "inside what it names"),
    "&a {<<: *a}": (1, 9, "inside what it names"),
    "<<: 1": (1, 1, "<< takes"),
    "a: &a x\nb:\n  <<: *a": (3, 3, "<< takes"),
    "a: {<<: [{}, []]}": (1, 14, "<< takes"),
    "a: &a {<<: {}}\nb: {c: 1, <<: *a}": (2, 11, "a << itself"),
    "a: &a {<<: {}}\nb: {<<: [{}, *a]}": (2, 14, "a << itself"),
    "<<: {<<: {}}": (1, 1, "a << itself"),
    "<<: {}\n<<: {}": (2, 1, "duplicate key, the first is on line 1"),
    "*a : 1": (1, 1, "a key must be a string"),
}


@pytest.mark.parametrize("text", BAD_ALIASES)
def test_bad_aliases_and_merges(read: Read, text: str) -> None:
    found = problem(read, text)
    *at, words = BAD_ALIASES[text]
    assert [found.place.line, found.place.column] == at
    assert words in found.fact


# --- what is refused


def test_duplicate_keys_name_field_and_first_line(read: Read) -> None:
    found = problem(read, "a:\n  - b: 1\n    c: {}\n    b: 2\n")
    assert str(found) == "f.yaml:4:5: a[0].b: duplicate key, the first is on line 2"


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "~", "? ", "? [a]\n", "? {}\n", "? &a []\n"])
def test_keys_are_strings(read: Read, key: str) -> None:
    found = problem(read, f"x: 0\n{key}: 1\n")
    assert (found.place.line, found.hint) == (2, "quote it")


@pytest.mark.parametrize("tag", ["!!str", "!foo", "!!python/object:os.system", "!<tag:x>", "!", "!e!x", "!%ed%a0%80"])
@pytest.mark.parametrize("tagged", ["x", "[]", "{}"])
def test_tags_are_refused_and_run_nothing(read: Read, tag: str, tagged: str) -> None:
    found = problem(read, f"a: 1\nb: {tag} {tagged}\n")
    assert found.place.line == 2
    assert found.place.column in (4, 5)  # 5: after the ! where the scanner itself gives up


REFUSED = {
    b"a: \xff": (1, 4, "byte 0xff is not UTF-8"),
    b"a: 1\n\xc3\xa9: \xe2\x82": (2, 4, "not UTF-8"),
    b"a: \xed\xa0\x80": (1, 4, "not UTF-8"),
    b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n": (2, 1, "git conflict markers"),
    "a: 1".encode("utf-16"): (1, 1, "UTF-16"),
    b"a: 1\nb: \x00": (2, 4, "U+0000"),
    b"a: '\x1b[31m'": (1, 5, "U+001B"),
    b"a: \x7f": (1, 4, "U+007F"),
    "a: '\x85'".encode(): (1, 5, "U+0085"),
    "é: '\u2028'".encode(): (1, 5, "U+2028"),
    "a: \ufeff".encode(): (1, 4, "U+FEFF"),
    b"a: 1\n---\nb: 1\n": (2, 1, "second document"),
    b"x\n---\ny": (2, 1, "second document"),
    b"%TAG ! tag:x\n---\na": (1, 1, "starts with %"),
    b"# c\r\n%YAML 1.3\r\n---\r\na": (2, 1, "starts with %"),
    b'a: "\\ud800"': (1, None, "invalid Unicode character"),
    b'a: "\\UFFFFFFFF"': (1, None, "invalid Unicode character"),
    b"x: 1\na: [1, {b: 2}\n": (2, 4, "flow sequence"),
    b"x: 1\na: {b: 1\n": (2, 4, "flow mapping"),
    b'x: 1\na: "b\n\n': (2, 4, "end of stream"),
    b"a: 1\n}": (2, 1, ""),
    b"a: b: c": (1, 5, "mapping values are not allowed"),
    b"[a:?b]": (1, None, "found unexpected ':'"),
    b"{a:}": (1, None, "found unexpected ':'"),
    b"a: @b": (1, 4, "cannot start any token"),
}


@pytest.mark.parametrize("data", REFUSED)
def test_what_is_no_yaml_of_ours(read: Read, data: bytes) -> None:
    found = problem(read, data)
    line, column, words = REFUSED[data]
    assert found.place.line == line and column in (None, found.place.column)
    assert words in found.fact


@pytest.mark.parametrize("text", ["\ta: 1", "a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "a: |\n\tx\n", "a: b\n\tc\n"])
def test_tabs_are_told_from_spaces(read: Read, text: str) -> None:
    found = problem(read, text)
    assert found.hint == "indent with spaces"
    assert text.split("\n")[found.place.line - 1].startswith("\t")


HINTS = {
    "a: b: c": 'quote a text that contains ": "',
    "a: `b`": "quote a text that starts with this character",
    'a: "C:\\dir"': "write \\\\ for a backslash",
    'a: "C:\\Users"': "write \\\\ for a backslash",
    "a: [b": "close the bracket",
    "a: 'b": "close the quote",
    "a: !x!y z": "quote a text that starts with !",
    "a: **bold**": "quote a text that starts with this character",
}


@pytest.mark.parametrize("text", HINTS)
def test_hints(read: Read, text: str) -> None:
    found = problem(read, text)
    assert HINTS[text] in found.hint
    assert found.fact[0].islower()


# --- limits


def test_size(read: Read) -> None:
    exactly = b"a: " + b"x" * (MAX_BYTES - 3)
    assert len(node(read(exactly), "a")) == MAX_BYTES - 3
    assert place(read, exactly + b"x") == (1, MAX_BYTES + 1)


@pytest.mark.parametrize(("opening", "step"), [("[", 1), ("{a: ", 4), ("- ", 2), ("? - ", None)])
def test_depth(read: Read, opening: str, step: int | None) -> None:
    if step:
        assert place(read, opening * (MAX_DEPTH + 1)) == (1, MAX_DEPTH * step + 1)
    assert problem(read, opening * 50_000).place.line == 1


def test_depth_is_exact_and_counts_through_aliases(read: Read) -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).value
    half = MAX_DEPTH // 2
    deep = f"a: &a {'[' * half}{']' * half}\nb: "
    rest = MAX_DEPTH - half - 1
    assert read(f"{deep}{'[' * rest}*a{']' * rest}").value
    assert place(read, f"{deep}{'[' * (rest + 1)}*a{']' * (rest + 1)}") == (2, 4 + rest + 1)


def test_aliases(read: Read) -> None:
    text = "a: &a 1\n" + "".join(f"k{n}: *a\n" for n in range(MAX_ALIASES))
    assert len(node(read(text))) == MAX_ALIASES + 1
    assert place(read, text + "last: *a\n") == (MAX_ALIASES + 2, 7)


def test_nodes() -> None:
    items = "\n".join(["- 1"] * (MAX_NODES - 1))  # and the list itself
    assert len(node(parse(items.encode(), file="f"))) == MAX_NODES - 1
    with pytest.raises(InvalidInput) as caught:
        parse(f"{items}\n- 2\n- 3\n".encode(), file="f.yaml")
    (only,) = caught.value.problems
    assert (only.place.line, only.place.column) == (MAX_NODES, 3)


def bomb(levels: int, fan: int, merge: str = "") -> str:
    lines = ["a0: &a0 {x: 1}"]
    for n in range(levels):
        aliases = ", ".join([f"*a{n}"] * fan)
        lines.append(f"a{n + 1}: &a{n + 1} {{{merge}: [{aliases}]}}" if merge else f"a{n + 1}: &a{n + 1} [{aliases}]")
    return "\n".join(lines)


def test_billion_laughs(read: Read) -> None:
    start = time.process_time()
    assert "values, counting what aliases repeat" in problem(read, bomb(7, 9)).fact
    assert problem(read, bomb(9, 7, merge="k")).fact.startswith("more than")
    assert time.process_time() - start < 5


def test_the_merge_bomb(read: Read) -> None:
    text = bomb(16, 9, merge="<<")
    assert len(text) > 725
    found = problem(read, text)
    assert (found.place.line, found.fact) == (3, "<< names a mapping that has a << itself")


def test_nesting_never_ends_the_process() -> None:
    script = (
        "import sys; from reconciler.store.yaml.loader import parse; from reconciler.core.errors import InvalidInput\n"
        "for text in ('[', '{', '- ', '? ', '{a: ', '[{', '&a [', '!', '*a', '<<: {', '? - '):\n"
        "    try: parse((text * 50000).encode(), file='f')\n"
        "    except InvalidInput as e: assert len(e.problems) == 1\n"
        "    else: sys.exit(text)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- properties

PIECES = ["a", "b: ", ": ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a ", "<<: ", "!", "'", '"', "\\", "|\n", ">-\n"]
PIECES += [
    "\n",
    "\n  ",
    " ",
    "# c\n",
    "? ",
    "~",
    "0x1",
    "é",
    "😀",
    "\t",
    "%",
    "@",
    "---\n",
    "...\n",
    "\r\n",
    "\0",
    "1e9",
]
pieces = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from([SPEC, bomb(3, 3), bomb(2, 2, merge="<<")]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(pieces) + text[at + draw(st.sampled_from([0, 1, 2, 10])) :]
    return text.encode()


@settings(max_examples=100)
@given(st.binary(max_size=60) | pieces.map(str.encode) | st.text(max_size=40).map(lambda t: t.encode(errors="replace")))
def test_any_bytes_give_a_document_or_one_problem(data: bytes) -> None:
    for parser in PARSERS:
        outcome(data, parser)


@settings(max_examples=100)
@given(mutated() | pieces.map(str.encode))
def test_both_parsers_give_the_same_answer(data: bytes) -> None:
    fast, pure = (outcome(data, parser) for parser in PARSERS)
    assert fast is None or pure is None or fast == pure


clean = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"))
text_values = clean | st.sampled_from(["", "<<", "null", "16:9", "1", "a\n b", "\t", "\x00\x1f", "- x", "#", "é: "])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**90), 10**90)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text_values,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text_values, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=66)
@given(json_values, st.sampled_from([None, 0, 2, "\t"]), st.sampled_from(PARSERS))
def test_json_reads_as_itself(value: Any, indent: int | str | None, parser: Start) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    document = parse(text.encode(), file="f", parser=parser)
    assert repr(document.value) == repr(value)
    for path, (line, column) in document.marks.items():  # at each mark stands the key, or the value itself
        rest = text.split("\n")[line - 1][column - 1 :]
        shown = path[-1] if path and isinstance(path[-1], str) else node(document, *path)
        assert rest.startswith(json.dumps(shown, ensure_ascii=False)[:1])


@pytest.mark.parametrize("text", ["<<<<<<< \n" * 100_000 + "a: b: c", "# " + "!" * 900_000 + "\n--- !%ff x\n"])
@pytest.mark.parametrize("parser", PARSERS)
def test_an_error_is_found_in_linear_time(parser: Start, text: str) -> None:
    before = time.process_time()
    with pytest.raises(InvalidInput):
        parse(text.encode(), file="f", parser=parser)
    assert time.process_time() - before < 3  # a quadratic search takes minutes


def test_a_conflict_begins_and_ends() -> None:
    begun = b"a: 1\n<<<<<<< x\n"
    for end in (b">>>>>>> y\n", b">>>>>>>\n", b">>>>>>>"):
        with pytest.raises(InvalidInput, match="conflict"):
            parse(begun + end, file="f")
    for text in (begun, begun + b" >>>>>>> y", b">>>>>>> y\n" + begun):
        with pytest.raises(InvalidInput) as found:
            parse(text, file="f")
        assert "conflict" not in str(found.value)


@pytest.mark.parametrize("parser", PARSERS)
def test_a_byte_order_mark_says_nothing(parser: Start) -> None:
    plain, marked = (parse(head + b"a: [1, x]\n", file="f", parser=parser) for head in (b"", b"\xef\xbb\xbf"))
    assert (plain.value, dict(plain.marks)) == (marked.value, dict(marked.marks))
