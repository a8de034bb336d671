"""What the Python API returns: frozen values, with the JSON of the command of the same name in `json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.plan.findings import Finding
from reconciler.core.value import field, value

JsonObject = Mapping[str, Any]


@value
class AssetState:
    """One asset. `state` is the reason of its step in a few words: `up to date`, `new`."""

    id: str
    output: str
    state: str
    action: str


@value
class FieldChange:
    """One field of a recipe before and after; None is absent."""

    field: str
    before: Any
    after: Any


@value
class StepResult:
    """One step of a plan. `cost` is a price such as `0.134 USD`, None if it is unknown or nothing is paid."""

    asset: str
    action: str
    reason: str
    words: str
    output: str
    cost: str | None = None
    changes: tuple[FieldChange, ...] = ()
    consent: str | None = None


@value
class PlanResult:
    """The steps that are to be done, and how many assets are `kept`. `cost` is the sum of the known prices by
    currency, and `unknown` the number of unknown ones. `json` is that of `reconciler plan --format json`."""

    steps: tuple[StepResult, ...]
    kept: int
    orphans: tuple[str, ...]
    cost: tuple[str, ...]
    unknown: int
    warnings: tuple[str, ...]
    json: JsonObject = field(repr=False, compare=False, default_factory=dict)


@value
class CheckResult:
    """Whether nothing is left to do, and each finding with its rule and place. `json` is that of
    `reconciler check --format json`."""

    clean: bool
    findings: tuple[Finding, ...]
    plan: PlanResult
    json: JsonObject = field(repr=False, compare=False, default_factory=dict)


@value
class DeriveResult:
    """The derived files that were made and restored. `json` is that of `reconciler derive --format json`."""

    ok: bool
    json: JsonObject = field(repr=False, compare=False, default_factory=dict)


@value
class ApplyResult:
    """The assets by the result of their steps (`made`, `restored`, `failed`, …). `ok`: all went well. `cost` is what
    was spent. `json` is the last event of `reconciler apply --format json`."""

    ok: bool
    results: Mapping[str, str]
    cost: str
    json: JsonObject = field(repr=False, compare=False, default_factory=dict)
