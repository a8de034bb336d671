"""Limits that earlier runs count towards, and the last lines of an apply that held something."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Scratch, picture

PAID = "provider: gravitex\ndefaults: {{model: gemini-2.5-flash-image}}\nbudget: {{{budget}}}\n"
LOCKED = {"at": "2026-11-22T16:00:00Z", "cost": "0.039 USD", "model": "m", "provider": "gravitex"}


def spent(scratch: Scratch, *, at: str, cost: str, budget: str) -> None:
    """A project in which one image was paid for, and another one is wanted."""
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/old.yaml", "prompt: old\n")
    scratch.write("assets/old.png", picture())
    scratch.done("adopt", "old")
    lock = json.loads(scratch.read("assets.lock"))
    lock["assets"]["old"]["made"] = {**LOCKED, "at": at, "cost": cost}
    scratch.write("assets.lock", json.dumps(lock))
    scratch.write("reconciler.yaml", PAID.format(budget=budget))
    scratch.write("specs/new.yaml", "prompt: new\n")


@pytest.mark.parametrize(
    ("at", "budget", "said"),
    [
        ("2020-01-01T00:00:00Z", "total: 1.00", "over budget: 1.0 USD in all, of which 0.98 are spent"),
        ("2020-01-01T00:00:00Z", 'total: "1.02"', ""),
        ("2020-01-01T00:00:00Z", "per_month: 0.05", ""),
        ("now", "per_month: 1.00", "over budget: 1.0 USD a month, of which 0.98 are spent"),
        ("now", "per_month: 2, total: 1", "over budget: 1 USD in all, of which 0.98 are spent"),
        ("now", "per_month: 0.5", "over budget: 0.5 USD a month, of which 0.98 are spent"),
        ("2020-01-01T00:00:00Z", "total: 1, currency: EUR", "its price is in USD, and the budget is a limit in EUR"),
    ],
)
def test_what_was_spent_before_counts(scratch: Scratch, at: str, budget: str, said: str) -> None:
    from datetime import UTC, datetime

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    spent(scratch, at=now if at == "now" else at, cost="0.98 USD", budget=budget)
    out = scratch.done("plan", "new").out
    assert (said in out) if said else ("1 to generate (0.039 USD)" in out), out


def test_the_last_lines_of_an_apply_say_why_it_held_and_what_to_do(scratch: Scratch) -> None:
    spent(scratch, at="2020-01-01T00:00:00Z", cost="0.98 USD", budget="total: 1")
    scratch.write("specs/free.yaml", "prompt: free\nprovider: draft\n")
    said = scratch.run("apply", "new", "free", "--yes")
    assert (said.code, said.out) == (3, "made 1 (0 USD), held 1\n")
    assert said.err.splitlines()[-2:] == [
        "held 1 asset: over budget: 1 USD in all, of which 0.98 are spent",
        "  hint: raise --max-cost, --max-images or budget: in reconciler.yaml",
    ]


def test_a_total_is_a_limit_in_ci(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GRAVITEX_API_KEY", "sk-0123456789")
    spent(scratch, at="2020-01-01T00:00:00Z", cost="0.5 USD", budget="currency: USD")
    assert "in CI a budget is required" in scratch.run("apply", "new", "--yes").err
    server = "providers: {gravitex: {base_url: http://127.0.0.1:9, api_key_env: GRAVITEX_API_KEY}}\n"
    scratch.write("reconciler.yaml", PAID.format(budget="total: 1") + server)
    said = scratch.run("apply", "new", "--yes")
    assert (said.code, "the connection was refused" in said.err) == (1, True), said


def test_reasons_of_held_assets_are_few_whatever_models_say(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PAID.format(budget="images: 9"))
    scratch.write("specs/all.yaml", "assets: {" + ", ".join(f"n{n}: {{prompt: p{n}}}" for n in range(8)) + "}\n")
    keys = {step["asset"]: step["recipe"] for step in json.loads(scratch.done("plan", "--format", "json").out)["steps"]}
    refused = {asset: {"at": "2026-11-22T16:00:00Z", "key": key, "words": f"no {asset}"} for asset, key in keys.items()}
    scratch.write("assets.lock", json.dumps({"lockfile": 1, "assets": {}, "refused": refused}))
    scratch.write("specs/free.yaml", "prompt: free\nprovider: draft\n")
    said = scratch.run("apply", "--yes")
    assert (said.code, said.out) == (3, "made 1 (0 USD), held 8\n")
    held = [line for line in said.err.splitlines() if line.startswith("held ")]
    assert held[0] == "held 1 asset: refused before: no all#n0"
    assert held[5:] == ["held 3 assets for other reasons: `reconciler plan` lists them"]
    assert said.err.splitlines().count("  hint: change the prompt, or run `reconciler apply --retry-refused`") == 1
