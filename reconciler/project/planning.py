"""Plan a loaded and observed project with the prices, the policy and the budget of the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from reconciler.core.digest import AssetId
from reconciler.core.events import Requested, Waiting
from reconciler.core.lock.lockfile import Lock
from reconciler.core.money.cost import Cost, parse_cost
from reconciler.core.money.spent import with_rest
from reconciler.core.plan.actions import Consent
from reconciler.core.plan.observed import NONE_REJECTED, Observed
from reconciler.core.plan.plan import Plan, plan
from reconciler.core.plan.policy import Policy, gate, within_budget
from reconciler.core.plan.selection import Selectable, is_glob, matching, select, selectable_spec
from reconciler.core.specs.room import Room
from reconciler.core.specs.settings import Budget, Cascade
from reconciler.core.specs.spec import Spec
from reconciler.core.value import replace, value
from reconciler.project.asset_ids import no_match, select_assets
from reconciler.project.incremental_plan import encode_notes
from reconciler.project.load import LoadedSpecs
from reconciler.project.observe import Observation, RecordedState, observe, recorded_state
from reconciler.project.options import Selection, SpendingLimits
from reconciler.project.prices import pricer
from reconciler.project.reviewed import find_reviews
from reconciler.project.workspace import Workspace
from reconciler.providers.models.table import model_table, successions
from reconciler.providers.registry import PLACEHOLDERS
from reconciler.store.documents.project import DERIVED_LOCK
from reconciler.store.index.index import stat_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have verdicts or derive files, and few runs are divided
    from reconciler.core.plan.shard import Shard
    from reconciler.project.derivation import DerivedState
    from reconciler.project.reviews import Reviews

Planner = Callable[[Observed], Plan]
"""Plans an observation; everything else that a plan depends on is fixed."""


@value
class PlanNotes:
    """The notes for the next incremental plan, with the plan that they describe."""

    plan: Plan
    text: bytes


@value
class PlannedProject:
    """A plan and its inputs.

    `behind` is as in RecordedState. Each asset that is generated is requested `candidates` times. `consents` were given
    for the run. `waiting` are requests that a provider has accepted. `notes` are present if they were computed while
    other processes hashed; `reviews` if the project has verdicts.
    """

    loaded: LoadedSpecs
    lock: Lock
    seen: Observed
    plan: Plan
    in_doubt: tuple[Requested, ...]
    behind: int
    candidates: int = 1
    consents: frozenset[Consent] = frozenset()
    notes: PlanNotes | None = None
    reviews: Reviews | None = None
    shard: Shard | None = None
    waiting: tuple[Waiting, ...] = ()

    @property
    def unended_costs(self) -> list[tuple[AssetId, Cost | None]]:
        """What the requests without an end may cost, by asset: they count as spent."""
        unended = (*self.in_doubt, *(one.requested for one in self.waiting))
        return [(request.asset, parse_cost(request.cost)) for request in unended]


def plan_project(workspace: Workspace, loaded: LoadedSpecs, selection: Selection) -> PlannedProject:
    """Observe the project and plan it. Writes only the cache of parsed specs, in an existing state folder."""
    state = recorded_state(workspace)
    loaded = _as_selected(loaded, state.lock, selection)
    reviews = find_reviews(
        workspace.root, workspace.index, loaded.project.settings.review, most_assets=workspace.most_assets
    )
    rejected = NONE_REJECTED
    if reviews is not None:
        rejected = reviews.rejections()
        loaded = replace(loaded, cautions=(*loaded.cautions, *reviews.cautions))
    team = None
    if loaded.project.settings.team is not None:
        from reconciler.project.team_knowledge import team_knowledge  # noqa: PLC0415 - few projects have a team

        team = team_knowledge(workspace, loaded.project.settings.team)
    observation = observe(workspace, loaded, state, rejected=rejected, team=team)
    _fill_caches(workspace, loaded)
    seen, made, notes = _plan_while_hashing(observation, planner(loaded, state, selection), loaded.room)
    if reviews is not None and made.drift:
        made = reviews.approved(made)
    candidates, consents = selection.images_per_asset, selection.policy.consents
    recorded = (state.in_doubt, state.behind)
    planned = PlannedProject(
        loaded, state.lock, seen, made, *recorded, candidates, consents, notes, reviews, selection.shard
    )
    return replace(planned, waiting=state.waiting) if state.waiting else planned


def planner(loaded: LoadedSpecs, state: RecordedState, selection: Selection) -> Planner:
    """The planner for these specs and options. ProjectError for a selection that names no asset."""
    traits = loaded.project.settings.traits()
    price = pricer(loaded.project, times=selection.images_per_asset, batched=selection.batched)
    policy = _policy(selection, loaded, state)

    def make(seen: Observed) -> Plan:
        rules = policy
        if selection.shard is not None:
            rules = replace(policy, selected=_of_shard(selection.shard, loaded, state, seen, policy.selected))
        return plan(
            loaded.specs,
            state.lock,
            seen,
            traits=traits,
            price=price,
            gate=lambda facts, action: gate(facts, action, rules),
        )

    return make


def pointers(workspace: Workspace, planned: PlannedProject) -> tuple[str, ...]:
    """The outputs that are Git LFS pointers instead of images."""
    return workspace.tree.pointers(step.output for step in planned.plan.asset_steps)


def budget_for(planned: PlannedProject, limits: SpendingLimits) -> Budget:
    """The budget of this run: the project's with these limits in place of its own, less what was spent before."""
    budget = limits.applied_to(planned.loaded.project.settings.budget)
    budget = with_rest(budget, planned.lock, f"{datetime.now(UTC):%Y-%m}")
    if planned.shard is None:
        return budget
    from reconciler.core.plan.shard import part_of_budget  # noqa: PLC0415 - few runs are divided

    return part_of_budget(budget, planned.shard)


