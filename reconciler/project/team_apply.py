"""The team's store in an apply: before the plan, before anything is bought, and around the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.digest import ContentHash
from reconciler.core.errors import BucketDenied, BucketError
from reconciler.core.plan.plan import Plan
from reconciler.core.ports import Log
from reconciler.core.team.settings import Transfer
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.engine.report import Result, StepError
from reconciler.project.planning import PlannedProject
from reconciler.project.team_layers import TeamLayers
from reconciler.project.team_session import NotCopied, TeamSession, missing, wanted

_KNOWINGLY = "`reconciler apply --without-team` buys without asking the team: two may then pay for one image"


class TeamRun:
    """One apply of a project with a team. `waits`: for images that other checkouts have asked for."""

    def __init__(self, session: TeamSession, *, waits: bool) -> None:
        self._session = session
        self._waits = waits
        self._unreachable: BucketError | None = None
        self._writes = True

    def prepare(self, planned: PlannedProject, *, fetches: bool) -> bool:
        """End the claims of earlier runs, and ask about what the plan would buy. True if something was learned: then
        plan again. A store that cannot be reached is no error yet."""
        session = self._session
        try:
            self._end_own_claims()
            questions = wanted(planned) if fetches and session.settings.pull is Transfer.AUTO else None
            if questions and not session.team.lists:
                questions = replace(questions, recipes=frozenset())
            if not questions:
                return False
            session.fetch(questions)
        except BucketError as error:
            self._unreachable = error
            return False
        return True

    def _end_own_claims(self) -> None:
        try:
            self._session.end_own_claims()
        except BucketDenied:
            self._writes = False

    def require(self, plan: Plan, planned: PlannedProject) -> None:
        """Raise the error that would keep this plan from buying: a store that cannot be reached or cannot keep claims,
        a missing key. Without the right to write, nothing is raised, and the run holds what it would buy."""
        session, settings = self._session, self._session.settings
        if not _buys(plan, planned):
            return
        if settings.claims and self._unreachable is not None:
            raise _refused(self._unreachable) from self._unreachable
        try:
            if settings.claims:
                session.team.prove_claims()
        except BucketDenied:
            self._writes = False
        except BucketError as error:
            raise _refused(error) from error
        if self._writes and settings.push is Transfer.AUTO:
            _ = session.team.signer

    @property
    def may_write(self) -> bool:
        """Whether the user's credentials may claim, as far as it is known by now."""
        return self._writes

    @property
    def buys_alone(self) -> bool:
        """Whether the run buys without the store, in a project without claims: it could not be asked, or lists no
        receipts."""
        return self._unreachable is not None or not (self._session.settings.claims or self._session.team.lists)

    def say_unasked(self, say: Callable[[str], None]) -> None:
        """Say why the store was not asked, for an apply that goes on without it."""
        if self._unreachable is not None:
            say(f"the team's store was not asked: {printable(self._unreachable.fact)}")

    def copy(self, plan: Plan) -> Mapping[ContentHash, StepError]:
        """Copy the images that the plan restores from the team's store; why some are not here."""
        wanted_images = [content for content in missing(plan) if self._session.workspace.store.find(content) is None]
        if not wanted_images:
            return {}
        if self._unreachable is not None:
            failed = NotCopied(self._unreachable.fact, self._unreachable.hint, later=True)
            return {content: _step_error(failed) for content in wanted_images}
        return {content: _step_error(why) for content, why in self._session.copy(wanted_images).items()}

    def layers(self, plan: Plan, planned: PlannedProject, journal: Log, progress: Log) -> TeamLayers | None:
        """The layers around paid providers; None if the plan buys nothing, or the run buys alone. Call it inside the
        event loop of the run."""
        if self.buys_alone or not _buys(plan, planned):
            return None
        return TeamLayers(self._session, planned, journal, progress, waits=self._waits)


def _buys(plan: Plan, planned: PlannedProject) -> bool:
    traits = planned.loaded.project.settings.traits()
    return any(not traits[name].free for name in plan.generating_providers)


def _refused(why: BucketError) -> BucketError:
    hint = f"{why.hint}; {_KNOWINGLY}" if why.hint else _KNOWINGLY
    return BucketError(f"{why.fact}; nothing was bought", hint=hint)


def _step_error(why: NotCopied) -> StepError:
    result = Result.NOT_SENT if why.later else Result.HELD
    return StepError(result, f"not restored from the team's store: {why.message}", "TeamStore", why.hint)
