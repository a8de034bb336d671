"""The layers of a team around the paid providers of one run: claims, waiting, pushes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import uuid4

from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.outcome import BadOutput, Mismatched, Refused
from reconciler.core.plan.actions import Consent
from reconciler.core.ports import Log, Provider
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.team.settings import Transfer
from reconciler.engine.clock import Clock
from reconciler.engine.lane.recorded import Estimate
from reconciler.engine.team.claiming import Claiming
from reconciler.engine.team.context import TeamContext, TeamPolicy
from reconciler.engine.team.pushes import Pushes
from reconciler.engine.team.shared import SharedWithTeam
from reconciler.engine.team.team_images import ClaimReader
from reconciler.project.planning import PlannedProject
from reconciler.project.team_session import TeamSession

TeamLayer = Callable[[Provider], Provider]
_RETRIED = {
    Consent.RETRY_REFUSED: Refused.__name__,
    Consent.RETRY_MISMATCHED: Mismatched.__name__,
    Consent.RETRY_FAILED: BadOutput.__name__,
}
_SPARE_SECONDS = 60.0
"""Between the last moment at which an answer can come, and that at which it is durable."""


def team_context(
    session: TeamSession, planned: PlannedProject, journal: Log, progress: Log, *, waits: bool
) -> TeamContext:
    """What the run of a plan needs of the team's store. Call it inside the event loop of the run."""
    settings, rejected = session.settings, planned.seen.rejected
    return TeamContext(
        bucket=session.team.bucket,
        receipts=session.receipts,
        own_claims=session.own_claims,
        store=session.workspace.store,
        journal=journal,
        progress=progress,
        owner=session.owner,
        executor=session.threads,
        policy=TeamPolicy(
            claims=settings.claims,
            push=settings.push is Transfer.AUTO,
            waits=waits,
            retried=frozenset(name for consent, name in _RETRIED.items() if consent in planned.consents),
        ),
        clock=Clock(),
        unwanted=frozenset((*rejected.contents, *rejected.originals)),
        listed=session.asked,
    )


class TeamLayers:
    """Make it inside the event loop of the run."""

    def __init__(self, session: TeamSession, planned: PlannedProject, journal: Log, progress: Log, *, waits: bool):
        self._team = team_context(session, planned, journal, progress, waits=waits)
        self._pushes = Pushes(self._team)
        self._reader = ClaimReader(session.team.bucket)
        self._currency = planned.loaded.project.settings.budget.currency

    def drain(self) -> None:
        """Wait for no other checkout any more."""
        self._team.drain()

    def around_call(self, inner: Provider) -> Provider:
        """See PaidRun."""
        return SharedWithTeam(inner, team=self._team, reader=self._reader, currency=self._currency)

    def around_attempt(self, settings: ProviderSettings, estimate: Estimate) -> TeamLayer:
        """See PaidRun: the layer for attempts of one provider."""
        return lambda inner: Claiming(
            inner,
            team=self._team,
            pushes=self._pushes,
            provider=settings.name,
            estimate=estimate,
            seconds=settings.timeouts.total + _SPARE_SECONDS,
            new_attempt=lambda: uuid4().hex,
        )

    async def finish(self, made: Iterable[LockEntry]) -> str:
        """Push the conversions of images that this run has made, and wait for all pushes; a message if some are left
        for the next apply."""
        if self._team.policy.push:
            self._pushes.convert([entry for entry in made if entry.original is not None])
        left = await self._pushes.finish()
        if not left:
            return ""
        why = self._pushes.failures[0]
        return f"{left} not brought to the team's store: {why.fact}; the next apply does it"
