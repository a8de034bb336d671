"""The observed state of the project, as values that an adapter fills in."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import Place
from reconciler.core.events import Requested, Waiting
from reconciler.core.lock.lockfile import Answer
from reconciler.core.ports import SourceFailure, StoredImage
from reconciler.core.value import field, value

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim


@value
class Blocked:
    """An output path that is not a regular file; `what` describes it (`a directory`)."""

    what: str


Found = ContentHash | Blocked | None
"""The content at a path (a Git LFS pointer counts as the content that it names), `Blocked`, or None if absent."""


@value
class Rejection:
    """The latest rejection of an image: who, when, and why."""

    by: str
    at: str
    note: str = ""
    place: Place = field(default=Place(""), compare=False)


@value
class Approval:
    """The people who approved an image, the latest first, and the time of the latest approval."""

    by: tuple[str, ...]
    at: str


def rejected_by(by: str, at: str, note: str) -> str:
    """`rejected by ada@example.com on 2026-11-27: the sword is bent`."""
    return f"rejected by {by} on {at[:10]}" + (f": {note}" if note else "")


@value
class Rejections:
    """The images that reviewers have rejected, by their content, and by the recipe that they were made for.

    `originals` are the images from which rejected ones were converted: they stay where they are, and are put in place
    of no other.
    """

    contents: Mapping[ContentHash, Rejection] = field(default_factory=dict)
    recipes: Mapping[RecipeKey, Rejection] = field(default_factory=dict)
    originals: Mapping[ContentHash, Rejection] = field(default_factory=dict)

    def of(self, content: ContentHash, original: ContentHash | None = None) -> Rejection | None:
        """The rejection of an image, or of the one that it was converted from."""
        found = self.contents.get(content)
        return found if found is not None or original is None else self.contents.get(original)

    def of_existing(self, content: ContentHash, original: ContentHash | None = None) -> Rejection | None:
        """Why an existing image must not be put in place: it is rejected, or so is another conversion of it."""
        return self.of(content, original) or self.originals.get(original or content)


NONE_REJECTED = Rejections()
TEAM_STORE = "the team's store"
"""The name of the source that is on another machine."""


@value
class Observed:
    """The state that a plan needs. Mappings may be lazy: a key is looked up when it is read.

    `outputs` is by path, without absent files. `files` are the contents of reference files by path. `stored` gives the
    images of a recipe key in the store, oldest first. `sources` gives a place with the bytes of a content that was
    locked for a path. `in_doubt` are the requests of each asset without an outcome, oldest first, and `waiting` those
    that a provider has accepted. `failures` gives, by path, why a place that may have its bytes could not be asked.
    `rejected` are the images that are not restored.

    Of a team's store: `remote` names the place of images that are only there; `team_in_doubt` are requests of other
    checkouts without an outcome, and `team_claimed` the claims of those whose outcome is still expected; `team_answers`
    are answers without an image.
    """

    outputs: Mapping[str, ContentHash | Blocked] = field(default_factory=dict)
    files: Mapping[str, ContentHash] = field(default_factory=dict)
    stored: Mapping[RecipeKey, tuple[StoredImage, ...]] = field(default_factory=dict)
    sources: Mapping[tuple[ContentHash, str], str] = field(default_factory=dict)
    in_doubt: Mapping[AssetId, tuple[Requested, ...]] = field(default_factory=dict)
    waiting: Mapping[AssetId, tuple[Waiting, ...]] = field(default_factory=dict)
    failures: Mapping[str, SourceFailure] = field(default_factory=dict)
    rejected: Rejections = NONE_REJECTED
    remote: Mapping[ContentHash, str] = field(default_factory=dict)
    team_in_doubt: tuple[Requested, ...] = ()
    team_answers: Mapping[RecipeKey, Answer] = field(default_factory=dict)
    team_claimed: tuple[Claim, ...] = ()
