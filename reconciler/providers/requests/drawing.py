"""Prepare a request for a program that draws on machines of the user: its images, and its size in pixels."""

from __future__ import annotations

from reconciler.core.outcome import Rejected
from reconciler.core.ports import ImageRequest, References
from reconciler.core.value import value
from reconciler.providers.models.sizes import given_pixels
from reconciler.providers.models.table import model_table
from reconciler.providers.requests.prepared import PreparedRequest, prepare


@value
class PreparedDrawing:
    """A request with the files of its images, and the width and height in pixels that are drawn."""

    ready: PreparedRequest
    size: tuple[int, int]


def prepare_drawing(request: ImageRequest, references: References) -> PreparedDrawing | Rejected:
    """The request, or why it cannot be drawn. Blocking: reads its images."""
    ready = prepare(request, references)
    if isinstance(ready, Rejected):
        return ready
    try:
        return PreparedDrawing(ready, given_pixels(request.recipe, model_table().find(request.recipe.model)))
    except ValueError as error:
        return Rejected(str(error))
