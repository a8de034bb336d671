"""The decision table: the action for one asset. Pure and total; no other module decides."""

from __future__ import annotations

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.events import Requested, Waiting
from reconciler.core.lock.lockfile import Answer, AnswerKind, LockEntry
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import (
    Action,
    Adopt,
    AlreadyThere,
    Awaited,
    By,
    ClaimedElsewhere,
    Conflict,
    Consent,
    Current,
    Doubtful,
    Generate,
    Hold,
    Keep,
    MadeByHand,
    MergeSettled,
    Move,
    Moved,
    NeverGenerated,
    NotAFile,
    Orphaned,
    OutputLost,
    OutputMissing,
    OutputModified,
    Placeholder,
    RealImage,
    Reason,
    RecipeChanged,
    RedrawnDifferently,
    Restore,
    SourceFailed,
    Untracked,
    UpstreamChanged,
    UpstreamUnavailable,
    WasFailed,
    WasMismatched,
    WasRefused,
    WasRejected,
)
from reconciler.core.plan.observed import Blocked, Found, Rejection
from reconciler.core.ports import SourceFailure
from reconciler.core.recipe import PICTURE_FIELDS, Change, Recipe, changes
from reconciler.core.specs.spec import Spec
from reconciler.core.traits import Traits
from reconciler.core.value import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim


