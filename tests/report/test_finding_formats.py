"""Lists of findings in each format: golden texts, the limits of the platforms, and hostile text that stays text."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cmarkgfm
import jsonschema
import junitparser
import pytest

from reconciler.core.errors import InvalidInput, LockfileError, Place, Problem
from reconciler.core.plan.findings import RULES, Finding, Level, a_finding
from reconciler.core.text import is_hidden, printable
from reconciler.core.value import replace
from reconciler.report.findings.github import MAX_ANNOTATIONS
from reconciler.report.findings.listed import Covered, FindingList, PictureLinks, Surroundings
from reconciler.report.findings.markdown import picture_look
from reconciler.report.findings.markdown_text import code
from reconciler.report.findings.sarif import MAX_RESULTS
from reconciler.report.formats import FINDING_FORMATS, FINDINGS, list_printed
from tests.report.every_rule import every_rule, golden, shown

SARIF = json.loads((Path(__file__).parents[1] / "formats/sarif-2.1.0.schema.json").read_text())
ANNOTATION = re.compile(r"::(error|warning|notice) (?:file=([^,:]*),line=(\d+)(?:,col=\d+)?,)?title=([^,:]*)::(.*)")


def text(format_: str, listed: FindingList) -> str:
    return "".join(f"{line}\n" for line in list_printed(format_, listed).out)


@functools.cache
def many(count: int, *, level: Level = Level.ERROR) -> FindingList:
    found = (a_finding("stale", f"a{n}", "prompt changed", place=Place(f"specs/a{n}.yaml", 1, 1)) for n in range(count))
    assets = tuple(Covered(name, f"specs/{name}.yaml") for name in (f"a{n}" for n in range(count)))  # type: ignore[arg-type]  # an id is a string
    return FindingList("check", "some to do", tuple(replace(each, level=level) for each in found), assets)


@pytest.mark.parametrize("format_", FINDING_FORMATS)
def test_golden(format_: str) -> None:
    assert shown(format_) == golden(format_).read_text(), "if that is right: python -m tests.report.every_rule"


def test_the_golden_list_has_every_rule() -> None:
    assert {each.rule for each in every_rule().findings} == set(RULES)


def test_sarif_is_valid_and_every_result_has_a_place_and_a_fingerprint() -> None:
    report = json.loads(text("sarif", every_rule()))
    jsonschema.Draft4Validator(SARIF).validate(report)
    (run,) = report["runs"]
    assert len(run["results"]) == len(every_rule().groups())
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uriBaseId"] == "SRCROOT"
        assert location["physicalLocation"]["artifactLocation"]["uri"].startswith("art/")
        assert result["partialFingerprints"]


def test_junit_has_a_case_for_each_asset(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(text("junit", every_rule()))
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "report.xml"))
    cases = {case.name: case for case in suite}
    assert {one.asset for one in every_rule().assets} < set(cases)
    failed = [case for case in cases.values() if any(isinstance(one, junitparser.Failure) for one in case.result)]
    assert (suite.tests, suite.failures) == (len(cases), len(failed))
    assert [one.type for one in cases["hero"].result] == ["stale"]
    assert cases["hero"].classname == "specs/hero.yaml"


def test_no_two_results_of_gitlab_have_one_fingerprint() -> None:
    twice = replace(every_rule(), findings=every_rule().findings * 2)
    marks = [each["fingerprint"] for each in json.loads(text("gitlab", twice))]
    assert len(marks) == len(set(marks)) and all(re.fullmatch("[0-9a-f]{64}", mark) for mark in marks)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("count", [9, 10, 11, 300])
def test_github_gets_at_most_ten_annotations_of_a_kind_and_the_last_counts_the_rest(count: int, level: Level) -> None:
    lines = text("github", many(count, level=level)).splitlines()
    assert len(lines) == min(count, MAX_ANNOTATIONS)
    assert ("more" in lines[-1]) == (count > MAX_ANNOTATIONS)
    if count > MAX_ANNOTATIONS:
        assert f"and {count - 9} more" in lines[-1]


def test_one_line_that_makes_many_assets_stale_is_one_annotation() -> None:
    listed = many(300)
    same = replace(
        listed, findings=tuple(replace(each, place=Place("specs/_styles.yaml", 2, 3)) for each in listed.findings)
    )
    (line,) = text("github", same).splitlines()
    assert "a0 and 299 more assets: prompt changed" in line and "file=specs/_styles.yaml,line=2," in line


def test_sarif_and_gitlab_have_a_bound_and_say_how_many_are_left() -> None:
    listed = many(MAX_RESULTS + 7)
    (run,) = json.loads(text("sarif", listed))["runs"]
    assert len(run["results"]) == MAX_RESULTS
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "and 7 more findings"
    *results, last = json.loads(text("gitlab", listed))
    assert len(results) == MAX_RESULTS and last["description"] == "and 7 more findings"


@pytest.mark.parametrize("room", [2_000, 60_000, 900_000])
def test_markdown_stays_within_its_room_and_counts_the_rest(room: int) -> None:
    listed = replace(many(30_000), around=Surroundings(room=room))
    written = text("markdown", listed)
    assert len(written.encode()) <= room
    left = re.search(r"and ([\d,]+) more findings", written)
    shown_rows = written.count("\n| `a")
    assert left is not None and shown_rows + int(left[1].replace(",", "")) == 30_000


@pytest.mark.parametrize("format_", FINDING_FORMATS)
def test_ten_thousand_findings_take_half_a_second(format_: str) -> None:
    listed = many(10_000)
    began = time.process_time()
    list_printed(format_, listed)
    assert time.process_time() - began < 0.5


def test_no_findings_are_no_annotation_and_one_line() -> None:
    clean = FindingList("check", "nothing to do: 3 assets up to date", ())
    assert text("github", clean) == ""
    assert text("gitlab", clean) == "[]\n"
    assert text("markdown", clean) == "### reconciler check: nothing to do: 3 assets up to date\n"
    assert json.loads(text("sarif", clean))["runs"][0]["results"] == []
    assert ET.fromstring(text("junit", clean)).get("failures") == "0"


def test_an_image_is_shown_where_everybody_may_see_it_and_linked_elsewhere() -> None:
    public = PictureLinks("https://raw.githubusercontent.com/o/r/abc/", "https://github.com/o/r/pull/7/files")
    assert picture_look("assets/a b.png", "art/", public) == (
        '<img width="96" alt="" src="https&#58;&#47;&#47;raw&#46;githubusercontent&#46;com&#47;o&#47;r&#47;abc&#47;'
        'art&#47;assets&#47;a&#37;20b&#46;png">'
    )
    private = PictureLinks("", "https://github.com/o/r/pull/7/files")
    digest = hashlib.sha256(b"art/assets/hero.png").hexdigest()
    compared = f"[compare](https://github.com/o/r/pull/7/files#diff-{digest})"
    assert picture_look("assets/hero.png", "art/", private) == compared
    assert picture_look("assets/hero.png", "", PictureLinks()) == ""


PIECES = (
    "::error::", "::set-output name=a::b", "##[error]", "##vso[task.complete]", "##teamcity[x]", "%0A", "%", "\n",
    "\r", "\r\n", "\t", "\x00", "\x1b[31m", "\x85", "\u2028", "\u202e", "\u200b", "\ud800", "\ufffe", "\U000e0041",
    "]]>", "<!--", "-->", "<", ">", "&", "&#64;", "&lt;", '"', "'", "|", "\\|", "\\", "\\\\|", "`", "``", "```",
    "~~~", "*", "**", "_", "~~", "@team", "#1", "GH-1", "http://e.example", "www.e.example", "a@b.example",
    "![x](https://e.example/x.png)", "[x](javascript:x)", "<img src=x onerror=y>", "<script>", "</code>", "</td>",
    "</details>", "<a href=x>", "$(x)", "${{ x }}", ",", ":", ";", "=", " ", "word", "é", "漢", "🎨", "| --- |", "\\`",
    "&#124;",
)  # fmt: skip


def hostile(count: int) -> list[str]:
    """Strings of pieces that mean something to one of the readers."""
    draw = random.Random(16)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(draw.choices(PIECES, k=draw.randint(1, 8)))] = None
    return list(found)


def about(texts: list[str]) -> FindingList:
    """A list whose every text is hostile."""
    found = [
        Finding(
            "stale", Level.ERROR, each, Place(f"specs/{each}.yaml", n + 1, 1), each, each, f"{n}", details=(each, each)
        )
        for n, each in enumerate(texts)
    ]
    assets = tuple(Covered(each, f"specs/{each}.yaml") for each in texts)  # type: ignore[arg-type]  # an id is a string
    return FindingList("check", "to do", tuple(found), assets, around=Surroundings(room=1 << 40))


HOSTILE = hostile(2_500)


def is_harmless(written: str) -> bool:
    return (
        not any(is_hidden(char) for char in set(written) - {"\n"}) and "##[" not in written and "##vso[" not in written
    )


@pytest.mark.parametrize("start", range(0, 2_500, 500))
def test_hostile_text_starts_no_workflow_command(start: int) -> None:
    for at in range(start, start + 500, MAX_ANNOTATIONS):
        lines = text("github", about(HOSTILE[at : at + MAX_ANNOTATIONS])).split("\n")[:-1]
        assert len(lines) == MAX_ANNOTATIONS
        for line, given in zip(lines, HOSTILE[at : at + MAX_ANNOTATIONS], strict=True):
            found = ANNOTATION.fullmatch(line)
            assert found is not None and is_harmless(line)
            assert unescaped(found[2]) == printable(f"specs/{given}.yaml")
            assert printable(given) != given or unescaped(found[5]).count(given) >= 3


def unescaped(found: str) -> str:
    return re.sub("%(2C|3A|0A|0D|25)", lambda code: chr(int(code[1], 16)), found)


def test_hostile_text_leaves_json_and_xml_whole() -> None:
    listed = about(HOSTILE)
    for format_ in ("gitlab", "sarif"):
        written = text(format_, listed)
        assert is_harmless(written)
        json.loads(written)
    written = text("junit", listed)
    assert is_harmless(written)
    root = ET.fromstring(written)
    messages = [case.get("message") for case in root.iter("failure")]
    assert messages == [printable(each) for each in HOSTILE]


class Cells(HTMLParser):
    """The texts of the cells of tables, by row, and the tags that occur."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_hostile_text_leaves_a_table_whole_and_is_nothing_but_text() -> None:
    written = text("markdown", about(HOSTILE))
    assert is_harmless(written)
    reader = Cells()
    reader.feed(cmarkgfm.github_flavored_markdown_to_html(written))
    assert reader.tags <= {"h3", "table", "thead", "tbody", "tr", "th", "td", "code", "br", "p", "details", "summary"}
    rows = [row for row in reader.rows if row]
    assert len(rows) == 2_500 and {len(row) for row in rows} == {4}
    for row, given in zip(rows, HOSTILE, strict=True):
        wanted = printable(" ".join(given.split()))
        assert row[0] == wanted, given
        assert row[2] == " ".join(filter(None, (wanted, wanted))) + wanted


@pytest.mark.parametrize("given", ["a|b", "`", "a\\", "\\|", "x" * 5_000])
def test_text_as_code_is_one_cell(given: str) -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(f"| a |\n| --- |\n| {code(given)} |\n")
    assert html.count("<td>") == 1


def facts_of(name: str) -> Callable[[Any], FindingList]:
    module, _, function = FINDINGS[name].partition(":")
    found: Callable[[Any], FindingList] = getattr(import_module(f"reconciler.report.{module}"), function)
    return found


ERRORS = (
    InvalidInput([Problem(Place("specs/a.yaml", 1, 2), "size", "is wrong")]),
    LockfileError("assets.lock:3: not JSON", hint="mend it"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_end_of_a_command_that_failed_is_a_finding(error: Any) -> None:
    listed = facts_of("error")(error)
    assert [each.rule for each in listed.findings] == ["invalid-spec"]
    assert json.loads(text("sarif", listed))["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert text("markdown", listed).startswith("### reconciler: 1 problem\n")
