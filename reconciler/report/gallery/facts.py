"""The facts that a page of images shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from reconciler.core.candidates import Candidate
from reconciler.core.digest import AssetId, ContentHash, Json
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.plan import Step
from reconciler.core.ports import StoredImage
from reconciler.core.reviews.verdicts import Standing
from reconciler.core.value import field, value


class PageMode(Enum):
    """How the decisions on a page are carried out."""

    STATIC = "static"
    """A file: the page gives commands to copy."""
    REVIEW = "review"
    """Served by `reconciler review`: the page sends them to that."""


@value
class PageImage:
    """One image of the page. Addresses are relative to the page, or `data:`; "" if there is none.

    `preview` is a small WebP; `whole` is the image itself. The size in pixels is 0 if it is unknown.
    """

    content: ContentHash
    width: int = 0
    height: int = 0
    format: str = ""
    size: int = 0
    preview: str = ""
    whole: str = ""


@value
class PageReference:
    """A picture that the recipe of an asset refers to: a file (`name` is its path), or the image of another asset."""

    name: str
    content: ContentHash | None
    asset: AssetId | None = None


@value
class PageDerived:
    """A file that a rule derived from the image of an asset, and the rule."""

    path: str
    rule: str
    content: ContentHash


@value
class Earlier:
    """What an asset was before: an image, with its manifest, and the name of that state (`main`, `take 1`)."""

    name: str
    content: ContentHash
    recipe: Mapping[str, Json] = field(default_factory=dict)


@value
class PageAsset:
    """One asset of the page.

    `now` is the image to judge: the file on disk if a person changed it, else the locked image. `before` is what it is
    compared with. `wanted` is the manifest that the spec asks for, None while an upstream has no image. `obstacle` is
    the reason why `now` cannot be approved at present, "" if it can. `added`: the revision that the page compares with
    does not have the asset.
    """

    step: Step
    entry: LockEntry | None = None
    now: ContentHash | None = None
    before: Earlier | None = None
    wanted: Mapping[str, Json] | None = None
    references: tuple[PageReference, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    takes: tuple[StoredImage, ...] = ()
    derived: tuple[PageDerived, ...] = ()
    obstacle: str = ""
    required: bool = True
    added: bool = False


@value
class GalleryFacts:
    """A page of images. `against` names the revision that it compares with, "" if none. `standings` has the reviews of
    each content that has any. `removed` are the assets that only that revision has."""

    title: str
    mode: PageMode
    now: datetime
    assets: tuple[PageAsset, ...] = ()
    images: Mapping[ContentHash, PageImage] = field(default_factory=dict)
    standings: Mapping[ContentHash, Standing] = field(default_factory=dict)
    against: str = ""
    removed: tuple[AssetId, ...] = ()
    cautions: tuple[str, ...] = ()
    reviewer: str = ""
    version: int = 0
    """The number of decisions that a review has made before."""


@value
class PageParts:
    """The files of the package that a page is made of."""

    template: str
    style: str
    script: str
