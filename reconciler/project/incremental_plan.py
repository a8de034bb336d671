"""Plan a project in which only a few specs have changed since the last clean plan, without reading the other specs.

The result must equal that of the full plan. Every other case falls back to the full plan: an asset with references to
or from other assets, a changed id or output, a recipe that occurs elsewhere in the lockfile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash, content_of_hex
from reconciler.core.errors import ReconcilerError
from reconciler.core.lock.entry import LockEntry, read_entry
from reconciler.core.lock.lockfile import Lock
from reconciler.core.plan.actions import Generate, Hold
from reconciler.core.plan.observed import NONE_REJECTED, Observed, Rejections
from reconciler.core.plan.plan import Plan, plan
from reconciler.core.plan.policy import Policy, gate, within_budget
from reconciler.core.specs.context import Context
from reconciler.core.specs.document import Document
from reconciler.core.specs.expand import expand_file
from reconciler.core.specs.paths import same_file_key
from reconciler.core.specs.room import Room, asset_count
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.specs.spec_cautions import spec_cautions
from reconciler.core.value import value
from reconciler.project.prices import model_cautions, model_problems, pricer
from reconciler.project.reviewed import find_reviews
from reconciler.providers.models.table import model_table, successions
from reconciler.providers.models.warnings import cautions
from reconciler.providers.registry import REGISTRY, has_listed_models
from reconciler.report.plan_text import check_hint, note_lines
from reconciler.report.plan_view import plan_lines
from reconciler.store.documents.project import LOCK_FILE, Project, read_project
from reconciler.store.documents.specs import read_document, stay_inside
from reconciler.store.index.index import Index, index_without_memory
from reconciler.store.index.snapshot import Snapshot, spec_kind
from reconciler.store.objects.content_store import ContentStore, RecalledImages

MAX_CHANGED = 50
"""The most changed specs of an incremental plan; with more the full plan is as quick."""
UNCERTAIN = (ReconcilerError, ValueError, KeyError, TypeError, OSError, RecursionError)
"""The errors of a project that is to be planned in full, which reports them."""
_TIED, _LOOSE = "tied", "loose"


def encode_notes(whole: Plan, room: Room) -> bytes:
    """The facts of a clean plan that a later incremental plan needs, in lines; empty for a plan with drift.

    The first line is JSON: the number of assets, the room for more, and whether the plan has lines besides its totals.
    Then follows one line for each spec file, its fields separated by tabs, which no name contains: the file, whether an
    asset of it is tied (has references to or from other assets), and the id and the output of each asset. A reader
    searches for the lines it needs.
    """
    if whole.drift:
        return b""
    steps = whole.asset_steps
    tied = {up for step in steps for up in step.spec.upstreams()}
    files: dict[str, list[str]] = {}
    for step in steps:
        spec = step.spec
        fields = files.setdefault(spec.file, [_LOOSE])
        fields += (step.asset, step.output)
        if step.asset in tied or spec.upstreams():
            fields[0] = _TIED
    head = {"assets": len(whole.steps), "more": any(note_lines(whole)), "room": [room.text, room.entries]}
    lines = ("\t".join((file, *fields)) for file, fields in files.items())
    return "\n".join([json.dumps(head), *lines, ""]).encode()


def _noted(noted: bytes, path: str) -> list[tuple[str, str]] | None:
    """The ids and outputs of the assets that a spec file had, by its line of the notes."""
    start = noted.find(f"\n{path}\t{_LOOSE}\t".encode())
    if start < 0:
        return None
    _, _, *fields = noted[start + 1 : noted.index(b"\n", start + 1)].decode().split("\t")
    return list(zip(fields[::2], fields[1::2], strict=True))


@value
class IncrementalPlan:
    """The plan of the assets whose specs have changed, and how many others are up to date."""

    plan: Plan
    elsewhere: int


def incremental_plan(
    root: Path, snapshot: Snapshot, changed: Sequence[tuple[str, int]], *, command: str
) -> IncrementalPlan | None:
    """The plan that this command would make in full; None if that is not certain, or if nothing is left to do."""
    try:
        part = read_part(root, snapshot, [path for path, _ in changed])
        found = part.plan() if part is not None else None
    except UNCERTAIN:
        return None
    if part is None or found is None or not found.drift or any(note_lines(found)):
        return None
    if command == "plan":  # `check` ignores budgets
        budget = part.project.settings.budget
        if budget.total is not None or budget.per_month is not None:  # they depend on the whole lockfile
            return None
        found = within_budget(found, budget)
    return IncrementalPlan(found, part.assets - len(found.steps))


@value
class ProjectPart:
    """Some spec files of a project, whose assets stand for themselves: no reference leads from or to another asset.

    `assets` counts those of the whole project. `contents` are those of the files that the snapshot knows.
    """

    project: Project
    snapshot: Snapshot
    index: Index
    specs: Mapping[AssetId, Spec]
    context: Context
    room: Room
    assets: int

    def plan(self) -> Plan | None:
        """The plan of these assets; None if that needs the others."""
        root = self.project.root
        reviews = find_reviews(root, self.index, self.project.settings.review)
        rejected = reviews.rejections() if reviews is not None else NONE_REJECTED
        found = _plan(self.project, self.snapshot, self.specs, rejected=rejected)
        return reviews.approved(found) if found is not None and found.drift and reviews is not None else found


def read_part(root: Path, snapshot: Snapshot, files: Sequence[str]) -> ProjectPart | None:
    """The assets of these spec files; None where they need the others. Raises one of `UNCERTAIN` for a project or notes
    that are not as they should be."""
    noted = json.loads(snapshot.notes.partition(b"\n")[0])
    before = {path: known for path in files[:MAX_CHANGED] if (known := _noted(snapshot.notes, path))}
    if noted["more"] or len(before) < len(files):
        return None
    index = index_without_memory(root)
    project = read_project(root, index, REGISTRY)
    if project.settings.team is not None:  # its store may have the image that a changed spec wants
        return None
    stay_inside(root, project.settings.specs)
    context, room = _context(project, snapshot, before, index), Room(*noted["room"])
    specs = _specs(project, context, before, index, room=room)
    if not specs or _refers_to(specs.values(), snapshot.notes):
        return None
    return ProjectPart(project, snapshot, index, specs, context, room, int(noted["assets"]))


def incremental_lines(
    root: str, snapshot: Snapshot, changed: Sequence[tuple[str, int]], *, command: str
) -> tuple[tuple[str, ...], str] | None:
    """The lines of `plan` or of a `check` with drift, and the hint of the latter; None to plan in full."""
    found = incremental_plan(Path(root), snapshot, changed, command=command)
    if found is None:
        return None
    return tuple(plan_lines(found.plan, datetime.now(UTC), elsewhere=found.elsewhere)), check_hint(found.plan)


def _refers_to(specs: Iterable[Spec], noted: bytes) -> bool:
    """Whether a reference file of these specs is the output of an asset."""
    files = {same_file_key(ref.path) for spec in specs for ref in spec.pictures() if isinstance(ref, FileReference)}
    lines = noted.decode().split("\n")[1:] if files else ()
    return any(same_file_key(output) in files for line in lines for output in line.split("\t")[3::2])


def _specs(
    project: Project, context: Context, changed: Mapping[str, list[tuple[str, str]]], index: Index, *, room: Room
) -> dict[AssetId, Spec] | None:
    """The assets of the changed files; None if they are not the same as before, or not valid."""
    folder = project.settings.specs
    specs: dict[AssetId, Spec] = {}
    for path, known in changed.items():
        document, wrong = read_document(project.root, path, "spec", index)
        if document is None or wrong or asset_count(document) != len(known):
            return None
        found, wrong = expand_file(context, path.removeprefix(f"{folder}/"), document, room)
        same = sorted((spec.id, spec.output) for spec in found) == sorted(known)
        if wrong or not same or any(map(needs_more, found)):
            return None
        specs |= {spec.id: spec for spec in found}
    table, today = model_table(project.settings.models), datetime.now(UTC).date()
    if table.problems or any(model_problems(project, specs, table)) or any(model_cautions(project, specs, table)):
        return None
    ordered = dict(sorted(specs.items()))
    if any(context.usage.cautions()) or any(spec_cautions(ordered)):  # another file may use the variable
        return None
    told = cautions(ordered, project.settings.providers, table, today=today, listed=has_listed_models)
    return None if told else ordered


def needs_more(spec: Spec) -> bool:
    """Whether the plan of an asset depends on more than its spec and the files of its images."""
    return bool(spec.upstreams()) or spec.derived is not None or spec.workflow is not None


def _context(project: Project, snapshot: Snapshot, changed: Iterable[str], index: Index) -> Context:
    """The defaults and styles above these specs. The snapshot lists them all: no file was added or removed."""
    folder = project.settings.specs
    defaults: dict[str, Document] = {}
    styles = None
    here = 0
    for at, count, listed in snapshot.folders:
        above = listed and any(path.startswith(f"{at}/") for path in changed)
        names = snapshot.names[here : here + count] if above else ()
        for name in [name for name in names if name.startswith("_")]:  # the names of defaults and styles begin so
            kind = spec_kind(name)
            if kind not in ("defaults", "styles"):
                continue
            document, _ = read_document(project.root, f"{at}/{name}", kind, index)
            if kind == "styles":
                styles = document
            elif document is not None:
                defaults[at.removeprefix(folder).removeprefix("/")] = document
        here += count
    return Context(project.settings, project.document, defaults, styles)


def _plan(project: Project, snapshot: Snapshot, specs: Mapping[AssetId, Spec], *, rejected: Rejections) -> Plan | None:
    with open(project.root / LOCK_FILE, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        entries = {identity: entry_in(text, identity) for identity in specs}
        made = _planned(project, snapshot, specs, entries, rejected=rejected)
        steps = made.steps if made is not None else ()
        wanted = (step.action.otherwise if isinstance(step.action, Hold) else step.action for step in steps)
        keys = {action.key for action in wanted if isinstance(action, Generate) and action.key}
        # a key that occurs elsewhere belongs to the image of another asset, or to a refusal
        return None if any(text.find(key.encode()) >= 0 for key in keys) else made


def _planned(
    project: Project,
    snapshot: Snapshot,
    specs: Mapping[AssetId, Spec],
    entries: Mapping[AssetId, LockEntry | None],
    *,
    rejected: Rejections,
) -> Plan | None:
    lock = Lock({identity: entry for identity, entry in entries.items() if entry is not None})
    outputs = {spec.output for spec in specs.values()}
    references = {ref.path for spec in specs.values() for ref in spec.pictures() if isinstance(ref, FileReference)}
    contents = contents_known(snapshot, outputs | references)
    if len(lock.entries) < len(specs) or len(contents) < len(outputs | references):
        return None
    succeeds = successions(model_table(project.settings.models))
    policy = Policy(cascade=project.settings.cascade, succeeds=succeeds)
    return plan(
        specs,
        lock,
        Observed(
            outputs=contents, files=contents, stored=RecalledImages(ContentStore(project.root)), rejected=rejected
        ),
        traits=project.settings.traits(),
        price=pricer(project),
        gate=lambda facts, action: gate(facts, action, policy),
    )


def entry_in(text: mmap | bytes, identity: AssetId) -> LockEntry | None:
    """The entry of one asset, from a lockfile in our own format; None if it does not occur exactly once."""
    head = f"\n    {json.dumps(identity, ensure_ascii=False)}: {{\n".encode()
    start = text.find(head)
    end = text.find(b"\n    }", start)
    if start < 0 or end < 0 or text.rfind(head) > start:
        return None
    return read_entry(json.loads(text[start + len(head) - 2 : end + 6]))


def contents_known(snapshot: Snapshot, paths: set[str]) -> dict[str, ContentHash]:
    """The contents of unchanged files, by path."""
    found: dict[str, ContentHash] = {}
    folders = {path.rpartition("/")[0] for path in paths}
    here = 0
    for folder, count, _ in snapshot.folders:
        if folder in folders:
            for number in range(here, here + count):
                path = f"{folder}/{snapshot.names[number]}" if folder else snapshot.names[number]
                digest = snapshot.digests[number * 32 : number * 32 + 32]
                if path in paths and any(digest):
                    found[path] = content_of_hex(digest.hex())
        here += count
    return found
