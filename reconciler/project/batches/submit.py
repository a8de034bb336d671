"""Submit images as batches, at half the price. The order of the steps is what prevents paying twice.

    a claim of each request, in a team
    the file of requests, durable; Requested of each and Prepared, in one record
    upload: free, and repeatable
    BatchSending, durable; the request that creates the batch
    BatchAccepted, durable

A death before BatchSending leaves a batch that was certainly not created; after it, one that a listing finds. A claim
without a Requested was never sent: the next command that asks the team's store ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from uuid import uuid4

from reconciler.core.batches.jobs import BatchJob, RequestFile
from reconciler.core.batches.recipes import BatchedRecipe, encode_recipes
from reconciler.core.batches.split import BatchRequest, split
from reconciler.core.digest import AssetId
from reconciler.core.errors import BucketError, ConsentNeeded, ProjectError
from reconciler.core.events import BatchAccepted, BatchClosed, BatchSending, Ended, Prepared, Requested
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.money.cost import parse_cost
from reconciler.core.outcome import InDoubt, NotSent, Rejected, Throttled
from reconciler.core.plan.actions import ClaimedElsewhere, Generate
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.plan.policy import OnClaimed
from reconciler.core.plan.shared import request_of
from reconciler.core.ports import ImageRequest
from reconciler.core.text import printable
from reconciler.core.value import field, replace, value
from reconciler.engine.clock import stamp
from reconciler.engine.context import ApplyContext
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.engine.recipes import Recipes
from reconciler.engine.references import LocalReferences
from reconciler.engine.report import StepError
from reconciler.project.apply import ApplyProposal, propose_submission, require_budget_in_ci
from reconciler.project.batches.state import batch_files, close_unsent
from reconciler.project.converter import LazyConverter
from reconciler.project.keys import require_keys
from reconciler.project.left_behind import store_left_behind
from reconciler.project.options import PlanOptions
from reconciler.project.workspace import Workspace
from reconciler.providers.batches.provider import BatchProvider
from reconciler.providers.connect import connect_batches
from reconciler.providers.declaration import has_batches
from reconciler.providers.http.request import WireRequest
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY
from reconciler.report.batches import BatchLine, BatchOutcome
from reconciler.report.claimed import claimed_title

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.engine.team.batch_claims import BatchClaims
    from reconciler.project.batches.team import TeamSubmission


@value
class SubmitOptions:
    """The options of a submission; `wait` is the time in seconds to wait for an apply that is running. `without_team`
    buys without asking the team's store."""

    plan: PlanOptions = field(default_factory=PlanOptions)
    wait: float = 0.0
    without_team: bool = False


@value
class SubmitProposal:
    """The steps that a submission would send, in a plan of their own. `left` are the steps that it cannot send, by
    the reason."""

    proposal: ApplyProposal
    left: Mapping[str, tuple[AssetId, ...]] = field(default_factory=dict)


@value
class SubmitCallbacks:
    """The caller's part: `show` gets the proposal, `consent` decides on it, `say` gets messages for people."""

    show: Callable[[SubmitProposal], None]
    consent: Callable[[SubmitProposal], bool]
    say: Callable[[str], None]


@value
class Submitted:
    """The result of a submission: a line for each job, and the assets whose requests could not be built."""

    proposal: SubmitProposal
    jobs: tuple[BatchLine, ...] = ()
    failed: Mapping[AssetId, str] = field(default_factory=dict)


def submit(
    workspace: Workspace, options: SubmitOptions, callbacks: SubmitCallbacks, *, environ: Mapping[str, str]
) -> Submitted:
    """Submit every image that the plan generates and that a batch can make. ProjectError if none of them can."""
    plan_options = _plan_options(options)
    with workspace.exclusive(options.wait):
        close_unsent(workspace)
        proposal = propose_submission(workspace, plan_options)
        if store_left_behind(workspace, proposal.planned, environ=environ, utc=workspace.utc):
            proposal = propose_submission(workspace, plan_options)
        team = _team_of(workspace, proposal, options, environ)
        if team is not None and team.prepare(proposal.planned):
            proposal = propose_submission(workspace, plan_options)
        chosen = _chosen(proposal)
        callbacks.show(chosen)
        if not chosen.proposal.plan.steps:
            return Submitted(chosen)
        planned = chosen.proposal.planned
        verify_recipe_keys(planned.lock)  # an edited recipe would compare equal to anything
        require_keys(chosen.proposal.plan, planned.loaded.project.settings.providers, environ)
        require_budget_in_ci(chosen.proposal, environ)
        if team is not None:
            team.require(chosen.proposal.plan, planned)
        if not callbacks.consent(chosen):
            raise ConsentNeeded("nothing was done")
        submission = _Submission(workspace, chosen, callbacks.say, environ, team=team)
        try:
            jobs = asyncio.run(submission.run())
            if team is not None:
                team.finish(callbacks.say)
        finally:
            workspace.close_journal()
        return Submitted(chosen, jobs, submission.failed)


