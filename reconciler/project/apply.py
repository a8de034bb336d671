"""The steps of an apply, in the order that prevents paying twice. Every caller goes through `apply`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.candidates import Candidate
from reconciler.core.digest import AssetId
from reconciler.core.errors import ConsentNeeded
from reconciler.core.events import Requested, Waiting
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.plan.actions import Generate, Keep
from reconciler.core.plan.plan import Plan, Step
from reconciler.core.plan.policy import OnClaimed
from reconciler.core.plan.selection import select
from reconciler.core.ports import Log
from reconciler.core.specs.settings import Budget
from reconciler.core.value import field, replace, value
from reconciler.engine.report import Report, Result
from reconciler.project.candidates import candidates
from reconciler.project.carry_out import RunOptions, RunResult, carry_out
from reconciler.project.detaching import require_detachable
from reconciler.project.keys import require_keys
from reconciler.project.left_behind import store_left_behind
from reconciler.project.load import load_specs
from reconciler.project.options import PlanOptions, in_ci
from reconciler.project.planning import PlannedProject, budget_for, derived_files, plan_project, pointers, within_limits
from reconciler.project.saved_plan import SavedPlan, read_plan
from reconciler.project.workspace import Workspace
from reconciler.report.plan_text import plan_total, pointer_lines
from reconciler.store.state.state_dir import BATCHES

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects derive files, or have a team
    from reconciler.engine.deriving import DerivingProgress
    from reconciler.project.derivation import DerivedState
    from reconciler.project.derive import DerivedRun
    from reconciler.project.team_apply import TeamRun


@value
class ApplyOptions:
    """The options of an apply: those of a plan, or a saved plan in `plan_file`. `wait` is the time in seconds to wait
    for an apply that is running. `derives`: the files that are derived from images follow, `jobs` images at a time.
    `without_team` buys without asking the team's store; `waits_for_team` waits for images that other checkouts have
    asked for. `detached`: jobs are submitted to providers, and left to a later run."""

    plan: PlanOptions = field(default_factory=PlanOptions)
    plan_file: Path | None = None
    wait: float = 0.0
    derives: bool = True
    jobs: int = 0
    without_team: bool = False
    waits_for_team: bool = True
    detached: bool = False


@value
class ApplyProposal:
    """The work that an apply is about to do. `plan` is the plan of the project within `budget`. `notes` describe the
    differences from the saved plan. `derived` is None where nothing is derived."""

    planned: PlannedProject
    plan: Plan
    budget: Budget
    notes: tuple[str, ...] = ()
    derived: DerivedState | None = None

    @property
    def work(self) -> tuple[Step, ...]:
        """Every step that is not a Keep."""
        return tuple(step for step in self.plan.steps if not isinstance(step.action, Keep))

    @property
    def costs_money(self) -> bool:
        """Whether a step may cost money."""
        generated = [step.action for step in self.plan.steps if isinstance(step.action, Generate)]
        return any(action.cost is None or not action.cost.free for action in generated)


@value
class NothingToApply:
    """Every asset was up to date. `derived` is what was derived, None if nothing was to be."""

    proposal: ApplyProposal
    derived: DerivedRun | None = None


@value
class Applied:
    """The result of an apply. `in_doubt` are the requests without a recorded end for assets of this run. `candidates`
    are the images of each asset for which several were made. `interrupted`: the user stopped the run. `waiting` are the
    requests of assets of this run that providers have accepted, and that have no end."""

    proposal: ApplyProposal
    report: Report
    interrupted: bool
    in_doubt: tuple[Requested, ...]
    candidates: Mapping[AssetId, tuple[Candidate, ...]]
    derived: DerivedRun | None = None
    waiting: tuple[Waiting, ...] = ()


@value
class ApplyCallbacks:
    """The caller's part in an apply.

    `show` gets the proposal before anything is verified. `consent` decides on it after every other check; False raises
    ConsentNeeded. `progress` opens a log for a number of steps. `say` gets messages for people while steps are carried
    out. `files` opens a display for a number of derived files; without it nothing is derived.
    """

    consent: Callable[[ApplyProposal], bool]
    progress: Callable[[int], AbstractContextManager[Log]]
    show: Callable[[ApplyProposal], None]
    say: Callable[[str], None]
    files: Callable[[int], DerivingProgress] | None = None


def apply(
    workspace: Workspace, options: ApplyOptions, callbacks: ApplyCallbacks, *, environ: Mapping[str, str]
) -> Applied | NothingToApply:
    """Generate the images that are missing or changed. The order of the steps is part of the contract.

    `environ` is read for the keys of providers and for `CI`. Disk errors while steps are carried out are in the report;
    ReconcilerError is raised only before the first of them.
    """
    saved = read_plan(options.plan_file) if options.plan_file is not None else None
    plan_options = _with_claimed(saved, options)
    with workspace.exclusive(options.wait):
        if (workspace.state / BATCHES).is_dir() and not plan_options.selection.drafts_only:  # drafts need no network
            _collect_batches(workspace, callbacks, environ)
        proposal = _propose(workspace, plan_options, saved, derives=options.derives)
        if store_left_behind(workspace, proposal.planned, environ=environ, utc=lambda: datetime.now(UTC)):
            proposal = _propose(workspace, plan_options, saved, derives=options.derives)
        if _collected(workspace, proposal, options, callbacks, environ):
            proposal = _propose(workspace, plan_options, saved, derives=options.derives)
        team = _team_run(workspace, proposal, options, environ)
        if team is not None and team.prepare(proposal.planned, fetches=saved is None):
            proposal = _propose(workspace, plan_options, saved, derives=options.derives)
        callbacks.show(proposal)
        if not proposal.work:
            _close_journal_of_crash(workspace, proposal.planned)
            if team is not None:
                team.say_unasked(callbacks.say)
            return NothingToApply(proposal, _derived(workspace, proposal, options, callbacks))
        verify_recipe_keys(proposal.planned.lock)  # an edited recipe would compare equal to anything
        if options.detached:
            require_detachable(proposal.plan, proposal.planned.loaded.project.settings.providers)
        require_keys(proposal.plan, proposal.planned.loaded.project.settings.providers, environ)
        require_budget_in_ci(proposal, environ)
        _require_claims(proposal, options)
        if team is not None:
            team.require(proposal.plan, proposal.planned)
            team.say_unasked(callbacks.say)
        if not callbacks.consent(proposal):
            raise ConsentNeeded("nothing was done")
        with callbacks.progress(len(proposal.work)) as progress:
            run = RunOptions(proposal.budget, progress, environ, callbacks.say, team, options.detached)
            ended = carry_out(workspace, proposal.planned, proposal.plan, run)
        derived = None if ended.interrupted else _derived(workspace, proposal, options, callbacks)
        return replace(_applied(workspace, proposal, ended), derived=derived)


def _with_claimed(saved: SavedPlan | None, options: ApplyOptions) -> PlanOptions:
    """The plan with what the options say of images that other checkouts have claimed. The run itself, and not its plan,
    holds a step of a saved plan; an image that is none of its steps is left, as it was then."""
    plan = saved.options_with(options.plan) if saved is not None else options.plan
    claimed = OnClaimed.WAIT if options.waits_for_team else OnClaimed.LEAVE
    if options.without_team or saved is not None:
        claimed = OnClaimed.TAKE
    taken = frozenset(saved.steps) if saved is not None else None
    policy = replace(plan.selection.policy, claimed=claimed, taken=taken)
    return replace(plan, selection=replace(plan.selection, policy=policy))


def _collect_batches(workspace: Workspace, callbacks: ApplyCallbacks, environ: Mapping[str, str]) -> None:
    """Take in what open batches have made: it is paid for."""
    from reconciler.project.batches.collect import collect_ready  # noqa: PLC0415 - few projects have batches
    from reconciler.report.batches import batch_notes  # noqa: PLC0415 - few projects have batches

    for text in batch_notes(collect_ready(workspace, environ), workspace.utc()):
        callbacks.say(text)


def _require_claims(proposal: ApplyProposal, options: ApplyOptions) -> None:
    """ProjectError for a shard that would buy without the claims of a team."""
    shard = proposal.planned.shard
    if shard is None or not proposal.costs_money:
        return
    from reconciler.project.shards import require_claims  # noqa: PLC0415 - few runs are divided

    require_claims(shard, proposal.planned.loaded.project.settings, without_team=options.without_team)


def propose_submission(workspace: Workspace, options: PlanOptions) -> ApplyProposal:
    """What an apply with these options would propose now, without a team and without derived files."""
    return _propose(workspace, options, None, derives=False)


def _team_run(
    workspace: Workspace, proposal: ApplyProposal, options: ApplyOptions, environ: Mapping[str, str]
) -> TeamRun | None:
    """The team's store, None for a project without one."""
    settings = proposal.planned.loaded.project.settings.team
    if settings is None or options.without_team:
        return None
    from reconciler.project.team_apply import TeamRun  # noqa: PLC0415 - few projects have a team
    from reconciler.project.team_session import TeamSession  # noqa: PLC0415 - few projects have a team

    return TeamRun(TeamSession(workspace, settings, environ), waits=options.waits_for_team)


