"""Check the paths of derived files against each other, against the images of assets, and against reference files."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from functools import cache

from reconciler.core.derived.bundles import AtlasBundle, IconsBundle, ManifestBundle
from reconciler.core.derived.icon_sets import icon_outputs
from reconciler.core.derived.template import ANY_KEY
from reconciler.core.derived.wanted import AssetSet, BundleSet, Derivation
from reconciler.core.digest import AssetId
from reconciler.core.errors import Problem, first_problems
from reconciler.core.specs.document import Document
from reconciler.core.specs.paths import same_file_key
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.value import value

_HEX = re.compile(r"[0-9a-f]{8}")
_PAGE = re.compile(r"(?P<plain>(?P<stem>[^.]*?)(-[1-9][0-9]*)?)\.[^/]+")
_OWN = "give each rule and each asset an output of its own"


@value
class _Owner:
    """What makes a file: its name in messages, and a function that makes a problem of it."""

    name: str
    problem: Callable[[str, str], Problem]


def derived_collisions(
    derivation: Derivation,
    specs: Mapping[AssetId, Spec],
    documents: tuple[Document | None, Document | None],
) -> list[Problem]:
    """Two files with one path, files below files, and derived files that an asset refers to. `documents` are those of
    the rules and of the bundles."""
    return first_problems(_problems(derivation, specs, documents))


def _problems(
    derivation: Derivation,
    specs: Mapping[AssetId, Spec],
    documents: tuple[Document | None, Document | None],
) -> Iterator[Problem]:
    images = {same_file_key(spec.output): spec for spec in specs.values()}
    owners: dict[str, _Owner] = {}
    atlases: list[tuple[str, _Owner]] = []
    for path, owner in _claims(derivation, specs, documents, atlases):
        key = same_file_key(path)
        other = owners.setdefault(key, owner)
        if key in images:
            yield owner.problem(f'"{path}" is also the output of {images[key].id}', _OWN)
        elif other is not owner:
            yield owner.problem(f'"{path}" is also made by {other.name}', _OWN)
    yield from _atlas_pages(atlases, owners, images)
    yield from _below(owners, images)
    yield from _references(specs, owners, frozenset(key for key, _ in atlases))


def _claims(
    derivation: Derivation,
    specs: Mapping[AssetId, Spec],
    documents: tuple[Document | None, Document | None],
    atlases: list[tuple[str, _Owner]],
) -> Iterator[tuple[str, _Owner]]:
    """The path of every derived file, with its owner. The files of atlases are told by their stems in `atlases`."""
    for each in derivation.sets:
        if isinstance(each, AssetSet):
            owner = _asset_owner(each, specs, documents[0])
            yield from ((want.path, owner) for want in each.wants)
            continue
        owner = _bundle_owner(each, documents[1])
        match each.bundle.what:
            case AtlasBundle():
                atlases.append((same_file_key(each.stem), owner))
            case IconsBundle() as icons:
                yield from ((f"{icons.folder}/{name}", owner) for name in icon_outputs(icons.sets))
            case ManifestBundle() as manifest:
                yield manifest.output, owner
                if manifest.html:
                    yield from ((f"{manifest.html}/{one.asset.replace('#', '-')}.html", owner) for one in each.members)


def _asset_owner(each: AssetSet, specs: Mapping[AssetId, Spec], document: Document | None) -> _Owner:
    def problem(fact: str, hint: str) -> Problem:
        if document is not None and each.rule.name:
            return document.problem((each.rule.name, "output"), f"{fact} (for {each.asset})", hint)
        origin = specs[each.asset].origins["derive"][-1]
        return origin.document.problem(origin.path, fact, hint)

    return _Owner(f"the rule {each.rule.name} for {each.asset}", problem)


def _bundle_owner(each: BundleSet, document: Document | None) -> _Owner:
    def problem(fact: str, hint: str) -> Problem:
        assert document is not None
        return document.problem(each.bundle.path("output"), fact, hint)

    return _Owner(f"the bundle {each.name}", problem)


def _atlas_pages(
    atlases: list[tuple[str, _Owner]], owners: Mapping[str, _Owner], images: Mapping[str, Spec]
) -> Iterator[Problem]:
    """Files that have the name of a page or a data file of an atlas, whose number is not known before it is packed."""
    by_stem: dict[str, _Owner] = {}
    for stem, owner in atlases:
        if by_stem.setdefault(stem, owner) is not owner:
            yield owner.problem(f'"{stem}" is also the output of {by_stem[stem].name}', _OWN)
    for key in (*owners, *images) if by_stem else ():
        if stem := _stem_of(key, by_stem):
            other = owners[key].name if key in owners else images[key].id
            yield by_stem[stem].problem(f'"{key}" would be a file of it, and is made by {other}', _OWN)


def _stem_of(key: str, stems: Container[str]) -> str:
    """The atlas of which a path is a page or a data file, or ""."""
    folder, slash, name = key.rpartition("/")
    match = _PAGE.fullmatch(name)
    candidates = (match["stem"], match["plain"]) if match is not None else ()
    return next((stem for one in candidates if (stem := f"{folder}{slash}{one}") in stems), "")


def _below(owners: Mapping[str, _Owner], images: Mapping[str, Spec]) -> Iterator[Problem]:
    """Files in a folder that is a file."""

    @cache
    def blocked(folder: str) -> str:
        """The file at this folder or above it, or ""."""
        if not folder:
            return ""
        return folder if folder in owners or folder in images else blocked(folder.rpartition("/")[0])

    for key, owner in owners.items():
        found = blocked(key.rpartition("/")[0])
        if found:
            other = owners[found].name if found in owners else images[found].id
            yield owner.problem(f'"{key}" lies below "{found}", which is a file of {other}', _OWN)
    for key, spec in images.items():
        found = blocked(key.rpartition("/")[0])
        if found in owners:
            fact = f'"{spec.output}" lies below "{found}", which is a file of {owners[found].name}'
            yield Problem(spec.place("output"), "output", fact, _OWN)


def _references(
    specs: Mapping[AssetId, Spec], owners: Mapping[str, _Owner], stems: Container[str]
) -> Iterator[Problem]:
    """References to derived files: an operation on pixels could then make a paid image stale."""
    for spec in specs.values():
        for reference in spec.pictures():
            if not isinstance(reference, FileReference):
                continue
            key = same_file_key(reference.path)
            made = key in owners or _HEX.sub(ANY_KEY, key) in owners
            if made or _stem_of(key, stems):
                fact = f'"{reference.path}" is a derived file, and cannot be a reference'
                hint = "refer to the asset that it is derived from: {asset: its-id}"
                yield spec.picture_problem(reference, fact, hint)