def within_limits(planned: PlannedProject, limits: SpendingLimits) -> Plan:
    """The plan with every step held that would exceed the budget. Requests without an end count as spent."""
    return within_budget(
        planned.plan,
        budget_for(planned, limits),
        candidates=planned.candidates,
        already=planned.unended_costs,
        answered=answer_costs(planned.lock),
    )


def answer_costs(lock: Lock) -> list[tuple[AssetId, Cost | None]]:
    """What the requests that gave no image to lock may have cost, by asset."""
    return [(asset, parse_cost(cost)) for asset, answer in lock.answers.items() for cost in answer.costs]


def derived_files(
    workspace: Workspace,
    planned: PlannedProject,
    selection: Selection,
    *,
    within: Plan | None = None,
    built: bool = True,
) -> DerivedState | None:
    """What is left to do with the derived files of the selected assets after the plan of the project, or after
    `within`, that plan within limits; None where nothing is derived. `built`: with the files that git ignores."""
    lock = stat_of(workspace.root / DERIVED_LOCK)
    workspace.index.note_stat(DERIVED_LOCK, lock)
    if planned.loaded.derivation is None and lock is None:
        return None
    from reconciler.project.derivation import derived_state  # noqa: PLC0415 - nothing is derived in most projects

    return derived_state(workspace, planned.loaded, within or planned.plan, selection, built=built)


def remember(
    workspace: Workspace, planned: PlannedProject, answers: Mapping[str, str], derived: DerivedState | None = None
) -> None:
    """Save the observation for the next run. `answers` are the outputs of commands, valid until something changes.

    A plan with a warning is made anew each time, because the warning has to be printed.
    """
    workspace.pin(planned)
    clean = not planned.plan.drift and not planned.behind and not (derived is not None and derived.plan.left)
    if not workspace.state.is_dir():
        return
    notes = _notes(planned) if clean and answers and derived is None else b""
    without = {"plan"} if planned.loaded.cautions else set()
    if derived is not None and derived.has_local:  # `plan` looks at files that `check` does not
        without |= {"plan", "check"} if derived.built else {"plan"}
    if any(one.passed_over for one in planned.loaded.cautions):
        without.add("check")
    kept = {name: text for name, text in answers.items() if clean and name.partition(" ")[0] not in without}
    workspace.index.save(kept, notes=notes, until=planned.loaded.until)


