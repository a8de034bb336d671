"""Lock the file at the output of an asset: its bytes go to the store, its image is verified, its recipe is recorded."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Durable, Forgotten, Published
from reconciler.core.images.sniff import ImageFacts, NotAnImage, sniff
from reconciler.core.lock.entry import ADOPTED, IMPORTED, LockEntry, Made
from reconciler.core.plan.actions import Generate, Hold, Placeholder, UpstreamChanged
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import AssetStep
from reconciler.core.plan.selection import selectable_spec
from reconciler.core.ports import StoredImage
from reconciler.core.provenance.marks import MARK_NAMES
from reconciler.core.recipe import Recipe
from reconciler.core.specs.paths import suffix_format
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.engine.clock import stamp
from reconciler.project.asset_ids import select_assets
from reconciler.project.edits import (
    AlreadyDone,
    EditCallbacks,
    Edited,
    EditResult,
    EditSession,
    PassedOver,
    Skipped,
    changed_meanwhile,
    edit_assets,
    edit_session,
    locked_contents,
    locked_recipe,
    settled_in_doubt,
)
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.worktree.file_marks import marks_of_file
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid


@value
class Adoptable:
    """A file that can be adopted, unless reading it shows otherwise."""

    recipe: Recipe
    found: ContentHash


@value
class ByHand:
    """The files are a person's work: a changed recipe does not replace them."""


@value
class ByModel:
    """The files were made by a model in another program; "": nobody knows by which. They behave as if made here."""

    model: str


Maker = ByHand | ByModel


def adopt(
    workspace: Workspace,
    ids: Sequence[str],
    callbacks: EditCallbacks,
    *,
    wait: float,
    utc: Callable[[], datetime],
    maker: Maker = ByHand(),  # noqa: B008 - a frozen value
) -> EditResult:
    """Lock the files at the outputs of these assets."""
    with edit_session(workspace, wait=wait) as session:
        chosen = select_assets(ids, map(selectable_spec, session.planned.loaded.specs.values()))
        names = frozenset(chosen.assets)
        steps = [step for step in session.planned.plan.asset_steps if step.asset in names]
        return edit_assets(session, steps, Adoption(session, exactly=chosen.exactly, maker=maker, utc=utc), callbacks)


