"""The origin of each image of a project as one record, from the lockfiles and the specs. Pure; no file is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.wanted import AssetSet, BundleSet, Derivation
from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey
from reconciler.core.images.sniff import SUFFIXES
from reconciler.core.lock.entry import LockEntry, Made
from reconciler.core.lock.lockfile import Lock
from reconciler.core.provenance.credentials import INVALID, CredentialReport
from reconciler.core.provenance.marks import FoundMarks
from reconciler.core.provenance.settings import ProvenanceSettings, Terms
from reconciler.core.provenance.source_type import COMPOSITE, combined_term, source_term
from reconciler.core.provenance.terms import terms_of
from reconciler.core.reviews.verdicts import Standing
from reconciler.core.specs.spec import NO_RIGHTS, AssetReference, RightsFields, Spec
from reconciler.core.value import field, value


@value
class UsedPicture:
    """A picture that a recipe used. `asset` is set for the image of an asset, `path` for a file as far as the spec
    names it; `term` is the term of IPTC for the image of an asset."""

    content: ContentHash
    asset: AssetId | None = None
    path: str = ""
    term: str = ""


@value
class FileOrigin:
    """The origin of one file. `assets` are those whose image it is, or is derived from; `set_name` is the set of a
    derived file. `term` is the term of IPTC, "" for a file that no model made.

    Of a derived file `made`, `key`, `model` and `used` are those of its one image; of a bundle they are empty, as far
    as its images differ.
    """

    path: str
    content: ContentHash
    size: int
    assets: tuple[AssetId, ...]
    term: str
    set_name: str = ""
    made: Made | None = None
    original: ContentHash | None = None
    key: RecipeKey | None = None
    model: str = ""
    prompt: str = ""
    used: tuple[UsedPicture, ...] = ()
    rights: RightsFields = NO_RIGHTS
    alt: str | None = None
    terms: Terms | None = None
    standing: Standing = Standing()
    has_spec: bool = True

    @property
    def derived(self) -> bool:
        """Whether it was made from an image here."""
        return bool(self.set_name)

    @property
    def disclosure(self) -> bool:
        """Whether a model made it, or a part of it."""
        return bool(self.term)


@value
class OriginSources:
    """What the records of a project are made from."""

    lock: Lock
    derived: DerivedLock = DerivedLock()
    specs: Mapping[AssetId, Spec] = field(default_factory=dict)
    derivation: Derivation = Derivation()
    settings: ProvenanceSettings = ProvenanceSettings()
    standings: Mapping[ContentHash, Standing] = field(default_factory=dict)


class FileState(Enum):
    """How a file was found."""

    SAME = "as locked"
    CHANGED = "not as locked"
    MISSING = "missing"
    POINTER = "a Git LFS pointer without its bytes"
    UNREADABLE = "not readable"


@value
class SeenFile:
    """A file that was opened: its state, the marks in its bytes, and what a C2PA manifest came to."""

    state: FileState
    marks: FoundMarks | None = None
    credentials: CredentialReport | None = None

    @property
    def wrong(self) -> bool:
        """Whether its bytes are others than the locked ones, or contradict their own manifest."""
        invalid = self.credentials is not None and self.credentials.state == INVALID
        return invalid or self.state in (FileState.CHANGED, FileState.MISSING, FileState.UNREADABLE)


@value
class ProvenanceFacts:
    """The records of the selected files; with `seen`, what their bytes say, by path."""

    files: tuple[FileOrigin, ...]
    seen: Mapping[str, SeenFile] | None = None

    @property
    def wrong(self) -> tuple[str, ...]:
        """The paths of the files that are not what the lockfile says."""
        return tuple(path for path, one in (self.seen or {}).items() if one.wrong)


def file_origins(sources: OriginSources) -> tuple[FileOrigin, ...]:
    """The record of every locked image and of every derived picture, by path."""
    by_content = {entry.content: asset for asset, entry in sources.lock.entries.items()}
    images = {
        asset: _image(sources, by_content, asset, entry) for asset, entry in sources.lock.entries.items()
    }  # fmt: skip
    members = dict(_members(sources.derivation))
    found = [*images.values()]
    for name, block in sources.derived.sets.items():
        assets = members.get(name) or ((AssetId(name.rpartition("~")[0]),) if "~" in name else ())
        parts = [images[one] for one in assets if one in images]
        wanted = name in members
        found += [
            _derived(name, path, line, parts, sources, wanted=wanted)
            for path, line in block.items()
            if _is_picture(path)
        ]
    return tuple(sorted(found, key=lambda one: one.path))


def shipped(origins: Iterable[FileOrigin]) -> tuple[FileOrigin, ...]:
    """The files that leave the project: derived files, and the images of which no file is derived."""
    everything = tuple(origins)
    masters = {asset for one in everything if one.derived for asset in one.assets}
    return tuple(one for one in everything if one.derived or not masters.intersection(one.assets))


def _is_picture(path: str) -> bool:
    return path[path.rfind(".") :].lower() in SUFFIXES


def _members(derivation: Derivation) -> Iterator[tuple[str, tuple[AssetId, ...]]]:
    for each in derivation.sets:
        match each:
            case AssetSet(asset=asset):
                yield each.name, (asset,)
            case BundleSet(members=members):
                yield each.name, tuple(member.asset for member in members)


def _image(
    sources: OriginSources, by_content: Mapping[ContentHash, AssetId], asset: AssetId, entry: LockEntry
) -> FileOrigin:
    spec = sources.specs.get(asset)
    model = entry.made.model or str(entry.recipe.get("model", ""))
    own = entry.made.by_hand and entry.made.edited is None
    return FileOrigin(
        entry.output,
        entry.content,
        entry.image.size,
        (asset,),
        source_term(entry),
        made=entry.made,
        original=entry.original,
        key=entry.key,
        model="" if own or entry.made.placeholder else model,
        prompt=str(entry.recipe.get("prompt", "")),
        used=tuple(_used(sources.lock, by_content, spec, entry)),
        rights=spec.rights if spec is not None else NO_RIGHTS,
        alt=spec.derived.alt if spec is not None and spec.derived is not None else None,
        terms=None if own or entry.made.placeholder else terms_of(model, entry.made.provider, sources.settings.terms),
        standing=sources.standings.get(entry.content, Standing()),
        has_spec=spec is not None,
    )


def _derived(
    name: str, path: str, line: DerivedLine, parts: Sequence[FileOrigin], sources: OriginSources, *, wanted: bool
) -> FileOrigin:
    term = combined_term(one.term for one in parts)
    if line.by_hand:
        term = COMPOSITE if term else ""
    only = parts[0] if len(parts) == 1 else None
    models = {one.model for one in parts}
    terms = {one.terms for one in parts}
    return FileOrigin(
        path,
        line.content,
        line.size,
        tuple(asset for one in parts for asset in one.assets),
        term,
        name,
        only.made if only is not None else None,
        only.original if only is not None else None,
        only.key if only is not None else None,
        models.pop() if len(models) == 1 else "",
        only.prompt if only is not None else "",
        only.used if only is not None else (),
        only.rights if only is not None else NO_RIGHTS,
        only.alt if only is not None else None,
        terms.pop() if len(terms) == 1 else None,
        sources.standings.get(line.content, only.standing if only is not None else Standing()),
        wanted,
    )


def _used(
    lock: Lock, by_content: Mapping[ContentHash, AssetId], spec: Spec | None, entry: LockEntry
) -> Iterator[UsedPicture]:
    contents = tuple(_contents(entry.recipe))
    pictures = spec.pictures() if spec is not None else ()
    named = pictures if len(pictures) == len(contents) else (None,) * len(contents)
    for content, picture in zip(contents, named, strict=True):
        asset = by_content.get(content)
        if asset is not None:
            yield UsedPicture(content, asset, term=source_term(lock.entries[asset]))
        elif picture is None or isinstance(picture, AssetReference):  # an image that the asset no longer has
            yield UsedPicture(content, picture.asset if picture is not None else None)
        else:
            yield UsedPicture(content, path=picture.path)


def _contents(recipe: Mapping[str, Json]) -> Iterator[ContentHash]:
    """The pictures of a recipe in the order of `Recipe.images`. A lockfile may have anything there."""
    references = recipe.get("references")
    yield from _hashes(references if isinstance(references, list) else ())
    yield from _hashes((recipe.get("mask"),))
    turns = recipe.get("turns")
    for turn in turns if isinstance(turns, list) else ():
        parts = turn.get("parts") if isinstance(turn, dict) else None
        for part in parts if isinstance(parts, list) else ():
            yield from _hashes((part.get("image"),) if isinstance(part, dict) else ())


def _hashes(found: Iterable[Json]) -> Iterator[ContentHash]:
    yield from (ContentHash(one) for one in found if isinstance(one, str) and one.startswith("sha256:"))
