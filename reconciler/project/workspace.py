"""The composition root: the only place where adapters are constructed. Each consumer gets its own settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import InvalidInput, ProjectError
from reconciler.core.events import Durable, Requested, settle
from reconciler.core.lock.entry import DRAFT
from reconciler.core.lock.lockfile import Lock
from reconciler.core.money.cost import parse_cost
from reconciler.core.plan.actions import Action, Consent
from reconciler.core.plan.decide import Facts
from reconciler.core.plan.observed import Observed
from reconciler.core.plan.plan import Gate, Plan, plan
from reconciler.core.plan.policy import Policy, gate, select, within_budget
from reconciler.core.specs.document import field_name
from reconciler.core.specs.expand import expand
from reconciler.core.specs.graph import whole_problems
from reconciler.core.specs.settings import Budget, Cascade
from reconciler.core.specs.spec import FileReference, Origin, Spec
from reconciler.core.suggest import did_you_mean
from reconciler.core.unrecorded import unrecorded
from reconciler.core.value import field, replace, value
from reconciler.project import incremental_plan as narrow
from reconciler.project.prices import address_problems, draft_names, model_problems, pricer, row_problems
from reconciler.providers.models.table import model_table
from reconciler.providers.models.warnings import Caution, cautions, next_retirement
from reconciler.report.plan_text import UNMERGED
from reconciler.store.documents.lockfile import LockOnDisk
from reconciler.store.documents.project import (
    LOCK_FILE,
    Project,
    find_root,
    read_lock,
    read_project,
    specs_folder_problem,
)
from reconciler.store.documents.specs import SpecReader, read_specs
from reconciler.store.index.index import FOREVER, Index, stat_of
from reconciler.store.objects.content_store import ContentStore, RecalledImages
from reconciler.store.state.journal import Journal
from reconciler.store.state.lock import exclusive
from reconciler.store.state.state_dir import STATE, make_state_dir, state_dir
from reconciler.store.worktree.observe import TreeObserver
from reconciler.store.worktree.outputs import OutputTree
from reconciler.store.worktree.sources import ContentSources


@value
class Selection:
    """What the options of plan, check and apply say."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    drafts_only: bool = False
    candidates: int = 1


@value
class LoadedSpecs:
    """Every spec of the project, read and found to be right. What is said of it holds until `until`, in seconds."""

    project: Project
    specs: Mapping[AssetId, Spec]
    places: Mapping[str, Origin] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    until: float = FOREVER


@value
class PlannedProject:
    """A plan and all that it was made from. `behind` counts assets of which the journal knows more than the lockfile,
    or is UNMERGED where the lockfile itself holds two sides of a merge;
    each asset that is generated is asked for `candidates` times; `consents` were given for the run."""

    wanted: LoadedSpecs
    lock: Lock
    seen: Observed
    plan: Plan
    in_doubt: tuple[Requested, ...]
    behind: int
    candidates: int = 1
    consents: frozenset[Consent] = frozenset()


