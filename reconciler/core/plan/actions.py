"""What can be done to an asset, and why, as values. Apply reads actions; people read reasons."""

from __future__ import annotations

from enum import Enum

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.money.cost import Cost
from reconciler.core.recipe import Change
from reconciler.core.value import value


@value
class Current:
    """Recipe and output are what the lockfile says."""


@value
class Orphaned:
    """In the lockfile, in no spec."""


@value
class Frozen:
    """Would be generated, and its spec says freeze."""

    instead_of: Reason


@value
class Ignored:
    """Differs only in what the spec or the project says to ignore."""

    changes: tuple[Change, ...]


@value
class NeverGenerated:
    """No lock entry and no file."""


@value
class RecipeChanged:
    """What is asked for is not what was made."""

    changes: tuple[Change, ...]


@value
class UpstreamChanged:
    """Only the pictures of these assets have changed, or are about to."""

    upstreams: tuple[AssetId, ...]


@value
class Placeholder:
    """A draft stands where a real image is wanted."""


@value
class OutputMissing:
    """The file is gone; its bytes are not."""


@value
class OutputLost:
    """The file is gone, and its bytes are in no store, no LFS folder and no commit of that path."""


@value
class OutputModified:
    """The file has other bytes than the lockfile says: a person's work."""

    stale: tuple[Change, ...] = ()


@value
class Untracked:
    """A file stands at the output of an asset that was never made."""


@value
class NotAFile:
    """The output's path cannot be a file's: a directory, an unreadable file, a link that leaves the project."""

    what: str


@value
class Moved:
    """The same recipe under another id, or the same asset at another path."""

    origin: AssetId | None
    from_output: str


@value
class AlreadyThere:
    """The file is what the store or the lockfile holds for this recipe; only the lock entry is missing."""


@value
class Doubtful:
    """Requests were sent and their end is unknown, oldest first: each may have been charged."""

    requests: tuple[Requested, ...]


@value
class WasRefused:
    """The model refused this very recipe before."""

    message: str


@value
class UpstreamUnavailable:
    """It refers to assets that have no picture and will not get one in this run."""

    upstreams: tuple[AssetId, ...]


@value
class Asked:
    """A person asked for another image (`apply --replace`)."""


@value
class OverBudget:
    """The limit that it would pass, in words."""

    limit: str


@value
class NotSelected:
    """Left out by --include or --exclude."""


Reason = (
    Current | Orphaned | Frozen | Ignored | NeverGenerated | RecipeChanged | UpstreamChanged | Placeholder
    | OutputMissing | OutputLost | OutputModified | Untracked | NotAFile | Moved | AlreadyThere | Doubtful
    | WasRefused | UpstreamUnavailable | Asked | OverBudget | NotSelected
)  # fmt: skip


class Consent(Enum):
    """What a person can allow: the name of the option that says so."""

    RETRY_IN_DOUBT = "--retry-in-doubt"
    RETRY_REFUSED = "--retry-refused"
    REGENERATE_MISSING = "--regenerate-missing"
    CASCADE = "--cascade"


@value
class Keep:
    """Nothing is done."""

    reason: Reason = Current()


@value
class Adopt:
    """The file stays as it is and becomes the locked content."""

    reason: Reason
    content: ContentHash


@value
class Restore:
    """Bytes that are had already are put in place. Free."""

    reason: Reason
    content: ContentHash
    replacing: ContentHash | None = None
    old_path: str | None = None


@value
class Move:
    """The lock entry takes the asset's id and output, and the file follows."""

    reason: Moved
    content: ContentHash
    replacing: ContentHash | None = None
    old_path: str | None = None


@value
class Generate:
    """A provider is asked. `key` is None while an upstream's picture is not known; None as cost is unknown.

    `replacing` must still be there when the file is published; `old_path` is the path that the asset leaves.
    """

    reason: Reason
    key: RecipeKey | None
    cost: Cost | None = None
    replacing: ContentHash | None = None
    after: tuple[AssetId, ...] = ()
    old_path: str | None = None


@value
class Conflict:
    """A person's bytes stand in the way: never overwritten."""

    reason: Reason
    found: ContentHash | None = None


@value
class Hold:
    """Nothing is done until a person agrees (`consent`) or something else is settled first."""

    reason: Reason
    consent: Consent | None = None
    otherwise: Action | None = None


Action = Keep | Adopt | Restore | Move | Generate | Conflict | Hold
