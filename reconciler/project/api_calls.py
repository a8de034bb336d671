"""The calls of the Python API, by the use cases of the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.errors import Exit, ProjectError
from reconciler.core.events import Event
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.ports import Log
from reconciler.project.api_results import (
    ApplyResult,
    AssetState,
    CheckResult,
    DeriveResult,
    FieldChange,
    PlanResult,
    StepResult,
)
from reconciler.project.apply import Applied, ApplyCallbacks, ApplyOptions, ApplyProposal, NothingToApply, apply
from reconciler.project.load import load_specs
from reconciler.project.options import PlanOptions, Selection, SpendingLimits
from reconciler.project.planning import PlannedProject, derived_files, plan_project, within_limits
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.apply_report import ApplyFacts
from reconciler.report.apply_summary import exit_code
from reconciler.report.asset_list import AssetListFacts
from reconciler.report.findings.listed import FindingList, check_findings
from reconciler.report.formats import render
from reconciler.report.plan_report import PlanFacts
from reconciler.report.plan_text import reason_text

if TYPE_CHECKING:
    from reconciler.project.derive import DerivedRun

_Environ = Mapping[str, str]


def project_root(path: str | Path, environ: _Environ) -> Path:
    """The root of the project at or above a path."""
    return open_workspace(str(path), environ).root


def assets(root: Path, environ: _Environ) -> tuple[AssetState, ...]:
    """Every asset."""
    planned = _planned(open_workspace(str(root), environ), Selection())
    steps = sorted(planned.plan.asset_steps, key=lambda step: step.asset)
    listed = _document("ls", AssetListFacts(steps, datetime.now(UTC)))["assets"]
    assert len(listed) == len(steps)
    return tuple(
        AssetState(step.asset, step.output, reason_text(step.action.reason), type(step.action).__name__.lower())
        for step in steps
    )


def planned(root: Path, environ: _Environ, ids: tuple[str, ...], exclude: tuple[str, ...]) -> PlanResult:
    """The plan of the project, within its budget."""
    workspace = open_workspace(str(root), environ)
    selection = Selection(include=ids, exclude=exclude)
    return _plan_result(_document("plan", _facts(workspace, _planned(workspace, selection), selection, limited=True)))


def checked(root: Path, environ: _Environ, ids: tuple[str, ...], *, strict: bool) -> CheckResult:
    """The result of `check`."""
    workspace = open_workspace(str(root), environ, strict=strict)
    selection = Selection(include=ids)
    found = _planned(workspace, selection)
    if workspace.strict:
        verify_recipe_keys(found.lock)
    facts = _facts(workspace, found, selection, limited=False)
    document = _document("check", facts)
    listed: FindingList = check_findings(facts)
    return CheckResult(bool(document["clean"]), listed.findings, _plan_result(document), document)


def derived(root: Path, environ: _Environ, ids: tuple[str, ...]) -> DeriveResult:
    """Make derived files."""
    from reconciler.project.derive import DeriveCallbacks, DeriveOptions, derive  # noqa: PLC0415 - few programs derive
    from reconciler.report.derive_report import DeriveFacts  # noqa: PLC0415 - the same

    workspace = open_workspace(str(root), environ)
    callbacks = DeriveCallbacks(lambda _, __: None, lambda _: _Silent(), lambda _: None)
    ended: DerivedRun = derive(workspace, DeriveOptions(ids), callbacks)
    document = _document("derive", DeriveFacts(ended.state.facts, ended.report))
    return DeriveResult(ended.exit_code == Exit.DONE, document)


def applied(
    root: Path,
    environ: _Environ,
    ids: tuple[str, ...],
    *,
    budget: Decimal | str | int,
    consent: Callable[[PlanResult], bool],
) -> ApplyResult:
    """Carry out a plan for at most the budget."""
    workspace = open_workspace(str(root), environ)
    limits = SpendingLimits(_amount(budget))
    callbacks = ApplyCallbacks(
        consent=lambda proposal: consent(_proposed(workspace, proposal)) is True,
        progress=_no_progress,
        show=lambda _: None,
        say=lambda _: None,
        files=lambda _: _Silent(),
    )
    options = ApplyOptions(PlanOptions(Selection(include=ids), limits))
    ended = apply(workspace, options, callbacks, environ=environ)
    return _apply_result(ended, workspace)


def _planned(workspace: Workspace, selection: Selection) -> PlannedProject:
    return plan_project(workspace, load_specs(workspace), selection)


def _facts(workspace: Workspace, found: PlannedProject, selection: Selection, *, limited: bool) -> PlanFacts:
    plan = within_limits(found, SpendingLimits()) if limited else found.plan
    running = workspace.holder() if found.behind else None
    cautions = found.loaded.cautions if limited else tuple(one for one in found.loaded.cautions if one.passed_over)
    files = derived_files(workspace, found, selection, built=False)
    return PlanFacts(
        plan, datetime.now(UTC), found.behind, running, cautions, derived=files.facts if files is not None else None
    )


def _proposed(workspace: Workspace, proposal: ApplyProposal) -> PlanResult:
    planned = proposal.planned
    facts = PlanFacts(proposal.plan, datetime.now(UTC), planned.behind, None, planned.loaded.cautions)
    return _plan_result(_document("plan", facts))


def _plan_result(document: Mapping[str, Any]) -> PlanResult:
    return PlanResult(
        tuple(_step_result(step) for step in document["steps"]),
        document["kept"],
        tuple(document["orphans"]),
        tuple(document["cost"]["amounts"]),
        document["cost"]["unknown"],
        tuple(one["words"] for one in document["warnings"]),
        document,
    )


def _step_result(step: Mapping[str, Any]) -> StepResult:
    changes = tuple(FieldChange(each["field"], each["before"], each["after"]) for each in step.get("changes", ()))
    return StepResult(
        step["asset"],
        step["action"],
        step["reason"],
        step["words"],
        step["output"],
        step.get("cost"),
        changes,
        step.get("consent"),
    )


def _apply_result(ended: Applied | NothingToApply, workspace: Workspace) -> ApplyResult:
    facts = ApplyFacts(ended.proposal.plan, datetime.now(UTC), workspace.root)
    if isinstance(ended, NothingToApply):
        return ApplyResult(True, {}, "0 USD", _document("apply", facts))
    facts = ApplyFacts(
        facts.plan, facts.now, facts.root, ended.report, ended.in_doubt, ended.candidates, waiting=ended.waiting
    )
    document = _document("apply", facts)
    results = {one["asset"]: one["result"] for one in document["assets"]}
    code = exit_code(ended.report, in_doubt=ended.in_doubt)
    return ApplyResult(code == Exit.DONE and not ended.interrupted, results, document["cost"], document)


def _document(report: str, facts: object) -> dict[str, Any]:
    """The JSON of a report."""
    found: dict[str, Any] = json.loads("\n".join(render(report, "json", facts).out))
    return found


def _amount(budget: Decimal | str | int) -> Decimal:
    try:
        amount = Decimal(str(budget))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ProjectError(f'the budget "{budget}" is not an amount', hint='write "5.00"')
    return amount


class _Silent:
    """A display that shows nothing."""

    def record(self, event: Event) -> None:
        """Nothing is shown."""

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """Nothing is shown."""

    def failed(self, name: str, failure: object) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing is shown."""


@contextmanager
def _no_progress(_: int) -> Iterator[Log]:
    yield _Silent()
