"""What a checkout knows of its team's store: what it learned about wanted recipes and locked contents, and when. Pure.

Plans read it instead of the store, so they open no socket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.lock.lockfile import Answer
from reconciler.core.ports import StoredImage
from reconciler.core.team.claim import Claim, is_overdue
from reconciler.core.value import field, value


@value
class KnownRecipe:
    """One recipe in the team's store, at a time. `images` have believed receipts, oldest first; `open` are the claims
    without an end; `answer` is the latest answer without an image."""

    at: str
    images: tuple[StoredImage, ...] = ()
    open: tuple[Claim, ...] = ()
    answer: Answer | None = None


@value
class Catalogue:
    """The team's store at `url` as far as this checkout has asked. `contents` were there at those times."""

    url: str
    recipes: Mapping[RecipeKey, KnownRecipe] = field(default_factory=dict)
    contents: Mapping[ContentHash, str] = field(default_factory=dict)

    def has(self, content: ContentHash) -> bool:
        """Whether the team's store had these bytes."""
        return content in self.contents

    def overdue(self, now: datetime) -> Iterator[Requested]:
        """The requests of other checkouts that are in doubt."""
        for recipe in self.recipes.values():
            yield from (requested(claim) for claim in recipe.open if is_overdue(claim, now))

    def expected(self, now: datetime) -> Iterator[Claim]:
        """The claims of other checkouts whose answers are not overdue."""
        for recipe in self.recipes.values():
            yield from (claim for claim in recipe.open if not is_overdue(claim, now))


def requested(claim: Claim) -> Requested:
    """An open claim as a request without an end."""
    named = (claim.attempt, claim.asset, claim.key, claim.provider, claim.cost, claim.at)
    return Requested(*named, retry_of=claim.retry_of, by=claim.owner)
