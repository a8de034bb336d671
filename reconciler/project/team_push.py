"""Push images to the team's store: the locked ones, their candidates, and the pictures of reviews, with receipts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.core.digest import ContentHash, RecipeKey, content_hash
from reconciler.core.errors import ProjectError
from reconciler.core.ports import StoredImage
from reconciler.core.team.facts import PushFacts
from reconciler.core.team.layout import (
    FORMAT_BYTES,
    FORMAT_NAME,
    object_name,
    receipt_name,
    root_name,
)
from reconciler.core.team.receipt import Receipt
from reconciler.core.team.roots import (
    branch_slug,
    encode_root,
    project_slug,
    remote_identity,
)
from reconciler.core.team.settings import Transfer
from reconciler.core.value import field, value
from reconciler.engine.clock import stamp
from reconciler.project.team import Team
from reconciler.project.team_garbage import doomed_lists
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.reviews import REVIEW_BYTES, read_reviews
from reconciler.store.index.index import index_without_memory
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_settings import branch_name, remote_address

PUSHES_AT_ONCE = 16
"""64 requests at a time are no faster."""
_LACKING = 32
"""So many objects in a row that the store lacked let a push expect that it lacks the next one."""
_LARGEST = 1 << 30
DETACHED = "detached"
"""The branch of a commit that is checked out without one, as by many CI services."""
_MORE_ASSETS = 20_000


@value
class _Sent:
    """One object: its bytes if the store did not have it, and the receipts that it lacked. `absent`: it is nowhere
    here, and `missing` is its output if it is locked."""

    size: int | None = None
    receipts: int = 0
    absent: bool = False
    damaged: Path | None = None
    missing: str = ""


@value
class _Wanted:
    """An image to push: where its bytes may be, and the recipes that it answers."""

    content: ContentHash
    outputs: tuple[str, ...] = ()
    answers: Mapping[RecipeKey, StoredImage] = field(default_factory=dict)


def push(workspace: Workspace, team: Team, *, everything: bool, done: Callable[[int, int], None]) -> PushFacts:
    """Push what the store lacks. `everything` is each image of the local store that was not drawn by `draft`.

    `done` is called with the number of images that are done, and of all. It may be interrupted anywhere: the next push
    goes on. Raises BucketError.
    """
    if team.settings.push is Transfer.NEVER:
        hint = "write push: manual under team: in reconciler.yaml"
        raise ProjectError("this project pushes nothing: team.push is never", hint=hint)
    wanted = wanted_images(workspace, everything=everything)
    if any(one.answers for one in wanted):
        _ = team.signer  # without a key nothing is pushed by halves
    team.require_format()
    team.bucket.put_new(FORMAT_NAME, FORMAT_BYTES)
    _write_root(workspace, team)
    doomed = frozenset(content for each in doomed_lists(team.bucket) for content in each[1].contents)
    sender = _Sender(workspace, team, doomed)
    sent: list[_Sent] = []
    with ThreadPoolExecutor(PUSHES_AT_ONCE) as threads:
        try:
            for one in threads.map(sender.send, wanted):
                sent.append(one)
                done(len(sent), len(wanted))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    sizes = [one.size for one in sent if one.size is not None]
    return PushFacts(
        team.settings.url,
        len(sizes),
        sum(sizes),
        sum(one.size is None and not one.absent for one in sent),
        sum(one.receipts for one in sent),
        tuple(disk.display_path(one.damaged) for one in sent if one.damaged is not None),
        tuple(one.missing for one in sent if one.missing),
    )


def wanted_images(workspace: Workspace, *, everything: bool) -> tuple[_Wanted, ...]:
    """The images to push, in the order of their contents, without drafts."""
    lock = workspace.locked()
    outputs: dict[ContentHash, list[str]] = {}
    answers: dict[ContentHash, dict[RecipeKey, StoredImage]] = {}
    drawn = set()
    for entry in lock.entries.values():
        if entry.made.placeholder:
            continue
        outputs.setdefault(entry.content, []).append(entry.output)
        if entry.original is not None:
            outputs.setdefault(entry.original, [])
    keys = {entry.key for entry in lock.entries.values()} | {answer.key for answer in lock.answers.values()}
    for key, image in workspace.store.remembered():
        if image.made.placeholder:
            drawn.add(image.content)
        elif everything or key in keys:
            answers.setdefault(image.content, {}).setdefault(key, image)
    judged = _judged(workspace) - drawn
    contents = sorted({*outputs, *answers, *judged})
    return tuple(_Wanted(one, tuple(outputs.get(one, ())), answers.get(one, {})) for one in contents)


def needed_contents(workspace: Workspace) -> frozenset[ContentHash]:
    """The contents that the lockfile of this branch names, which no collection of garbage may delete."""
    entries = [entry for entry in workspace.locked().entries.values() if not entry.made.placeholder]
    originals = (entry.original for entry in entries if entry.original is not None)
    return frozenset((*(entry.content for entry in entries), *originals, *_judged(workspace)))


def root_of(workspace: Workspace) -> str:
    """The name of the root of this branch of this project."""
    branch = branch_name(GitRepository(workspace.root))
    return root_name(own_slug(workspace), branch_slug(branch or DETACHED))


def own_slug(workspace: Workspace) -> str:
    """This project in the names of its roots."""
    repository = GitRepository(workspace.root)
    remote, top = remote_address(repository), _top(workspace.root)
    below = os.path.relpath(workspace.root, top)
    identity = f"{remote_identity(remote)} {below}" if remote else f"{os.uname().nodename} {workspace.root}"
    name = remote_identity(remote).rpartition("/")[2] if remote else workspace.root.name
    return project_slug(name, identity)


class _Sender:
    """Sends images of one checkout. Used by several threads."""

    def __init__(self, workspace: Workspace, team: Team, doomed: frozenset[ContentHash]) -> None:
        self._store = workspace.store
        self._root = workspace.root
        self._team = team
        self._doomed = doomed
        self._absent = 0

    def send(self, wanted: _Wanted) -> _Sent:
        """The object, then its receipts: a receipt says that the object is there."""
        bucket, content, name = self._team.bucket, wanted.content, object_name(wanted.content)
        doomed, places = content in self._doomed, [*self._places(wanted)]
        if not doomed and self._there(name, local=bool(places)):
            return self._with_receipts(wanted)
        data = self._sound_bytes(content, places)
        if data is None:
            if places and not doomed and bucket.stat(name) is not None:
                return self._with_receipts(wanted)
            missing = wanted.outputs[0] if wanted.outputs and not places else ""
            return _Sent(absent=True, damaged=places[-1] if places else None, missing=missing)
        if doomed:
            self._team.cleaner.replace(name, data)  # younger than its listing: it is not deleted
        created = bucket.put_new(name, data)
        self._absent = self._absent + 1 if created else 0
        return self._with_receipts(wanted, len(data) if created else None)

    def _with_receipts(self, wanted: _Wanted, size: int | None = None) -> _Sent:
        """Bring the receipts that the store lacks. With a size this push has brought the object: then it has none."""
        new = size is not None
        return _Sent(size, sum(self._receipt(key, image, new=new) for key, image in wanted.answers.items()))

    @staticmethod
    def _sound_bytes(content: ContentHash, places: Sequence[Path]) -> bytes | None:
        """The bytes with this hash, from the first file that has them."""
        found = (disk.plain_bytes(path, most=_LARGEST) for path in places)
        return next((data for data in found if content_hash(data) == content), None)

    def _there(self, name: str, *, local: bool) -> bool:
        """Whether the store has an object. It is not asked about one that is here after many that it lacked: a creation
        finds out, and sends the bytes in vain at worst."""
        if local and self._absent >= _LACKING:
            return False
        there = self._team.bucket.stat(name) is not None
        if there:
            self._absent = 0
        return there

    def _places(self, wanted: _Wanted) -> Iterator[Path]:
        """The files that may hold an image: the store's, and the outputs."""
        found = self._store.find(wanted.content)
        if found is not None:
            yield found
        for output in wanted.outputs:
            path = self._root / output
            if disk.is_plain(path):
                yield path

    def _receipt(self, key: RecipeKey, image: StoredImage, *, new: bool) -> bool:
        """Whether the store lacked this receipt, and has it now. It is not asked for one of a `new` object."""
        name = receipt_name(key, image.content)
        if not new and self._team.bucket.stat(name) is not None:
            return False
        return self._team.bucket.put_new(name, self._team.signer.receipt(Receipt(key, image)))


def _write_root(workspace: Workspace, team: Team) -> None:
    """Before any object is looked for: what is named here is not deleted any more."""
    team.cleaner.replace(root_of(workspace), encode_root(needed_contents(workspace), at=stamp(workspace.utc())))


def _judged(workspace: Workspace) -> set[ContentHash]:
    """The contents that somebody has judged."""
    root = workspace.root
    most = REVIEW_BYTES * max(workspace.most_assets, _MORE_ASSETS)
    verdicts = read_reviews(root, index_without_memory(root), most=most).verdicts
    return {content for one in verdicts for content in (one.content, one.original) if content is not None}


def _top(root: Path) -> Path:
    """The top of the working tree that a project is in; the project itself without git."""
    return next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), root)
