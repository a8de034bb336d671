"""The composition root of a project: constructs the adapters for its files, once, and shares them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.errors import ProjectError
from reconciler.core.events import Durable, Requested, Waiting, of_requests, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.lock.parts import HEADER
from reconciler.core.ports import ProjectStore, Source
from reconciler.core.provenance.settings import SIGNING_KEY_VARIABLE
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.unrecorded import unrecorded
from reconciler.project.options import in_ci, most_assets
from reconciler.store.documents.lock_parts import part_folders
from reconciler.store.documents.lockfile import LockOnDisk
from reconciler.store.documents.project import LOCK_BYTES, LOCK_FILE, find_root, read_lock
from reconciler.store.index.index import Index, stat_of
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.state.journal import Journal
from reconciler.store.state.lock import exclusive, holder
from reconciler.store.state.state_dir import STATE, make_state_dir, state_dir
from reconciler.store.state.tracked import refuse_tracked_state
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_sources import GitHistory, GitLfs
from reconciler.store.worktree.observe import TreeObserver
from reconciler.store.worktree.outputs import OutputTree
from reconciler.store.worktree.sources import ContentSources, StoreSource

if TYPE_CHECKING:
    from reconciler.store.documents.derived_records import DerivedOnDisk


class Workspace:
    """One project on the disk. Each file is read when it is needed, and once.

    `strict` ignores the index: every file is hashed again. `most_assets` bounds the project file and the lockfile.
    `signing_key` is the path of the key that signs C2PA manifests, "" for none.
    """

    def __init__(
        self,
        root: Path,
        *,
        strict: bool,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_assets: int = MAX_ASSETS,
        signing_key: str = "",
    ) -> None:
        self.signing_key = signing_key
        self.root = root
        self.strict = strict
        self.most_assets = most_assets
        self.utc = utc
        self.state = state_dir(root)
        self.store: ProjectStore = ContentStore(root)
        self.journal = Journal(self.state / "journal")
        self._most_lock = LOCK_BYTES * max(most_assets, MAX_ASSETS)
        self.lock_file = LockOnDisk(root, journal=self.journal.replay, most=self._most_lock)
        index = Index(root, self.state / "index")
        self.index = index if strict else index.load()
        self.tree = TreeObserver(root, self.index)

    @cached_property
    def recorded(self) -> Lock:
        """The lockfile as it was at the first access."""
        seen = stat_of(self.root / LOCK_FILE)
        self.index.note_stat(LOCK_FILE, seen)
        if seen is not None and seen.st_size < 2 * len(HEADER):
            self._note_parts()
        return read_lock(self.root, most=self._most_lock)

    def _note_parts(self) -> None:
        """Let the index know the parts of the lockfile, and the folders in which another one may appear."""
        for folder, names in part_folders(self.root):
            self.index.note_folder(folder, os.stat(self.root / folder))
            for name in names:
                self.index.note_stat(f"{folder}/{name}", stat_of(self.root / folder / name))

    def locked(self) -> Lock:
        """The lockfile as it is now, with the later events of the journal."""
        return settle(read_lock(self.root, most=self._most_lock), self.journal.read()).lock

    def in_doubt(self) -> tuple[Requested, ...]:
        """Paid requests without a recorded end."""
        return settle(Lock(), self.events()).in_doubt

    def waiting(self) -> tuple[Waiting, ...]:
        """Accepted requests without a recorded end, whose outcome can be looked up."""
        return settle(Lock(), self.events()).waiting

    def events(self) -> tuple[Durable, ...]:
        """The events of the journal, and the ends of requests that a crash left unrecorded."""
        events = self.journal.read()
        return (*events, *(end for _, end in unrecorded(events, self.store.recall)))

    def sources(self, paths: frozenset[str], *others: Source) -> ContentSources:
        """Every place that may hold the locked bytes of these paths. The other ones are asked last."""
        repository = GitRepository(self.root)
        lfs = GitLfs(repository)
        history = GitHistory(repository, paths, lfs=lfs, store=self.store)
        return ContentSources((StoreSource(self.store), lfs, history, *others))

    def sources_into(self, folder: Path, paths: frozenset[str]) -> ContentSources:
        """The same places, for commands that change nothing: what has to be copied goes into `folder`."""
        repository = GitRepository(self.root)
        lfs = GitLfs(repository)
        history = GitHistory(repository, paths, lfs=lfs, store=ContentStore(folder))
        return ContentSources((StoreSource(self.store), lfs, history))

    def outputs(self, paths: frozenset[str] = frozenset()) -> OutputTree:
        """The image files, for commands that write. `paths` are those whose locked bytes may be needed."""
        return OutputTree(self.root, self.store, self.sources(paths), specs=self.tree.specs)

    def derived_records(self) -> DerivedOnDisk:
        """The locks of the derived files. Loaded where something is derived."""
        from reconciler.store.documents.derived_records import (  # noqa: PLC0415 - nothing is derived in most projects
            DERIVED_BYTES,
            DerivedOnDisk,
        )

        return DerivedOnDisk(self.root, most=DERIVED_BYTES * max(self.most_assets, MAX_ASSETS))

    @contextmanager
    def exclusive(self, wait: float) -> Iterator[None]:
        """Hold the lock of the project, for every command that writes. ApplyRunning names its holder."""
        make_state_dir(self.root)
        with exclusive(self.state / "lock", wait=wait):
            yield

    def holder(self) -> str | None:
        """The process that holds the lock now, or None."""
        return holder(self.state / "lock")

    def pin(self, kept: object) -> None:
        """Keep a value alive until the process ends: freeing a large project would take 50 ms."""
        self._pinned = (self, kept)  # a reference cycle; the cyclic garbage collector is off

    def close_journal(self) -> None:
        """Write every event of the journal to the lockfile, then keep only the requests and batches without an end.

        Ends that a crash kept out of the journal are recorded first, once they are durable in the store.
        """
        try:
            for key, end in tuple(unrecorded(self.journal.replay(), self.store.recall)):
                self.store.secure(key)
                self.journal.record(end)
        finally:
            self.lock_file.catch_up()
        self.journal.close_with(settle(Lock(), of_requests(self.journal.replay())).unended)


def open_workspace(directory: str | None, environ: Mapping[str, str], *, strict: bool = False) -> Workspace:
    """The project at or above a directory. In CI (`CI=true`) every check is strict."""
    root = find_root(Path(directory) if directory else Path.cwd())
    refuse_tracked_state(root, lambda: _tracked_state(root))
    key = environ.get(SIGNING_KEY_VARIABLE, "")
    return Workspace(root, strict=strict or in_ci(environ), most_assets=most_assets(environ), signing_key=key)


def _tracked_state(root: Path) -> tuple[str, ...]:
    """The files of the state directory that git tracks. ProjectError if git refuses to look."""
    repository = GitRepository(root)
    tracked = repository.tracked(STATE)
    if repository.failure is not None:
        raise ProjectError(f"does git track {STATE}/? {repository.failure.fact}", hint=repository.failure.hint)
    return tracked