def _notes(planned: PlannedProject) -> bytes:
    early = planned.notes
    if early is not None and early.plan is planned.plan:
        return early.text
    return encode_notes(planned.plan, planned.loaded.room)


def _plan_while_hashing(observation: Observation, make: Planner, room: Room) -> tuple[Observed, Plan, PlanNotes | None]:
    """Plan for the expected files while the real ones are hashed; plan again only if they differ."""
    expected = observation.expected
    early = make(expected) if observation.hashing else None
    notes = PlanNotes(early, encode_notes(early, room)) if early is not None else None
    seen = observation.result()
    if early is not None and seen.outputs == expected.outputs:
        return expected, early, notes
    return seen, make(seen), None


def _fill_caches(workspace: Workspace, loaded: LoadedSpecs) -> None:
    """Compute the recipe keys that the plan needs, and save them with the parsed specs. Overlaps with hashing."""
    for spec in loaded.specs.values():
        if not spec.pictures():
            spec.base_recipe.key()
    if workspace.state.is_dir():
        workspace.index.parsed.save()


def _as_selected(loaded: LoadedSpecs, lock: Lock, selection: Selection) -> LoadedSpecs:
    """With `--draft`, the draft provider is set for every asset without a real image."""
    if not selection.drafts_only:
        return loaded
    specs = dict(loaded.specs)
    for identity, spec in specs.items():
        entry = lock.entries.get(identity)
        if entry is None or entry.made.placeholder:
            specs[identity] = replace(spec, provider=PLACEHOLDERS)
    return replace(loaded, specs=specs)


def _of_shard(
    shard: Shard, loaded: LoadedSpecs, state: RecordedState, seen: Observed, selected: frozenset[AssetId] | None
) -> frozenset[AssetId]:
    """The assets of a shard. Those without a spec are in each: only this checkout has their requests in doubt."""
    from reconciler.core.plan.shard import shard_assets  # noqa: PLC0415 - few runs are divided

    chosen = shard_assets(shard, loaded.specs, seen.files, selected)
    return chosen | (state.known - loaded.specs.keys()) if selected is None else chosen


def _policy(selection: Selection, loaded: LoadedSpecs, state: RecordedState) -> Policy:
    specs = loaded.specs
    others = tuple(_without_spec(state, each) for each in sorted(state.known - specs.keys()))
    if selection.include or selection.exclude:
        _check_patterns(selection, (*map(selectable_spec, specs.values()), *others))
    chosen = select(specs, others, include=selection.include, exclude=selection.exclude)
    if selection.drafts_only:
        traits = loaded.project.settings.traits()
        drafts = {identity for identity, spec in specs.items() if traits[spec.provider].placeholder}
        chosen = frozenset(drafts if chosen is None else drafts & chosen)
    succeeds = successions(model_table(loaded.project.settings.models))
    policy = replace(selection.policy, selected=chosen, replace=_replaced(selection, specs), succeeds=succeeds)
    if policy.cascade is Cascade.ASK:
        policy = replace(policy, cascade=loaded.project.settings.cascade)
    return policy


def _without_spec(state: RecordedState, asset: AssetId) -> Selectable:
    entry = state.lock.entries.get(asset)
    return Selectable(asset, entry.output if entry is not None else "")


def _replaced(selection: Selection, specs: Mapping[AssetId, Spec]) -> frozenset[AssetId]:
    """The assets that `--replace` selects. ProjectError for a pattern without a match."""
    if not selection.replace:
        return frozenset()
    return frozenset(select_assets(selection.replace, map(selectable_spec, specs.values()), option="--replace").assets)


def _check_patterns(selection: Selection, assets: Sequence[Selectable]) -> None:
    """ProjectError for a pattern without a match, since a typing error there would cost money. A glob or a tag to
    exclude may match nothing."""
    for pattern in selection.include:
        if not matching(pattern, assets):
            raise no_match(pattern, assets)
    for pattern in selection.exclude:
        if not is_glob(pattern) and not matching(pattern, assets):
            raise no_match(pattern, assets, option="--exclude")
