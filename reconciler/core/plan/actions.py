"""The actions on an asset and their reasons, as values. Apply executes actions; reports show reasons."""

from __future__ import annotations

from enum import Enum

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Requested, Waiting
from reconciler.core.money.cost import Cost
from reconciler.core.ports import SourceFailure
from reconciler.core.recipe import Change
from reconciler.core.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim


@value
class Current:
    """Recipe and output are as in the lockfile."""


@value
class Orphaned:
    """In the lockfile, but in no spec."""


@value
class Frozen:
    """Stale, but its spec says freeze."""

    instead_of: Reason


@value
class MadeByHand:
    """Stale, but the locked image is a person's work: brought with `adopt`, or edited."""

    instead_of: Reason


@value
class RealImage:
    """Stale, but the locked image is a real one, and the spec's provider draws placeholders."""

    instead_of: Reason


@value
class Ignored:
    """Differs only in fields that the spec or the project ignores."""

    changes: tuple[Change, ...]


@value
class Succeeded:
    """Differs only in the model, and the new one is the old one under another name."""

    old: str
    new: str


@value
class NeverGenerated:
    """No lock entry and no file."""


@value
class RecipeChanged:
    """The wanted recipe is not the locked recipe."""

    changes: tuple[Change, ...]


@value
class UpstreamChanged:
    """Only the images of these assets have changed, or will change in this run."""

    upstreams: tuple[AssetId, ...]


@value
class Placeholder:
    """The locked image is a draft, and the spec names a real provider."""


@value
class OutputMissing:
    """The file is missing, and its bytes are available elsewhere."""


@value
class OutputLost:
    """The file is missing, and its bytes are in no store, no LFS folder and no commit of that path."""


@value
class SourceFailed:
    """The file is missing, and a place that may have its bytes could not be asked."""

    failure: SourceFailure


@value
class RedrawnDifferently:
    """The file is lost, and the program that draws the same image for the same recipe has drawn another one: `content`
    is in the store."""

    content: ContentHash


@value
class OutputModified:
    """The file has other bytes than in the lockfile: it was changed by hand."""

    stale: tuple[Change, ...] = ()


@value
class Untracked:
    """There is a file at the output of an asset that was never generated."""


@value
class NotAFile:
    """The output is not a regular file: a directory, an unreadable file, a link that leaves the project."""

    what: str


@value
class Moved:
    """The same recipe under another id, or the same asset at another path."""

    origin: AssetId | None
    from_output: str


@value
class AlreadyThere:
    """The file has the content that the store or the lockfile has for this recipe; only the lock entry is missing."""


@value
class MergeSettled:
    """Both sides of a merge changed the asset: the spec has the recipe of one side, and the file is that of the other.
    A person put the file there."""


@value
class Doubtful:
    """Requests whose outcome is unknown, oldest first: each may have been charged."""

    requests: tuple[Requested, ...]


@value
class Awaited:
    """Requests that a provider has accepted, oldest first: their images come without another payment."""

    requests: tuple[Waiting, ...]


@value
class ClaimedElsewhere:
    """Claims of other checkouts of the team, whose images are expected, oldest first. They pay for them."""

    claims: tuple[Claim, ...]

    @property
    def in_batch(self) -> bool:
        """Whether one of the images is made in a batch."""
        return any(claim.in_batch for claim in self.claims)


@value
class WasRefused:
    """The model refused this very recipe before."""

    message: str


@value
class WasMismatched:
    """This very recipe was answered with an image that is not as the spec says. It is a candidate."""

    message: str
    content: ContentHash | None = None


@value
class WasFailed:
    """This very recipe was answered before, and may have been charged, without a usable image."""

    message: str
    content: ContentHash | None = None


@value
class WasRejected:
    """A reviewer rejected the locked image, or an image that this very recipe was answered with."""

    by: str
    at: str
    note: str = ""
    locked: bool = True


@value
class UpstreamUnavailable:
    """It refers to assets that have no image and will not get one in this run."""

    upstreams: tuple[AssetId, ...]


@value
class Asked:
    """The user asked for another image (`apply --replace`)."""


@value
class OverBudget:
    """The limit that it would exceed, as text."""

    limit: str


@value
class NotSelected:
    """Left out by --include or --exclude."""


Reason = (
    Current | Orphaned | Frozen | Ignored | NeverGenerated | RecipeChanged | UpstreamChanged | Placeholder
    | OutputMissing | OutputLost | OutputModified | Untracked | NotAFile | Moved | AlreadyThere | Doubtful | Awaited
    | ClaimedElsewhere
    | WasRefused | WasMismatched | WasFailed | UpstreamUnavailable | Asked | OverBudget | NotSelected | MadeByHand
    | RealImage | MergeSettled | SourceFailed | Succeeded | WasRejected | RedrawnDifferently
)  # fmt: skip


class Consent(Enum):
    """The kinds of consent, by the names of their options."""

    RETRY_IN_DOUBT = "--retry-in-doubt"
    RETRY_REFUSED = "--retry-refused"
    RETRY_MISMATCHED = "--retry-mismatched"
    RETRY_FAILED = "--retry-failed"
    REPLACE_REJECTED = "--replace-rejected"
    REGENERATE_MISSING = "--regenerate-missing"
    CASCADE = "--cascade"


@value
class Keep:
    """Nothing is done."""

    reason: Reason = Current()


@value
class Adopt:
    """The file stays as it is and becomes the locked content. `under` is as in Restore."""

    reason: Reason
    content: ContentHash
    under: RecipeKey | None = None


class By(Enum):
    """How bytes are brought back. REDRAW: the provider draws them again, and other bytes are not put in place."""

    COPY = "copy"
    REDRAW = "redraw"


@value
class Restore:
    """The bytes `content` are put in place, in the format of the output. Free.

    `under` is the recipe that they were made for, where that is not the wanted one. `place` names where they are, if
    that is another machine.
    """

    reason: Reason
    content: ContentHash
    replacing: ContentHash | None = None
    old_path: str | None = None
    under: RecipeKey | None = None
    by: By = By.COPY
    place: str = ""


@value
class Move:
    """The lock entry takes the asset's id and output, and the file follows."""

    reason: Moved
    content: ContentHash
    replacing: ContentHash | None = None
    old_path: str | None = None


@value
class Generate:
    """A provider generates an image. `key` is None while the image of an upstream is unknown; cost None is unknown.

    `replacing` must still be at the output when the file is published; `old_path` is the path that the asset leaves.
    """

    reason: Reason
    key: RecipeKey | None
    cost: Cost | None = None
    replacing: ContentHash | None = None
    after: tuple[AssetId, ...] = ()
    old_path: str | None = None


@value
class Conflict:
    """The output holds foreign bytes. They are left alone."""

    reason: Reason
    found: ContentHash | None = None


@value
class Hold:
    """Nothing is done until the user consents (`consent`) or the reason is resolved."""

    reason: Reason
    consent: Consent | None = None
    otherwise: Action | None = None


Action = Keep | Adopt | Restore | Move | Generate | Conflict | Hold
