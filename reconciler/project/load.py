"""Load the project file and every spec, and collect every problem in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.core.cautions import Caution, first_cautions
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import InvalidInput, Problem, Problems
from reconciler.core.specs.document import field_name
from reconciler.core.specs.expand import Expansion, SpecTree, expand
from reconciler.core.specs.graph import whole_problems
from reconciler.core.specs.room import Room
from reconciler.core.specs.settings import ASSETS_VARIABLE
from reconciler.core.specs.spec import FileReference, Origin, Spec
from reconciler.core.value import field, replace, value
from reconciler.project.prices import address_problems, model_cautions, model_problems, row_problems
from reconciler.project.workspace import Workspace
from reconciler.providers.models.table import ModelTable, model_table
from reconciler.providers.models.warnings import cautions, next_retirement
from reconciler.providers.registry import REGISTRY, has_listed_models
from reconciler.store.documents.project import Project, read_project, specs_folder_problem
from reconciler.store.documents.specs import SpecFiles, SpecReader, read_specs
from reconciler.store.index.index import FOREVER

if TYPE_CHECKING:
    from reconciler.core.derived.wanted import Derivation


@value
class LoadedSpecs:
    """The project and its specs, all of them valid. `room` is for further assets. `places` maps each reference file to
    the first place that names it. The cautions hold until `until`, in seconds since the epoch. `derivation` is None
    where no rule, no bundle and no spec speaks of derived files. `tree` has the documents."""

    project: Project
    specs: Mapping[AssetId, Spec]
    room: Room
    places: Mapping[str, Origin] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    until: float = FOREVER
    derivation: Derivation | None = None
    tree: SpecTree = field(default=SpecTree({}), compare=False)


def load_specs(workspace: Workspace) -> LoadedSpecs:
    """Read the project file and every spec. InvalidInput with every problem of every file."""
    try:
        project, reader = _start_reading(workspace)
    finally:
        recorded = workspace.recorded  # an error in the lockfile takes precedence
    workspace.tree.begin({entry.output: entry.image.size for entry in recorded.entries.values()})
    files = read_specs(reader, workspace.index)
    expanded = _with_workflows(workspace, expand(project.settings, project.document, files.tree))
    table = model_table(project.settings.models)
    problems = _problems(project, files, expanded, table)
    derivation = None
    of_derived: tuple[Caution, ...] = ()
    if _derives(files, expanded):
        from reconciler.core.derived.read import (  # noqa: PLC0415 - only where something is derived
            derived_cautions,
            read_derivation,
        )

        derivation, wrong = read_derivation(project.settings, files.tree, expanded.specs, partial=bool(problems))
        problems.update(wrong)
        of_derived = () if problems else first_cautions(derived_cautions(derivation, expanded.specs))
    if problems:
        raise InvalidInput(tuple(problems))
    specs, providers, today = expanded.specs, project.settings.providers, workspace.utc().date()
    told = cautions(specs, providers, table, today=today, listed=has_listed_models)
    of_models = (*model_cautions(project, specs, table), *told)
    return LoadedSpecs(
        project,
        specs,
        expanded.room,
        _reference_places(specs),
        first_cautions((*project.cautions, *files.not_read, *expanded.cautions, *of_derived, *of_models)),
        next_retirement(specs, providers, table, today=today) or FOREVER,
        derivation,
        files.tree,
    )


def _with_workflows(workspace: Workspace, expanded: Expansion) -> Expansion:
    """The assets with the digests of their workflows. Loaded where a spec names one."""
    if not any(spec.workflow is not None for spec in expanded.specs.values()):
        return expanded
    from reconciler.core.workflows.resolve import with_workflows  # noqa: PLC0415 - few projects have workflows
    from reconciler.store.documents.workflow_files import WorkflowFiles  # noqa: PLC0415 - the same

    filled = with_workflows(expanded.specs, WorkflowFiles(workspace.root, workspace.index).read)
    problems = tuple(sorted((*expanded.problems, *filled.problems)))
    return replace(expanded, specs=filled.specs, problems=problems, cautions=() if problems else expanded.cautions)


def reference_contents(workspace: Workspace, loaded: LoadedSpecs) -> dict[str, ContentHash]:
    """The contents of all reference files. InvalidInput for those that cannot be used."""
    contents, problems = workspace.tree.references({path: origin.place for path, origin in loaded.places.items()})
    if problems:
        fields = {origin.place: field_name(origin.path) for origin in loaded.places.values()}
        raise InvalidInput(tuple(replace(each, field=fields.get(each.place, each.field)) for each in problems))
    return contents


def _start_reading(workspace: Workspace) -> tuple[Project, SpecReader]:
    """The project file, and its specs while other processes parse them."""
    project = read_project(workspace.root, workspace.index, REGISTRY)
    workspace.tree.specs = project.settings.specs
    if project.settings.asset_limit > workspace.most_assets:
        raise InvalidInput((_above_ceiling(project, workspace.most_assets),))
    missing = specs_folder_problem(project)
    if missing is not None and (project.names_specs or workspace.recorded.entries):
        raise InvalidInput((missing,))
    return project, SpecReader(workspace.root, project.settings.specs, workspace.index)


def _above_ceiling(project: Project, most: int) -> Problem:
    fact = f"is {project.settings.asset_limit:,}, and a project file may allow at most {most:,}"
    hint = f"to allow more on this machine, set the environment variable {ASSETS_VARIABLE}"
    return project.document.problem(("limits", "assets"), fact, hint)


def _problems(project: Project, files: SpecFiles, expanded: Expansion, table: ModelTable) -> Problems:
    problems = Problems((*files.problems, *expanded.problems))
    broken = (*(name.rpartition(".")[0] for name in files.broken), *expanded.broken)
    problems.update(whole_problems(expanded.specs, broken, partial=bool(problems)))
    problems.update((*row_problems(project, table), *address_problems(project)))
    problems.update(model_problems(project, expanded.specs, table))
    return problems


def _derives(files: SpecFiles, expanded: Expansion) -> bool:
    """Whether there is anything to derive, by rules that can be read: without them no rule would be known."""
    if any(name.rpartition(".")[0] == "_derive" for name in files.broken):
        return False
    if files.tree.derive is not None or files.tree.bundles is not None:
        return True
    return any(spec.derived is not None for spec in expanded.specs.values())


def _reference_places(specs: Mapping[AssetId, Spec]) -> dict[str, Origin]:
    places: dict[str, Origin] = {}
    for spec in specs.values():
        for reference, origin in zip(spec.pictures(), spec.picture_origins, strict=True):
            if isinstance(reference, FileReference):
                places.setdefault(reference.path, origin)
    return places
