"""An apply without a network: one line that says why, soon, and nothing that may have been charged."""

from __future__ import annotations

import json
import socket
from time import monotonic

import pytest

from tests.cli.conftest import Scratch

ASSETS = 12


def refused() -> str:
    """The URL of a port at which nothing listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}"


@pytest.mark.parametrize(
    ("kind", "fact", "hint"),
    [
        ("name", "its name does not resolve", "check the network, and the name in base_url"),
        ("port", "the connection was refused", "nothing listens there"),
    ],
)
def test_offline_is_one_line_and_nothing_is_in_doubt(scratch: Scratch, kind: str, fact: str, hint: str) -> None:
    url = "https://reconciler-test.invalid" if kind == "name" else refused()
    own = {"type": "gravitex", "base_url": url, "api_key_env": ""}
    project = {"provider": "own", "providers": {"own": own}, "defaults": {"model": "gemini-2.5-flash-image"}}
    scratch.write("reconciler.yaml", json.dumps(project | {"budget": {"per_run": 9}}))
    for number in range(ASSETS):
        scratch.write(f"specs/a{number:02}.yaml", f"prompt: number {number}\n")
    begun = monotonic()
    said = scratch.run("apply", "--yes")
    assert monotonic() - begun < 30  # 1.1 seconds on an idle machine, and far from the 90 of the circuit breaker
    assert said.code == 1
    (told,) = [line for line in said.err.splitlines() if "cannot connect" in line]
    assert f"and {ASSETS - 3} more: own is unreachable: {url}: cannot connect: {fact}" in told
    assert f"  hint: {hint}" in said.err
    assert "retry" not in said.err
    report = json.loads(scratch.run("apply", "--yes", "--format", "json").out.splitlines()[-1])
    assert report["counts"] == {"not_sent": ASSETS}
    assert {line["outcome"] for line in report["assets"]} == {"Unreachable"}
    assert {action for action, _ in scratch.plan().values()} == {"generate"}
    assert scratch.done("recover").out == "no request is in doubt\n"
