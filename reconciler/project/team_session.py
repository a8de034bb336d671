"""The team's store during one command: end the claims of earlier runs, ask what it has, copy images from it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import BucketError, BucketUnreachable, DiskError, ReconcilerError
from reconciler.core.events import Requested
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.actions import Action, Adopt, Generate, Hold, OutputLost, OutputMissing, Restore, SourceFailed
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.ports import StoredImage
from reconciler.core.team.catalogue import Catalogue
from reconciler.core.team.layout import ReceiptName
from reconciler.core.team.receipt import BadReceipt, Receipt
from reconciler.core.team.receipts import Disbelieved, Receipts
from reconciler.core.team.settings import TeamSettings, Transfer
from reconciler.core.value import field, replace, value
from reconciler.engine.clock import stamp
from reconciler.engine.team.context import ClaimOwner
from reconciler.engine.team.fetching import FetchedFacts, Questions, ask
from reconciler.engine.team.own_ends import OwnEnds
from reconciler.engine.team.team_images import OtherBytes, fetch_object, take_image
from reconciler.project.planning import PlannedProject
from reconciler.project.team import Team, open_team
from reconciler.project.workspace import Workspace
from reconciler.store.team.catalogue_file import most_catalogue, read_catalogue, write_catalogue
from reconciler.store.team.checkout import checkout_id
from reconciler.store.team.own_claim_files import OwnClaimFiles

THREADS = 16
"""Questions to the team's store at a time: 64 are no faster."""
COPIES = 8
"""Images that are copied at a time: 16 take turns at the processor, and take longer together."""
_LOST_IN_A_ROW = 2 * THREADS
"""Images that reach no store, each after a minute at worst, before no further one is tried."""
_RUN_NAMES = ("GITHUB_RUN_ID", "CI_JOB_ID", "BUILD_ID")
"""Variables with the name of a CI run, where there is no better one than the machine's."""


class TeamReceipts(Receipts):
    """The receipts of a team. The keys are read at the first use."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def sign(self, key: RecipeKey, stored: StoredImage) -> bytes:
        """See Receipts."""
        return self._team.signer.receipt(Receipt(key, stored))

    def read(self, key: RecipeKey, content: ContentHash, data: bytes) -> StoredImage | Disbelieved:
        """See Receipts."""
        found = self._team.reader.read(data, ReceiptName(key, content))
        return Disbelieved("", found.fact) if isinstance(found, BadReceipt) else found.stored


@value
class NotCopied:
    """Why an image of the team's store is not here. `later`: the same command may succeed later."""

    message: str
    hint: str = ""
    later: bool = False


@value
class Fetched:
    """What a fetch learned. `asked` counts recipes and contents; `disbelieved` are receipts that do not count."""

    catalogue: Catalogue
    asked: int = 0
    disbelieved: tuple[Disbelieved, ...] = ()
    not_copied: Mapping[ContentHash, NotCopied] = field(default_factory=dict)


@value
class Copies:
    """Images that are being copied into the local store, with those that cannot be, by the copy that they are part of.
    Used by several threads."""

    running: Mapping[ContentHash, Future[dict[ContentHash, NotCopied]]]

    def failure(self, content: ContentHash) -> NotCopied | None:
        """Wait for one image; why it was not copied, None if it was or if nobody asked for it. Raises DiskError."""
        copy = self.running.get(content)
        return copy.result().get(content) if copy is not None else None

    def failures(self) -> dict[ContentHash, NotCopied]:
        """Wait for all; why some were not copied. Raises DiskError."""
        return {content: why for content in self.running if (why := self.failure(content)) is not None}


