"""Observe a project: its recorded state, and its files. Hashing may go on in other processes."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.digest import AssetId
from reconciler.core.events import Requested, Waiting, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.plan.observed import NONE_REJECTED, Blocked, Observed, Rejections
from reconciler.core.value import replace, value
from reconciler.project.load import LoadedSpecs, reference_contents
from reconciler.project.workspace import Workspace
from reconciler.report.plan_text import UNMERGED
from reconciler.store.index.index import stat_of
from reconciler.store.objects.content_store import RecalledImages
from reconciler.store.state.state_dir import STATE
from reconciler.store.worktree.observe import TreeObserver
from reconciler.store.worktree.sources import SourceFailures

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.project.team_knowledge import TeamKnowledge


@value
class RecordedState:
    """The lockfile with the events of the journal, and the requests in doubt. `behind` counts the assets that the
    lockfile lacks; it is UNMERGED where the lockfile holds both sides of a merge. `waiting` are the accepted requests.
    """

    lock: Lock
    in_doubt: tuple[Requested, ...]
    behind: int
    waiting: tuple[Waiting, ...] = ()

    @property
    def known(self) -> frozenset[AssetId]:
        """Every asset with an entry or a request without an end."""
        unended = (*self.in_doubt, *(one.requested for one in self.waiting))
        return frozenset((*self.lock.entries, *(request.asset for request in unended)))


def recorded_state(workspace: Workspace) -> RecordedState:
    """Settle the journal into the lockfile, in memory."""
    recorded = workspace.recorded
    workspace.index.note_stat(f"{STATE}/journal", stat_of(workspace.root / STATE / "journal"))
    settled = settle(recorded, workspace.events())
    return RecordedState(settled.lock, settled.in_doubt, _behind(recorded, settled.lock), settled.waiting)


class Observation:
    """The files of a project, perhaps still being hashed. `expected` is the result if every output matches the
    lockfile."""

    def __init__(self, tree: TreeObserver, outputs: frozenset[str], expected: Observed) -> None:
        self._tree = tree
        self._outputs = outputs
        self.expected = expected

    @property
    def hashing(self) -> bool:
        """Whether other processes are hashing. Work before `result` then overlaps with them."""
        return self._tree.hashing

    def result(self) -> Observed:
        """The files as they are. Waits for the hashing."""
        outputs = self._tree.outputs(self._outputs)
        for path in self._tree.not_images:
            if outputs.get(path) == self.expected.outputs.get(path):
                outputs[path] = Blocked("not an image, although the lockfile has an entry for it")
        return replace(self.expected, outputs=outputs)


def observe(
    workspace: Workspace,
    loaded: LoadedSpecs,
    state: RecordedState,
    *,
    rejected: Rejections = NONE_REJECTED,
    team: TeamKnowledge | None = None,
) -> Observation:
    """Observe every output and reference file. Creates nothing. InvalidInput for an unusable reference.

    `team`: what is known of the team's store.
    """
    files = reference_contents(workspace, loaded)
    outputs = frozenset(spec.output for spec in loaded.specs.values())
    outputs |= {entry.output for entry in state.lock.entries.values()}
    sources = workspace.sources(outputs, *(() if team is None else (team.source,)))
    expected = Observed(
        outputs={entry.output: entry.content for entry in state.lock.entries.values()},
        files=files,
        stored=RecalledImages(workspace.store),
        sources=sources,
        failures=SourceFailures(sources),
        in_doubt=_by_asset(state.in_doubt),
        waiting=_waiting_by_asset(state.waiting),
        rejected=rejected,
    )
    if team is not None:
        expected = replace(
            expected,
            stored=team.images(expected.stored),
            remote=team.places,
            team_in_doubt=team.in_doubt,
            team_claimed=team.claimed,
            team_answers=team.answers,
        )
    return Observation(workspace.tree, outputs, expected)


def _by_asset(in_doubt: Iterable[Requested]) -> dict[AssetId, tuple[Requested, ...]]:
    requests: dict[AssetId, tuple[Requested, ...]] = {}
    for request in in_doubt:
        requests[request.asset] = (*requests.get(request.asset, ()), request)
    return requests


def _waiting_by_asset(waiting: Iterable[Waiting]) -> dict[AssetId, tuple[Waiting, ...]]:
    requests: dict[AssetId, tuple[Waiting, ...]] = {}
    for one in waiting:
        asset = one.requested.asset
        requests[asset] = (*requests.get(asset, ()), one)
    return requests


def _behind(recorded: Lock, settled: Lock) -> int:
    if recorded.merged:
        return UNMERGED
    if recorded == settled:
        return 0
    names = {*recorded.entries, *recorded.answers, *settled.entries, *settled.answers}
    return sum(
        recorded.entries.get(name) != settled.entries.get(name)
        or recorded.answers.get(name) != settled.answers.get(name)
        for name in names
    )
