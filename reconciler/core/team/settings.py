"""The settings of the team's store: `team:` in reconciler.yaml."""

from __future__ import annotations

from enum import Enum

from reconciler.core.value import value

TRUSTED_STORES = "RECONCILER_TRUSTED_STORES"
"""Environment variable: URLs of stores that the user trusts, separated by commas or spaces."""
SIGNING_KEY_OF_RECEIPTS = "RECONCILER_SIGNING_KEY"
"""Environment variable: the private SSH key that signs receipts, as a path or as the text of the file."""
KEYS_FILE = "reconciler.keys"
"""The people and CI jobs whose receipts are believed, in the form of allowed_signers (ssh-keygen(1))."""


class Transfer(Enum):
    """When objects are copied to or from the team's store."""

    AUTO = "auto"
    MANUAL = "manual"
    NEVER = "never"


@value
class TeamSettings:
    """The team's store.

    - `url`: `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///path`, or `https://…`, which is read only.
    - `push`: AUTO after each image that is durable here; `pull`: AUTO before anything is bought.
    - `claims`: whether an image is bought only with a claim in the store. Without, two may pay for one recipe.
    - `receipts`: whether only receipts are believed that are signed by a key in `reconciler.keys`.
    """

    url: str
    push: Transfer = Transfer.AUTO
    pull: Transfer = Transfer.AUTO
    claims: bool = True
    receipts: bool = True
