"""What a row says: figures, and claims with their bounds; kept as JSON, printed, and written to RESULTS.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.machine import Machine, moment
from benchmarks.places import REPOSITORY, RESULTS
from benchmarks.timing import Figure

HEADER = ("what", "wall, median", "lowest to highest", "CPU", "memory", "runs")


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and its bound. `kind`: `most` (value may not pass it), `least` (it must reach it), or `told`: no bound.

    `unit` follows the number: `x` for a ratio, ` s`, ` MB`.
    """

    what: str
    value: float
    bound: float = 0.0
    kind: str = "most"
    unit: str = " x"
    aim: str = ""

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.kind == "told" or (self.value <= self.bound if self.kind == "most" else self.value >= self.bound)


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of work, measured."""

    title: str
    figures: Sequence[Figure] = ()
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()


Rows = Mapping[str, Callable[[], Row]]


def ratio(what: str, ours: Figure, theirs: Figure, bound: float, *, kind: str = "most", aim: str = "") -> Claim:
    """Our median over theirs (`most`), or how many times faster ours is (`least`)."""
    value = theirs.wall / ours.wall if kind == "least" else ours.wall / theirs.wall
    return Claim(what, value, bound, kind, aim=aim)


def save(name: str, row: Row) -> None:
    """Keep a row, so that the others can be run by themselves."""
    kept = {"at": moment(), **asdict(row)}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1))


def load(name: str) -> tuple[str, Row] | None:
    """When a row was last measured, and what came of it."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())
    figures = tuple(Figure(**one) for one in kept["figures"])
    claims = tuple(Claim(**one) for one in kept["claims"])
    return kept["at"], Row(kept["title"], figures, claims, tuple(kept["notes"]))


def seconds(value: float) -> str:
    """Milliseconds below a second."""
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.2f} s"


def verdict(claim: Claim) -> str:
    """The claim as a line: what it is, what it must be, and whether it is."""
    value = f"{claim.value:{',.0f' if claim.value >= 1000 else '.3g'}}{claim.unit}"
    if claim.kind == "told":
        return f"{claim.what}: {value}"
    bound = f"at {claim.kind} {claim.bound:g}{claim.unit}{f', aim {claim.aim}' if claim.aim else ''}"
    return f"{claim.what}: **{value}** ({bound}): {'met' if claim.met else '**not met**'}"


def lines(row: Row, at: str) -> list[str]:
    """A row in Markdown."""
    told = [f"## {row.title}", ""]
    if row.figures:
        told += [_cells(HEADER), _cells("-" * len(HEADER))]
        for one in row.figures:
            spread = f"{seconds(one.low)} to {seconds(one.high)}"
            cells = (one.name, seconds(one.wall), spread, seconds(one.cpu), f"{one.rss:.0f} MB", str(one.runs))
            told.append(_cells(cells))
        told.append("")
    told += [f"- {verdict(claim)}" for claim in row.claims]
    told += [f"- {note}" for note in row.notes]
    return [*told, "", f"Measured {at}.", ""]


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(names: Iterable[str], machine: Machine) -> None:
    """RESULTS.md, from every row that was ever measured here."""
    rows = [(at, row) for at, row in filter(None, map(load, names))]
    bounded = [claim for _, row in rows for claim in row.claims if claim.kind != "told"]
    met = sum(claim.met for claim in bounded)
    told = [
        "# Benchmarks",
        "",
        f"Written by `make bench`; {met} of {len(bounded)} bounds are met. Whole processes in a clean environment, "
        "page cache warm, the contestants of a row taking turns so that what else the machine does hits all alike; "
        "the first round is not counted. CPU is user and system time of the process and its children; memory is the "
        f"peak, which cannot be told below the {machine.floor_mb:.0f} MB of the process that starts the others. "
        "Where the time goes: [docs/performance.md](../docs/performance.md).",
        "",
        *(f"- {fact}" for fact in machine.facts),
        "",
    ]
    for at, row in rows:
        told += lines(row, at)
    (REPOSITORY / "benchmarks" / "RESULTS.md").write_text("\n".join(told).rstrip() + "\n")