@value
class Facts:
    """The input of the decision about one asset.

    - `entry`: the lock entry of this id, or of the orphan `origin` that the asset takes over.
    - `locked_elsewhere`: the content that the lock has for the output's path, under any id.
    - `stored`: an existing image for this recipe; `stored_under`: the recipe that it was made for, if that is another
      one, which it fits as well; `source`: a place that has the locked bytes;
      `failure`: why one that may have them could not be asked; `redrawn`: another image that the provider drew for the
      locked recipe, if those bytes are lost.
    - `remote`: the name of another machine's store that the image would be copied from, "" for a place on this one.
    - `answered`: how this recipe was answered before, where that was no image to lock.
    - `pending`: upstreams about to be generated; `missing`: upstreams that will have no image; `changed`: upstreams
      whose images are the only difference.
    - `in_doubt`: requests of this asset whose outcome is unknown; `in_doubt_elsewhere`: those for this recipe under
      other ids.
    - `waiting`: requests of this asset that a provider has accepted; `waiting_elsewhere`: those for this recipe under
      other ids.
    - `rejected`: the rejection of the locked image; `answer_rejected`: that of an image for the wanted recipe, if there
      is no other image for it.
    - `other_side`: the recipe of the other side of a merge, where the file on disk decided for this entry.
    - `traits`: what may be assumed of the provider that the spec names.
    """

    identity: AssetId
    spec: Spec | None = None
    recipe: Recipe | None = None
    entry: LockEntry | None = None
    origin: AssetId | None = None
    found: Found = None
    found_before: Found = None
    locked_elsewhere: ContentHash | None = None
    stored: ContentHash | None = None
    stored_under: RecipeKey | None = None
    source: str | None = None
    remote: str = ""
    failure: SourceFailure | None = None
    redrawn: ContentHash | None = None
    pending: tuple[AssetId, ...] = ()
    missing: tuple[AssetId, ...] = ()
    changed: tuple[AssetId, ...] = ()
    in_doubt: tuple[Requested, ...] = ()
    in_doubt_elsewhere: tuple[Requested, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    waiting_elsewhere: tuple[Waiting, ...] = ()
    claimed: tuple[Claim, ...] = ()
    answered: Answer | None = None
    rejected: Rejection | None = None
    answer_rejected: Rejection | None = None
    other_side: RecipeKey | None = None
    traits: Traits = Traits()
    old_path: str | None = None
    cost: Cost | None = None


def decide(facts: Facts) -> Action:
    """The whole decision table. Read it top to bottom."""
    entry, spec, found = facts.entry, facts.spec, facts.found
    if spec is None:
        if facts.in_doubt:
            return Hold(Doubtful(facts.in_doubt))
        return Hold(Awaited(facts.waiting)) if facts.waiting else Keep(Orphaned())
    if facts.in_doubt:
        return Hold(Doubtful(facts.in_doubt), Consent.RETRY_IN_DOUBT, decide(replace(facts, in_doubt=())))
    if facts.waiting:
        return Hold(Awaited(facts.waiting), None, decide(replace(facts, waiting=())))
    if isinstance(found, Blocked):
        return Conflict(NotAFile(found.what))
    foreign = found is not None and found != facts.locked_elsewhere and (entry is None or found != entry.content)
    if foreign and found is not None and found == facts.stored:
        return Adopt(AlreadyThere(), found, facts.stored_under)
    if entry is None:
        return Conflict(Untracked(), found) if foreign else _obtain(facts, NeverGenerated())
    why = staleness(facts, entry)
    modified = found if foreign else _left_behind(facts, entry)
    if modified is not None:
        return Conflict(OutputModified(why.changes if isinstance(why, RecipeChanged) else ()), modified)
    if why is None:
        return kept(facts, entry)
    if facts.other_side is not None and _wanted(facts) == facts.other_side and found == entry.content:
        return Adopt(MergeSettled(), entry.content)
    if isinstance(why, UpstreamChanged) and _is_lost(facts) and _made_for_nothing(facts, entry):
        why = OutputLost()  # the locked image cannot be put in place, should the new one of the upstream equal the old
    return _spared(facts, entry, why) or _obtain(facts, why)


def _spared(facts: Facts, entry: LockEntry, why: Reason) -> Action | None:
    """The action for an image that only `--replace` replaces: a person's work, or a real one in the way of a draft.
    None for any other image, and for one whose bytes stay under the new recipe."""
    if facts.stored == entry.content:
        return None
    if entry.made.by_hand:
        reason: Reason = MadeByHand(why)
    elif facts.traits.placeholder and not entry.made.placeholder and facts.stored is None:
        reason = RealImage(why)
    else:
        return None
    first = kept(facts, entry)
    return Hold(reason, None, generate(facts, why)) if isinstance(first, Keep) else first


def _left_behind(facts: Facts, entry: LockEntry) -> ContentHash | None:
    """Foreign bytes at the path that the asset leaves, unless its image is at the new path already."""
    before = _content(facts.found_before)
    return before if facts.old_path is not None and entry.content not in (before, facts.found) else None


def kept(facts: Facts, entry: LockEntry, reason: Reason = Current()) -> Action:  # noqa: B008 - a frozen value
    """The locked image stays, unless it was rejected: nothing brings it back then, and another needs consent. A file
    that moves is moved first. A person's own image is replaced by `--replace` alone."""
    action = in_place(facts, entry, reason)
    if facts.rejected is None or isinstance(action, Move):
        return action
    why = was_rejected(facts.rejected)
    return Hold(why, None if entry.made.by_hand else Consent.REPLACE_REJECTED, generate(facts, why))


def was_rejected(rejection: Rejection, *, locked: bool = True) -> WasRejected:
    """The reason of an image that was rejected; `locked`: it is the locked one."""
    return WasRejected(rejection.by, rejection.at, rejection.note, locked)


def in_place(facts: Facts, entry: LockEntry, reason: Reason = Current()) -> Action:  # noqa: B008 - a frozen value
    """The locked image is kept, as the wanted one or for `reason`. Is it at its output?"""
    found, before = facts.found, facts.found_before
    moved = facts.origin is not None or (facts.spec is not None and entry.output != facts.spec.output)
    if moved and entry.content in (found, before):
        replacing = None if found == entry.content else _content(found)
        return Move(Moved(facts.origin, entry.output), entry.content, replacing, _vacated(facts))
    if found == entry.content:
        return Keep(reason)
    if facts.source is not None:
        return Restore(OutputMissing(), entry.content, _content(found), _vacated(facts), place=facts.remote)
    if _wanted(facts) == entry.key and facts.spec is not None and can_redraw(facts.traits, entry, facts.spec):
        return _redraw(facts, entry)
    if _made_for_nothing(facts, entry) and _wanted(facts) == entry.key:
        return generate(facts, OutputLost())
    if facts.failure is not None:
        return Hold(SourceFailed(facts.failure))
    return Hold(OutputLost(), Consent.REGENERATE_MISSING, generate(facts, OutputLost()))


def can_redraw(traits: Traits, entry: LockEntry, spec: Spec) -> bool:
    """Whether a locked image can be drawn again, byte for byte: on this machine, for nothing, by the provider that made
    it. A draft stands in for an image, so nobody needs the same one."""
    exact = traits.deterministic and traits.free and traits.local and not traits.placeholder
    return exact and entry.made.provider == spec.provider and not entry.made.by_hand


def _redraw(facts: Facts, entry: LockEntry) -> Action:
    """Draw the lost image again, unless that has given another image before."""
    if facts.redrawn is not None:
        reason = RedrawnDifferently(facts.redrawn)
        return Hold(reason, Consent.REGENERATE_MISSING, generate(facts, OutputLost()))
    return Restore(OutputLost(), entry.content, _content(facts.found), _vacated(facts), by=By.REDRAW)


def _made_for_nothing(facts: Facts, entry: LockEntry) -> bool:
    """Whether a free provider made the image, and can make it again."""
    made_here = facts.spec is not None and (entry.made.placeholder or entry.made.provider == facts.spec.provider)
    return facts.traits.free and made_here and not entry.made.by_hand


def _is_lost(facts: Facts) -> bool:
    return facts.found is None and facts.source is None


def _obtain(facts: Facts, why: Reason) -> Action:
    """An image is needed: an existing one, or a new one."""
    if facts.missing:
        return Hold(UpstreamUnavailable(facts.missing))
    if facts.stored is not None:
        replacing, vacated = _content(facts.found), _vacated(facts)
        return Restore(why, facts.stored, replacing, vacated, facts.stored_under, place=facts.remote)
    if facts.waiting_elsewhere:
        return Hold(Awaited(facts.waiting_elsewhere), None, generate(facts, why))
    if facts.claimed and not facts.traits.free:
        return Hold(ClaimedElsewhere(facts.claimed), None, _obtain(_left_by(facts), why))
    if facts.in_doubt_elsewhere:
        return Hold(Doubtful(facts.in_doubt_elsewhere), Consent.RETRY_IN_DOUBT, generate(facts, why))
    if facts.answered is not None and not facts.traits.free:
        reason, consent = was_answered(facts.answered)
        return Hold(reason, consent, generate(facts, why))
    if facts.answer_rejected is not None and not facts.traits.free:
        rejected = was_rejected(facts.answer_rejected, locked=False)
        return Hold(rejected, Consent.REPLACE_REJECTED, generate(facts, why))
    return generate(facts, why)


def _left_by(facts: Facts) -> Facts:
    """The facts for a run that does not leave the image to the checkout that has claimed it. What else keeps it from
    being bought still does, but for requests of other checkouts that the claims retry: those will be settled, too."""
    retried = {attempt for claim in facts.claimed for attempt in claim.retry_of}
    doubts = tuple(one for one in facts.in_doubt_elsewhere if not one.by or one.attempt not in retried)
    return replace(facts, claimed=(), in_doubt_elsewhere=doubts)


def was_answered(answer: Answer) -> tuple[WasRefused | WasMismatched | WasFailed, Consent]:
    """Why the recipe is not requested again, and the consent that it takes."""
    match answer.kind:
        case AnswerKind.REFUSED:
            return WasRefused(answer.message), Consent.RETRY_REFUSED
        case AnswerKind.MISMATCHED:
            return WasMismatched(answer.message, answer.content), Consent.RETRY_MISMATCHED
        case AnswerKind.FAILED:
            return WasFailed(answer.message, answer.content), Consent.RETRY_FAILED


def generate(facts: Facts, why: Reason) -> Generate:
    """Generate, without consulting the table."""
    return Generate(why, _wanted(facts), facts.cost, _content(facts.found), facts.pending, _vacated(facts))


def _wanted(facts: Facts) -> RecipeKey | None:
    """The key of the wanted recipe; None while the image of an upstream is unknown."""
    return facts.recipe.key() if facts.recipe is not None and not facts.pending else None


def staleness(facts: Facts, entry: LockEntry) -> Reason | None:
    """Why the locked image is stale, or None. A placeholder is stale for that reason, whatever else has changed."""
    if entry.made.placeholder and not facts.traits.placeholder:
        return Placeholder()
    if facts.recipe is None:
        return RecipeChanged(_known_changes(facts, entry))
    if facts.changed:
        return UpstreamChanged(tuple(dict.fromkeys((*facts.changed, *facts.pending))))
    if facts.recipe.key() != entry.key:
        differences = changes(entry.recipe, facts.recipe.manifest())
        if differences:
            return RecipeChanged(differences)
    return UpstreamChanged(facts.pending) if facts.pending else None


def _known_changes(facts: Facts, entry: LockEntry) -> tuple[Change, ...]:
    """The differences while an upstream has no content yet: the other fields, and the upstream by its asset id."""
    names: list[Json] = [f"asset:{up}" for up in (*facts.pending, *facts.missing)]
    differences = changes(entry.recipe, facts.spec.base_recipe.manifest()) if facts.spec is not None else ()
    pictures = Change("references", entry.recipe.get("references"), names)
    return (*(each for each in differences if each.field not in PICTURE_FIELDS), pictures)


def _vacated(facts: Facts) -> str | None:
    """The path that the asset leaves, if its image is still there."""
    gone = facts.entry is None or facts.found_before != facts.entry.content
    return None if gone else facts.old_path


def _content(found: Found) -> ContentHash | None:
    return None if isinstance(found, Blocked) else found