def _propose(workspace: Workspace, options: PlanOptions, saved: SavedPlan | None, *, derives: bool) -> ApplyProposal:
    planned = plan_project(workspace, load_specs(workspace), options.selection)
    notes: tuple[str, ...] = ()
    if saved is not None:
        planned, notes = saved.held_to(planned, options.limits)
    notes += pointer_lines(pointers(workspace, planned))
    plan, budget = within_limits(planned, options.limits), budget_for(planned, options.limits)
    if planned.shard is None:
        derived = derived_files(workspace, planned, options.selection, within=plan) if derives else None
        return ApplyProposal(planned, plan, budget, notes, derived)
    from reconciler.project.shards import shard_facts  # noqa: PLC0415 - few runs are divided
    from reconciler.report.shard import shard_line  # noqa: PLC0415 - few runs are divided

    line = shard_line(shard_facts(planned.shard, plan, budget, planned.loaded.project.settings))
    return ApplyProposal(planned, plan, budget, (*notes, line))  # files are derived from all images, by no shard


def _collected(
    workspace: Workspace,
    proposal: ApplyProposal,
    options: ApplyOptions,
    callbacks: ApplyCallbacks,
    environ: Mapping[str, str],
) -> bool:
    """Collect the jobs of earlier runs. True if one ended."""
    if all(one.batch for one in proposal.planned.waiting) or options.plan.selection.drafts_only:
        return False
    from reconciler.project.collect import CollectOptions, collect_jobs  # noqa: PLC0415 - few projects have jobs

    return collect_jobs(
        workspace, proposal.planned, CollectOptions(environ, callbacks.say, patient=not options.detached)
    )


