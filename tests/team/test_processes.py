"""Two schedules of eight checkouts as processes on a real server; `make team-sweep` plays hundreds."""

from __future__ import annotations

from pathlib import Path

from tests.team.processes import play_schedules
from tests.team.servers import only_when_wanted, seaweed

only_when_wanted()


def test_nobody_pays_twice_for_what_the_team_has_at_a_real_server(tmp_path: Path) -> None:
    with seaweed(tmp_path) as server:
        bills, violations = play_schedules(2, "slice", server=server)
    assert violations == []
    assert bills >= 16
