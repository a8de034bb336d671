"""Start the server of a review."""

from __future__ import annotations

import os
from collections.abc import Callable

from reconciler.core.errors import ProjectError
from reconciler.core.value import value
from reconciler.project.judge import Reviewer
from reconciler.project.load import load_specs
from reconciler.project.serve.review import ReviewInProgress
from reconciler.project.serve.server import ReviewServer
from reconciler.project.workspace import Workspace


@value
class StartedReview:
    """A server that listens, the number of assets on its page, and the person who judges."""

    server: ReviewServer
    assets: int
    by: str


def start_review(opened: Callable[[], Workspace], ids: tuple[str, ...], *, port: int) -> StartedReview:
    """A server for the assets that `ids` select. ProjectError if nothing can be written, nobody is known to judge, or
    the port cannot be used."""
    workspace = opened()
    if not os.access(workspace.root, os.W_OK):
        hint = "`reconciler gallery -o FILE` writes the page elsewhere; its decisions are commands to copy"
        raise ProjectError(f"nothing can be written in {workspace.root}", hint=hint)
    reviewer = Reviewer(workspace, load_specs(workspace).project.settings.review)
    review = ReviewInProgress(opened, ids, reviewer)
    assets = review.count()
    return StartedReview(ReviewServer(review, port=port), assets, reviewer.by)