class TeamSession:
    """Call it under the apply lock. The store is opened at the first use."""

    def __init__(self, workspace: Workspace, settings: TeamSettings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self.workspace = workspace
        self.own_claims = OwnClaimFiles(workspace.root)
        self.asked: set[RecipeKey] = set()
        self._environ = environ

    @cached_property
    def team(self) -> Team:
        """The team's store. ProjectError if the user has not trusted it."""
        return open_team(self.workspace, self.settings, self._environ)

    @cached_property
    def receipts(self) -> Receipts:
        """The receipts that are believed, and signed."""
        return TeamReceipts(self.team)

    @cached_property
    def owner(self) -> ClaimOwner:
        """Who claims."""
        ids = (self._environ.get(name, "") for name in _RUN_NAMES)
        run = next((f"ci-{one}" for one in ids if one), os.uname().nodename)
        return ClaimOwner(self.team.me, run, self.checkout, self.workspace.root.name)

    @cached_property
    def checkout(self) -> str:
        """The id of this checkout."""
        return checkout_id(self.workspace.root, lambda: os.urandom(16).hex())

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """The threads for questions to the store."""
        return ThreadPoolExecutor(THREADS, thread_name_prefix="team")

    def end_own_claims(self) -> int:
        """End the claims of earlier runs whose ends are known here; how many were. Raises BucketError."""
        workspace = self.workspace
        asked = any(isinstance(event, Requested) for event in workspace.journal.read())
        if not (asked or self.own_claims.read()):
            return 0
        push = self.settings.push is Transfer.AUTO
        ends = OwnEnds(self.team.bucket, self.receipts, self.own_claims, workspace.store, push=push)
        at = stamp(workspace.utc())
        return ends.bring(workspace.events(), workspace.locked(), workspace.journal, at=at)

    def fetch(self, questions: Questions) -> Fetched:
        """Ask, and keep the answers in the catalogue. Raises BucketError."""
        root, url = self.workspace.root, self.settings.url
        known = self._known()
        if not questions:
            return Fetched(known)
        if not self.team.lists:
            self.team.require_format()
        now, own = stamp(self.workspace.utc()), self._own_attempts()
        found = ask(self.team.bucket, self.receipts, questions, self.threads, at=now, own=own)
        catalogue = self._merged(known, found, questions, url)
        write_catalogue(root, catalogue, most=most_catalogue(self.workspace.most_assets))
        self.asked |= questions.recipes
        asked = len(questions.recipes) + len(questions.receipts) + len(questions.contents)
        return Fetched(catalogue, asked, found.disbelieved)

    def _own_attempts(self) -> frozenset[str]:
        """The attempts that this checkout knows. One whose record a power cut took before it came into the journal is
        held here like one of another checkout, and settled like it."""
        requests = (event for event in self.workspace.journal.read() if isinstance(event, Requested))
        return frozenset(
            (*(own.claim.attempt for own in self.own_claims.read()), *(request.attempt for request in requests))
        )

    def copy(self, wanted: Iterable[ContentHash]) -> Mapping[ContentHash, NotCopied]:
        """Copy these images into the local store, with the records of their receipts. Why some were not copied.
        Raises DiskError."""
        with self.copying(wanted) as copies:
            return copies.failures()

    def copy_again(self, content: ContentHash) -> NotCopied | None:
        """Copy an image whose bytes here are damaged; why it was not copied. Raises DiskError."""
        return self._copied(content, {}, [])

    @contextmanager
    def copying(self, wanted: Iterable[ContentHash], locked: Iterable[LockEntry] = ()) -> Iterator[Copies]:
        """Copy these images into the local store in the background, in this order, with their records: those of
        receipts, else of the lockfile. At the end all are copied; after an error no further copy begins. DiskError."""
        catalogue = self._known()
        records: dict[ContentHash, dict[RecipeKey, StoredImage]] = {}
        for entry in locked:
            image = StoredImage(entry.content, entry.image, entry.made, original=entry.original)
            records.setdefault(entry.content, {})[entry.key] = image
        for key, recipe in catalogue.recipes.items():
            for image in recipe.images:
                records.setdefault(image.content, {})[key] = image
        groups: dict[str, list[ContentHash]] = {}
        for content in dict.fromkeys(wanted):
            groups.setdefault(next(iter(records.get(content, {})), content), []).append(content)

        def ordered(content: ContentHash) -> tuple[str, str]:
            return (next((image.made.at for image in records.get(content, {}).values()), ""), content)

        refusals, lost = list[DiskError](), list[BucketUnreachable]()

        def copied(contents: list[ContentHash]) -> dict[ContentHash, NotCopied]:
            """Images of one recipe, in their order: people call them by their numbers. A disk that refuses one gets no
            other: each would leave a file elsewhere."""
            if refusals:
                raise refusals[0]
            each = ((one, self._copied(one, records.get(one, {}), lost)) for one in sorted(contents, key=ordered))
            try:
                return {one: why for one, why in each if why is not None}
            except DiskError as error:
                refusals.append(error)
                raise

        with ThreadPoolExecutor(COPIES, thread_name_prefix="copy") as copiers:
            futures = [(contents, copiers.submit(copied, contents)) for contents in groups.values()]
            copies = Copies({content: future for contents, future in futures for content in contents})
            try:
                yield copies
                gone = {content for content, why in copies.failures().items() if not why.later}
            except BaseException:
                copiers.shutdown(wait=False, cancel_futures=True)
                raise
        if gone:
            write_catalogue(
                self.workspace.root, _without(catalogue, gone), most=most_catalogue(self.workspace.most_assets)
            )

    def _copied(
        self, content: ContentHash, records: Mapping[RecipeKey, StoredImage], lost: list[BucketUnreachable]
    ) -> NotCopied | None:
        """Why an image is not here. `records` are those of the recipes that it answers: of several, if they were
        converted to the same bytes. `lost` are the requests in a row that reached nobody: after many, none is tried."""
        store, bucket = self.workspace.store, self.team.bucket
        here = store.find(content) is not None
        if not here and len(lost) >= _LOST_IN_A_ROW:
            return NotCopied(lost[-1].fact, lost[-1].hint, later=True)
        try:
            took = [take_image(bucket, store, key, image) for key, image in records.items()]
            there = None not in took
            if not records:
                there = store.sound(content) is not None or fetch_object(bucket, store, content)
        except OtherBytes as error:
            return NotCopied(error.fact, error.hint)
        except BucketError as error:
            if isinstance(error, BucketUnreachable):
                lost.append(error)
            return NotCopied(error.fact, error.hint, later=True)
        if not here:  # else nothing was asked for
            lost.clear()
        if there:
            return None
        hint = "`reconciler push` in a checkout that has it brings it"
        return NotCopied("the team's store does not have its bytes any more, or not as its receipt says", hint)

    def _known(self) -> Catalogue:
        try:
            return read_catalogue(
                self.workspace.root, self.settings.url, most=most_catalogue(self.workspace.most_assets)
            )
        except ReconcilerError:  # this fetch writes it anew
            return Catalogue(self.settings.url)

    def _merged(self, known: Catalogue, found: FetchedFacts, asked: Questions, url: str) -> Catalogue:
        """What was learned now, and what earlier fetches learned of images that are not here."""
        store = self.workspace.store
        recipes = {
            key: recipe
            for key, recipe in known.recipes.items()
            if key not in asked.recipes and any(store.find(image.content) is None for image in recipe.images)
        }
        contents = {
            content: at
            for content, at in known.contents.items()
            if content not in asked.contents and store.find(content) is None
        }
        return Catalogue(url, {**recipes, **found.recipes}, {**contents, **found.contents})


def _without(catalogue: Catalogue, gone: Collection[ContentHash]) -> Catalogue:
    recipes = {
        key: replace(recipe, images=tuple(image for image in recipe.images if image.content not in gone))
        for key, recipe in catalogue.recipes.items()
    }
    contents = {content: at for content, at in catalogue.contents.items() if content not in gone}
    return Catalogue(catalogue.url, recipes, contents)


def wanted(planned: PlannedProject, chosen: Collection[AssetId] | None = None) -> Questions:
    """What a plan would buy, and what it misses, of the chosen assets (None: of all). What is here is not asked for."""
    traits = planned.loaded.project.settings.traits()
    recipes: set[RecipeKey] = set()
    contents: set[ContentHash] = set()
    for step in planned.plan.asset_steps:
        if chosen is not None and step.asset not in chosen:
            continue
        action = step.action
        if step.entry is not None and isinstance(action.reason, OutputLost | SourceFailed):
            contents.add(step.entry.content)
            continue
        sought: Action | None = action
        while isinstance(sought, Hold):
            sought = sought.otherwise
        if isinstance(sought, Generate) and sought.key is not None and not traits[step.spec.provider].free:
            recipes.add(sought.key)
    return Questions(frozenset(recipes), contents=frozenset(contents))


def missing(plan: Plan) -> Iterator[ContentHash]:
    """The images that the steps of a plan copy from the team's store."""
    for step in plan.asset_steps:
        action = step.action
        if isinstance(action, Restore) and action.place:
            yield action.content
        if isinstance(action, Adopt):
            yield action.content


def is_missing(step: AssetStep) -> bool:
    """Whether the file of a locked image is not there."""
    return isinstance(step.action.reason, OutputLost | OutputMissing | SourceFailed)
