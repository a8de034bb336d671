"""Turn the steps of a plan into units of work for the Deriver, and its results into lines of the lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.core.derived.atlas_data import layout_file
from reconciler.core.derived.bundles import AtlasBundle, IconsBundle, ManifestBundle
from reconciler.core.derived.decide_files import MakeFile
from reconciler.core.derived.derived_lock import DerivedLine
from reconciler.core.derived.derived_plan import FileStep, SetStep
from reconciler.core.derived.key import DerivedKey
from reconciler.core.derived.operations import Encoding
from reconciler.core.derived.wanted import AssetSet, BundleSet
from reconciler.core.derived.work import (
    AtlasWork,
    DeriveFailure,
    FilesWork,
    IconsWork,
    MadeFile,
    ManifestEntry,
    ManifestSource,
    ManifestWork,
    Master,
    SpriteWork,
    WantedFile,
    Work,
)
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.specs.paths import suffix_format
from reconciler.core.value import field, value

Masters = Callable[[AssetId], Master | None]
"""The picture of an asset in a file with the right bytes, hashed just now; None if no source has them."""
FileAt = Callable[[str, ContentHash], Path | None]
"""The file at a path if it has this content, hashed just now."""
LockLines = Mapping[str, Mapping[str, DerivedLine]]
"""The lines of the lock by set and path, those of this run included."""


@value
class UnitWorld:
    """What a unit is made from: pictures, derived files that exist already, their lines, texts made earlier,
    and the term of IPTC for each picture that a model made."""

    masters: Masters
    file_at: FileAt
    lines: LockLines
    text_at: Callable[[str], str]
    terms: Mapping[AssetId, str] = field(default_factory=dict)


def unit_of(step: SetStep, folder: Path, world: UnitWorld) -> Work | DeriveFailure:
    """The work of a step that makes files, or why it cannot be done."""
    match step.wanted:
        case AssetSet() as wanted:
            master = world.masters(wanted.asset)
            if master is None:
                return _no_bytes(wanted.asset)
            return FilesWork(master, tuple(_wanted_file(each) for each in making(step)), folder)
        case BundleSet() as wanted:
            return _bundle(wanted, step, folder, world)
        case None:
            raise AssertionError(step.name)


def making(step: SetStep) -> list[FileStep]:
    """The files of a step that are made."""
    return [each for each in step.files if isinstance(each.action, MakeFile)]


def _wanted_file(each: FileStep) -> WantedFile:
    assert each.keys is not None
    return WantedFile(each.path, each.keys.recipe.operations, each.keys.recipe.encoding)


def _no_bytes(asset: AssetId) -> DeriveFailure:
    hint = "`reconciler restore` and `git lfs pull` bring them back"
    return DeriveFailure(f"the locked bytes of {asset} are not in this checkout", hint)


def _bundle(wanted: BundleSet, step: SetStep, folder: Path, world: UnitWorld) -> Work | DeriveFailure:
    if isinstance(wanted.bundle.what, ManifestBundle):
        return _manifest(wanted, wanted.bundle.what, folder, world)
    masters: list[Master] = []
    for member in wanted.members:
        master = world.masters(member.asset)
        if master is None:
            return _no_bytes(member.asset)
        masters.append(master)
    if isinstance(wanted.bundle.what, IconsBundle):
        icons = wanted.bundle.what
        return IconsWork(
            masters[0],
            icons.sets,
            icons.folder,
            folder,
            background=icons.background,
            padding=icons.padding,
            name=icons.name,
            mark=step.mark,
        )
    atlas = wanted.bundle.what
    assert isinstance(atlas, AtlasBundle)
    sprites = tuple(
        SpriteWork(member.name, master, member.operations, member.borders)
        for member, master in zip(wanted.members, masters, strict=True)
    )
    earlier = layout_file(wanted.stem, atlas.data) if atlas.stable else ""
    return AtlasWork(
        sprites,
        wanted.stem,
        Encoding("png", mark=step.mark),
        atlas.data,
        folder,
        scale=wanted.density,
        max_width=atlas.max_width,
        max_height=atlas.max_height,
        padding=atlas.padding,
        extrude=atlas.extrude,
        stable=atlas.stable,
        earlier=world.text_at(earlier) if earlier else "",
    )


def _manifest(
    wanted: BundleSet, manifest: ManifestBundle, folder: Path, world: UnitWorld
) -> ManifestWork | DeriveFailure:
    entries: list[ManifestEntry] = []
    order = {name: number for number, name in enumerate(wanted.formats)}
    for member in wanted.members:
        block = world.lines.get(f"{member.asset}~{manifest.use}", {})
        sources = sorted(
            (ManifestSource(path, suffix_format(path) or "", line.width, line.height) for path, line in block.items()),
            key=lambda one: (order.get(one.format, len(order)), one.width, one.output),
        )
        if not sources:
            return DeriveFailure(f"{member.asset} has no files of the rule {manifest.use} yet")
        path, line = min(block.items(), key=lambda item: (item[1].width * item[1].height, item[1].size, item[0]))
        preview = world.file_at(path, line.content)
        if preview is None:
            return DeriveFailure(f"{path} is not as derived.lock says", "run `reconciler check`")
        entries.append(
            ManifestEntry(member.asset, member.alt, preview, tuple(sources), world.terms.get(member.asset, ""))
        )
    return ManifestWork(
        tuple(entries),
        manifest.output,
        folder,
        wanted.formats[-1],
        sizes=manifest.sizes,
        html=manifest.html,
        url=manifest.url,
    )


def line_of(made: MadeFile, key: DerivedKey) -> DerivedLine:
    """The line of a file that was made."""
    return DerivedLine(key, made.content, made.size, made.made, made.width, made.height)
