"""The team's store around batches: claims before one is sent, their ends once it is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reconciler.core.errors import BucketError, ProjectError
from reconciler.core.lock.entry import LockEntry
from reconciler.core.plan.plan import Plan
from reconciler.core.team.settings import Transfer
from reconciler.core.text import printable
from reconciler.engine.team.batch_claims import BatchClaims
from reconciler.engine.team.pushes import push_conversion
from reconciler.project.planning import PlannedProject
from reconciler.project.team_apply import TeamRun
from reconciler.project.team_layers import team_context
from reconciler.project.team_session import TeamSession
from reconciler.project.workspace import Workspace


class TeamSubmission:
    """One submission of a project with a team."""

    def __init__(self, session: TeamSession) -> None:
        self._session = session
        self._run = TeamRun(session, waits=False)

    def prepare(self, planned: PlannedProject) -> bool:
        """End the claims of earlier runs, and ask about what the plan would buy. True if something was learned: then
        plan again."""
        return self._run.prepare(planned, fetches=True)

    def require(self, plan: Plan, planned: PlannedProject) -> None:
        """Raise the error that keeps this plan from being submitted: nothing can be claimed, or no receipt signed."""
        self._run.require(plan, planned)
        _ = self._session.owner
        if self._session.settings.claims and not self._run.may_write:
            fact = "these credentials only read the team's store: nothing can be claimed, so nothing was submitted"
            raise ProjectError(fact, hint="submit with credentials that may write, or let somebody else submit")

    def claims(self, planned: PlannedProject) -> BatchClaims | None:
        """Claims the requests of a job; None if the run buys alone. Call it inside the event loop of the run."""
        if self._run.buys_alone:
            return None
        journal = self._session.workspace.journal
        return BatchClaims(team_context(self._session, planned, journal, journal, waits=False))

    def finish(self, say: Callable[[str], None]) -> None:
        """End the claims of what was certainly not sent. Call it before the journal is closed."""
        bring_ends(self._session, say)


def bring_ends(session: TeamSession, say: Callable[[str], None]) -> bool:
    """Bring images and ends of claims to the team's store; what cannot be brought now is said, and brought later."""
    try:
        session.end_own_claims()
    except (BucketError, ProjectError) as error:
        say(f"not brought to the team's store: {printable(error.fact)}; the next apply or collect does it")
        return False
    return True


class TeamCollection:
    """One collection in a checkout that has claims in the team's store."""

    def __init__(self, session: TeamSession, say: Callable[[str], None]) -> None:
        self._session = session
        self._say = say

    def bring(self) -> None:
        """Bring what was collected. Call it before the journal is closed."""
        bring_ends(self._session, self._say)

    def bring_conversions(self, entries: Iterable[LockEntry]) -> None:
        """Bring images that were put in place in another format than they came in."""
        converted = [entry for entry in entries if entry.original is not None]
        if not converted or self._session.settings.push is not Transfer.AUTO:
            return
        session = self._session
        try:
            for entry in converted:
                push_conversion(session.team.bucket, session.receipts, session.workspace.store, entry)
        except (BucketError, ProjectError) as error:
            self._say(f"not brought to the team's store: {printable(error.fact)}; `reconciler push` does it")


def team_collection(
    workspace: Workspace, planned: PlannedProject, environ: Mapping[str, str], say: Callable[[str], None]
) -> TeamCollection | None:
    """The team's store of a collection; None if this checkout has no claim there."""
    settings = planned.loaded.project.settings.team
    if settings is None:
        return None
    session = TeamSession(workspace, settings, environ)
    return TeamCollection(session, say) if session.own_claims.read() else None