class Adoption:
    """Adopts one asset after another. An adopted image is the reference of later assets that refer to it."""

    def __init__(
        self, session: EditSession, *, exactly: frozenset[AssetId], maker: Maker, utc: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._maker = maker
        self._exactly = exactly
        self._utc = utc
        self._foreseen = locked_contents(session.planned)
        self._locked = dict(self._foreseen)
        self._traits = session.planned.loaded.project.settings.traits()

    def foresee(self, step: AssetStep) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit. Steps are in dependency order."""
        adoptable = self._adoptable(step, self._foreseen)
        if not isinstance(adoptable, Adoptable):
            return adoptable
        entry, doubtful = step.entry, step.asset in self._session.planned.seen.in_doubt
        if entry is not None and not doubtful and step.origin is None:
            locked = (entry.content, entry.output, entry.key)
            same = locked == (adoptable.found, step.output, adoptable.recipe.key())
            if same and not self._changes_maker(entry.made):
                return AlreadyDone(_already(step))
        self._foreseen[step.asset] = adoptable.found
        return None

    def edit(self, step: AssetStep) -> Edited | Skipped:
        """Check the image and keep its bytes in the store."""
        adoptable = self._adoptable(step, self._locked)
        if not isinstance(adoptable, Adoptable):
            return Skipped(adoptable.why)
        found, recipe = adoptable.found, adoptable.recipe
        image = self._image(step, found)
        if isinstance(image, Skipped):
            return image
        key = recipe.key()
        original = step.entry.original if step.entry is not None and step.entry.content == found else None
        made = self._made(step, key, found)
        entry = LockEntry(step.output, found, image, key, recipe.manifest(), made, original)
        if self._session.workspace.store.find(entry.content) is not None:
            self._session.workspace.store.remember(key, StoredImage(entry.content, image, entry.made))
        self._locked[step.asset] = entry.content
        settled, notes = settled_in_doubt(self._session.planned, step.asset, got=key)
        notes = (*self._says_generated(step, entry), *notes)
        events: list[Durable] = [Published(step.asset, entry, ADOPTED, self._origin(step, entry))]
        events += [Forgotten(one.attempt) for one in settled]
        return Edited(tuple(events), (*self._lines(step, entry), *notes))

    def _adoptable(self, step: AssetStep, contents: Mapping[AssetId, ContentHash]) -> Adoptable | Skipped | PassedOver:
        found = self._session.planned.seen.outputs.get(step.output)
        if found is None:
            fact = f"there is no file {step.output}"
            exact = step.asset in self._exactly
            return Skipped(fact, "put a file there, or run `reconciler apply`") if exact else PassedOver(fact)
        if isinstance(found, Blocked):
            return Skipped(f"{step.output} is {found.what}")
        recipe = locked_recipe(step.spec, files=self._session.planned.seen.files, contents=contents)
        if recipe is None:
            missing = ", ".join(up for up in step.spec.upstreams() if up not in contents)
            return Skipped(f"it refers to {missing}, which has no image yet", "generate or adopt that image first")
        return Adoptable(recipe, found)

    def _image(self, step: AssetStep, found: ContentHash) -> ImageFacts | Skipped:
        """The facts of the image, or of the image of a Git LFS pointer. Its bytes are then in the store."""
        file, store = self._session.workspace.root / step.output, self._session.workspace.store
        pointer = _is_pointer(file)
        source = self._session.outputs.source.fetch(found, step.output) if pointer else file
        if source is None:
            if step.entry is not None and found == step.entry.content:
                # verified when it was locked, and unchanged by its pointer
                return _fitting(step, step.entry.image)
            failure = self._session.outputs.source.failure(step.output)
            because = f" ({failure.fact})" if failure is not None else ""
            fact = f"{step.output} is a Git LFS pointer, and its bytes are not in this checkout{because}"
            return Skipped(fact, "run `git lfs pull`")
        image = _sniffed(source)
        if isinstance(image, NotAnImage):
            return Skipped(f"{step.output} is not a complete image: {image.why}", "save it again, or use another file")
        fits = _fitting(step, image)
        if isinstance(fits, ImageFacts) and not (pointer and store.find(found)) and store.put_file(source) != found:
            return changed_meanwhile(step.output)
        return fits

    def _made(self, step: AssetStep, key: RecipeKey, content: ContentHash) -> Made:
        """The recorded origin of the image; for an image without a record, the adoption. An edited image keeps the
        origin of the image that it replaces."""
        known = self._known(step, key, content)
        if known is not None and not self._changes_maker(known):
            return known
        if isinstance(self._maker, ByModel):
            return Made(IMPORTED, stamp(self._utc()), self._maker.model)
        before = step.entry.made if step.entry is not None else None
        if before is None or step.entry is None or before.placeholder or before.provider == ADOPTED:
            return Made(ADOPTED, stamp(self._utc()))
        generated = before.edited or step.entry.original or step.entry.content
        return replace(before, edited=None if content == generated else generated)

    def _known(self, step: AssetStep, key: RecipeKey, content: ContentHash) -> Made | None:
        """The recorded origin of these bytes."""
        if step.entry is not None and step.entry.content == content:
            return step.entry.made
        stored = self._session.workspace.store.recall(key)
        return next((one.made for one in stored if one.content == content), None)

    def _changes_maker(self, made: Made) -> bool:
        """Whether this origin is not what the user says now."""
        if not isinstance(self._maker, ByModel):
            return False
        return made.by_hand or (made.provider == IMPORTED and made.model != self._maker.model)

    def _origin(self, step: AssetStep, entry: LockEntry) -> AssetId | None:
        """The previous id of a renamed asset; None if a file with other content is at its old output, for `prune`."""
        if step.origin is None or step.entry is None or step.entry.content != entry.content:
            return None
        before = self._session.planned.seen.outputs.get(step.entry.output)
        return step.origin if before is None or step.entry.output == entry.output else None

    def _says_generated(self, step: AssetStep, entry: LockEntry) -> tuple[str, ...]:
        """A line if a file that is recorded as a person's work has a mark that a model made it."""
        file = self._session.workspace.root / step.output
        if entry.made.provider != ADOPTED or _is_pointer(file):
            return ()
        names = marks_of_file(self._session.workspace.root, file).names
        if not names:
            return ()
        named = " and ".join(MARK_NAMES[name] for name in names)
        return (f"  its metadata says that a model made it ({named}): `adopt --generated` records that",)

    def _lines(self, step: AssetStep, entry: LockEntry) -> tuple[str, ...]:
        image = entry.image
        facts = f"{image.format}, {image.width}x{image.height}"
        verb = "imported" if entry.made.provider == IMPORTED and not entry.made.by_hand else "adopted"
        line = f"{verb} {printable(step.asset)}: {printable(entry.output)} ({facts})"
        if entry.made.placeholder and not self._traits[step.spec.provider].placeholder:
            return line, "  it is a draft: `reconciler apply` replaces it with the real image"
        return (line,)


def _sniffed(path: Path) -> ImageFacts | NotAnImage:
    with disk.naming_errors("read", path), disk.open_for_reading(path) as file:
        if not os.fstat(file.fileno()).st_size:
            return NotAnImage("empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return sniff(data)


def _is_pointer(path: Path) -> bool:
    with disk.naming_errors("read", path), disk.open_for_reading(path) as file:
        return lfs_oid(file.read(LFS_POINTER_LIMIT + 1)) is not None


def _fitting(step: AssetStep, image: ImageFacts) -> ImageFacts | Skipped:
    named = suffix_format(step.output)
    if named == image.format:
        return image
    return Skipped(
        f"{step.output} contains {image.format}, but its name is for {named}", "convert it, or change the output"
    )


def _already(step: AssetStep) -> str:
    if isinstance(step.action, Generate) and isinstance(step.action.reason, Placeholder):
        return "locked as it is; a draft is a placeholder unless its spec has `provider: draft`"
    if isinstance(step.action, Generate | Hold) and isinstance(step.action.reason, UpstreamChanged):
        ups = ", ".join(map(printable, step.action.reason.upstreams))
        return f"locked as it is, with the current image of {ups}; adopt it again when that image has changed"
    return "locked as it is already"
