"""Plan all derived files of a project. Pure: the same derivation, images, lock and files give the same plan."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set

from reconciler.core.derived.bundles import AtlasBundle, IconsBundle, ManifestBundle
from reconciler.core.derived.decide_files import (
    AwaitSource,
    FileAction,
    KeepFile,
    MakeFile,
    RestoreFile,
    decide_file,
)
from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.icon_sets import icon_outputs
from reconciler.core.derived.key import DerivedKey, FileKeys, bundle_manifest, derived_key
from reconciler.core.derived.operations import form
from reconciler.core.derived.wanted import AssetSet, BundleSet, Derivation, DerivedSet
from reconciler.core.digest import AssetId, ContentHash, Json
from reconciler.core.plan.actions import Adopt, Generate, Move, Restore
from reconciler.core.plan.observed import Found
from reconciler.core.plan.plan import Plan
from reconciler.core.provenance.derived_mark import derived_mark, unsigned
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.provenance.source_type import TRAINED, combined_term, source_term
from reconciler.core.specs.paths import same_file_key
from reconciler.core.value import field, replace, value

NO_FILES: Mapping[str, DerivedLine] = {}


@value
class Sources:
    """The images that files are derived from: the content of each, and the assets that are generated first. `terms` say
    which of them a model made, in words of IPTC; `provenance` is how files made from them are marked."""

    contents: Mapping[AssetId, ContentHash]
    generating: frozenset[AssetId] = frozenset()
    terms: Mapping[AssetId, str] = field(default_factory=dict)
    provenance: ProvenanceSettings = ProvenanceSettings()

    def missing(self, assets: Iterable[AssetId]) -> tuple[AssetId, ...]:
        """The assets among these whose image is not known yet."""
        return tuple(one for one in assets if one in self.generating or one not in self.contents)

    def mark(self, assets: Sequence[AssetId]) -> tuple[str, ...]:
        """The mark of a file that is made from the images of these assets."""
        term = combined_term(self.terms.get(one, "") for one in assets)
        return derived_mark(self.provenance, term, [self.contents[one] for one in assets])


def source_terms(plan: Plan) -> dict[AssetId, str]:
    """Which images a model made, as far as that is known before a plan is carried out."""
    return {step.asset: source_term(step.entry) if step.entry is not None else TRAINED for step in plan.asset_steps}


def sources_of(plan: Plan, provenance: ProvenanceSettings) -> Sources:
    """The images that the assets have after a plan, as far as they are known before it."""
    contents: dict[AssetId, ContentHash] = {}
    generating: set[AssetId] = set()
    for step in plan.asset_steps:
        if isinstance(step.action, Generate):
            generating.add(step.asset)
        elif isinstance(step.action, (Adopt, Restore, Move)):
            contents[step.asset] = step.action.content
        elif step.entry is not None and step.origin is None:
            contents[step.asset] = step.entry.content
    return Sources(contents, frozenset(generating), source_terms(plan), provenance)


@value
class FileStep:
    """What is done with one file. `key` is None while it is unknown, and for a file that nothing derives."""

    path: str
    action: FileAction
    key: DerivedKey | None = None
    line: DerivedLine | None = field(default=None, repr=False)
    keys: FileKeys | None = field(default=None, compare=False, repr=False)


@value
class SetStep:
    """What is done with the files of one set. `wanted` is None for a set that nothing asks for any more.

    The files of a bundle are made together: if one of them is, all are. `mark` is that of the pictures of a bundle.
    """

    name: str
    files: tuple[FileStep, ...]
    wanted: DerivedSet | None = None
    key: DerivedKey | None = None
    mark: tuple[str, ...] = ()

    @property
    def bundle(self) -> BundleSet | None:
        return self.wanted if isinstance(self.wanted, BundleSet) else None

    def count(self, *kinds: type) -> int:
        """How many of its files have an action of these kinds."""
        return sum(isinstance(step.action, kinds) for step in self.files)

    @property
    def drifts(self) -> bool:
        """Whether something is left to do here that no image has to be generated for."""
        return any(not isinstance(step.action, (KeepFile, AwaitSource)) for step in self.files)


@value
class DerivedPlan:
    """The steps of all sets, those of assets first, then bundles, then what nothing derives any more. `behind`: the
    lock has to be written although no file changes."""

    steps: tuple[SetStep, ...] = ()
    behind: bool = False

    @property
    def drift(self) -> tuple[SetStep, ...]:
        return tuple(step for step in self.steps if step.drifts)

    @property
    def left(self) -> bool:
        """Whether anything is left to do now."""
        return self.behind or any(step.drifts for step in self.steps)

    def count(self, *kinds: type) -> int:
        """How many files have an action of these kinds."""
        return sum(step.count(*kinds) for step in self.steps)


@value
class DerivedLocks:
    """The lines of the files that are committed, and of those that git ignores (`commit: false`)."""

    committed: DerivedLock = DerivedLock()
    local: DerivedLock = DerivedLock()

    def blocks(self) -> Iterator[tuple[str, Mapping[str, DerivedLine], bool]]:
        """Every set by name with its lines, and whether they are committed."""
        for lock, committed in ((self.committed, True), (self.local, False)):
            for name, block in lock.sets.items():
                yield name, block, committed

    def without(self, paths: Container[str]) -> tuple[bool, DerivedLocks]:
        """Whether there are lines about these paths, by `same_file_key`, and the locks without those lines."""
        if not paths or not any(same_file_key(path) in paths for _, block, _ in self.blocks() for path in block):
            return False, self
        return True, DerivedLocks(*(_without(lock, paths) for lock in (self.committed, self.local)))


def _without(lock: DerivedLock, paths: Container[str]) -> DerivedLock:
    sets = {
        name: {path: line for path, line in block.items() if same_file_key(path) not in paths}
        for name, block in lock.sets.items()
    }
    return replace(lock, sets=sets)


def observed_paths(
    derivation: Derivation, locks: DerivedLocks, sources: Sources, *, built: bool = True
) -> dict[str, None]:
    """The paths that a plan of these has to look at."""
    paths = dict.fromkeys(path for _, block, committed in locks.blocks() if built or committed for path in block)
    for each in derivation.asset_sets():
        if each.asset in sources.contents and (built or each.commit):
            paths |= dict.fromkeys(path for path, _, _ in _wanted_files(each, sources))
    return paths


def plan_derived(
    derivation: Derivation,
    locks: DerivedLocks,
    sources: Sources,
    found: Mapping[str, Found],
    *,
    restorable: Callable[[DerivedLine, str], bool],
    protected: Container[str] = (),
    built: bool = True,
) -> DerivedPlan:
    """The step of every set. `found` has the content at every path of `observed_paths`, absent files left out.

    `built`: files that git ignores are planned, too; else they are left out. `protected` are the files that others own,
    by `same_file_key`: images of assets, and references. A line about one of
    them counts for nothing: the lock is false.
    """
    owned, locks = locks.without(protected)
    planner = _SetPlanner(derivation, locks, sources, found, restorable)
    steps = [planner.asset_step(each) for each in derivation.asset_sets() if built or each.commit]
    bundles = [each for each in derivation.sets if isinstance(each, BundleSet) and (built or each.commit)]
    steps += [planner.bundle_step(each) for each in bundles]
    left_out = frozenset(each.name for each in derivation.sets if not (built or each.commit))
    steps += planner.orphans(left_out, built=built)
    return DerivedPlan(tuple(steps), locks.committed.merged or locks.local.merged or planner.moved or owned)


def _wanted_files(each: AssetSet, sources: Sources) -> Iterator[tuple[str, FileKeys, DerivedKey]]:
    """Path and key of every file of a set."""
    template = each.rule.output
    content, mark = sources.contents[each.asset], sources.mark((each.asset,))
    for want in each.wants:
        keys = want.keys.marked(mark)
        key = keys.of(content)
        if want.values is None or template is None:
            yield want.path, keys, key
        else:
            yield template.filled({**want.values, "key8": key.partition(":")[2][:8]}), keys, key


class _SetPlanner:
    """Plans one set after another, and knows which paths are still wanted."""

    def __init__(
        self,
        derivation: Derivation,
        locks: DerivedLocks,
        sources: Sources,
        found: Mapping[str, Found],
        restorable: Callable[[DerivedLine, str], bool],
    ) -> None:
        self._sets = {(each.asset, each.rule.name): each for each in derivation.asset_sets()}
        self._locks = locks
        self._lines = {
            path: (name, committed, line) for name, block, committed in locks.blocks() for path, line in block.items()
        }
        self._sources = sources
        self._found = found
        self._restorable = restorable
        self._wanted: set[str] = set()
        self._waiting: set[str] = set()
        self.moved = False

    def asset_step(self, each: AssetSet) -> SetStep:
        """The step of the files of one asset and one rule."""
        missing = self._sources.missing((each.asset,))
        if missing:
            waits = AwaitSource(missing)
            self._waiting.add(each.name)
            return SetStep(each.name, tuple(self._waiting_files(each, waits)), each)
        files = tuple(self._file(each, path, key, keys) for path, keys, key in _wanted_files(each, self._sources))
        return SetStep(each.name, files, each)

    def bundle_step(self, each: BundleSet) -> SetStep:
        """The step of a bundle: its files as they were made last, or its first file if it was never made."""
        missing = self._sources.missing(member.asset for member in each.members)
        wanted: DerivedKey | AwaitSource
        mark = () if missing else unsigned(self._sources.mark([member.asset for member in each.members]))
        wanted = AwaitSource(missing) if missing else derived_key(self._bundle_manifest(each, mark))
        block = self._locks.committed.sets.get(each.name) or self._locks.local.sets.get(each.name) or NO_FILES
        self.moved = self.moved or (bool(block) and (each.name in self._locks.committed.sets) != each.commit)
        key = None if isinstance(wanted, AwaitSource) else wanted
        self._wanted.update(block)
        files = [
            FileStep(path, self._decided(path, wanted, line), key, line) for path, line in block.items()
        ] or [FileStep(first_path(each), wanted if isinstance(wanted, AwaitSource) else MakeFile(), key)]  # fmt: skip
        if any(isinstance(step.action, MakeFile) for step in files):
            files = [_with_bundle(step) for step in files]
        return SetStep(each.name, tuple(files), each, key, mark)

    def orphans(self, left_out: Set[str], *, built: bool) -> Iterator[SetStep]:
        """The files that nothing derives any more. `left_out` are sets that are not planned."""
        for name, block, committed in self._locks.blocks():
            if name in left_out:
                self.moved = self.moved or committed
            elif name not in self._waiting and (built or committed):
                steps = tuple(
                    FileStep(path, decide_file(None, line, self._found.get(path)), None, line)
                    for path, line in block.items()
                    if path not in self._wanted
                )
                if steps:
                    yield SetStep(name, steps)

    def _waiting_files(self, each: AssetSet, waits: AwaitSource) -> Iterator[FileStep]:
        for want in each.wants:
            self._wanted.add(want.path)
            line = self._line(each, want.path)
            yield FileStep(want.path, decide_file(waits, line, self._found.get(want.path)), None, line, want.keys)

    def _file(self, each: AssetSet, path: str, key: DerivedKey, keys: FileKeys) -> FileStep:
        self._wanted.add(path)
        line = self._line(each, path)
        return FileStep(path, self._decided(path, key, line), key, line, keys)

    def _line(self, each: AssetSet, path: str) -> DerivedLine | None:
        """The line of a path. It may stand in another set, or in the other lock: a rule was renamed, or changed."""
        name, committed, line = self._lines.get(path, (each.name, each.commit, None))
        if line is not None and (name, committed) != (each.name, each.commit):
            self.moved = True
        return line

    def _decided(self, path: str, wanted: DerivedKey | AwaitSource, line: DerivedLine | None) -> FileAction:
        found = self._found.get(path)
        absent = found is None and line is not None and line.key == wanted
        return decide_file(wanted, line, found, restorable=absent and line is not None and self._restorable(line, path))

    def _bundle_manifest(self, each: BundleSet, mark: tuple[str, ...]) -> dict[str, Json]:
        contents = [self._sources.contents[member.asset] for member in each.members]
        marked: dict[str, Json] = {"mark": list(mark)} if mark else {}
        match each.bundle.what:
            case AtlasBundle() as atlas:
                return _atlas_manifest(each, atlas, contents) | marked
            case IconsBundle() as icons:
                files: list[Json] = [f"{icons.folder}/{name}" for name in icon_outputs(icons.sets)]
                how: dict[str, Json] = {"background": icons.background, "name": icons.name}
                return bundle_manifest("icons", contents, padding=icons.padding, files=files, **how, **marked)
            case ManifestBundle() as manifest:
                pictures: list[Json] = []
                for member in each.members:
                    made = self._made_of(member.asset, manifest.use)
                    pictures.append([member.asset, member.alt, made, self._sources.terms.get(member.asset, "")])
                how = {
                    "sizes": manifest.sizes,
                    "html": manifest.html,
                    "url": manifest.url,
                    "formats": list(each.formats),
                }
                return bundle_manifest("manifest", contents, pictures=pictures, **how)

    def _made_of(self, asset: AssetId, rule: str) -> list[Json]:
        """Path and key of every file that a manifest lists of an asset."""
        wanted = _wanted_files(self._sets[asset, rule], self._sources)
        return [[path, key] for path, _, key in wanted]


def _atlas_manifest(each: BundleSet, atlas: AtlasBundle, contents: list[ContentHash]) -> dict[str, Json]:
    """Operations that sprites have in common are written once."""
    shared: dict[object, int] = {}
    forms: list[Json] = []
    sprites: list[Json] = []
    for member in each.members:
        if member.operations not in shared:
            shared[member.operations] = len(forms)
            forms.append([form(one) for one in member.operations])
        borders = form(member.borders) if member.borders is not None else None
        sprites.append([member.name, shared[member.operations], borders])
    return bundle_manifest(
        "atlas",
        contents,
        sprites=sprites,
        ops=forms,
        name=each.stem.rpartition("/")[2],
        scale=each.density,
        page=[atlas.max_width, atlas.max_height, atlas.padding, atlas.extrude],
        data=list(atlas.data),
        stable=atlas.stable,
    )


def _with_bundle(step: FileStep) -> FileStep:
    """The step of a file whose bundle is made: all its files are, except over the bytes of somebody else."""
    if isinstance(step.action, KeepFile) and step.line is not None:
        return FileStep(step.path, MakeFile(step.line.content, changed=True), step.key, step.line)
    if isinstance(step.action, RestoreFile):
        return FileStep(step.path, MakeFile(), step.key, step.line)
    return step


def first_path(each: BundleSet) -> str:
    """The file by which a bundle is called before it was made."""
    match each.bundle.what:
        case AtlasBundle():
            return f"{each.stem}.png"
        case IconsBundle() as icons:
            return icons.folder
        case ManifestBundle() as manifest:
            return manifest.output
