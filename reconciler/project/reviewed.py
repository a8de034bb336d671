"""Look for verdicts. A project without any pays one look, and loads no code for them."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.reviews.rules import REVIEWS, ReviewRules
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.store.index.index import Index, stat_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have verdicts
    from reconciler.project.reviews import Reviews


def find_reviews(root: Path, index: Index, rules: ReviewRules, *, most_assets: int = MAX_ASSETS) -> Reviews | None:
    """The verdicts under these rules; None if the project has no folder for them. `most_assets` bounds them."""
    seen = stat_of(root / REVIEWS)
    index.note_stat(REVIEWS, seen)
    if seen is None:
        return None
    from reconciler.project.reviews import read_project_reviews  # noqa: PLC0415 - few projects have verdicts

    return read_project_reviews(root, index, rules, most_assets=most_assets)
