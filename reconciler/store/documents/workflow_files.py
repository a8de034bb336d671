"""Read the workflow files of a project, with limits: a pull request can name any file."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.errors import DiskError
from reconciler.core.workflows.graph import MAX_WORKFLOW, UnusableWorkflow, WorkflowGraph, read_graph
from reconciler.store import disk
from reconciler.store.index.index import Index, stat_of

MAX_WORKFLOWS = 16 << 20
"""Bytes of all workflow files of a project."""


class WorkflowFiles:
    """The files below a root. The index knows each that was read, so that a quick check sees when it changes."""

    def __init__(self, root: Path, index: Index) -> None:
        self._root = root
        self._index = index
        self._left = MAX_WORKFLOWS

    def read(self, path: str) -> WorkflowGraph | UnusableWorkflow:
        """The workflow at a path below the root."""
        full = self._root / path
        try:
            seen = stat_of(full)
            self._index.note_stat(path, seen)
            if seen is None:
                return UnusableWorkflow("is not there", "paths are relative to reconciler.yaml")
            if not Path(os.path.realpath(full)).is_relative_to(os.path.realpath(self._root)):
                return UnusableWorkflow("is a link that leaves the project", "copy the file")
            if seen.st_size > min(MAX_WORKFLOW, self._left):
                which = "is larger" if seen.st_size > MAX_WORKFLOW else "and the other workflows are larger"
                most = MAX_WORKFLOW if seen.st_size > MAX_WORKFLOW else MAX_WORKFLOWS
                return UnusableWorkflow(f"{which} than {most >> 20} MiB", "remove images and notes from the workflow")
            with disk.open_for_reading(full) as stream:
                data = stream.read(MAX_WORKFLOW + 1)
        except (OSError, DiskError) as error:
            why = error.fact if isinstance(error, DiskError) else (error.strerror or "").lower()
            return UnusableWorkflow(f"cannot be read: {why}")
        self._left -= len(data)
        return read_graph(data)
