"""The progress of an apply: money, time and requests, in lines that stay few where assets are many."""

from __future__ import annotations

import pytest

from reconciler.cli.event_lines import EventLines
from reconciler.cli.progress import Plain
from reconciler.cli.tally import Tally, duration
from reconciler.core.digest import AssetId
from reconciler.core.events import Ended, Event, Failed, Noted, Published, Requested, Started, Stored
from reconciler.core.lock.lockfile import Made
from reconciler.report.plan_view import Verbosity
from tests.builders import AT, a_request, a_spec, an_entry, bytes_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def requested(name: str, attempt: str = "") -> Requested:
    return a_request(name, attempt=attempt or name)


def stored(name: str, cost: str = "0.04 USD") -> Stored:
    request = requested(name)
    return Stored(name, request.asset, request.key, bytes_of(name), Made("gravitex", AT, cost=cost))


def published(name: str) -> Published:
    return Published(AssetId(name), an_entry(a_spec(name)), "made")


def test_money_is_spent_when_an_image_is_stored_and_flight_ends_there() -> None:
    tally = Tally(9, clock=Clock())
    for event in (requested("a"), requested("b"), requested("c"), stored("a"), Ended("b", AssetId("b"), "Refused", "")):
        tally.record(event)
    assert tally.numbers() == "0.04 USD spent, 1 in flight"
    assert tally.names(60) == "c"


def test_an_asset_that_waits_for_a_slot_is_not_in_flight() -> None:
    tally = Tally(9, clock=Clock())
    tally.record(Started(AssetId("a"), "generate"))
    assert tally.names(60) == "a"
    tally.record(requested("b"))
    assert tally.names(60) == "b"


def test_a_request_in_doubt_is_not_in_flight() -> None:
    tally = Tally(9, clock=Clock())
    tally.record(requested("a"))
    tally.record(Failed(AssetId("a"), "InDoubt", "no response"))
    assert (tally.in_flight, tally.ended) == ([], 1)


@pytest.mark.parametrize(("width", "shown"), [(60, "a0, a1, a2 and 2 more"), (20, "a0, a1 and 3 more"), (5, "")])
def test_as_many_names_are_shown_as_fit(width: int, shown: str) -> None:
    tally = Tally(9, clock=Clock())
    for number in range(5):
        tally.record(requested(f"a{number}"))
    assert tally.names(width) == shown


def test_the_time_left_follows_the_pace() -> None:
    clock = Clock()
    tally = Tally(10, clock=clock)
    for name in ("a", "b"):
        tally.record(requested(name))
    assert tally.seconds_left is None
    clock.now = 10.0
    tally.record(published("a"))
    tally.record(requested("c"))
    tally.record(stored("x"))
    assert tally.seconds_left == pytest.approx(10 / 2 * 8)
    assert tally.numbers().endswith("2 in flight, about 40 s left")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (3540, "59 min"), (7500, "2 h 5 min")]
)
def test_a_duration_has_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def printed(
    capsys: pytest.CaptureFixture[str], events: list[Event], total: int, *, verbosity: Verbosity = Verbosity.NORMAL
) -> list[str]:
    display = Plain(total, verbosity, clock=Clock())
    for event in events:
        display.record(event)
    return capsys.readouterr().err.splitlines()


def test_many_assets_have_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[Event] = []
    for number in range(150):
        events += (requested(f"a{number}"), stored(f"a{number}"), published(f"a{number}"))
    assert printed(capsys, events, 150) == [
        "[30/150] 1.2 USD spent",
        "[60/150] 2.4 USD spent",
        "[90/150] 3.6 USD spent",
        "[120/150] 4.8 USD spent",
    ]
    assert len(printed(capsys, events, 150, verbosity=Verbosity.VERBOSE)) == 150
    assert printed(capsys, events, 150, verbosity=Verbosity.QUIET) == []


def test_few_assets_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    events: list[Event] = [published("a"), Failed(AssetId("b"), "Refused", "no")]
    assert printed(capsys, events, 2) == ["[1/2] made a -> assets/a.png", "[2/2] failed b"]


def test_a_slow_apply_of_many_reports_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    display = Plain(1000, Verbosity.NORMAL, clock=clock)
    for number in range(4):
        clock.now += 31.0
        display.record(published(f"a{number}"))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["[2/1000]", "[4/1000]"]


def test_failures_of_many_are_named_at_first_and_those_with_a_paid_image_always() -> None:
    lines = EventLines(150, Verbosity.NORMAL)
    shown = [lines.line(Failed(AssetId(f"a{number}"), "NotSent", "")) for number in range(5)]
    assert shown == ["failed a0", "failed a1", "failed a2", "", ""]
    paid = Failed(AssetId("p"), "DiskError", "the paid bytes are in /tmp/p")
    assert lines.line(paid) == "failed p: the paid bytes are in /tmp/p"
    assert EventLines(150, Verbosity.QUIET).line(paid)


def test_notices_are_shown_at_once_unless_quiet() -> None:
    note = Noted(AssetId("a"), "retrying in 3 s")
    assert EventLines(150, Verbosity.NORMAL).line(note) == "  a: retrying in 3 s"
    assert EventLines(150, Verbosity.QUIET).line(note) == ""
