"""What a plan knows of the team's store: the catalogue that the last fetch left. Nothing here opens a socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.lock.lockfile import Answer
from reconciler.core.plan.observed import TEAM_STORE
from reconciler.core.ports import ProjectStore, Source, SourceFailure, StoredImage
from reconciler.core.team.catalogue import Catalogue
from reconciler.core.team.claim import Claim
from reconciler.core.team.settings import TeamSettings, Transfer
from reconciler.core.value import value
from reconciler.project.workspace import Workspace
from reconciler.report.in_doubt import age
from reconciler.store.index.index import stat_of
from reconciler.store.team.catalogue_file import CATALOGUE, most_catalogue, read_catalogue


@value
class TeamKnowledge:
    """The catalogue, the local store, and the time of the plan."""

    catalogue: Catalogue
    store: ProjectStore
    now: datetime

    @property
    def in_doubt(self) -> tuple[Requested, ...]:
        """Requests of other checkouts whose answers are overdue, oldest first."""
        return tuple(sorted(self.catalogue.overdue(self.now), key=lambda request: request.at))

    @property
    def claimed(self) -> tuple[Claim, ...]:
        """Claims of other checkouts whose answers are expected, oldest first."""
        return tuple(sorted(self.catalogue.expected(self.now), key=lambda claim: claim.at))

    @property
    def answers(self) -> Mapping[RecipeKey, Answer]:
        """The answers without an image that other checkouts got."""
        known = self.catalogue.recipes.items()
        return {key: recipe.answer for key, recipe in known if recipe.answer is not None}

    def images(self, local: Mapping[RecipeKey, tuple[StoredImage, ...]]) -> Mapping[RecipeKey, tuple[StoredImage, ...]]:
        """The images of each recipe here and in the team's store."""
        return TeamImages(local, self.catalogue)

    @property
    def source(self) -> Source:
        """The contents of locked images in the team's store."""
        return TeamSource(self)

    @property
    def places(self) -> Mapping[ContentHash, str]:
        """Where an image that is not in the local store would come from, in words."""
        return TeamPlaces(self)


def team_knowledge(workspace: Workspace, settings: TeamSettings | None) -> TeamKnowledge | None:
    """What this checkout knows; None for a project without a team, or one that takes nothing from it."""
    if settings is None or settings.pull is Transfer.NEVER:
        return None
    workspace.index.note_stat(CATALOGUE, stat_of(workspace.root / CATALOGUE))
    known = read_catalogue(workspace.root, settings.url, most=most_catalogue(workspace.most_assets))
    return TeamKnowledge(known, workspace.store, workspace.utc())


class TeamImages(Mapping[RecipeKey, tuple[StoredImage, ...]]):
    """The images of recipes: those of the team's store before those that are here, which are preferred."""

    def __init__(self, local: Mapping[RecipeKey, tuple[StoredImage, ...]], catalogue: Catalogue) -> None:
        self._local = local
        self._catalogue = catalogue

    def __getitem__(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        here = self._local.get(key, ())
        known = self._catalogue.recipes.get(key)
        contents = {image.content for image in here}
        others = () if known is None else (image for image in known.images if image.content not in contents)
        return (*others, *here)

    def __iter__(self) -> Iterator[RecipeKey]:
        return iter(())

    def __len__(self) -> int:
        return 0


class TeamPlaces(Mapping[ContentHash, str]):
    """`the team's store (seen 5 minutes ago)` for each image that is only there."""

    def __init__(self, known: TeamKnowledge) -> None:
        self._known = known

    def __getitem__(self, content: ContentHash) -> str:
        known = self._known
        seen = known.catalogue.contents[content]
        if known.store.find(content) is not None:
            raise KeyError(content)
        return f"{TEAM_STORE} (seen {age(seen, known.now)})"

    def __iter__(self) -> Iterator[ContentHash]:
        return iter(())

    def __len__(self) -> int:
        return 0


class TeamSource(Source):
    """The contents that the catalogue lists. They are fetched before a run begins, and not by it."""

    name = TEAM_STORE

    def __init__(self, known: TeamKnowledge) -> None:
        self._known = known

    def has(self, content: ContentHash, path: str) -> bool:
        """See Source."""
        return self._known.catalogue.has(content)

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See Source."""
        return self._known.store.sound(content)

    def permanent(self) -> frozenset[ContentHash]:
        """Nothing: `team gc` may delete it."""
        return frozenset()

    def failure(self, path: str) -> SourceFailure | None:
        """See Source. The catalogue is no place that can fail."""
        return None
