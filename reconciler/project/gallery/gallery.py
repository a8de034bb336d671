"""Make a page of the images of a project, for people who judge them. Reads, and fills the cache of previews."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.plan.plan import Step
from reconciler.core.plan.selection import selectable_step
from reconciler.core.ports import Source
from reconciler.core.reviews.verdicts import Standing
from reconciler.core.value import field, replace, value
from reconciler.project.asset_ids import select_assets
from reconciler.project.gallery.assets import AssetCollector, BeforeLock, collector
from reconciler.project.gallery.derived import DerivedImages, add_derived
from reconciler.project.gallery.image_files import ImageFiles
from reconciler.project.gallery.page_parts import page_parts
from reconciler.project.gallery.previews import LARGE_SIDE, MANY_IMAGES, SMALL_SIDE, Previews, SmallImage
from reconciler.project.gallery.revision import lock_at, project_revision
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project, pointers
from reconciler.project.workspace import Workspace
from reconciler.report.gallery.facts import GalleryFacts, PageAsset, PageImage, PageMode
from reconciler.report.gallery.page import PAGE_MARK, gallery_page
from reconciler.report.gallery.page_data import named_images
from reconciler.report.plan_text import pointer_lines
from reconciler.store import disk
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_revision import GitRevision, RevisionFiles
from reconciler.store.worktree.git_sources import GitLfs

MOST_EMBEDDED = 50 << 20
"""The most bytes of images in one page."""
_MEDIA = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}


@value
class GalleryOptions:
    """The assets and images of a page. `against` is a name of git, "" for none. `changed`: only assets whose image
    differs from that revision, which is HEAD if none is given. `embed_whole`: the page holds the images themselves,
    and not links to them."""

    ids: tuple[str, ...] = ()
    against: str = ""
    changed: bool = False
    candidates: bool = False
    embed_whole: bool = False
    announce: Callable[[int], None] = field(default=lambda _: None, compare=False)
    """Gets the number of previews that have to be made."""


def write_gallery(workspace: Workspace, options: GalleryOptions, page: Path) -> int:
    """Write a page to a file, and return the number of its assets. Its links are relative to the folder of the file.

    A file that is no such page is not replaced: ProjectError.
    """
    _refuse_foreign(page)
    facts = _facts(workspace, options, folder=page.absolute().parent)
    disk.write_atomic(page, gallery_page(facts, page_parts()).encode())
    return len(facts.assets)


def gallery_text(workspace: Workspace, options: GalleryOptions) -> str:
    """The page as text. Its links are relative to the working directory."""
    return gallery_page(_facts(workspace, options, folder=Path.cwd()), page_parts())


def _facts(workspace: Workspace, options: GalleryOptions, *, folder: Path) -> GalleryFacts:
    planned = plan_project(workspace, load_specs(workspace), Selection())
    name = options.against or ("HEAD" if options.changed else "")
    revision = project_revision(workspace, name) if name else None
    against = lock_at(workspace, revision) if revision is not None else None
    found = collector(workspace, planned, against=against, candidates=options.candidates)
    assets, derived = add_derived(workspace, planned, found.assets(steps_of(planned, options.ids)))
    if options.changed:
        assets = tuple(each for each in assets if each.added or each.before is not None)
    with tempfile.TemporaryDirectory(prefix="reconciler-gallery-") as temporary:
        sources = _sources(workspace, planned, revision, against, Path(temporary))
        files = image_files(workspace, planned, derived, against=against, sources=sources)
        contents = tuple(dict.fromkeys(named_images(assets)))
        side = SMALL_SIDE if len(contents) > MANY_IMAGES else LARGE_SIDE
        previews = Previews(files, workspace.state, side=side)
        made = previews.all_of(contents, announce=options.announce)
        known = known_facts(assets, derived, against)
        images = {each: _image(each, made[each], known.get(each)) for each in contents}
        whole = _embedded(images, files) if options.embed_whole else _linked(images, files, folder)
        whole, left_out = _within_room(whole)
    return GalleryFacts(
        workspace.root.name or str(workspace.root),
        PageMode.STATIC,
        workspace.utc(),
        assets,
        whole,
        standings_of(planned, contents),
        against=name,
        removed=_removed(found, against) if not options.ids else (),
        cautions=(*left_out, *pointer_lines(pointers(workspace, planned))[:1]),
    )


def steps_of(planned: PlannedProject, ids: tuple[str, ...]) -> list[Step]:
    """The steps of these assets, by id; without ids, of all. ProjectError for a pattern that selects none."""
    steps = sorted(planned.plan.steps, key=lambda step: step.asset)
    if not ids:
        return steps
    chosen = frozenset(select_assets(ids, map(selectable_step, steps)).assets)
    return [step for step in steps if step.asset in chosen]


def image_files(
    workspace: Workspace,
    planned: PlannedProject,
    derived: DerivedImages,
    *,
    against: BeforeLock | None = None,
    sources: tuple[Source, ...] = (),
) -> ImageFiles:
    """The files of a planned project's images. `sources` are asked for images that are in neither tree nor store."""
    here = {**derived.here, **{content: path for path, content in planned.seen.files.items()}}
    here |= {found: path for path, found in planned.seen.outputs.items() if isinstance(found, str)}
    locked = {entry.content: entry.output for entry in against.lock.entries.values()} if against is not None else {}
    locked |= {entry.content: entry.output for entry in planned.lock.entries.values()}
    return ImageFiles(workspace.root, workspace.store, here=here, locked=locked, sources=sources)


