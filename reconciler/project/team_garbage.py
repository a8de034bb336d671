"""Delete garbage from the team's store, in two phases at least a day apart, and verify its objects."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, cast

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.core.errors import BucketError
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.facts import TeamDamage, TeamGarbage, TeamVerified
from reconciler.core.team.layout import (
    DOOMED,
    OBJECTS,
    RECEIPTS,
    ROOTS,
    object_name,
    object_of,
    project_of_root,
    receipt_of,
)
from reconciler.core.team.roots import (
    MAX_ROOT,
    PAUSE,
    Doomed,
    contents_with_receipts,
    decode_doomed,
    decode_root,
    encode_doomed,
    is_old,
    unneeded,
)
from reconciler.engine.clock import stamp
from reconciler.project.team import Team
from reconciler.project.workspace import Workspace

_AT_ONCE = 16
_LARGEST = 1 << 30


def find_team_garbage(team: Team, *, now: datetime, grace: timedelta, forget_paid: bool) -> TeamGarbage:
    """What may be deleted, without deleting anything. BucketError if a root cannot be read."""
    team.require_format()
    bucket = team.bucket
    lists = doomed_lists(bucket)  # before the roots: what was listed is judged by roots that are younger
    names = tuple(bucket.names(OBJECTS))
    kept, projects = _kept(bucket, forget_paid=forget_paid)
    candidates = unneeded(names, kept)
    old, size = _old(bucket, candidates, now=now, grace=grace)
    first = {content: doomed.at for _, doomed in reversed(lists) for content in doomed.contents}
    ripe = stamp(now - PAUSE)
    listed = tuple(content for content in old if content in first and first[content] <= ripe)
    waiting = tuple(content for content in old if content in first and first[content] > ripe)
    new = tuple(content for content in old if content not in first)
    return TeamGarbage(listed, waiting, new, len(names) - len(old), projects, size, tuple(name for name, _ in lists))


def delete_team_garbage(team: Team, garbage: TeamGarbage, *, now: datetime) -> int:
    """Delete what was listed at least a day ago and has not been written since, list what is new, and forget lists that
    are done; the number of objects that were deleted. Call it with what `find_team_garbage` has just found."""
    deleted = 0
    receipts = _receipts_of(team.bucket, garbage.listed)
    for content in garbage.listed:
        seen = team.bucket.stat(object_name(content))
        if seen is None or now - seen.modified < PAUSE:
            continue  # a push wrote it again
        for name in receipts.get(content, ()):  # before it: no receipt may name an object that is gone
            team.cleaner.delete(name)
        team.cleaner.delete(object_name(content))
        deleted += 1
    if garbage.new:
        name = f"{DOOMED}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
        team.bucket.put_new(name, encode_doomed(Doomed(stamp(now), garbage.new)))
    if not garbage.waiting:
        for name in garbage.lists:
            team.cleaner.delete(name)
    return deleted


def verify_team(workspace: Workspace, team: Team, *, sample: int, done: Callable[[int, int], None]) -> TeamVerified:
    """Read objects of the team's store and hash them: all, or so many of them by chance; at a web server those that the
    lockfile names. A receipt without its object is damage, too."""
    team.require_format()
    missing: list[TeamDamage] = []
    if team.lists:
        contents = [content for name in team.bucket.names(OBJECTS) if (content := object_of(name)) is not None]
        present = frozenset(contents)
        receipts = contents_with_receipts(team.bucket.names(RECEIPTS))
        missing = [TeamDamage(content, None) for content in sorted(receipts - present)]
    else:
        contents = sorted({entry.content for entry in workspace.locked().entries.values()})
    chosen = sorted(random.sample(contents, sample)) if 0 < sample < len(contents) else contents
    damaged = list(missing)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        try:
            for number, found in enumerate(threads.map(lambda one: _verified(team.bucket, one), chosen), 1):
                damaged += [found] if found is not None else []
                done(number, len(chosen))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return TeamVerified(team.settings.url, len(chosen), len(contents), tuple(damaged))


def doomed_lists(bucket: Bucket) -> tuple[tuple[str, Doomed], ...]:
    """The lists of garbage, oldest first, with their names."""
    names = [name for name in bucket.names(DOOMED) if name.endswith(".json")]
    return tuple((name, decode_doomed(data, name)) for name in names if (data := _small(bucket, name)) is not None)


def _kept(bucket: Bucket, *, forget_paid: bool) -> tuple[frozenset[ContentHash], tuple[str, ...]]:
    """The contents that some branch needs, and those that were paid for; and the projects."""
    names = tuple(bucket.names(ROOTS))
    roots = [decode_root(data, name) for name in names if (data := _small(bucket, name)) is not None]
    kept = frozenset[ContentHash]().union(*(root.contents for root in roots))
    if not forget_paid:
        kept |= contents_with_receipts(bucket.names(RECEIPTS))
    return kept, tuple(sorted({project for name in names if (project := project_of_root(name)) is not None}))


def _old(
    bucket: Bucket, contents: Iterable[ContentHash], *, now: datetime, grace: timedelta
) -> tuple[tuple[ContentHash, ...], int]:
    """Those that were written before the grace period, and their bytes."""
    wanted = tuple(contents)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        seen = list(threads.map(lambda content: bucket.stat(object_name(content)), wanted))
    old = [(one, each) for one, each in zip(wanted, seen, strict=True) if is_old(each, now=now, grace=grace)]
    return tuple(one for one, _ in old), sum(each.size for _, each in old if each is not None)


def _receipts_of(bucket: Bucket, contents: Iterable[ContentHash]) -> dict[ContentHash, list[str]]:
    """The names of the receipts of some objects."""
    found: dict[ContentHash, list[str]] = {content: [] for content in contents}
    for name in bucket.names(RECEIPTS) if found else ():
        named = receipt_of(name)
        if named is not None and named.content in found:
            found[named.content].append(name)
    return found


def _verified(bucket: Bucket, content: ContentHash) -> TeamDamage | None:
    sink = _Hash()
    if not bucket.get(object_name(content), cast(Any, sink), most=_LARGEST):
        return TeamDamage(content, None)
    found = content_of_hex(sink.digest.hexdigest())
    return None if found == content else TeamDamage(content, found)


class _Hash:
    """A sink that keeps the hash of what is written, and not the bytes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return len(data)


def _small(bucket: Bucket, name: str) -> bytes | None:
    sink = BytesIO()
    if not bucket.get(name, sink, most=MAX_ROOT):
        return None
    if not sink.getvalue():
        raise BucketError(f"{name} is empty, so nothing is deleted")
    return sink.getvalue()
