"""Checkouts of one project that apply at once, as processes, against the billing fake.

python -m tests.team.at_once [--peers 3] [--recipes 40] [--seconds 1] [--kill 8]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.core.team.bucket import Bucket
from reconciler.core.team.layout import claim_of
from reconciler.core.team.store_url import StoreUrl, parse_store_url
from reconciler.team.directory_bucket import DirectoryBucket
from reconciler.team.object_bucket import open_object_bucket
from reconciler.testing.gateway.launch import Gateway, running
from tests.team.servers import Server

COMMAND = (str(Path(sys.executable).with_name("reconciler")),)


class Team:
    """Checkouts below `folder`. The team's store is in a directory, or at a server below a name."""

    def __init__(
        self,
        folder: Path,
        fake: Gateway,
        *,
        recipes: int,
        server: Server | None = None,
        below: str = "",
        team: bool = True,
    ) -> None:
        self.folder = folder
        self.fake = fake
        (folder / "bucket").mkdir(exist_ok=True)
        self.url = f"{server.url}/{below}" if server is not None else f"file://{folder}/bucket"
        self._server = server
        self._recipes = recipes
        self._team = team
        (folder / "gitconfig").write_text("[user]\n\temail = ana@acme\n")

    @property
    def environ(self) -> Mapping[str, str]:
        given = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_RUN_ID")}
        own = {
            "SHOP_KEY": self.fake.key,
            "RECONCILER_TRUSTED_KEYS": "SHOP_KEY",
            "RECONCILER_TRUSTED_STORES": self.url,
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
        }
        return {**given, **own, **(self._server.environ if self._server is not None else {})}

    def checkout(self, name: str) -> Path:
        root = self.folder / name
        (root / "specs").mkdir(parents=True)
        shop = {"type": "gravitex", "base_url": self.fake.url(), "api_key_env": "SHOP_KEY", "concurrency": 8}
        project = {
            "provider": "shop",
            "providers": {"shop": shop},
            "defaults": {"model": "gemini-2.5-flash-image", "size": "1:1"},
            **({"team": {"url": self.url, "receipts": "any"}} if self._team else {}),
        }
        (root / "reconciler.yaml").write_text(json.dumps(project))
        assets = {f"i{number:04}": {"prompt": f"icon number {number}"} for number in range(self._recipes)}
        (root / "specs" / "icons.yaml").write_text(json.dumps({"assets": assets}))
        return root

    def start(self, root: Path, *arguments: str) -> subprocess.Popen[str]:
        command = [*COMMAND, *(arguments or ("apply", "--yes"))]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=root, env=self.environ, text=True, **streams)  # type: ignore[call-overload,no-any-return]  # the keywords of Popen

    def run(self, root: Path, *arguments: str) -> tuple[int, str, str]:
        process = self.start(root, *arguments)
        out, err = process.communicate()
        return process.returncode, out.strip(), err.strip()

    def bills(self) -> Counter[str]:
        """How often each recipe was paid for, by its prompt."""
        return self.fake.ledger.billed_by_prompt()

    def claims(self) -> list[str]:
        """The names of all claims, without their ends."""
        bucket: Bucket = DirectoryBucket(self.folder / "bucket")
        if self._server is not None:
            url = parse_store_url(self.url)
            assert isinstance(url, StoreUrl)
            bucket = open_object_bucket(url, self._server.environ, allow_http=True)
        found = ((name, claim_of(name)) for name in bucket.names("claims/"))
        return [name for name, claim in found if claim is not None and not claim.ended]

    def billed(self) -> str:
        bills = self.bills()
        return f"{bills.total()} billed, {sum(count > 1 for count in bills.values())} twice"


@contextmanager
def team(*, recipes: int, seconds: float, with_team: bool = True) -> Iterator[Team]:
    """A billing fake that answers after so many seconds, and a folder for checkouts."""
    with tempfile.TemporaryDirectory() as folder, running(delay=seconds) as fake:
        yield Team(Path(folder), fake, recipes=recipes, team=with_team)


def at_once(one: Team, peers: int) -> tuple[float, list[tuple[int, str, str]]]:
    """The seconds until all have ended, and what they said."""
    roots = [one.checkout(f"peer{number}") for number in range(1, peers + 1)]
    began = time.perf_counter()
    processes = [one.start(root) for root in roots]
    said = [process.communicate() for process in processes]
    took = time.perf_counter() - began
    return took, [(process.returncode, out.strip(), err) for process, (out, err) in zip(processes, said, strict=True)]


def killed(one: Team, in_flight: int) -> None:
    """One of two is killed with so many requests in flight. Then the other, the first with consent, and the other."""
    out = sys.stdout.write
    first, second = one.checkout("peer1"), one.checkout("peer2")
    process = one.start(first)
    while len(one.fake.ledger.requests) < in_flight:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    out(f"peer1 killed with {in_flight} in flight: {one.billed()}\n")
    for name, root, *arguments in (
        ("peer2", second, "apply", "--yes", "--no-wait"),
        ("peer1", first, "apply", "--yes"),
        ("peer1 consents", first, "apply", "--yes", "--retry-in-doubt"),
        ("peer2 again", second, "apply", "--yes"),
    ):
        code, told, err = one.run(root, *arguments)
        held = [line for line in err.splitlines() if line.startswith(("held", "in doubt", "  hint"))]
        out(f"{name}: exit {code}: {told}\n" + "".join(f"    {line[:300]}\n" for line in held))
        out(f"    {one.billed()}\n")


def main() -> int:
    """Print the bills and the times; 1 if something was paid for twice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", type=int, default=3)
    parser.add_argument("--recipes", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--kill", type=int, default=0)
    given = parser.parse_args()
    with team(recipes=given.recipes, seconds=given.seconds) as one:
        if given.kill:
            killed(one, given.kill)
            return 0
        took, ended = at_once(one, given.peers)
        for number, (code, told, _) in enumerate(ended, start=1):
            sys.stdout.write(f"peer{number}: exit {code}: {told}\n")
        sys.stdout.write(f"{given.recipes} recipes, {given.peers} peers at once: {one.billed()}, {took:.1f} s\n")
        return 0 if one.bills().total() == given.recipes else 1


if __name__ == "__main__":
    sys.exit(main())