def standings_of(planned: PlannedProject, contents: Iterable[ContentHash]) -> dict[ContentHash, Standing]:
    """The results of the reviews of those images that have any."""
    if planned.reviews is None:
        return {}
    reviews = planned.reviews
    return reviews.standings(content for content in contents if reviews.of(content))


def known_facts(
    assets: Iterable[PageAsset], derived: DerivedImages, against: BeforeLock | None = None
) -> dict[ContentHash, ImageFacts]:
    """The facts of images that the lockfiles and the store record."""
    locks = against.lock.entries.values() if against is not None else ()
    found = {**derived.known, **{entry.content: entry.image for entry in locks}}
    for asset in assets:
        found |= {one.content: one.image for one in asset.takes}
        found |= {one.image.content: one.image.image for one in asset.candidates}
        if asset.entry is not None:
            found[asset.entry.content] = asset.entry.image
    return found


def _sources(
    workspace: Workspace,
    planned: PlannedProject,
    revision: GitRevision | None,
    against: BeforeLock | None,
    folder: Path,
) -> tuple[Source, ...]:
    """Where the bytes of images are that are in neither the tree nor the store."""
    paths = frozenset(entry.output for entry in planned.lock.entries.values())
    usual = workspace.sources_into(folder, paths)
    if revision is None or against is None:
        return (usual,)
    before = sorted({entry.output for entry in against.lock.entries.values()})
    return (RevisionFiles(revision, before, lfs=GitLfs(GitRepository(workspace.root)), folder=folder), usual)


def _image(content: ContentHash, preview: SmallImage, known: ImageFacts | None) -> PageImage:
    facts = known or preview.facts
    address = data_address("webp", preview.webp) if preview.webp else ""
    if facts is None:
        return PageImage(content, preview=address)
    return PageImage(content, facts.width, facts.height, facts.format, facts.size, address)


def data_address(format_: str, data: bytes) -> str:
    """The bytes of an image as an address."""
    return f"data:{_MEDIA[format_]};base64,{base64.b64encode(data).decode('ascii')}"


def _linked(images: Mapping[ContentHash, PageImage], files: ImageFiles, folder: Path) -> dict[ContentHash, PageImage]:
    """The images with links to their files, where they are in files that stay."""
    real = os.path.realpath(folder)

    def linked() -> Iterator[PageImage]:
        for image in images.values():
            path = files.lasting(image.content)
            link = quote(os.path.relpath(os.path.realpath(path), real)) if path is not None else ""
            yield replace(image, whole=link)

    return {image.content: image for image in linked()}


def _within_room(images: Mapping[ContentHash, PageImage]) -> tuple[dict[ContentHash, PageImage], tuple[str, ...]]:
    """The images, without the previews for which a page has no room, and a line about those."""
    total, left_out = 0, 0
    found: dict[ContentHash, PageImage] = {}
    for content, image in images.items():
        total += len(image.preview)
        fits = total <= MOST_EMBEDDED
        left_out += not fits
        found[content] = image if fits else replace(image, preview="")
    lines = (f"{left_out:,} thumbnails are left out: name the assets to show",) if left_out else ()
    return found, lines


def _embedded(images: Mapping[ContentHash, PageImage], files: ImageFiles) -> dict[ContentHash, PageImage]:
    """The images with their bytes. ProjectError if they are too many for one page."""
    total = 0
    found: dict[ContentHash, PageImage] = {}
    for content, image in images.items():
        path = files.fetch(content) if image.format else None
        total += path.stat().st_size if path is not None else 0
        if total > MOST_EMBEDDED:
            fact = f"--embed full: the images have more than {MOST_EMBEDDED >> 20} MiB together"
            raise ProjectError(fact, hint="name the assets to show, pass --changed, or embed thumbnails alone")
        data = path.read_bytes() if path is not None else b""
        found[content] = replace(image, whole=data_address(image.format, data) if data else "")
    return found


def _removed(found: AssetCollector, against: BeforeLock | None) -> tuple[AssetId, ...]:
    """The assets that only the other revision has."""
    if against is None:
        return ()
    planned = found.planned
    steps = planned.plan.asset_steps
    taken = {step.origin for step in steps if step.origin is not None}
    return tuple(
        sorted(against.lock.entries.keys() - planned.lock.entries.keys() - planned.loaded.specs.keys() - taken)
    )


def _refuse_foreign(page: Path) -> None:
    """ProjectError if there is a file that is no page of ours."""
    if not os.path.lexists(page):
        return
    mark = PAGE_MARK.encode()
    head = b""
    if disk.is_plain(page):
        with disk.naming_errors("read", page), disk.open_for_reading(page) as file:
            head = file.read(len(mark))
    if head != mark:
        raise ProjectError(f"{page} is there, and is no gallery", hint="write the page to another file: -o FILE")
