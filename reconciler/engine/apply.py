"""Carry a plan out: upstream assets first, the others concurrently, one request per recipe, past single failures."""

from __future__ import annotations

import asyncio

from reconciler.core.candidates import mismatch_hint
from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.events import AnswerRecorded, Durable, Failed, Forgotten, Published, Started
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry
from reconciler.core.mismatch import taken
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    Mismatched,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Running,
    Stop,
)
from reconciler.core.plan.actions import (
    Action,
    Adopt,
    Asked,
    By,
    Conflict,
    Generate,
    Hold,
    Keep,
    Move,
    OutputMissing,
    Restore,
    UpstreamChanged,
)
from reconciler.core.plan.plan import AssetStep, Plan, Step
from reconciler.core.ports import InTheWay, StoredImage
from reconciler.core.value import replace
from reconciler.engine.clock import stamp
from reconciler.engine.context import ApplyContext
from reconciler.engine.conversion import Conversions
from reconciler.engine.recipes import Recipes
from reconciler.engine.report import DISK_ERROR, Line, Report, Result, StepError
from reconciler.engine.shared_requests import SharedRequests, sole_recipes
from reconciler.engine.step_queue import StepQueue

_LOCAL_AT_ONCE = 8


class Run:
    """One apply. After `stop()`, steps in progress finish and no other step starts."""

    def __init__(self, plan: Plan, lock: Lock, world: ApplyContext) -> None:
        self.plan = plan
        self.world = world
        self.report = Report()
        self.recipes = Recipes(plan, lock, world)
        self.by_content = {entry.content: entry for entry in lock.entries.values()}
        self.conversions = Conversions(world.store, world.outputs, world.converter)
        self.stopping = False
        self._ended: dict[AssetId, bool] = {}
        self._requests = SharedRequests(world.providers, world.traits, sole_recipes(plan.steps))
        self._local = asyncio.Semaphore(_LOCAL_AT_ONCE)

    def stop(self) -> None:
        """Start no more steps, and send no request that is queued in a lane."""
        self.stopping = True
        for drain in self.world.drains:
            drain()

    async def run(self) -> Report:
        """Run every step of the plan. After a DiskError, steps in progress finish; the report lists the failures."""
        await StepQueue([step for step in self.plan.steps if not isinstance(step.action, Keep)], self._step).run()
        return self.report

    async def _step(self, step: Step) -> None:
        good = False
        try:
            line = await self._line(step)
            good = line.result not in (Result.HELD, Result.CONFLICT)
            self.report.lines.append(line)
        except StepError as error:
            self.report.lines.append(Line(step.asset, error.result, None, error.message, error.outcome, error.hint))
            if error.result in (Result.FAILED, Result.BLOCKED):
                outcome = error.outcome or error.result.name.title()
                self.world.progress.record(Failed(step.asset, outcome, error.message))
        except DiskError as error:
            self.stop()
            self.report.disk_failed(step.asset, error)
            self.world.progress.record(Failed(step.asset, DISK_ERROR, error.fact))
        finally:
            self._ended[step.asset] = good

    async def _line(self, step: Step) -> Line:
        if not isinstance(step, AssetStep):
            return Line(step.asset, Result.HELD)
        action = step.action
        match action:
            case Hold():
                return Line(step.asset, Result.HELD)
            case Conflict():
                return Line(step.asset, Result.CONFLICT)
            case _:
                self._require_upstreams(step)
                if self.stopping:
                    raise StepError(Result.NOT_STARTED, "interrupted")
                if isinstance(action, Restore) and action.by is By.REDRAW:
                    key = self.recipes.recipe(step.spec).key()
                    action = Generate(action.reason, key, FREE, action.replacing, (), action.old_path)
                if isinstance(action, Generate):
                    return await self._generate(step, action)
                async with self._local:
                    if self.stopping:
                        raise StepError(Result.NOT_STARTED, "interrupted")
                    return await self._put_in_place(step, action)

    def _require_upstreams(self, step: AssetStep) -> None:
        """An asset that this one refers to blocks it if its step failed and it has no picture."""
        needed = step.action.after if isinstance(step.action, Generate) else ()
        for up in step.spec.upstreams():
            if not self._ended.get(up, True) and (up in needed or up not in self.recipes.contents):
                raise StepError(Result.BLOCKED, f"waits for {up}, which has no image yet", "Blocked")

    async def _put_in_place(self, step: AssetStep, action: Action) -> Line:
        match action:
            case Restore(content=content, replacing=replacing, old_path=old_path):
                self._start(step, "restore")
                self.world.require_copied(content)
                entry = await self._existing_entry(step, action, content)
                await self._place(step, entry.content, replacing, old_path)
                await self._publish(step, entry, "restored")
                return Line(step.asset, Result.RESTORED)
            case Move(content=content, replacing=replacing, old_path=old_path):
                self._start(step, "move")
                entry = await self._existing_entry(step, action, content)
                await self._place(step, content, replacing, old_path)
                await self._publish(step, entry, "moved")
                return Line(step.asset, Result.MOVED)
            case Adopt(content=content):
                entry = await self._existing_entry(step, action, content)
                if entry.content != content:  # the file has the bytes of the response, in another format than its name
                    await self._place(step, entry.content, content, None)
                await self._publish(step, entry, "adopted")
                return Line(step.asset, Result.ADOPTED)
            case _:
                return Line(step.asset, Result.UNCHANGED)

    async def _existing_entry(self, step: AssetStep, action: Restore | Move | Adopt, content: ContentHash) -> LockEntry:
        """The lock entry for bytes that exist already, under the current recipe.

        An image that is only restored or moved keeps the recipe that it was made from. Otherwise, a change that is
        frozen, ignored or waiting for consent would no longer show in later plans.
        """
        if step.entry is not None and (isinstance(action, Move) or isinstance(action.reason, OutputMissing)):
            return replace(step.entry, output=step.output)
        recipe = self.recipes.recipe(step.spec)
        under = None if isinstance(action, Move) else action.under
        stored = await asyncio.to_thread(self.world.store.recall, under or recipe.key())
        for one in reversed(stored):
            if one.content == content:  # under another recipe, it fits this one
                image = replace(one, misfit=None) if under is not None else one
                policy = step.spec.on_mismatch
                return await self.conversions.entry(step.output, recipe, image, path=step.output, policy=policy)
        known = self.by_content.get(content)
        if known is not None:
            image = StoredImage(content, known.image, known.made, original=known.original)
            return await self.conversions.entry(step.output, recipe, image, path=known.output)
        raise StepError(Result.FAILED, f"neither the lockfile nor the store has a record of {content}", DISK_ERROR)

    async def _place(
        self, step: AssetStep, content: ContentHash, replacing: ContentHash | None, old_path: str | None
    ) -> None:
        """Write the output if it still holds the planned bytes; then remove the file from its old path."""
        try:
            locked = self.by_content.get(content)
            placed = await asyncio.to_thread(
                self.world.outputs.place,
                content,
                step.output,
                expect=replacing,
                locked_for=locked.output if locked else step.output,
            )
        except DiskError as error:
            raise StepError(Result.FAILED, error.fact, DISK_ERROR, error.hint) from error
        if isinstance(placed, InTheWay):
            how = "removed" if placed.found is None else "changed"
            message = (
                f"{step.output} was {how} during the run; it was not written, the image is in the store ({content})"
            )
            raise StepError(Result.CONFLICT, message, "Conflict")
        if old_path is not None and step.entry is not None:
            await asyncio.to_thread(self.world.outputs.vacate, old_path, expect=step.entry.content)

    async def _generate(self, step: AssetStep, action: Generate) -> Line:
        recipe = self.recipes.recipe(step.spec)
        key = recipe.key()
        asked = isinstance(action.reason, Asked)
        if isinstance(action.reason, UpstreamChanged) and step.entry is not None and key == step.entry.key:
            return await self._cut_off(step, action, step.entry)
        if action.after and not asked:
            existing = await self.recipes.stored_image(step.spec, key)
            if existing is not None:
                return await self._put_in_place(
                    step, Restore(action.reason, existing, action.replacing, action.old_path)
                )
        self.recipes.require_consent(step.spec, key, asked=asked, planned=action.key is not None)
        self._start(step, "generate")
        if step.spec.pictures():
            await asyncio.to_thread(self.recipes.share_references, step.spec)
        request, policy = self.recipes.request(step.asset, step.spec, recipe), step.spec.on_mismatch
        outcome, leader = await self._requests.generate(step.spec.provider, request, alone=asked)
        misfit = outcome.misfit if isinstance(outcome, Mismatched) else None
        if isinstance(outcome, Mismatched) and taken(outcome.done.image, outcome.misfit, recipe, policy):
            outcome = outcome.done
        match outcome:
            case Done():
                for attempt in () if leader else request.retry_of:  # the shared response answers these attempts, too
                    await asyncio.to_thread(self.world.journal.record, Forgotten(attempt))
                assert outcome.made is not None  # every provider of a run stores its images
                image = StoredImage(outcome.spooled.content, outcome.image, outcome.made, misfit=misfit)
                entry = await self.conversions.entry(step.output, recipe, image, path=step.output, policy=policy)
                lost = self.recipes.lost_image(step, action.reason, key)
                if lost is not None:
                    self.recipes.require_same(step.asset, lost, entry.content)
                    entry = replace(lost, output=step.output)
                await self._place(step, entry.content, action.replacing, action.old_path)
                await self._publish(step, entry, "restored" if lost else "made")
                if lost is not None:
                    return Line(step.asset, Result.RESTORED)
                return Line(step.asset, Result.MADE, outcome.cost if leader else None, "" if leader else "shared")
            case Refused(message=message):
                await self._answered(step, key, outcome, leader=leader)
                raise StepError(Result.FAILED, f"refused: {message}", "Refused")
            case Mismatched(message=message, done=done):
                await self._answered(step, key, outcome, leader=leader)
                where = f"it is paid for, and kept in {self.world.shown(done.spooled.path)}"
                raise StepError(Result.HELD, f"{message}; {where}", "Mismatched", mismatch_hint(step.asset))
            case BadOutput(message=message, kept=kept):
                await self._answered(step, key, outcome, leader=leader)
                where = f"; its bytes are in {self.world.shown(kept.path)}" if kept else ""
                raise StepError(Result.FAILED, f"bad output: {message}{where}", "BadOutput")
            case _:
                raise _unanswered(outcome)

    async def _cut_off(self, step: AssetStep, action: Generate, entry: LockEntry) -> Line:
        """The upstream's new picture equals the old one: generate nothing, and put the locked file in place."""
        if action.replacing == entry.content and step.origin is None and entry.output == step.output:
            return Line(step.asset, Result.UNCHANGED)
        self.recipes.require_unrejected(self.world.rejected.of(entry.content, entry.original))
        self._start(step, "restore")
        await self._place(step, entry.content, action.replacing, action.old_path)
        await self._publish(step, replace(entry, output=step.output), "restored")
        return Line(step.asset, Result.RESTORED)

    async def _answered(self, step: AssetStep, key: RecipeKey, outcome: Outcome, *, leader: bool) -> None:
        """Record an answer that is no image to lock. The end of the leader's attempt records its own."""
        if leader:
            return
        at, message = stamp(self.world.utc()), "" if isinstance(outcome, Done) else outcome.message
        match outcome:
            case Mismatched(done=done):
                answer = Answer(key, message, at, AnswerKind.MISMATCHED, done.spooled.content)
            case BadOutput(kept=kept):
                answer = Answer(key, message, at, AnswerKind.FAILED, kept.content if kept else None)
            case _:
                answer = Answer(key, message, at)
        await self._record(AnswerRecorded(step.asset, answer))

    def _start(self, step: Step, action: str) -> None:
        self.world.progress.record(Started(step.asset, action))

    async def _publish(self, step: AssetStep, entry: LockEntry, how: str) -> None:
        self.recipes.contents[step.asset] = entry.content
        await self._record(Published(step.asset, entry, how, step.origin))

    async def _record(self, event: Durable) -> None:
        await asyncio.to_thread(self.world.journal.record, event)
        self.world.progress.record(event)
        await self.world.lockfile_saver.add(event)


def _unanswered(outcome: Outcome) -> StepError:
    """The error of a request that got no answer to its recipe."""
    match outcome:
        case NotSent(message=message, stop=Stop.OVER_BUDGET):
            return StepError(Result.HELD, message, "OverBudget")
        case NotSent(message=message, stop=Stop.INTERRUPTED):
            return StepError(Result.NOT_STARTED, message)
        case NotSent(message=message, stop=Stop.CLAIMED):
            return StepError(Result.HELD, message, "Claimed")
        case NotSent(message=message, stop=Stop() as stop):
            return StepError(Result.NOT_SENT, message, stop.name.title().replace("_", ""))
        case Rejected(message=message, stop=Stop() as stop):
            return StepError(Result.FAILED, message, stop.name.title().replace("_", ""))
        case InDoubt(message=message):
            return StepError(Result.HELD, f"in doubt, it may have been charged: {message}", "InDoubt")
        case Running(message=message, detached=detached):
            return StepError(Result.SUBMITTED if detached else Result.WAITING, message, "Running")
        case _:
            return StepError(Result.FAILED, outcome.message, type(outcome).__name__)
