"""The decision table: what to do about one asset. Pure, total, and the only place that decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.core.actions import (
    Action,
    Adopt,
    AlreadyThere,
    Conflict,
    Consent,
    Doubtful,
    Generate,
    Hold,
    Keep,
    Move,
    Moved,
    NeverGenerated,
    NotAFile,
    Orphaned,
    OutputLost,
    OutputMissing,
    OutputModified,
    Placeholder,
    Reason,
    RecipeChanged,
    Restore,
    Untracked,
    UpstreamChanged,
    UpstreamUnavailable,
    WasRefused,
)
from reconciler.core.digest import AssetId, ContentHash, Json
from reconciler.core.events import Requested
from reconciler.core.lock import LockEntry
from reconciler.core.observed import Blocked, Found
from reconciler.core.pricing import Cost
from reconciler.core.recipe import Change, Recipe, changes
from reconciler.core.spec import Spec

DRAFT = "draft"
"""`made.provider` of a placeholder."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision about one asset rests on.

    `entry` is the lock entry of this id, or of the orphan `origin` that the asset takes over. `tenant` is the content
    that the lock knows for the output's path, whoever's it is. `stored` is an image had already for this very
    recipe, `source` where the locked bytes can be had. `pending` are upstreams about to be generated, `missing`
    upstreams that will have no picture, `changed` the upstreams whose pictures are all that differs.
    """

    identity: AssetId
    spec: Spec | None = None
    recipe: Recipe | None = None
    entry: LockEntry | None = None
    origin: AssetId | None = None
    found: Found = None
    found_before: Found = None
    tenant: ContentHash | None = None
    stored: ContentHash | None = None
    source: str | None = None
    pending: tuple[AssetId, ...] = ()
    missing: tuple[AssetId, ...] = ()
    changed: tuple[AssetId, ...] = ()
    doubt: Requested | None = None
    refused: str | None = None
    wants_draft: bool = False
    vacates: str | None = None
    cost: Cost | None = None


def decide(facts: Facts) -> Action:
    """The whole decision table. Read it top to bottom."""
    entry, spec, found = facts.entry, facts.spec, facts.found
    if facts.doubt is not None:
        return Hold(Doubtful(facts.doubt), Consent.RETRY_IN_DOUBT, decide(replace(facts, doubt=None)))
    if spec is None:
        return Keep(Orphaned())
    if isinstance(found, Blocked):
        return Conflict(NotAFile(found.what))
    foreign = found is not None and found != facts.tenant and (entry is None or found != entry.content)
    if foreign and found is not None and found == facts.stored:
        return Adopt(AlreadyThere(), found)
    if entry is None:
        return Conflict(Untracked(), found) if foreign else _obtain(facts, NeverGenerated())
    why = staleness(facts, entry)
    if foreign:
        return Conflict(OutputModified(why.changes if isinstance(why, RecipeChanged) else ()), found)
    if isinstance(why, UpstreamChanged):
        action = _obtain(facts, why)
        return replace(action, uncascaded=_in_place(facts, entry)) if isinstance(action, Generate) else action
    if why is not None:
        return _obtain(facts, why)
    return _in_place(facts, entry)


def _in_place(facts: Facts, entry: LockEntry) -> Action:
    """The locked image is the wanted one; is it where it should be?"""
    found, before = facts.found, facts.found_before
    moved = facts.origin is not None or (facts.spec is not None and entry.output != facts.spec.output)
    if moved and entry.content in (found, before):
        replacing = None if found == entry.content else _content(found)
        return Move(Moved(facts.origin, entry.output), entry.content, replacing, facts.vacates)
    if moved and before is not None and facts.vacates is not None:
        return Conflict(OutputModified(), _content(before))
    if found == entry.content:
        return Keep()
    if facts.source is not None:
        return Restore(OutputMissing(), entry.content, _content(found), facts.vacates)
    return Hold(OutputLost(), Consent.REGENERATE_MISSING, generate(facts, OutputLost()))


def _obtain(facts: Facts, why: Reason) -> Action:
    """An image is needed: had already, or to be asked for."""
    if facts.missing:
        return Hold(UpstreamUnavailable(facts.missing))
    if facts.stored is not None:
        return Restore(why, facts.stored, _content(facts.found), facts.vacates)
    if facts.refused is not None:
        return Hold(WasRefused(facts.refused), Consent.RETRY_REFUSED, generate(facts, why))
    return generate(facts, why)


def generate(facts: Facts, why: Reason) -> Generate:
    """Ask a provider, whatever the table says."""
    key = facts.recipe.key() if facts.recipe is not None and not facts.pending else None
    return Generate(why, key, facts.cost, _content(facts.found), facts.pending, facts.vacates)


def staleness(facts: Facts, entry: LockEntry) -> Reason | None:
    """Why what was made is not what is wanted, or None."""
    if facts.recipe is None:
        names: list[Json] = [f"asset:{up}" for up in (*facts.pending, *facts.missing)]
        return RecipeChanged((Change("references", entry.recipe.get("references"), names),))
    if facts.changed:
        return UpstreamChanged(facts.changed)
    if facts.recipe.key() != entry.key:
        differences = changes(entry.recipe, facts.recipe.manifest())
        if differences:
            return RecipeChanged(differences)
    if entry.made.provider == DRAFT and not facts.wants_draft:
        return Placeholder()
    return UpstreamChanged(facts.pending) if facts.pending else None


def _content(found: Found) -> ContentHash | None:
    return None if isinstance(found, Blocked) else found
