"""What the team's store must keep: the contents that each branch of a project needs, and what is going to be deleted.

A root and a list of garbage are JSON objects with a version. One that this version cannot read stops a collection of
garbage: what is in it could be needed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.core.digest import ContentHash
from reconciler.core.errors import BucketError
from reconciler.core.team.bucket import BucketObject
from reconciler.core.team.layout import object_of, receipt_of
from reconciler.core.value import value

ROOT_VERSION = 1
DOOMED_VERSION = 1
MAX_ROOT = 64 << 20
"""The most bytes of a root or of a list of garbage."""
PAUSE = timedelta(hours=24)
"""The least time between listing an object as garbage and deleting it."""
_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")
_UPGRADE = "upgrade reconciler, or ask who has written it"


def encode_root(contents: Iterable[ContentHash], *, at: str) -> bytes:
    """The root of a branch."""
    body = {"at": at, "contents": sorted(set(contents)), "v": ROOT_VERSION}
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode() + b"\n"


@value
class BranchRoot:
    """What one branch of a project needed at its last push, at that time in UTC; "" if the root does not say it."""

    at: str
    contents: frozenset[ContentHash]


def decode_root(data: bytes, name: str) -> BranchRoot:
    """The root that `encode_root` wrote. BucketError for anything that could be a root of another version."""
    body = _body(data, name, ROOT_VERSION)
    at = body.get("at")
    return BranchRoot(at if isinstance(at, str) else "", frozenset(_contents(body, name)))


def needed_by_these_alone(roots: Mapping[str, BranchRoot], chosen: Collection[str]) -> frozenset[ContentHash]:
    """The contents that no branch needs any more without these roots."""
    counts = needing(roots)
    mine = Counter(content for name in chosen for content in roots[name].contents)
    return frozenset(content for content, count in mine.items() if counts[content] == count)


def needing(roots: Mapping[str, BranchRoot]) -> Counter[ContentHash]:
    """How many roots need each content."""
    return Counter(content for root in roots.values() for content in root.contents)


@value
class Doomed:
    """Objects that were listed as garbage at a time, in UTC to the second."""

    at: str
    contents: tuple[ContentHash, ...]


def encode_doomed(doomed: Doomed) -> bytes:
    """The list of what is going to be deleted."""
    body = {"at": doomed.at, "contents": sorted(doomed.contents), "v": DOOMED_VERSION}
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def decode_doomed(data: bytes, name: str) -> Doomed:
    """The list in an object. BucketError for anything else."""
    body = _body(data, name, DOOMED_VERSION)
    at = body.get("at")
    if not isinstance(at, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", at):
        raise _unreadable(name)
    return Doomed(at, tuple(_contents(body, name)))


def _body(data: bytes, name: str, version: int) -> Mapping[str, object]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable(name) from None
    if not isinstance(body, dict) or type(body.get("v")) is not int:
        raise _unreadable(name)
    if body["v"] != version:
        raise BucketError(f"{name} has version {body['v']}, which this reconciler cannot read", hint=_UPGRADE)
    return body


def _contents(body: Mapping[str, object], name: str) -> list[ContentHash]:
    found = body.get("contents")
    if not isinstance(found, list) or not all(isinstance(each, str) and _CONTENT.fullmatch(each) for each in found):
        raise _unreadable(name)
    return [ContentHash(each) for each in found]


def _unreadable(name: str) -> BucketError:
    return BucketError(f"{name} cannot be read, so nothing is deleted", hint=_UPGRADE)


def contents_with_receipts(names: Iterable[str]) -> frozenset[ContentHash]:
    """The contents for which there is a receipt, by its name."""
    return frozenset(found.content for name in names if (found := receipt_of(name)) is not None)


def unneeded(names: Iterable[str], kept: Collection[ContentHash]) -> tuple[ContentHash, ...]:
    """The objects that are not among `kept`, in the order of their names."""
    found = (object_of(name) for name in names)
    return tuple(content for content in found if content is not None and content not in kept)


def is_old(seen: BucketObject | None, *, now: datetime, grace: timedelta) -> bool:
    """Whether an object was written before the grace period, by the server's clock."""
    return seen is not None and now - seen.modified >= grace


def project_slug(name: str, identity: str) -> str:
    """A project's part of the names of its roots: readable, and different for another `identity`."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "project"
    return f"{words}-{hashlib.sha256(identity.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"


def branch_slug(branch: str) -> str:
    """A branch as a part of a name. One that cannot be in a name as it is gets a digest."""
    plain = "/".join(
        part.lstrip(".") for part in re.sub(r"[^A-Za-z0-9._/-]+", "-", branch).split("/") if part.strip(".")
    )
    short = plain[:80].strip("/")
    if short == branch and short:
        return short
    return f"{short or 'branch'}-{hashlib.sha256(branch.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"


def remote_identity(address: str) -> str:
    """One spelling for the addresses of one repository: `git@host:acme/art.git`, `https://host/acme/art`."""
    text = re.sub(r"^[a-z+]+://", "", address.strip())
    text = re.sub(r"^[^/@]*@", "", text)
    host, slash, path = text.replace(":", "/", 1).partition("/")
    path = re.sub(r"^[0-9]+/", "", path) if re.match(r"[^/]*:[0-9]+/", text) else path
    return f"{host.lower()}{slash}{path.strip('/').removesuffix('.git')}"