def _derived(
    workspace: Workspace, proposal: ApplyProposal, options: ApplyOptions, callbacks: ApplyCallbacks
) -> DerivedRun | None:
    """Derive files from the images that there are now; None if nothing is derived."""
    if proposal.derived is None or not options.derives or callbacks.files is None:
        return None
    from reconciler.project.derive import DeriveCallbacks, derive_locked  # noqa: PLC0415 - few projects derive files

    selection = options.plan.selection
    chosen = None
    if options.plan_file is not None:
        chosen = frozenset(step.asset for step in proposal.work)
    elif selection.include or selection.exclude:
        specs = proposal.planned.loaded.specs
        chosen = select(specs, (), include=selection.include, exclude=selection.exclude)
    shown = DeriveCallbacks(lambda _, __: None, callbacks.files, callbacks.say)
    return derive_locked(workspace, proposal.planned.loaded, chosen, shown, jobs=options.jobs)


def _close_journal_of_crash(workspace: Workspace, planned: PlannedProject) -> None:
    """Close the journal that a run left open by crashing after its last step."""
    if planned.behind or workspace.journal.read():
        workspace.close_journal()


def require_budget_in_ci(proposal: ApplyProposal, environ: Mapping[str, str]) -> None:
    """Require a limit in CI, where no person sees the price before it is paid."""
    budget = proposal.budget
    unlimited = budget.per_run is None and budget.left is None and budget.images is None
    if unlimited and proposal.costs_money and in_ci(environ):
        fact = f"this would cost {plan_total(proposal.plan)}, and in CI a budget is required"
        raise ConsentNeeded(fact, hint="set --max-cost or --max-images, or budget: in reconciler.yaml")


def _applied(workspace: Workspace, proposal: ApplyProposal, ended: RunResult) -> Applied:
    assets = {line.asset for line in ended.report.lines}
    in_doubt = tuple(one for one in workspace.in_doubt() if ended.interrupted or one.asset in assets)
    waiting = tuple(one for one in workspace.waiting() if ended.interrupted or one.requested.asset in assets)
    made = _candidates(workspace, ended.report) if proposal.planned.candidates > 1 else {}
    return Applied(proposal, ended.report, ended.interrupted, in_doubt, made, waiting=waiting)


def _candidates(workspace: Workspace, report: Report) -> dict[AssetId, tuple[Candidate, ...]]:
    """The candidates of every asset that was generated and has more than one."""
    entries = workspace.locked().entries
    made = sorted(line.asset for line in report.lines if line.result is Result.MADE and line.asset in entries)
    found = {asset: candidates(workspace.store, entries[asset].key, entry=entries[asset]) for asset in made}
    return {asset: images for asset, images in found.items() if len(images) > 1}
