"""Turn a response in a file into an outcome, and verify its image. Blocking: run it in a thread.

Afterwards only the file to keep is left. After an exception the response stays: it may be paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.core.errors import DiskError
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.outcome import BadOutput, Outcome, Spooled
from reconciler.core.ports import Spool
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.responses.body import OpenedBody, keep_verbatim, open_answer, save_base64
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.redact import mask_key
from reconciler.providers.responses.reply import ImageReply
from reconciler.providers.responses.verify_image import verify_image
from reconciler.providers.secret import Key

_EMPTY = "the answer is empty"


@value
class Expected:
    """The requirements for an image. `asked` is the size in pixels of the request; `limit`, the bytes of a response;
    `key`, the key that was sent, which nothing that is kept may hold."""

    recipe: Recipe
    asked: tuple[int, int] | None
    limit: int
    key: Key


@value
class Checked:
    """An image that was verified, in a file of its own. `misfit` says how it differs from its recipe."""

    spooled: Spooled
    facts: ImageFacts
    picture: ImageReply
    misfit: Misfit | None = None


@value
class Elsewhere:
    """An image that has to be downloaded from its URL; `answer` is the file of the response."""

    picture: ImageReply
    answer: Path


def receive(answered: HttpAnswer, spool: Spool, wanted: Expected) -> Checked | Elsewhere | Outcome:
    """The outcome of a response. Raises DiskError, and OSError if the response cannot be read."""
    opened = open_answer(answered, spool, limit=wanted.limit)
    files = {answered.path, opened.path}
    match classify(opened.reply):
        case ImageReply(base64=text, url=url) as picture if url and not text:
            _leave(opened.path, files)
            return Elsewhere(picture, opened.path)
        case ImageReply(base64=text) as picture:
            spooled = save_base64(opened, text, spool) if text else keep_verbatim(opened.path) or _EMPTY
            found: Checked | Outcome = _checked(picture, spooled, wanted, answer=opened.path)
        case BadOutput(message):
            found = BadOutput(message, _kept_answer(opened.path, wanted))
        case other:
            found = other
    _leave(_kept(found), files)
    return found


def receive_line(
    opened: OpenedBody, spool: Spool, wanted: Expected, copied: Callable[[], Path]
) -> Checked | Elsewhere | Outcome:
    """The outcome of a response that is a part of a larger file, which stays. `copied` makes a file of it alone, which
    is kept where there is no image."""
    match classify(opened.reply):
        case ImageReply(base64=text, url=url) as picture if url and not text:
            return Elsewhere(picture, copied())
        case ImageReply(base64=text) as picture:
            spooled = save_base64(opened, text, spool)
            if isinstance(spooled, str):
                return BadOutput(spooled, _kept_answer(copied(), wanted))
            found = _checked(picture, spooled, wanted, answer=spooled.path)
            _leave(_kept(found), {spooled.path})
            return found
        case BadOutput(message):
            return BadOutput(message, _kept_answer(copied(), wanted))
        case other:
            return other


def receive_fetched(elsewhere: Elsewhere, got: Path | str, wanted: Expected) -> Checked | Outcome:
    """The same for a downloaded image; `got` is its file, or the reason that there is none."""
    spooled = got if isinstance(got, str) else keep_verbatim(got) or "the picture is empty"
    found = _checked(elsewhere.picture, spooled, wanted, answer=elsewhere.answer)
    _leave(_kept(found), {elsewhere.answer, *([got] if isinstance(got, Path) else ())})
    return found


def _checked(picture: ImageReply, spooled: Spooled | str, wanted: Expected, *, answer: Path) -> Checked | BadOutput:
    """Verify the image. If there is none, the response is kept in its place."""
    if isinstance(spooled, str):
        return BadOutput(spooled, _kept_answer(answer, wanted))
    if mask_key(spooled.path, key=wanted.key):
        return BadOutput("the image contains the API key, which is masked in the file", keep_verbatim(spooled.path))
    try:
        image = verify_image(spooled.path, wanted.recipe, asked=wanted.asked)
    except OSError as error:
        raise DiskError(f"cannot read the picture in {spooled.path}: {error.strerror}") from error
    return BadOutput(image, spooled) if isinstance(image, str) else Checked(spooled, image.facts, picture, image.misfit)


def _kept_answer(path: Path, wanted: Expected) -> Spooled | None:
    """A response without an image, to keep as it is but for the key."""
    mask_key(path, key=wanted.key)
    return keep_verbatim(path)


def _kept(found: Checked | Outcome) -> Path | None:
    match found:
        case Checked(spooled) | BadOutput(kept=Spooled() as spooled):
            return spooled.path
        case _:
            return None


def _leave(kept: Path | None, files: set[Path]) -> None:
    for path in files - {kept}:
        unlink(path)
