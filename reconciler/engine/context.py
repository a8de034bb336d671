"""The ports, the providers and the facts that one apply works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.events import Requested, Waiting
from reconciler.core.plan.actions import Consent
from reconciler.core.plan.observed import NONE_REJECTED, Rejections
from reconciler.core.ports import Converter, Log, Outputs, Provider, References, Store
from reconciler.core.traits import Traits
from reconciler.core.value import field, value
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.engine.report import StepError


@value
class ApplyContext:
    """The ports, providers and facts of one apply. `files` are the contents of reference files as planned.

    `in_doubt` are requests without a recorded end; a response to the same recipe resolves them. `waiting` are those
    that a provider has accepted: nothing is bought beside them. `providers` maps the names that specs use to providers
    behind their lanes; `traits` maps the same names to traits. `consents` hold for the whole run: a request that
    repeats one in doubt, or one that was answered, is not sent without them. `rejected` are images that are put in
    place of no other. `shown` is a path as messages show it. `not_copied` says why images of another machine are not
    here.
    """

    store: Store
    outputs: Outputs
    converter: Converter
    references: References
    journal: Log
    progress: Log
    lockfile_saver: LockfileSaver
    providers: Mapping[str, Provider]
    traits: Mapping[str, Traits]
    files: Mapping[str, ContentHash]
    in_doubt: tuple[Requested, ...]
    utc: Callable[[], datetime]
    drains: tuple[Callable[[], None], ...] = ()
    consents: frozenset[Consent] = frozenset()
    rejected: Rejections = NONE_REJECTED
    waiting: tuple[Waiting, ...] = ()
    shown: Callable[[Path], str] = str
    not_copied: Mapping[ContentHash, StepError] = field(default_factory=dict)

    def require_copied(self, content: ContentHash) -> None:
        """StepError for an image of another machine that is not here."""
        if content in self.not_copied:
            raise self.not_copied[content]
