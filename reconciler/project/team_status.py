"""Look at the team's store: who this is, what the credentials allow, which claims are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable, ProjectError
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.claim import CLAIM_BYTES, Claim, decode_claim
from reconciler.core.team.facts import Access, TeamStatus
from reconciler.core.team.layout import CLAIMS, OBJECTS, ClaimName, claim_name, claim_of
from reconciler.core.team.settings import TeamSettings
from reconciler.project.team import Team, open_team
from reconciler.project.workspace import Workspace
from reconciler.providers.registry import REGISTRY
from reconciler.store.documents.project import read_project
from reconciler.store.team.catalogue_file import most_catalogue, read_catalogue

MOST_OPEN = 1_000
"""The most open claims that are read."""


def team_settings_of(workspace: Workspace) -> TeamSettings | None:
    """`team:` of reconciler.yaml, without the specs."""
    return read_project(workspace.root, workspace.index, REGISTRY).settings.team


def open_own_team(workspace: Workspace, environ: Mapping[str, str]) -> Team:
    """The team's store of a project, for a command that reads no specs."""
    return open_team(workspace, team_settings_of(workspace), environ)


def team_status(workspace: Workspace, team: Team) -> TeamStatus:
    """Ask the store. BucketUnreachable if it does not answer; other refusals are part of the answer."""
    team.require_format()
    access, why = _access(team)
    return TeamStatus(
        team.settings.url,
        team.me,
        access,
        why,
        team.settings.receipts,
        *_unsigned(team),
        len(team.keys.names),
        tuple(sorted(_open_claims(team.bucket), key=lambda claim: (claim.at, claim.asset))) if team.lists else None,
        sum(1 for _ in team.bucket.names(OBJECTS)) if team.lists else None,
        _seen(workspace, team),
        workspace.utc(),
    )


def _access(team: Team) -> tuple[Access, str]:
    try:
        team.prove_claims()
    except BucketDenied as error:
        return Access.READS, error.fact
    except BucketUnreachable:
        raise
    except BucketError as error:
        return Access.NO_CLAIMS, error.fact
    return Access.WRITES, ""


def _unsigned(team: Team) -> tuple[str, str]:
    """Why the user cannot sign receipts, and what helps."""
    if not team.settings.receipts:
        return "", ""
    try:
        _ = team.signer
    except ProjectError as error:
        return error.fact, error.hint
    return "", ""


def _open_claims(bucket: Bucket) -> Iterator[Claim]:
    """The claims without an end; one that nobody can read is left out."""
    named = {found for name in bucket.names(CLAIMS) if (found := claim_of(name)) is not None}
    ended = {(one.key, one.number) for one in named if one.ended}
    unended = [one for one in named if not one.ended and (one.key, one.number) not in ended]
    if len(unended) > MOST_OPEN:
        raise BucketError(f"the team's store has {len(unended):,} open claims")
    for one in unended:
        claim = _claim(bucket, one)
        if claim is not None:
            yield claim


def _claim(bucket: Bucket, name: ClaimName) -> Claim | None:
    sink = BytesIO()
    if not bucket.get(claim_name(name.key, name.number), sink, most=CLAIM_BYTES):
        return None
    return decode_claim(name.key, name.number, sink.getvalue())


def _seen(workspace: Workspace, team: Team) -> str:
    """When this checkout last asked what the store has; "" if it never did."""
    known = read_catalogue(workspace.root, team.settings.url, most=most_catalogue(workspace.most_assets))
    return max((*known.contents.values(), *(recipe.at for recipe in known.recipes.values())), default="")
