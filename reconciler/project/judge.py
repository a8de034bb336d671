"""Record what a person says about images. Only what is locked and on disk can be approved; nothing is generated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reconciler.core.candidates import Candidate, find_candidate
from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import ConsentNeeded, ProjectError
from reconciler.core.plan.actions import Awaited, By, Conflict, Doubtful, Keep, Restore, WasRejected
from reconciler.core.plan.observed import Found
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.plan.selection import selectable_step
from reconciler.core.reviews.rules import REVIEWS, ReviewRules
from reconciler.core.reviews.verdict import MAX_NOTE, Judgement, Verdict, person_problem, signed_text
from reconciler.core.reviews.verdicts import later
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.asset_ids import select_assets
from reconciler.project.candidates import candidates
from reconciler.project.derived_images import DerivedImage, split_derived_images
from reconciler.project.planning import PlannedProject
from reconciler.project.reviews import Reviews
from reconciler.project.workspace import Workspace
from reconciler.report.plan_text import reason_text
from reconciler.store.documents.reviews import REVIEW_BYTES, ReviewSession, read_reviews
from reconciler.store.documents.signatures import chosen_key, read_signers, sign
from reconciler.store.index.index import index_without_memory
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_settings import signing_key, user_email

_WHO = "`git config user.email you@example.com`, or pass --by"


@value
class Subject:
    """The image that is judged: the asset under which it was seen, its content, and the recipe that it was made for.
    For a derived file, the name of its set, and no recipe."""

    asset: AssetId
    content: ContentHash
    recipe: RecipeKey | None
    original: ContentHash | None = None


@value
class Opinion:
    """What a person says about an image."""

    subject: Subject
    judgement: Judgement
    note: str = ""


@value
class NotJudged:
    """Why an image cannot be judged. `passed_over`: only a glob named the asset, so that the command does not fail."""

    asset: AssetId
    why: str
    hint: str = ""
    passed_over: bool = False


@value
class WantedJudgement:
    """The assets to judge, and how. `content` and `candidate` name another image than the locked one."""

    patterns: tuple[str, ...]
    judgement: Judgement
    note: str = ""
    content: str = ""
    candidate: str = ""


class Reviewer:
    """One person who judges in this checkout. ProjectError if nobody knows who that is, or with what key to sign."""

    def __init__(self, workspace: Workspace, rules: ReviewRules, *, by: str = "") -> None:
        repository = GitRepository(workspace.root)
        self.by = by or user_email(repository)
        if not self.by:
            raise ProjectError("a verdict needs a name: git has no user.email", hint=_WHO)
        wrong = person_problem(self.by)
        if wrong:
            raise ProjectError(f'"{printable(self.by)}" {wrong}', hint=_WHO)
        if rules.reviewers and self.by not in rules.reviewers:
            fact = f"{printable(self.by)} is none of the reviewers in reconciler.yaml: the verdict would not count"
            raise ProjectError(fact, hint="a reviewer adds you to review.reviewers, or judges instead")
        self._workspace = workspace
        self._rules = rules
        self._signers = read_signers(workspace.root, rules.signed) if rules.signed else None
        self._key = chosen_key(signing_key(repository), self._signers) if self._signers is not None else ""

    def record(self, opinions: Iterable[Opinion]) -> tuple[Verdict, ...]:
        """Write verdicts to the file of this session. Durable once this returns."""
        root, most = self._workspace.root, REVIEW_BYTES * max(self._workspace.most_assets, MAX_ASSETS)
        known = read_reviews(root, index_without_memory(root), most=most).verdicts
        made: list[Verdict] = []
        for opinion in opinions:
            made.append(self._verdict(opinion, (*known, *made)))
        if made:
            session = ReviewSession(
                self._workspace.root, self.by, today=self._workspace.utc().date(), tracked=self._tracked
            )
            session.append(made)
        return tuple(made)

    def _verdict(self, opinion: Opinion, known: Sequence[Verdict]) -> Verdict:
        if len(opinion.note) > MAX_NOTE:
            raise ProjectError(f"the note is over {MAX_NOTE:,} characters long", hint="say it in fewer words")
        subject = opinion.subject
        try:
            at = later(self._workspace.utc(), known, by=self.by, content=subject.content)
        except OverflowError:
            fact = f"{REVIEWS}/ has a verdict of {printable(self.by)} from the end of time"
            raise ProjectError(fact, hint="take that line out") from None
        verdict = Verdict(
            subject.asset,
            subject.content,
            subject.recipe,
            self.by,
            at,
            opinion.judgement,
            opinion.note,
            subject.original,
        )
        if self._signers is None:
            return verdict
        signed = replace(verdict, signature=sign(signed_text(verdict), self._key))
        problem = self._signers.problem(signed)
        if problem:
            raise ProjectError(f"the verdict would not count: {problem}", hint=f"is your key in {self._rules.signed}?")
        return signed

    def _tracked(self) -> frozenset[str] | None:
        """The files of verdicts that git tracks; None if git cannot tell."""
        repository = GitRepository(self._workspace.root)
        found = repository.tracked(REVIEWS)
        return None if repository.failure is not None else frozenset(found)


def judgeable(
    workspace: Workspace, planned: PlannedProject, wanted: WantedJudgement
) -> tuple[tuple[Opinion, ...], tuple[NotJudged, ...]]:
    """The opinions to record, and the assets that cannot be judged. ProjectError for patterns that select nothing.

    A pattern may be the path of a derived image, or the name of a set of them (`hero~web`)."""
    derived, patterns = split_derived_images(workspace, planned, wanted.patterns)
    if wanted.candidate and (derived or len(patterns) > 1):
        raise ProjectError("--candidate is for one asset", hint="name a single asset")
    of_derived = tuple(_derived_opinion(each, wanted) for each in derived)
    opinions, left = _judgeable_assets(workspace, planned, wanted, patterns) if patterns else ((), ())
    new = tuple(each for each in of_derived if isinstance(each, Opinion))
    return (*opinions, *new), (*left, *(each for each in of_derived if isinstance(each, NotJudged)))


def _derived_opinion(image: DerivedImage, wanted: WantedJudgement) -> Opinion | NotJudged:
    if not image.current:
        return NotJudged(AssetId(image.path), "it is not up to date", "`reconciler derive` makes it, for nothing")
    if wanted.content not in ("", image.content):
        hint = f"look at it again: `reconciler show {printable(image.path)}`"
        return NotJudged(AssetId(image.path), f"it has other content now: {image.content}", hint)
    return Opinion(Subject(AssetId(image.set), image.content, None), wanted.judgement, wanted.note)


def _judgeable_assets(
    workspace: Workspace, planned: PlannedProject, wanted: WantedJudgement, patterns: Sequence[str]
) -> tuple[tuple[Opinion, ...], tuple[NotJudged, ...]]:
    chosen = select_assets(patterns, map(selectable_step, planned.plan.steps))
    names = frozenset(chosen.assets)
    opinions: list[Opinion] = []
    left: list[NotJudged] = []
    for step in sorted(planned.plan.steps, key=lambda step: step.asset):
        if step.asset in names:
            found = _subject(workspace, planned, step, wanted)
            if isinstance(found, Subject):
                opinions.append(Opinion(found, wanted.judgement, wanted.note))
            else:
                left.append(replace(found, passed_over=step.asset not in chosen.exactly))
    return tuple(opinions), tuple(left)


def _subject(workspace: Workspace, planned: PlannedProject, step: Step, wanted: WantedJudgement) -> Subject | NotJudged:
    entry = locked_entry(step)
    if entry is None:
        return NotJudged(step.asset, "it has no locked image", "`reconciler apply` makes or restores it")
    named = wanted.candidate or wanted.content
    locked = Subject(step.asset, entry.content, entry.key, entry.original)
    if not named or named == entry.content:
        return unjudgeable(step, planned.seen.outputs.get(step.output)) or locked
    found = candidates(workspace.store, entry.key, entry=entry)
    if wanted.content and not any(one.image.content == wanted.content for one in found):
        hint = f"look at it again: `reconciler show {printable(step.asset)}`"
        return NotJudged(step.asset, f"it has another image now: {entry.content}", hint)
    return _candidate_subject(step, entry.key, found, named)


def _candidate_subject(step: Step, key: RecipeKey, found: Sequence[Candidate], named: str) -> Subject | NotJudged:
    one = find_candidate(found, named)
    if isinstance(one, str):
        return NotJudged(step.asset, one, f"`reconciler choose {printable(step.asset)}` lists them")
    return Subject(step.asset, one.image.content, key, one.image.original)


def unjudgeable(step: Step, found: Found) -> NotJudged | None:
    """Why the locked image of an asset cannot be judged: it must be the wanted one, real, and the one on disk.
    `found` is the content at its output."""
    entry, reason, name = locked_entry(step), step.action.reason, printable(step.asset)
    if entry is None:
        return NotJudged(step.asset, "it has no locked image", "`reconciler apply` makes or restores it")
    if not isinstance(step, AssetStep):
        return NotJudged(step.asset, "it is in no spec any more", "`reconciler prune` removes its image")
    if entry.made.placeholder:
        return NotJudged(step.asset, "it is a draft", "`reconciler apply` makes the real image")
    if isinstance(reason, WasRejected) and reason.locked:
        missing = NotJudged(step.asset, "its file is missing", f"`reconciler restore {name}` brings it back")
        return None if found == entry.content else missing
    if isinstance(reason, Doubtful | Awaited):
        hint = f"`reconciler recover` lists the requests, `reconciler show {name}` the state"
        return NotJudged(step.asset, reason_text(reason), hint)
    if isinstance(step.action, Keep):
        return None
    words = reason_text(reason)
    if isinstance(step.action, Conflict):
        return NotJudged(step.asset, words, f"`reconciler adopt {name}` or `reconciler restore {name}` first")
    if isinstance(step.action, Restore) and step.action.content == entry.content:
        how = "apply" if step.action.by is By.REDRAW else f"restore {name}"
        return NotJudged(step.asset, words, f"`reconciler {how}` brings it back")
    return NotJudged(
        step.asset, f"it is not up to date: {words}", "run `reconciler apply` first, and look at the result"
    )


def judge(
    reviewer: Reviewer, reviews: Reviews | None, opinions: Sequence[Opinion], *, consent: Callable[[int], bool]
) -> tuple[tuple[Verdict, ...], tuple[Opinion, ...]]:
    """Record opinions, once the user consents to their number. The second result are those that stand already."""
    new = tuple(each for each in opinions if not _stands(reviewer, reviews, each))
    if not consent(len(new)):
        raise ConsentNeeded("nothing was recorded")
    return reviewer.record(new), tuple(each for each in opinions if each not in new)


def _stands(reviewer: Reviewer, reviews: Reviews | None, opinion: Opinion) -> bool:
    """Whether the last verdict of this person on the image is this one, with this note."""
    given = reviews.of(opinion.subject.content) if reviews is not None else ()
    own = [each for each in given if each.by == reviewer.by and each.judgement is not Judgement.NOTE]
    if not own:
        return opinion.judgement is Judgement.WITHDRAW
    last = max(own, key=lambda verdict: verdict.at)
    return last.judgement is opinion.judgement and opinion.note in ("", last.note)
