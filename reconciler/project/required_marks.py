"""Find the shipped files that a model made and that do not say so: `check --require-marks`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.errors import DiskError, Place
from reconciler.core.plan.actions import NotSelected
from reconciler.core.provenance.record import FileOrigin, file_origins, shipped
from reconciler.project.planning import PlannedProject
from reconciler.project.provenance import origin_sources
from reconciler.project.workspace import Workspace
from reconciler.report.missing_marks import MarkCheck, Unmarked
from reconciler.store.worktree.file_marks import marks_of_file


def check_marks(workspace: Workspace, planned: PlannedProject) -> MarkCheck:
    """The shipped files of the selected assets, and those of them without a mark. A file that is missing has a step in
    the plan, and is none of them."""
    sources = origin_sources(workspace, planned.loaded, planned.lock)
    left_out = {step.asset for step in planned.plan.asset_steps if isinstance(step.action.reason, NotSelected)}
    wanted = [
        one
        for one in shipped(file_origins(sources))
        if one.disclosure and one.has_spec and not left_out.issuperset(one.assets)
    ]
    return MarkCheck(len(wanted), tuple(_unmarked(workspace, planned, wanted)))


def _unmarked(workspace: Workspace, planned: PlannedProject, wanted: list[FileOrigin]) -> Iterator[Unmarked]:
    for one in wanted:
        try:
            marks = marks_of_file(workspace.root, workspace.root / one.path)
        except (DiskError, OSError):
            continue
        if not marks.names:
            yield Unmarked(one.path, one.assets[0], _place(planned, one), _hint(planned, one), marks.problem)


def _place(planned: PlannedProject, one: FileOrigin) -> Place | None:
    spec = planned.loaded.specs.get(one.assets[0])
    if spec is None:
        return None
    return spec.place("derive" if one.derived and spec.origins.get("derive") else "")


def _hint(planned: PlannedProject, one: FileOrigin) -> str:
    if not one.derived:
        return "images of providers are kept as they are: derive a file from it, which has a mark"
    if planned.loaded.project.settings.provenance.mark == "none":
        return "write provenance: {mark: iptc} in reconciler.yaml, and run `reconciler derive`"
    return "mark it with another program, or run `reconciler derive --refresh` to make it anew"
