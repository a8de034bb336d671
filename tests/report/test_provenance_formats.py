"""No text of a spec, a lockfile or a picture is a formula, a column, markup or a control in a report of origins."""

from __future__ import annotations

import csv
import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.lock.entry import Made
from reconciler.core.provenance.credentials import VALID, CredentialReport
from reconciler.core.provenance.marks import FoundMarks
from reconciler.core.provenance.record import FileOrigin, FileState, ProvenanceFacts, SeenFile, UsedPicture
from reconciler.core.provenance.settings import Terms
from reconciler.core.provenance.source_type import TRAINED
from reconciler.core.provenance.xmp import XmpOrigin
from reconciler.core.specs.spec import RightsFields
from reconciler.core.text import is_hidden
from reconciler.report.formats import FINDING_FORMATS, REPORTS, render
from reconciler.report.provenance.tables import _cell, _csv
from tests.builders import bytes_of

HOSTILE = st.text(max_size=30) | st.sampled_from(
    [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "::error::x",
        "##[error]",
        "a\u202eb",
        "\x1b[31m",
        'q"u,o\r\n"',
        "|`<b>",
    ]
)


def origins(text: str) -> ProvenanceFacts:
    """A file whose every foreign text is this one."""
    one = FileOrigin(
        text or "x",
        bytes_of("a"),
        1,
        (AssetId(text),),
        TRAINED,
        text,
        Made(text, text, text, text),
        None,
        None,
        text,
        text,
        (UsedPicture(bytes_of("b"), path=text), UsedPicture(bytes_of("c"), AssetId(text))),
        RightsFields(text, text, text),
        text,
        Terms(text, text, text, text, text),
    )
    seen = SeenFile(
        FileState.SAME,
        FoundMarks("png", XmpOrigin(text, text, text), True, text),
        CredentialReport(VALID, text, (text,)),
    )
    return ProvenanceFacts((one,), {one.path: seen})


@given(HOSTILE)
def test_hostile_text_is_harmless_in_every_format(text: str) -> None:
    facts = origins(text)
    for format_ in REPORTS["provenance"]:
        printed = render("provenance", format_, facts)
        for line in "\n".join(printed.out).split("\n"):
            assert not any(is_hidden(char) for char in line)
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
    head, row = csv.reader(render("provenance", "csv", facts).out)
    assert len(head) == len(row)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    table = render("provenance", "md", facts).out
    assert len({line.count("|") for line in table}) == 1
    assert "<b>" not in "".join(table)
    for format_ in ("json", "spdx"):
        json.loads("\n".join(render("provenance", format_, facts).out))


def test_its_formats_are_no_lists_of_findings() -> None:
    assert not set(REPORTS["provenance"]) & set(FINDING_FORMATS)


cells = st.text(max_size=6) | st.sampled_from(
    ["", "=1+1", "+a", "-", "@x", "a,b", 'say "a"', "##[error]", "::debug::", "a b"]
)


@given(st.lists(cells, min_size=1, max_size=5))
def test_a_row_of_csv_is_written_as_its_cells_are(row: list[str]) -> None:
    """Most rows are plain, and written as they are; that must not differ from the long way."""
    assert _csv(row) == ",".join(map(_cell, row))
