"""`python -m benchmarks [--full] [--missing] [ROW…]`: measure, print, write RESULTS.md. It asserts nothing."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import places, table
from benchmarks.machine import machine
from benchmarks.rows import DEFAULT, FULL, GROUPS, NAMES
from benchmarks.timing import Failed


def main() -> int:
    """Exit 1 only if something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="100,000 assets, more runs: about an hour")
    parser.add_argument("--missing", action="store_true", help="only what was not measured on this machine yet")
    parser.add_argument("--show", action="store_true", help="measure nothing: print and write what was measured")
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", choices=[*NAMES, *GROUPS, []], help=", ".join((*NAMES, *GROUPS))
    )
    given = parser.parse_args()
    places.make_places()
    rows = FULL if given.full else {**FULL, **DEFAULT}
    wanted = [name for word in given.rows for name in NAMES if name == word or (word in GROUPS and _of(name, word))]
    chosen = [] if given.show else wanted or list(FULL if given.full else DEFAULT)
    if given.missing:
        chosen = [name for name in chosen if table.load(name) is None]
    failed = [name for name in chosen if not _measure(name, rows)]
    table.write(NAMES, machine())
    print(f"\nwritten: benchmarks/RESULTS.md; the projects stay in {places.DATA}, remove them at any time")
    return 1 if failed else 0


def _of(name: str, group: str) -> bool:
    return name.startswith(f"{group}-")


def _measure(name: str, rows: table.Rows) -> bool:
    print(f"{name} …", file=sys.stderr, flush=True)
    began = time.perf_counter()
    try:
        row = rows[name]()
    except Failed as error:
        print(f"{name}: not measured: {error}", file=sys.stderr)
        return False
    table.save(name, row)
    at, row = table.load(name) or ("", row)
    print("\n".join(table.lines(row, at)), flush=True)
    print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
