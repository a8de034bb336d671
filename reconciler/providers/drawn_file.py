"""The outcome of a file that a program of the user has written: the bytes of an image, or not."""

from __future__ import annotations

import errno
import hashlib
import stat
from pathlib import Path

from reconciler.core.digest import content_of_hex
from reconciler.core.errors import DiskError
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import BadOutput, Done, Mismatched, Outcome, Spooled
from reconciler.core.ports import ImageRequest
from reconciler.providers.http.spool_file import open_picture
from reconciler.providers.responses.verify_image import verify_image


def drawn_outcome(path: Path, request: ImageRequest, size: tuple[int, int], *, model: str, free: bool) -> Outcome:
    """The outcome of a file that was written for a request of an image of this size. Blocking."""
    try:
        spooled = _hashed(path)
    except OSError as error:
        return BadOutput(f"the worker left no file: {(error.strerror or '').lower()}")
    if spooled is None:
        return BadOutput("the worker wrote an empty file")
    try:
        seen = verify_image(path, request.recipe, asked=size)
    except OSError as error:
        raise DiskError(f"cannot read the image of the worker in {path}: {error.strerror}") from error
    if isinstance(seen, str):
        return BadOutput(seen, spooled)
    done = Done(spooled, seen.facts, model=model, cost=FREE if free else None)
    return done if seen.misfit is None else Mismatched(seen.misfit.message, seen.misfit, done)


def takes_over(outcome: Outcome, path: Path) -> bool:
    """Whether an outcome has taken the file over."""
    match outcome:
        case Done(spooled=spooled) | Mismatched(done=Done(spooled=spooled)) | BadOutput(kept=Spooled() as spooled):
            return spooled.path == path
        case _:
            return False


def _hashed(path: Path) -> Spooled | None:
    """The file of a worker; None if it is empty. OSError if there is none, or a link or a folder in its place."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with open_picture(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return Spooled(path, content_of_hex(digest.hexdigest()), size, called="the image is") if size else None
