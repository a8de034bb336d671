"""One module for each kind of work; each function measures one row and says what its bounds are."""

from __future__ import annotations

from functools import partial

from benchmarks.rows import (
    batches,
    cold,
    command,
    derived,
    drafts,
    growth,
    noop,
    paid,
    pool,
    startup,
    team,
    team_transfer,
)
from benchmarks.table import Rows

DEFAULT: Rows = {
    "startup": startup.startup,
    "warm-1k": noop.thousand,
    "warm-10k": noop.ten_thousand,
    "plan-one": noop.plan_one,
    "cold": cold.cold,
    "growth": partial(growth.growth, (1_000, 3_000, 10_000, 30_000), cold=(1_000, 3_000, 10_000), runs=7),
    "drafts": partial(drafts.drafts, runs=3),
    "apply": partial(paid.apply, runs=3),
    "memory": partial(paid.memory, runs=1),
    "batch": partial(batches.batches, runs=1),
    "command": partial(command.command, runs=1),
    "derive": partial(derived.ladder, 40, runs=1),
    "derive-width": partial(derived.one_more_width, 1_000),
    "derive-check": partial(derived.warm_check, 10_000),
    "derive-memory": derived.memory,
    "atlas": derived.atlas,
    "team-transfer": partial(team_transfer.transfer, 1_000, runs=3),
    "team": partial(team.team, runs=3),
}
"""What `make bench` runs."""

FULL: Rows = {
    **DEFAULT,
    "warm-100k": noop.hundred_thousand,
    "growth": partial(
        growth.growth,
        (1_000, 3_000, 10_000, 30_000, 100_000),
        cold=(1_000, 3_000, 10_000, 30_000, 100_000),
        runs=7,
    ),
    "drafts": partial(drafts.drafts, runs=7),
    "apply": partial(paid.apply, runs=7),
    "memory": partial(paid.memory, runs=3),
    "pool": partial(pool.pool, 3_000, runs=3),
    "pool-100k": partial(pool.pool, 100_000, runs=1),
    "derive": partial(derived.ladder, 200, runs=1),
}
"""What `make bench FULL=1` runs: about an hour."""

GROUPS = ("team",)
"""Words that stand for every row whose name begins with them and a hyphen."""
NAMES = (
    "startup",
    "warm-1k",
    "warm-10k",
    "warm-100k",
    "plan-one",
    "cold",
    "growth",
    "apply",
    "memory",
    "batch",
    "command",
    "pool",
    "pool-100k",
    "drafts",
    "derive",
    "derive-width",
    "derive-check",
    "derive-memory",
    "atlas",
    "team-transfer",
    "team",
)
"""The order in which the table shows them."""
