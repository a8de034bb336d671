"""Divide requests into batch jobs: one model, size and endpoint a job, few enough images that the result can be
downloaded. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from reconciler.core.recipe import Recipe
from reconciler.core.value import value

EXPECTED_BYTES = 400_000_000
"""The most bytes that the result of a job is expected to have."""
BYTES_OF_PIXEL = 8 / 3
"""Bytes of a result for each pixel: a PNG of a photograph has about 2, and base64 makes them 8/3."""

T = TypeVar("T")


@value
class BatchRequest(Generic[T]):
    """One request of a batch: what it is for, its endpoint, and the bytes of its line and of the expected answer."""

    item: T
    recipe: Recipe
    endpoint: str
    line_bytes: int
    answer_bytes: int

    @property
    def alike(self) -> tuple[str, ...]:
        """Equal for requests that may be in one job."""
        recipe = self.recipe
        return (self.endpoint, recipe.model, recipe.size, recipe.image_size.upper())


def expected_bytes(width: int, height: int) -> int:
    """The bytes that the answer with an image of this size is expected to have."""
    return int(width * height * BYTES_OF_PIXEL)


def split(
    requests: Iterable[BatchRequest[T]], *, most_requests: int, most_line_bytes: int
) -> tuple[tuple[BatchRequest[T], ...], ...]:
    """The jobs, in the order of their first requests; the order within a job is kept. A request that alone exceeds a
    limit in bytes is a job of its own."""
    jobs: dict[tuple[str, ...], list[list[BatchRequest[T]]]] = {}
    filled: dict[tuple[str, ...], tuple[int, int]] = {}
    order: list[list[BatchRequest[T]]] = []
    for request in requests:
        kind = request.alike
        sent, expected = filled.get(kind, (0, 0))
        sent, expected = sent + request.line_bytes, expected + request.answer_bytes
        open_jobs = jobs.setdefault(kind, [])
        full = bool(open_jobs) and len(open_jobs[-1]) >= most_requests
        if not open_jobs or full or sent > most_line_bytes or expected > EXPECTED_BYTES:
            sent, expected = request.line_bytes, request.answer_bytes
            open_jobs.append([])
            order.append(open_jobs[-1])
        open_jobs[-1].append(request)
        filled[kind] = (sent, expected)
    return tuple(tuple(job) for job in order)
