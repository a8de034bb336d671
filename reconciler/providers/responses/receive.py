"""Turn an answer in a file into an outcome, its picture checked. Blocking, in one call: run it in a thread.

In the end only the file with what is to be kept is left. After an exception the answer stays: it may be paid for.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.core.errors import DiskError
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.outcome import BadOutput, Outcome, Spooled
from reconciler.core.ports import Spool
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.responses.body import keep_verbatim, open_answer, save_base64
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.reply import ImageReply
from reconciler.providers.responses.verify_image import verify_image


@value
class Expected:
    """What a picture must be. `asked` is the pixel size that the request named; `limit`, the bytes of an answer."""

    recipe: Recipe
    asked: tuple[int, int] | None
    limit: int


@value
class Checked:
    """A picture that is what was wanted, in a file of its own."""

    spooled: Spooled
    facts: ImageFacts
    picture: ImageReply


@value
class Elsewhere:
    """A picture that has still to be fetched from its address; `answer` is the file that says so."""

    picture: ImageReply
    answer: Path


def receive(answered: HttpAnswer, spool: Spool, wanted: Expected) -> Checked | Elsewhere | Outcome:
    """What an answer comes to. Raises DiskError, and OSError where the answer cannot be read."""
    opened = open_answer(answered, spool, limit=wanted.limit)
    files = {answered.path, opened.path}
    match classify(opened.reply):
        case ImageReply(base64=text, url=url) as picture if url and not text:
            _leave(opened.path, files)
            return Elsewhere(picture, opened.path)
        case ImageReply(base64=text) as picture:
            spooled = save_base64(opened, text, spool) if text else keep_verbatim(opened.path) or "the answer is empty"
            found: Checked | Outcome = _checked(picture, spooled, wanted, answer=opened.path)
        case BadOutput(message):
            found = BadOutput(message, keep_verbatim(opened.path))
        case other:
            found = other
    _leave(_kept(found), files)
    return found


def receive_fetched(elsewhere: Elsewhere, got: Path | str, wanted: Expected) -> Checked | Outcome:
    """The same for a picture that was fetched into a file, or why it could not be."""
    spooled = got if isinstance(got, str) else keep_verbatim(got) or "the picture is empty"
    found = _checked(elsewhere.picture, spooled, wanted, answer=elsewhere.answer)
    _leave(_kept(found), {elsewhere.answer, *([got] if isinstance(got, Path) else ())})
    return found


def _checked(picture: ImageReply, spooled: Spooled | str, wanted: Expected, *, answer: Path) -> Checked | BadOutput:
    """A picture that cannot be had is kept as the answer that was to bring it."""
    if isinstance(spooled, str):
        return BadOutput(spooled, keep_verbatim(answer))
    try:
        facts = verify_image(spooled.path, wanted.recipe, asked=wanted.asked)
    except OSError as error:
        raise DiskError(f"cannot read the picture in {spooled.path}: {error.strerror}") from error
    return BadOutput(facts, spooled) if isinstance(facts, str) else Checked(spooled, facts, picture)


def _kept(found: Checked | Outcome) -> Path | None:
    match found:
        case Checked(spooled) | BadOutput(kept=Spooled() as spooled):
            return spooled.path
        case _:
            return None


def _leave(kept: Path | None, files: set[Path]) -> None:
    for path in files - {kept}:
        unlink(path)