def _plan_options(options: SubmitOptions) -> PlanOptions:
    """The options of the plan: prices of batches, and images that other checkouts have claimed are left to them."""
    selection = options.plan.selection
    policy = replace(selection.policy, claimed=OnClaimed.TAKE if options.without_team else OnClaimed.LEAVE)
    return replace(options.plan, selection=replace(selection, batched=True, policy=policy))


def _team_of(
    workspace: Workspace, proposal: ApplyProposal, options: SubmitOptions, environ: Mapping[str, str]
) -> TeamSubmission | None:
    """The team's store, None for a project without one."""
    settings = proposal.planned.loaded.project.settings.team
    if settings is None or options.without_team:
        return None
    from reconciler.project.batches.team import TeamSubmission  # noqa: PLC0415 - few projects have a team
    from reconciler.project.team_session import TeamSession  # noqa: PLC0415 - few projects have a team

    return TeamSubmission(TeamSession(workspace, settings, environ))


def _chosen(proposal: ApplyProposal) -> SubmitProposal:
    """The steps that batches can make, and why the others are left. ProjectError if all are left."""
    settings = proposal.planned.loaded.project.settings.providers
    steps: list[AssetStep] = []
    left: dict[str, tuple[AssetId, ...]] = {}
    seen = set()
    for step in proposal.plan.asset_steps:
        if not isinstance(step.action, Generate):
            continue
        provider = step.spec.provider
        if settings[provider].traits.free:
            continue
        if not has_batches(REGISTRY.declared(settings[provider])):
            why = f"{printable(provider)} has no batches"
        elif step.action.key is None or step.action.after:
            why = "an image that it refers to is not made yet"
        else:
            request = request_of(step)
            if request is None or request not in seen:  # otherwise the image of the first asset serves this one, too
                steps.append(step)
            seen.add(request)
            continue
        left[why] = (*left.get(why, ()), step.asset)
    if left and not steps:
        why, assets = next(iter(left.items()))
        more = f" and {len(assets) - 1} more" if len(assets) > 1 else ""
        hint = "batches are for type: gemini and type: openai with keys of their own; `reconciler apply` sends requests"
        raise ProjectError(f"nothing can be submitted: {printable(assets[0])}{more}: {why}", hint=hint)
    for step in proposal.plan.asset_steps:
        if isinstance(step.action.reason, ClaimedElsewhere):
            why = claimed_title(step.action.reason)
            left[why] = (*left.get(why, ()), step.asset)
    return SubmitProposal(replace(proposal, plan=Plan(tuple(steps))), left)


@value
class _Item:
    """One request to be: its step, and the request as the provider takes it."""

    step: AssetStep
    request: ImageRequest
    wire: WireRequest