class Workspace:
    """One project on the disk. Nothing is read before it is asked for, and nothing is read twice."""

    def __init__(self, root: Path, *, strict: bool, utc: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.root = root
        self.state = state_dir(root)
        self.store = ContentStore(root)
        self.journal = Journal(self.state / "journal")
        self.lock_file = LockOnDisk(root, journal=self.journal.read)
        index = Index(root, self.state / "index")
        self.index = index if strict else index.load()
        self.tree = TreeObserver(root, self.index)
        self._utc = utc
        self._noted = Plan(()), b""

    @cached_property
    def recorded(self) -> Lock:
        """The lockfile as it was when first asked for."""
        self.index.note_stat(LOCK_FILE, stat_of(self.root / LOCK_FILE))
        return read_lock(self.root)

    def wanted(self) -> LoadedSpecs:
        """Read the project file and every spec. InvalidInput with all that is wrong anywhere."""
        try:
            project, reading = self._begin()
        finally:
            recorded = self.recorded  # what is wrong with the lockfile is said before all else
        self.tree.begin({entry.output: entry.image.size for entry in recorded.entries.values()})
        files = read_specs(reading, self.index)
        found = expand(project.settings, project.document, files.tree)
        wrong = {*files.problems, *found.problems}
        broken = tuple(name.rpartition(".")[0] for name in files.broken)
        unread = bool(files.problems or found.problems)
        wrong |= set(whole_problems(found.specs, (*broken, *found.broken), partial=unread))
        table = model_table(project.settings.models)
        wrong |= {*row_problems(project, table), *address_problems(project)}
        wrong |= set(model_problems(project, found.specs, table))
        if wrong:
            raise InvalidInput(tuple(wrong))
        providers, today = project.settings.providers, self._utc().date()
        return LoadedSpecs(
            project,
            found.specs,
            _reference_places(found.specs),
            cautions(found.specs, providers, table, today=today),
            next_retirement(found.specs, providers, table, today=today) or FOREVER,
        )

    def _begin(self) -> tuple[Project, SpecReader]:
        """The project file, and its specs while they are parsed by others."""
        project = read_project(self.root, self.index)
        missing = specs_folder_problem(project)
        if missing is not None and (project.names_specs or self.recorded.entries):
            raise InvalidInput((missing,))
        return project, SpecReader(self.root, project.settings.specs, self.index)

    def look(self, wanted: LoadedSpecs, selection: Selection) -> PlannedProject:
        """Observe the tree and plan. Creates nothing but the cache of parsed specs, where there is a place for it."""
        recorded = self.recorded
        self.index.note_stat(f"{STATE}/journal", stat_of(self.root / STATE / "journal"))
        settled = settle(recorded, self.events())
        lock, in_doubt = settled.lock, settled.in_doubt
        files = self.references(wanted)
        specs = _as_drafts(wanted, lock) if selection.drafts_only else wanted.specs
        # what the plan will ask for, and what the next run will, while there are others still hashing
        for spec in specs.values():
            if not spec.pictures():
                spec.base_recipe.key()
        if self.state.is_dir():
            self.index.parsed.save()
        outputs = {spec.output for spec in specs.values()} | {entry.output for entry in lock.entries.values()}
        seen = Observed(
            outputs={entry.output: entry.content for entry in lock.entries.values()},
            files=files,
            stored=RecalledImages(self.store),
            sources=ContentSources(self.root, self.store, outputs),
            in_doubt=_by_asset(in_doubt),
        )
        drafts = draft_names(wanted.project.settings.providers)
        price = pricer(wanted.project, times=selection.candidates)
        allowed = _gate(selection, wanted, specs, {*lock.entries, *seen.in_doubt})

        def planned(seen: Observed) -> Plan:
            return plan(specs, lock, seen, drafts=drafts, price=price, gate=allowed)

        untouched = planned(seen) if self.tree.hashing else None
        if untouched is not None:
            self._noted = untouched, narrow.encode_notes(untouched)
        there = self.tree.outputs(outputs)
        if untouched is not None and there == seen.outputs:
            made = untouched
        else:
            seen = replace(seen, outputs=there)
            made = planned(seen)
        wanted = replace(wanted, specs=specs)
        behind, consents = _behind(recorded, lock), selection.policy.consents
        return PlannedProject(wanted, lock, seen, made, in_doubt, behind, selection.candidates, consents)

    def locked(self) -> Lock:
        """The lockfile, with what the journal knows beyond it."""
        return settle(read_lock(self.root), self.journal.read()).lock

    def in_doubt(self) -> tuple[Requested, ...]:
        """Requests that nothing ended."""
        return settle(Lock(), self.events()).in_doubt

    def events(self) -> tuple[Durable, ...]:
        """All that the journal has, and the ends that a death kept out of it."""
        events = self.journal.read()
        return (*events, *unrecorded(events, self.store.recall))

    def references(self, wanted: LoadedSpecs) -> dict[str, ContentHash]:
        """The contents of all reference files. InvalidInput for those that cannot be used."""
        files, wrong = self.tree.references({path: origin.place for path, origin in wanted.places.items()})
        if wrong:
            fields = {origin.place: field_name(origin.path) for origin in wanted.places.values()}
            raise InvalidInput(tuple(replace(each, field=fields.get(each.place, each.field)) for each in wrong))
        return files

    def outputs(self, prospect_paths: frozenset[str] = frozenset()) -> OutputTree:
        """The image files, for commands that write."""
        return OutputTree(self.root, self.store, ContentSources(self.root, self.store, prospect_paths))

    def remember(self, prospect: PlannedProject, says: Mapping[str, str]) -> None:
        """Keep what was seen for the next run; `says` are the answers that hold while nothing changes.

        A plan that has a warning to give has to be made each time.
        """
        self._kept = (self, prospect)  # a ring: the process ends without taking every value apart, which takes 50 ms
        clean = not prospect.plan.drift and not prospect.behind
        if self.state.is_dir():
            notes = self._notes(prospect.plan) if clean and says else b""
            silent = {"plan"} if prospect.wanted.cautions else set()
            kept = {name: said for name, said in says.items() if clean and name not in silent}
            self.index.save(kept, notes=notes, until=prospect.wanted.until)

    def _notes(self, made: Plan) -> bytes:
        """What the next run must know of a plan: worked out already, where there was time to."""
        noted, notes = self._noted
        return notes if noted is made else narrow.encode_notes(made)

    @contextmanager
    def exclusive(self, wait: float) -> Iterator[None]:
        """The one right to change anything here; ApplyRunning says who has it."""
        make_state_dir(self.root)
        with exclusive(self.state / "lock", wait=wait):
            yield


def open_workspace(directory: str | None, environ: Mapping[str, str], *, strict: bool = False) -> Workspace:
    """The project at or above a directory. In CI (`CI=true`) nothing is believed of the index."""
    start = Path(directory) if directory else Path.cwd()
    return Workspace(find_root(start), strict=strict or in_ci(environ))


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether the environment says that nobody is watching."""
    return environ.get("CI", "").lower() not in ("", "0", "false")


def _gate(selection: Selection, wanted: LoadedSpecs, specs: Mapping[AssetId, Spec], known: Iterable[AssetId]) -> Gate:
    known = tuple(known)
    _check_patterns(selection, specs, known)
    chosen = select(specs, known, include=selection.include, exclude=selection.exclude)
    if selection.drafts_only:
        drafts = {identity for identity, spec in specs.items() if spec.provider == DRAFT}
        chosen = frozenset(drafts if chosen is None else drafts & chosen)
    policy = replace(selection.policy, selected=chosen)
    if policy.cascade is Cascade.ASK:
        policy = replace(policy, cascade=wanted.project.settings.cascade)

    def gated(facts: Facts, action: Action) -> Action:
        return gate(facts, action, policy)

    return gated


def _check_patterns(selection: Selection, specs: Mapping[AssetId, Spec], known: Sequence[AssetId]) -> None:
    """ProjectError for an --include without a match, and for an --exclude that names an asset which is not there: it
    would have been paid for. A glob or a tag to exclude is a rule, and may have nothing to do."""
    exact = [word for word in selection.exclude if not (word.startswith("tag:") or set(word) & set("*?["))]
    given = (*(("--include", word) for word in selection.include), *(("--exclude", word) for word in exact))
    for option, word in given:
        if not select(specs, known, include=(word,), exclude=()):
            tags = {f"tag:{tag}" for spec in specs.values() for tag in spec.tags}
            hint = did_you_mean(word, tags if word.startswith("tag:") else {*specs, *known})
            raise ProjectError(f'{option}: nothing matches "{word}"', hint=hint)


def _as_drafts(wanted: LoadedSpecs, lock: Lock) -> dict[AssetId, Spec]:
    """What has no real image yet is wanted from the draft provider."""
    specs = dict(wanted.specs)
    for identity, spec in specs.items():
        entry = lock.entries.get(identity)
        if entry is None or entry.made.provider == DRAFT:
            specs[identity] = replace(spec, provider=DRAFT)
    return specs


def _by_asset(in_doubt: Iterable[Requested]) -> dict[AssetId, tuple[Requested, ...]]:
    asked: dict[AssetId, tuple[Requested, ...]] = {}
    for request in in_doubt:
        asked[request.asset] = (*asked.get(request.asset, ()), request)
    return asked


def _behind(recorded: Lock, settled: Lock) -> int:
    if recorded.merged:
        return UNMERGED
    if recorded == settled:
        return 0
    names = {*recorded.entries, *recorded.refusals, *settled.entries, *settled.refusals}
    return sum(
        recorded.entries.get(name) != settled.entries.get(name)
        or recorded.refusals.get(name) != settled.refusals.get(name)
        for name in names
    )


def _reference_places(specs: Mapping[AssetId, Spec]) -> dict[str, Origin]:
    places: dict[str, Origin] = {}
    for spec in specs.values():
        for reference, origin in zip(spec.pictures(), spec.picture_origins, strict=True):
            if isinstance(reference, FileReference):
                places.setdefault(reference.path, origin)
    return places


def budgeted(prospect: PlannedProject, max_cost: Decimal | None, max_images: int | None) -> Plan:
    """The plan with what passes the budget held: the project's, or the one given for this run."""
    return within_budget(
        prospect.plan,
        run_budget(prospect.wanted.project.settings.budget, max_cost, max_images),
        candidates=prospect.candidates,
        already=[(request.asset, parse_cost(request.cost)) for request in prospect.in_doubt],
    )


def run_budget(budget: Budget, max_cost: Decimal | None, max_images: int | None) -> Budget:
    """The project's budget with what was given for this run in its place."""
    return replace(
        budget,
        per_run=budget.per_run if max_cost is None else max_cost,
        images=budget.images if max_images is None else max_images,
    )
