"""A day with a model that answers JPEG, ignores the ratio twice and fails once: twenty applies, and the bill.

`python -m tests.cli.day` runs it against the billing gateway and prints the bill.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reconciler.testing.gateway import Gateway, running
from tests.forked.program import program

PRO = "gemini-3-pro-image"
LOOPS = 20
SPECS: Mapping[str, Mapping[str, Any]] = {
    "hero": {"prompt": "a lighthouse", "size": "16:9"},
    "sword": {"prompt": "a sword", "size": "1:1"},
    "banner": {"prompt": "a banner", "size": "16:9"},
    "portrait": {"prompt": "a portrait", "size": "3:4"},
    "crow": {"prompt": "a crow", "size": "1:1"},
}
FAULTS = {"a banner": ("wrong_ratio",), "a portrait": ("wrong_ratio",), "a crow": ("empty_data", "ok")}


@dataclass(frozen=True)
class Row:
    """One command: its exit code, and how many requests were received and charged until it ended."""

    what: str
    code: int
    requests: int
    charged: str


@dataclass(frozen=True)
class Day:
    """The project and the gateway of one day."""

    root: Path
    gateway: Gateway

    def run(self, what: str, *arguments: str) -> Row:
        env = {**os.environ, "SHOP_KEY": self.gateway.key, "RECONCILER_TRUSTED_KEYS": "SHOP_KEY"}
        env.pop("CI", None)
        command = [str(program()), *arguments]
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        ledger = self.gateway.ledger
        return Row(what, done.returncode, len(ledger.requests), f"{ledger.amount} USD")

    def spec(self, name: str, **changes: Any) -> None:
        (self.root / f"specs/{name}.yaml").write_text(json.dumps({**SPECS[name], **changes}))


def set_up(root: Path, gateway: Gateway) -> Day:
    """The project of the day, and the moods of its model."""
    provider = {"type": "gravitex", "base_url": gateway.url(), "api_key_env": "SHOP_KEY", "concurrency": 1}
    project = {"provider": "shop", "providers": {"shop": provider}, "defaults": {"model": PRO}}
    (root / "specs").mkdir(parents=True)
    (root / "reconciler.yaml").write_text(json.dumps(project))
    day = Day(root, gateway)
    for name in SPECS:
        day.spec(name)
    for words, names in FAULTS.items():
        gateway.when(words, *names)
    return day


def rows(day: Day, loops: int) -> Iterator[Row]:
    """The commands of the day, one after the other; the first is given so many times."""
    for number in range(1, loops + 1):
        yield day.run(f"apply --yes, number {number}", "apply", "--yes")
    day.spec("hero", size="16:9", output="assets/hero.jpg")
    yield day.run("hero.png becomes hero.jpg", "apply", "--yes")
    day.spec("portrait", size="4:3")
    yield day.run("the spec of the portrait says the ratio that came", "apply", "--yes")
    yield day.run("the banner is taken as it is", "choose", "banner", "1")
    yield day.run("the crow is paid for again, with consent", "apply", "--yes", "--retry-failed")
    yield day.run("check", "check")


def bill(tell: Callable[[str], object], *, loops: int = LOOPS) -> tuple[Row, ...]:
    """Run the day, and tell its bill."""
    with TemporaryDirectory() as folder, running() as gateway:
        day, done = set_up(Path(folder), gateway), []
        for row in rows(day, loops):
            tell(f"{row.what:<50} exit {row.code}   {row.requests} requests   {row.charged}")
            done.append(row)
        tell("")
        for entry in gateway.ledger.requests:
            tell(f"  {entry.prompt:<14} {entry.wanted:<24} {entry.fault:<12} {entry.amount} USD")
    return tuple(done)


if __name__ == "__main__":
    bill(lambda line: sys.stdout.write(f"{line}\n"))
