"""The requests of other checkouts that are in doubt: list them, and settle those that a person has checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.errors import LockfileError
from reconciler.core.events import Requested
from reconciler.core.team.catalogue import Catalogue
from reconciler.core.team.claim import FORGOTTEN, Claim, ClaimEnd, encode_claim_end
from reconciler.core.team.layout import claim_end_name
from reconciler.core.value import replace
from reconciler.engine.clock import stamp
from reconciler.project.team_status import open_own_team
from reconciler.project.workspace import Workspace
from reconciler.store.team.catalogue_file import last_catalogue, most_catalogue, write_catalogue


def team_in_doubt(workspace: Workspace) -> tuple[Requested, ...]:
    """The overdue requests of other checkouts that the last fetch has seen, oldest first."""
    catalogue = last_catalogue(workspace.root, most=most_catalogue(workspace.most_assets))
    overdue = () if catalogue is None else catalogue.overdue(workspace.utc())
    return tuple(sorted(overdue, key=lambda request: request.at))


def forget_for_team(workspace: Workspace, attempts: Collection[str], environ: Mapping[str, str]) -> None:
    """End these claims of other checkouts in the team's store, in the name of the user. An owner that lives, and ends
    its claim later, finds it ended: its image is in the store all the same. Raises BucketError."""
    catalogue = last_catalogue(workspace.root, most=most_catalogue(workspace.most_assets))
    if catalogue is None:
        raise LockfileError("nothing is known of the team's store any more", hint="`reconciler fetch` asks it")
    team = open_own_team(workspace, environ)
    for claim in _open(catalogue):
        if claim.attempt in attempts:
            end = ClaimEnd(claim.attempt, FORGOTTEN, stamp(workspace.utc()), by=team.me)
            team.bucket.put_new(claim_end_name(claim.key, claim.number), encode_claim_end(end))
    recipes = {
        key: replace(recipe, open=tuple(claim for claim in recipe.open if claim.attempt not in attempts))
        for key, recipe in catalogue.recipes.items()
    }
    write_catalogue(workspace.root, replace(catalogue, recipes=recipes), most=most_catalogue(workspace.most_assets))


def _open(catalogue: Catalogue) -> tuple[Claim, ...]:
    return tuple(claim for recipe in catalogue.recipes.values() for claim in recipe.open)
