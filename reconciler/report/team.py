"""The reports of commands that use the team's store, as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.team.claim import Claim
from reconciler.core.team.facts import (
    Access,
    BranchState,
    PushFacts,
    TeamDamage,
    TeamGarbage,
    TeamRoot,
    TeamStatus,
    TeamVerified,
)  # fmt: skip
from reconciler.core.text import printable
from reconciler.report.formats import Printed, counted, document
from reconciler.report.in_doubt import age
from reconciler.report.store import size_text

_SHORT = len("sha256:") + 12
_SHOWN = 20


def team_text(status: TeamStatus) -> Printed:
    """The store, the user, the credentials, the open claims."""
    access = {
        Access.WRITES: "your credentials may write, and the server keeps claims",
        Access.READS: f"your credentials only read: {printable(status.why)}",
        Access.NO_CLAIMS: f"nothing is bought: {printable(status.why)}",
    }[status.access]
    believed = f"believed of {counted(status.keys, 'key')}" if status.signed else "any is believed"
    signs = f"you cannot sign: {printable(status.unsigned)}" if status.unsigned else believed
    lines = [
        f"store     {printable(status.url)}",
        f"you       {printable(status.me)}",
        f"access    {access}",
        f"receipts  {signs}",
    ]
    if status.objects is not None:
        lines.append(f"images    {status.objects:,}")
    seen = (
        age(status.seen, status.now) if status.seen else "nothing yet: `reconciler fetch` asks for what is missing here"
    )
    lines.append(f"seen      {seen}")
    if status.claims is not None:
        lines.append(f"claims    {counted(len(status.claims), 'open claim') if status.claims else 'none open'}")
        lines += (f"  {_claim_line(claim, status)}" for claim in status.claims[:_SHOWN])
        if len(status.claims) > _SHOWN:
            lines.append(f"  and {len(status.claims) - _SHOWN:,} more")
    return Printed(tuple(lines), hint=f"  hint: {printable(status.sign_hint)}" if status.sign_hint else "")


def _claim_line(claim: Claim, status: TeamStatus) -> str:
    price = printable(claim.cost) or "an unknown price"
    asked = f"{printable(claim.owner)} asked {printable(claim.provider)} {age(claim.at, status.now)}"
    return f"{printable(claim.asset)}  {asked}  [{price}]"


def team_json(status: TeamStatus) -> Printed:
    """The same for programs."""
    claims = None if status.claims is None else [_claim_json(claim) for claim in status.claims]
    return document(
        {
            "url": status.url,
            "me": status.me,
            "access": status.access.value,
            "why": status.why or None,
            "unsigned": status.unsigned or None,
            "keys": status.keys if status.signed else None,
            "images": status.objects,
            "seen": status.seen or None,
            "claims": claims,
        }
    )


def _claim_json(claim: Claim) -> dict[str, Any]:
    return {
        "asset": claim.asset,
        "recipe": claim.key,
        "number": claim.number,
        "by": claim.by,
        "run": claim.run,
        "provider": claim.provider,
        "cost": claim.cost or None,
        "at": claim.at,
        "answers_by": claim.answers_by or None,
    }


def push_text(facts: PushFacts) -> Printed:
    """What was pushed, and what could not be."""
    had = f"; it had {counted(facts.known, 'image')}" if facts.known else ""
    size = f" ({size_text(facts.size)})" if facts.pushed else ""
    receipts = f", {counted(facts.receipts, 'receipt')}" if facts.receipts else ""
    line = f"pushed {counted(facts.pushed, 'image')}{size}{receipts} to {printable(facts.url)}{had}"
    problems = [f"{path}: damaged, and not pushed" for path in facts.damaged]
    problems += (f"{printable(path)}: its locked image is nowhere here, and not pushed" for path in facts.missing)
    return Printed((line,), tuple(problems))


def push_json(facts: PushFacts) -> Printed:
    """The same for programs."""
    return document(
        {
            "url": facts.url,
            "pushed": facts.pushed,
            "bytes": facts.size,
            "known": facts.known,
            "receipts": facts.receipts,
            "damaged": list(facts.damaged),
            "missing": list(facts.missing),
        }
    )


def team_root_lines(roots: Sequence[TeamRoot], now: datetime) -> Iterator[str]:
    """What each branch needs, those of the oldest pushes first."""
    if not roots:
        return
    yield f"{counted(len(roots), 'root')} of branches:"
    width = min(60, max(len(root.name) for root in roots[:_SHOWN]))
    for root in roots[:_SHOWN]:
        when = f"pushed {age(root.at, now)}" if root.at else "pushed at an unknown time"
        gone = "; this clone has no such branch" if root.state is BranchState.GONE else ""
        alone = f", {root.alone:,} for it alone" if root.alone else ""
        yield f"  {printable(root.name):<{width}}  {counted(root.images, 'image')}{alone}; {when}{gone}"
    if len(roots) > _SHOWN:
        yield f"  and {len(roots) - _SHOWN:,} more, pushed later"


def team_root_hint(roots: Sequence[TeamRoot]) -> str:
    """How to drop roots of branches that are gone; "" if none is."""
    gone = [root.name for root in roots if root.state is BranchState.GONE]
    if not gone:
        return ""
    return (
        f"  hint: after a `git fetch`, `reconciler team gc --drop-root {printable(gone[0])} --yes` drops the root of a "
        "branch that is gone"
    )


def team_garbage_lines(garbage: TeamGarbage) -> Iterator[str]:
    """What would be deleted, and when."""
    projects = f" for {', '.join(map(printable, garbage.projects))}" if garbage.projects else ""
    yield f"{counted(garbage.kept, 'image')} kept{projects}"
    for contents, what in (
        (garbage.listed, "listed a day ago or longer: deleted by --yes"),
        (garbage.waiting, "listed less than a day ago: wait"),
        (garbage.new, "not listed yet: listed by --yes, and deleted a day later at the earliest"),
    ):
        if contents:
            yield f"{counted(len(contents), 'image')} {what}"
            yield from (f"  {content[:_SHORT]}" for content in contents[:_SHOWN])
            if len(contents) > _SHOWN:
                yield f"  and {len(contents) - _SHOWN:,} more"
    if garbage.size:
        yield f"{size_text(garbage.size)} that no branch needs"


def team_verified_text(facts: TeamVerified) -> Printed:
    """Every damaged object, then how many were read."""
    lines = tuple(_damage_line(one) for one in facts.damaged)
    of = f" of {facts.all_objects:,}" if facts.objects < facts.all_objects else ""
    line = f"{counted(facts.objects, 'image')}{of} in {printable(facts.url)} verified, {len(facts.damaged):,} damaged"
    hint = "delete it with a client of the store, then `reconciler push` where its image is" if facts.damaged else ""
    return Printed((*lines, line), hint=f"  hint: {hint}" if hint else "")


def _damage_line(one: TeamDamage) -> str:
    if one.found is None:
        return f"{one.content[:_SHORT]}  is named, and is not there"
    return f"{one.content[:_SHORT]}  has other bytes, whose hash is {one.found[:_SHORT]}"


def team_verified_json(facts: TeamVerified) -> Printed:
    """The same for programs."""
    return document(
        {
            "url": facts.url,
            "objects": facts.objects,
            "of": facts.all_objects,
            "damaged": [{"content": one.content, "found": one.found} for one in facts.damaged],
        }
    )
