"""Decide what to do with each derived file. Pure, and free: no action here has a cost, and none needs consent."""

from __future__ import annotations

from reconciler.core.derived.derived_lock import DerivedLine
from reconciler.core.derived.key import DerivedKey
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.plan.observed import Blocked, Found
from reconciler.core.value import value


@value
class KeepFile:
    """The file is as recorded, and made from the current image in the current way."""


@value
class AwaitSource:
    """An image that it is made from does not exist yet, or is generated in this plan: the file follows it."""

    after: tuple[AssetId, ...]


@value
class MakeFile:
    """It is made. `replacing` must still be there when it is put in place; None: there is no file, or one that is equal
    to the result. `changed`: it was made before, from another image or in another way."""

    replacing: ContentHash | None = None
    changed: bool = False


@value
class RestoreFile:
    """The recorded bytes are put back from the store, Git LFS or the git history. `replacing` must still be there."""

    content: ContentHash
    replacing: ContentHash | None = None


@value
class RemoveFile:
    """Nothing derives it any more, and it is as it was made. `content` None: it is absent already, or it is a file of
    somebody else, and only its line goes."""

    content: ContentHash | None


@value
class FileConflict:
    """The path has bytes of somebody else. They are left alone."""

    found: ContentHash | Blocked
    stale: bool = False


FileAction = KeepFile | AwaitSource | MakeFile | RestoreFile | RemoveFile | FileConflict


def decide_file(
    wanted: DerivedKey | AwaitSource | None, line: DerivedLine | None, found: Found, *, restorable: bool = False
) -> FileAction:
    """The whole decision table. Read it top to bottom. `wanted` None: nothing derives this file.

    `restorable`: a source has the bytes of the line.
    """
    if isinstance(found, Blocked):
        return FileConflict(found)
    if wanted is None:
        return _without_rule(line, found)
    if line is not None and found is not None and found != line.content:
        return FileConflict(found, stale=wanted != line.key)
    if isinstance(wanted, AwaitSource):
        return wanted
    if line is None:
        return MakeFile()
    if wanted == line.key:
        if found is not None:
            return KeepFile()
        return RestoreFile(line.content) if restorable else MakeFile()
    if line.by_hand and found is not None:
        return FileConflict(found, stale=True)
    return MakeFile(found, changed=True)


def _without_rule(line: DerivedLine | None, found: ContentHash | None) -> FileAction:
    if line is None:
        return KeepFile()
    if found is not None and (found != line.content or line.by_hand):
        return FileConflict(found)
    return RemoveFile(found)
