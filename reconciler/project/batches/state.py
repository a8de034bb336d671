"""The batches that are recorded in the journal, and their files."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.events import BatchClosed, Ended, OpenBatch, Requested, Settled, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.project.workspace import Workspace
from reconciler.store.state.batch_files import BatchFiles
from reconciler.store.state.state_dir import BATCHES


def batch_files(workspace: Workspace) -> BatchFiles:
    """The files of all batches."""
    return BatchFiles(workspace.state / BATCHES)


def settled_batches(workspace: Workspace) -> Settled:
    """The open batches and their requests without an end."""
    return settle(Lock(), workspace.events())


def open_requests(settled: Settled, batch: OpenBatch) -> dict[str, Requested]:
    """The requests of a batch that have no end, by attempt."""
    return {one.requested.attempt: one.requested for one in settled.waiting if one.batch == batch.prepared.batch}


def close_unsent(workspace: Workspace) -> tuple[OpenBatch, ...]:
    """End the batches that were certainly not created: their requests were not sent. Call it under the lock."""
    settled = settled_batches(workspace)
    unsent = tuple(batch for batch in settled.batches if batch.sending is None and batch.accepted is None)
    for batch in unsent:
        end_batch(workspace, batch, open_requests(settled, batch).values(), "the batch was not created")
    batch_files(workspace).keep_only({one.prepared.batch for one in settled.batches if one not in unsent})
    return unsent


def end_batch(workspace: Workspace, batch: OpenBatch, requests: Iterable[Requested], message: str) -> None:
    """Record that these requests of a batch were not sent, and that it is closed. All of it, or none."""
    ended = [Ended(one.attempt, one.asset, "NotSent", message) for one in requests]
    workspace.journal.record_all((*ended, BatchClosed(batch.prepared.batch)))