class _Submission:
    """One run of `submit`, after the consent."""

    def __init__(
        self,
        workspace: Workspace,
        chosen: SubmitProposal,
        say: Callable[[str], None],
        environ: Mapping[str, str],
        *,
        team: TeamSubmission | None,
    ) -> None:
        self._workspace = workspace
        self._planned = chosen.proposal.planned
        self._plan = chosen.proposal.plan
        self._say = say
        self._environ = environ
        self._team = team
        self._claims: BatchClaims | None = None
        self._files = batch_files(workspace)
        self.failed: dict[AssetId, str] = {}

    async def run(self) -> tuple[BatchLine, ...]:
        """A line for each job. After a job that failed, no other one is created at its provider."""
        recipes = Recipes(self._plan, self._planned.lock, self._context())
        settings = self._planned.loaded.project.settings
        table = model_table(settings.models)
        lines: list[BatchLine] = []
        self._claims = self._team.claims(self._planned) if self._team is not None else None
        for name in sorted(self._plan.generating_providers):
            provider = connect_batches(
                settings.providers[name], environ=self._environ, spool=self._workspace.store, models=table
            )
            if isinstance(provider, str):
                raise ProjectError(provider)
            steps = [step for step in self._plan.asset_steps if step.spec.provider == name]
            requests = await asyncio.to_thread(self._built, provider, steps, recipes)
            size = provider.settings.batch_size
            for job in split(requests, most_requests=size, most_line_bytes=provider.most_line_bytes):
                line = await self._submitted(name, provider, job)
                if line is None:
                    continue
                lines.append(line)
                if line.outcome is not BatchOutcome.SUBMITTED:
                    break
        return tuple(lines)

    def _context(self) -> ApplyContext:
        """What recipes and their pictures are read from. Nothing is generated with it."""
        workspace, planned = self._workspace, self._planned
        outputs = {step.output for step in self._plan.steps}
        outputs |= {entry.output for entry in planned.lock.entries.values()}
        return ApplyContext(
            store=workspace.store,
            outputs=workspace.outputs(frozenset(outputs)),
            converter=LazyConverter(workspace.store),
            references=LocalReferences(),
            journal=workspace.journal,
            progress=workspace.journal,
            lockfile_saver=LockfileSaver(workspace.lock_file),
            providers={},
            traits=planned.loaded.project.settings.traits(),
            files=planned.seen.files,
            in_doubt=(*planned.in_doubt, *(replace(one, asset=AssetId("")) for one in planned.seen.team_in_doubt)),
            utc=workspace.utc,
            consents=planned.consents,
            rejected=planned.seen.rejected,
        )

    def _built(
        self, provider: BatchProvider, steps: Sequence[AssetStep], recipes: Recipes
    ) -> list[BatchRequest[_Item]]:
        found: list[BatchRequest[_Item]] = []
        for step in steps:
            try:
                recipe = recipes.recipe(step.spec)
                recipes.share_references(step.spec)
            except StepError as error:
                self.failed[step.asset] = error.message
                continue
            retry = recipes.in_doubt(step.asset, recipe.key())
            request = ImageRequest(step.asset, recipe, recipe.key(), retry)
            built = provider.build(request, recipes.world.references)
            if isinstance(built, Rejected):
                self.failed[step.asset] = built.message
                continue
            named = replace(request, attempt=uuid4().hex)
            found.append(
                BatchRequest(
                    _Item(step, named, built.item), recipe, built.endpoint, built.line_bytes, built.answer_bytes
                )
            )
        return found

    async def _submitted(
        self, name: str, provider: BatchProvider, job: Sequence[BatchRequest[_Item]]
    ) -> BatchLine | None:
        """The line of one job; None if other checkouts have asked for all of its images."""
        batch, items = uuid4().hex, [request.item for request in job]
        try:
            items = await self._claimed(name, items)
        except BucketError as error:
            line = _line(batch, name, [self._requested(name, item) for item in items])
            return replace(line, outcome=BatchOutcome.NOT_SENT, message=f"nothing was claimed: {error.fact}")
        if not items:
            return None
        asked = {item.request.attempt: BatchedRecipe(item.request.recipe, item.wire.asked) for item in items}
        path, digest = await asyncio.to_thread(self._written, provider, batch, items, encode_recipes(asked))
        requested = [self._requested(name, item) for item in items]
        line = _line(batch, name, requested)
        prepared = Prepared(batch, name, tuple(asked), digest)
        begun: list[Requested | Prepared] = [*requested, prepared]
        await asyncio.to_thread(self._workspace.journal.record_all, begun)
        file = RequestFile(batch, path, job[0].endpoint, job[0].recipe.model)

        async def before() -> None:
            sending = BatchSending(batch, stamp(self._workspace.utc()), provider.jobs.account(batch))
            await asyncio.to_thread(self._workspace.journal.record, sending)

        created = await provider.jobs.create(file, before=before)
        if isinstance(created, InDoubt):
            self._say(f"{name}: {created.message}; looking whether the batch was created")
            found = await provider.jobs.find(batch)
            created = found if isinstance(found, BatchJob) else created
        match created:
            case BatchJob(job=known):
                accepted = BatchAccepted(batch, known, stamp(self._workspace.utc()))
                await asyncio.to_thread(self._workspace.journal.record, accepted)
                return replace(line, job=known, outcome=BatchOutcome.SUBMITTED)
            case InDoubt(message):
                return replace(line, outcome=BatchOutcome.UNKNOWN, message=message)
            case NotSent(message) | Throttled(message) | Rejected(message):
                ended = [Ended(item.request.attempt, item.step.asset, "NotSent", message) for item in items]
                closing: list[Ended | BatchClosed] = [*ended, BatchClosed(batch)]
                await asyncio.to_thread(self._workspace.journal.record_all, closing)
                return replace(line, outcome=BatchOutcome.NOT_SENT, message=message)

    async def _claimed(self, name: str, items: list[_Item]) -> list[_Item]:
        """The requests of a job that are this checkout's to send. Raises BucketError."""
        if self._claims is None:
            return items
        requests = [(item.request, self._requested(name, item).cost) for item in items]
        taken = await self._claims.take(name, requests)
        self.failed |= {item.step.asset: taken[item.request.attempt] for item in items if item.request.attempt in taken}
        return [item for item in items if item.request.attempt not in taken]

    def _written(self, provider: BatchProvider, batch: str, items: Sequence[_Item], recipes: bytes) -> tuple[Path, str]:
        chunks = chain.from_iterable(provider.line(item.wire, item.request.attempt) for item in items)
        return self._files.write(batch, chunks, recipes)

    def _requested(self, name: str, item: _Item) -> Requested:
        action = item.step.action
        assert isinstance(action, Generate)  # no other step is chosen
        cost = "" if action.cost is None else str(action.cost)
        at, request = stamp(self._workspace.utc()), item.request
        return Requested(request.attempt, request.asset, request.key, name, cost, at, request.retry_of)


def _line(batch: str, provider: str, requested: Sequence[Requested]) -> BatchLine:
    costs = tuple(parse_cost(one.cost) for one in requested)
    return BatchLine(batch, provider, tuple(one.asset for one in requested), costs, requested[0].at)
