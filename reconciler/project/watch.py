"""Watch a project: after each change validate it, plan it, draw drafts and derive files. It cannot spend anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from reconciler.core.errors import ReconcilerError
from reconciler.core.ports import Log
from reconciler.project.apply import Applied, ApplyCallbacks, ApplyOptions, NothingToApply, apply
from reconciler.project.load import load_specs
from reconciler.project.options import PlanOptions, Selection, SpendingLimits
from reconciler.project.planning import plan_project
from reconciler.project.workspace import Workspace
from reconciler.report.apply_summary import summary_line
from reconciler.report.plan_view import plan_lines
from reconciler.store.documents.project import LOCK_FILE, PROJECT_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.engine.deriving import DerivingProgress

Open = Callable[[], Workspace]
OpenProgress = Callable[[int], AbstractContextManager[Log]]
InputSignature = tuple[tuple[str, int, int], ...]
"""The path of each input, its time and its size."""
OpenFiles = Callable[[int], "DerivingProgress"]

_NO_MONEY = SpendingLimits(Decimal(0), 0)


def signature_of(root: Path, specs: str, references: tuple[str, ...]) -> InputSignature:
    """What changes if an input of a plan changes: the times and sizes of the files."""
    paths = [root / PROJECT_FILE, root / LOCK_FILE, *(root / name for name in references)]
    for folder, below, names in os.walk(root / specs):
        below[:] = [name for name in below if not name.startswith(".")]
        paths += [Path(folder), *(Path(folder, name) for name in names)]
    found = []
    for path in sorted(paths):
        try:
            seen = path.stat()
        except OSError:
            continue
        found.append((str(path), seen.st_mtime_ns, seen.st_size if not path.is_dir() else 0))
    return tuple(found)


def look_once(open_: Open, progress: OpenProgress, files: OpenFiles) -> Iterator[str]:
    """Validate and plan the project, then draw the drafts and derive the files that are missing or changed.

    Only the draft provider is used, no key is in the environment, and the budget is nothing: three reasons for which
    nothing can be spent.
    """
    try:
        workspace = open_()
        planned = plan_project(workspace, load_specs(workspace), Selection())
        yield from plan_lines(planned.plan, datetime.now(UTC))
        options = ApplyOptions(PlanOptions(Selection(drafts_only=True), _NO_MONEY))
        callbacks = ApplyCallbacks(
            consent=lambda proposal: not proposal.costs_money,
            progress=progress,
            show=lambda _: None,
            say=lambda _: None,
            files=files,
        )
        ended = apply(open_(), options, callbacks, environ={})
        yield from _ended(ended)
    except ReconcilerError as error:
        yield from str(error).split("\n")


def watched(open_: Open) -> InputSignature:
    """The signature of the project as it is; that of the project file alone while it is not valid."""
    workspace = open_()
    try:
        loaded = load_specs(workspace)
    except ReconcilerError:
        return signature_of(workspace.root, "specs", ())
    workflows = {spec.workflow.path for spec in loaded.specs.values() if spec.workflow is not None}
    return signature_of(workspace.root, loaded.project.settings.specs, (*loaded.places, *sorted(workflows)))


def seen_by_look(before: InputSignature, after: InputSignature) -> InputSignature:
    """What a look has seen, from the signatures before and after it. The lockfile that it wrote is no change; an input
    that was edited during the look is one."""
    inputs = [[each for each in one if os.path.basename(each[0]) != LOCK_FILE] for one in (before, after)]
    return after if inputs[0] == inputs[1] else before


def wait_for_change(signature: InputSignature, seconds: float, sleep: Callable[[float], None]) -> None:
    """Return at once when a file in a folder of the signature changes, and after a while in any case: some disks report
    no change. Without the extra `watch`, or where the system watches no more folders, it waits for these seconds.
    """
    try:
        from watchfiles import watch  # noqa: PLC0415  # an extra, and 40 ms that only this command needs
    except ImportError:
        return sleep(seconds)
    folders = {os.path.dirname(path) for path, _, _ in signature}
    limit = max(1, int(seconds * 5_000))
    try:
        next(watch(*folders, watch_filter=None, rust_timeout=limit, yield_on_timeout=True, recursive=False))
    except (OSError, RuntimeError):  # no more watches, or a folder that is gone
        sleep(seconds)
    return None


def _ended(ended: Applied | NothingToApply) -> Iterator[str]:
    if isinstance(ended, Applied):
        yield summary_line(ended.report, in_doubt=ended.in_doubt)
