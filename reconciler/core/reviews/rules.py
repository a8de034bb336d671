"""The rules of reviews: `review:` in reconciler.yaml."""

from __future__ import annotations

from reconciler.core.value import value

REVIEWS = "reviews"
"""The folder of the verdicts, below the project root."""


@value
class ReviewRules:
    """Which assets must be approved, and whose verdicts count.

    - `require`: patterns of the assets that must be approved (ids, globs, `tag:NAME`); None is every asset.
    - `reviewers`: the only people whose verdicts count; empty is anybody.
    - `minimum`: the number of approvals that an image needs, each from another person.
    - `signed`: the path of a file with allowed signers (ssh-keygen(1)), below the project; "" takes unsigned verdicts.
    - `derived`: the rules of derived files that need an approval of their own.
    """

    require: tuple[str, ...] | None = None
    reviewers: tuple[str, ...] = ()
    minimum: int = 1
    signed: str = ""
    derived: tuple[str, ...] = ()
