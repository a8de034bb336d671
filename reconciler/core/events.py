"""What happens during an apply, as values: one vocabulary for the journal, the progress, the report and recovery.

The first block is money and state: it is what the journal holds, and `settle` needs. The second is for people.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.lock import LockEntry, Made, Refusal


@dataclass(frozen=True, slots=True)
class Requested:
    """Durable before the first byte is sent. `attempt` is unique; `cost` is the estimate ("" is unknown)."""

    attempt: str
    asset: AssetId
    key: RecipeKey
    provider: str
    cost: str
    at: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt ended without a usable image and without doubt. `outcome` is the class's name.

    `cost` is what it is held to have cost; `kept` is where bytes that failed a check are in the store.
    """

    attempt: str
    asset: AssetId
    outcome: str
    words: str
    kept: ContentHash | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The attempt ended with these bytes, durable in the store under this recipe."""

    attempt: str
    asset: AssetId
    key: RecipeKey
    content: ContentHash
    made: Made


@dataclass(frozen=True, slots=True)
class Published:
    """The output of an asset holds its content, and this is its lock entry from now on.

    `how`: made, restored, moved, adopted. `origin` is the id that it was moved from, or "".
    """

    asset: AssetId
    entry: LockEntry
    how: str
    origin: AssetId | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The asset has no lock entry any more; its bytes stay in the store."""

    asset: AssetId


@dataclass(frozen=True, slots=True)
class RefusalRecorded:
    """The lockfile shall remember that the model refused this recipe."""

    asset: AssetId
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A person said that this attempt in doubt shall not be asked about any more."""

    attempt: str


Durable = Requested | Ended | Stored | Published | Removed | RefusalRecorded | Forgotten


@dataclass(frozen=True, slots=True)
class Started:
    """Work on an asset began. `action` is the action's name in lower case."""

    asset: AssetId
    action: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An asset could not be finished; the run goes on. `outcome` is a class name or `DiskError`, `Blocked`."""

    asset: AssetId
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a person should know while it happens (a retry, a parked lane). `asset` may be ""."""

    asset: AssetId
    text: str


Event = Durable | Started | Failed | Noted
