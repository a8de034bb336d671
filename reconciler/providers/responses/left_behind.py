"""Read the response of a request whose process died after it had arrived. Blocking."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.digest import Json
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Spool
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.spool_file import HashedFile, open_picture, unlink
from reconciler.providers.responses.body import open_answer, save_base64
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.json_stream import SCAN_CHUNK
from reconciler.providers.responses.receive import Checked
from reconciler.providers.responses.redact import mask_key
from reconciler.providers.responses.reply import ImageReply
from reconciler.providers.responses.usage import plain_usage
from reconciler.providers.responses.verify_image import verify_image
from reconciler.providers.secret import Key


def _copied(path: Path, spool: Spool) -> Spooled:
    with open_picture(path) as file, HashedFile(spool.open_paid) as copy:
        while piece := file.read(SCAN_CHUNK):
            copy.write(piece)
    return copy.spooled()


@value
class LeftBehind:
    """A whole image in a file of its own, and what the response said of it."""

    checked: Checked
    usage: dict[str, Json]


def read_left_behind(path: Path, spool: Spool, recipe: Recipe, *, key: Key) -> LeftBehind | None:
    """The image in a file that a dead process left in the spool, a response or an image; None without a whole one.
    `key` is the key that was sent, which no image may hold.

    The file stays. The status of the response is unknown, but only a definite answer holds a whole image.
    """
    answered = HttpAnswer(200, {}, path, path.stat().st_size, whole=True)
    opened = open_answer(answered, spool, limit=answered.size)
    try:
        picture = classify(opened.reply)
        if not isinstance(picture, ImageReply) or (picture.url and not picture.base64):
            return None
        spooled = save_base64(opened, picture.base64, spool) if picture.base64 else _copied(path, spool)
    finally:
        if opened.path != path:
            unlink(opened.path)
    if not isinstance(spooled, Spooled):
        return None
    image = "" if mask_key(spooled.path, key=key) else verify_image(spooled.path, recipe)
    if isinstance(image, str):
        unlink(spooled.path)
        return None
    return LeftBehind(Checked(spooled, image.facts, picture, image.misfit), plain_usage(picture.usage))
