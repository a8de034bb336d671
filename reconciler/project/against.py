"""Compare the project with the commit at which its branch began: what the branch will cost, and what it has cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from reconciler.core.digest import AssetId, ContentHash, content_of_hex
from reconciler.core.errors import InvalidInput, LockfileError, ProjectError
from reconciler.core.lock.lockfile import Lock
from reconciler.core.lock.parts import PARTS
from reconciler.core.plan.compare import Compared, Version, compare_versions, made_entries, to_pay
from reconciler.core.specs.document import Document
from reconciler.core.specs.expand import Expansion, SpecTree, expand
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.value import replace, value
from reconciler.project.incremental_comparison import BranchComparison, compare_incrementally, write_comparison
from reconciler.project.load import LoadedSpecs, load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, derived_files, plan_project, remember
from reconciler.project.workspace import Workspace
from reconciler.providers.registry import REGISTRY
from reconciler.report.plan_report import PlanFacts, cached_answers
from reconciler.store.documents.lock_parts import is_header, packed_parts
from reconciler.store.documents.project import LOCK_FILE, PROJECT_FILE, Project, parse_lock, parse_project
from reconciler.store.documents.specs import MAX_PER_FILE, MAX_TOTAL, checked_document
from reconciler.store.index.snapshot import spec_kind
from reconciler.store.worktree.git import BlobFailed, GitRepository
from reconciler.store.worktree.git_base import BaseCommit, BlobAt, base_commit
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid


@value
class _Base:
    """The project at the commit. `changed` are its files below the specs folder that differ, by path below it."""

    project: Project
    tree: SpecTree
    changed: frozenset[str]
    problems: int


def compare_branch(workspace: Workspace, selection: Selection, name: str) -> BranchComparison:
    """Compare the project with the commit at which this branch and `name` began. Writes nothing but the index, and runs
    nothing but git. ProjectError where git cannot tell."""
    whole = selection == Selection()
    quick = compare_incrementally(workspace, name) if whole else None
    if quick is not None:
        return quick
    planned = plan_project(workspace, load_specs(workspace), selection)
    if whole:
        _remember(workspace, planned)
    commit = base_commit(GitRepository(workspace.root), name)
    found = _compared(workspace, planned, commit, note=whole)
    return BranchComparison(
        name,
        commit.commit,
        found.compared,
        to_pay(found.compared, planned.plan),
        made_entries(found.compared, planned.lock),
        len(planned.loaded.specs),
        planned.loaded.project.settings.budget.currency,
        found.broken,
    )


def _remember(workspace: Workspace, planned: PlannedProject) -> None:
    """Save the index, as `plan` does."""
    derived = derived_files(workspace, planned, Selection())
    facts = PlanFacts(planned.plan, workspace.utc(), planned.behind, None, planned.loaded.cautions)
    if derived is not None:
        facts = replace(facts, derived=derived.facts)
    remember(workspace, planned, cached_answers(facts), derived)


@value
class _Found:
    compared: Compared
    broken: int = 0


def _compared(workspace: Workspace, planned: PlannedProject, commit: BaseCommit, *, note: bool) -> _Found:
    """Compare everything. `note`: the next comparison may use what this one finds."""
    loaded = planned.loaded
    now = Version(loaded.specs, planned.lock, planned.seen.files, loaded.project.settings.traits())
    files = commit.listing((PROJECT_FILE, LOCK_FILE))
    files |= commit.listing((PARTS,))
    differing = commit.differing(files)
    if PROJECT_FILE not in files:
        nothing = Version({}, Lock(), {}, {})
        return _Found(compare_versions(nothing, now))
    lock = _lock(workspace, commit, files, same=_same_lock(workspace, files, differing))
    try:
        base = _base(commit, loaded, files, differing)
        expansion = _with_workflows(commit, _expanded(base, loaded))
    except InvalidInput as error:
        fact = f"{error.problems[0]} (in {commit.commit[:7]}, the commit to compare with)"
        raise ProjectError(fact, hint="compare with a commit whose reconciler.yaml is valid") from error
    contents = _references(commit, expansion.specs, planned.seen.files)
    before = Version(expansion.specs, lock, contents, base.project.settings.traits())
    broken = base.problems + len(expansion.broken)
    compared = compare_versions(before, now)
    one_lock = LOCK_FILE in files and not any(path.startswith(f"{PARTS}/") for path in files)
    if note and not broken and one_lock and _only_specs_differ(base, planned, expansion.specs, contents):
        folder = loaded.project.settings.specs
        blob = files[LOCK_FILE].blob if LOCK_FILE in differing else ""
        differ = [f"{folder}/{path}" for path in base.changed]
        currency = loaded.project.settings.budget.currency
        write_comparison(
            workspace, commit, compared, differing=differ, specs=loaded.specs, lock=blob, currency=currency
        )
    return _Found(compared, broken)


def _only_specs_differ(
    base: _Base, planned: PlannedProject, specs: Mapping[AssetId, Spec], contents: Mapping[str, ContentHash]
) -> bool:
    """Whether the project file, the defaults, the styles and the reference files of the commit are as here. Workflows
    are not compared: with one, the answer is no."""
    alike = base.project is planned.loaded.project and all(_kind(path) == "spec" for path in base.changed)
    alike = alike and not any(spec.workflow for spec in (*specs.values(), *planned.loaded.specs.values()))
    return alike and all(contents.get(path) == planned.seen.files.get(path, "") for path in _reference_paths(specs))


def _same_lock(workspace: Workspace, files: Mapping[str, BlobAt], differing: frozenset[str]) -> Lock | None:
    """The lockfile here, if that of the commit is the same."""
    parts = {path for path in files if path.startswith(f"{PARTS}/")}
    if differing & {LOCK_FILE, *parts} or parts or (workspace.root / PARTS).is_dir():
        return None
    return workspace.recorded


def _lock(workspace: Workspace, commit: BaseCommit, files: Mapping[str, BlobAt], *, same: Lock | None) -> Lock:
    """The lockfile of the commit; `same` is the one here where git says that they are equal."""
    if LOCK_FILE not in files:
        return Lock()
    if same is not None and not same.merged:
        return same
    data = commit.contents({LOCK_FILE: files[LOCK_FILE]})[LOCK_FILE]
    if is_header(data):
        parts = {path: blob for path, blob in files.items() if path.startswith(f"{PARTS}/")}
        data = packed_parts(commit.contents(parts))
    try:
        return parse_lock(workspace.root, data)
    except LockfileError as error:
        raise LockfileError(f"{error.fact} (in {commit.commit[:7]}, the commit to compare with)") from error


def _base(commit: BaseCommit, loaded: LoadedSpecs, files: Mapping[str, BlobAt], differing: frozenset[str]) -> _Base:
    """The project file and the documents of the commit. Those that are equal here are not read again."""
    project = loaded.project
    if PROJECT_FILE in differing:
        data = commit.contents({PROJECT_FILE: files[PROJECT_FILE]})[PROJECT_FILE]
        project = parse_project(project.root, data, REGISTRY)
    folder = project.settings.specs
    here = _documents(loaded.tree) if folder == loaded.project.settings.specs else {}
    listed = {path: blob for path, blob in commit.listing((folder,)).items() if _kind(path.removeprefix(f"{folder}/"))}
    found = {path.removeprefix(f"{folder}/"): blob for path, blob in listed.items()}
    kinds = {name: _kind(name) for name in found}
    differing = commit.differing(listed)
    reread = {name: found[name] for name in kinds if name not in here or f"{folder}/{name}" in differing}
    if sum(blob.size for blob in reread.values()) > MAX_TOTAL + MAX_PER_FILE * len(kinds):
        raise ProjectError(f"the specs of {commit.commit[:7]} are larger than specs may be")
    texts = commit.contents({f"{folder}/{name}": blob for name, blob in reread.items()})
    documents: dict[str, Document] = {}
    problems = 0
    for name, kind in sorted(kinds.items()):
        if name not in reread:
            documents[name] = here[name]
            continue
        document, wrong = checked_document(f"{folder}/{name}", kind, texts[f"{folder}/{name}"])
        problems += bool(wrong)
        if document is not None and not wrong:
            documents[name] = document
    gone = here.keys() - documents.keys()
    return _Base(project, _tree(documents, kinds), frozenset((*reread, *gone)), problems)


def _kind(name: str) -> str:
    """The kind of a file that recipes depend on, by its path below the specs folder; "" for any other. Hidden folders
    are not read."""
    *folders, last = name.split("/")
    kind = "" if any(folder.startswith(".") for folder in folders) else spec_kind(last)
    return kind if kind in ("spec", "defaults", "styles") else ""


def _documents(tree: SpecTree) -> dict[str, Document]:
    above = {document.file: document for document in tree.defaults.values()}
    shared = {**above, **({tree.styles.file: tree.styles} if tree.styles is not None else {})}
    below = dict(tree.specs)
    prefix = next((document.file.removesuffix(name) for name, document in below.items()), None)
    if prefix is None:
        prefix = next((file[: file.index("/") + 1] for file in shared), "")
    return below | {file.removeprefix(prefix): document for file, document in shared.items()}


def _tree(documents: Mapping[str, Document], kinds: Mapping[str, str]) -> SpecTree:
    specs = {name: each for name, each in documents.items() if kinds[name] == "spec"}
    defaults = {name.rpartition("/")[0]: each for name, each in documents.items() if kinds[name] == "defaults"}
    styles = next((each for name, each in documents.items() if kinds[name] == "styles" and "/" not in name), None)
    return SpecTree(specs, defaults, styles)


def _expanded(base: _Base, loaded: LoadedSpecs) -> Expansion:
    """The assets of the commit. A spec that is equal here, below equal defaults and styles, is not expanded again."""
    here, project = loaded.tree, loaded.project
    alike = (
        base.project.document.value == project.document.value
        and _values(base.tree.defaults) == _values(here.defaults)
        and _value(base.tree.styles) == _value(here.styles)
    )
    if not alike:
        return expand(base.project.settings, base.project.document, base.tree)
    changed = {name: document for name, document in base.tree.specs.items() if name in base.changed}
    part = expand(project.settings, project.document, SpecTree(changed, here.defaults, here.styles))
    files = {
        document.file for name, document in here.specs.items() if name in base.changed or name not in base.tree.specs
    }
    same = {asset: spec for asset, spec in loaded.specs.items() if spec.file not in files}
    return Expansion({**same, **part.specs}, part.problems, part.broken, part.room)


def _with_workflows(commit: BaseCommit, expansion: Expansion) -> Expansion:
    """The assets with the digests of their workflows in the commit. One whose workflow cannot be used is left out."""
    paths = sorted({spec.workflow.path for spec in expansion.specs.values() if spec.workflow is not None})
    if not paths:
        return expansion
    from reconciler.core.workflows.graph import MAX_WORKFLOW, UnusableWorkflow, WorkflowGraph, read_graph  # noqa: PLC0415 - the same
    from reconciler.core.workflows.resolve import with_workflows  # noqa: PLC0415 - few projects have workflows

    listed = commit.listing(paths)

    def read(path: str) -> WorkflowGraph | UnusableWorkflow:
        if path not in listed or listed[path].size > MAX_WORKFLOW:
            return UnusableWorkflow("is not there")
        return read_graph(commit.contents({path: listed[path]})[path])

    filled = with_workflows(expansion.specs, read)
    broken = {problem.asset for problem in filled.problems}
    return replace(
        expansion,
        specs={asset: spec for asset, spec in filled.specs.items() if asset not in broken},
        broken=(*expansion.broken, *sorted(broken)),
    )


def _values(documents: Mapping[str, Document]) -> dict[str, object]:
    return {name: document.value for name, document in documents.items()}


def _value(document: Document | None) -> object:
    return document.value if document is not None else None


def _references(
    commit: BaseCommit, specs: Mapping[AssetId, Spec], here: Mapping[str, ContentHash]
) -> dict[str, ContentHash]:
    """The contents of the reference files of the commit. A file that is equal here is not read again."""
    paths = _reference_paths(specs)
    if not paths:
        return {}
    listed = commit.listing(paths)
    large = {path: blob for path, blob in listed.items() if blob.size > LFS_POINTER_LIMIT and path in here}
    found = {path: here[path] for path in large.keys() - commit.differing(large)}
    for path in listed.keys() - found.keys():
        try:
            found[path] = _hashed(commit.repository.read_blob(listed[path].blob))
        except BlobFailed as error:
            raise ProjectError(error.failure.fact, hint=error.failure.hint) from error
    return found


def _reference_paths(specs: Mapping[AssetId, Spec]) -> list[str]:
    return sorted({one.path for spec in specs.values() for one in spec.pictures() if isinstance(one, FileReference)})


def _hashed(pieces: Iterable[bytes]) -> ContentHash:
    """The content of a blob; that of the image if the blob is a Git LFS pointer to it."""
    digest = hashlib.sha256()
    head = b""
    for piece in pieces:
        digest.update(piece)
        head += piece[: 1024 - len(head)]
    return lfs_oid(head) or content_of_hex(digest.hexdigest())
