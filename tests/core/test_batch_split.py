"""How requests are divided into batch jobs."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.batches.split import EXPECTED_BYTES, BatchRequest, expected_bytes, split
from reconciler.core.recipe import Recipe


def a_batch_request(
    item: int, *, model: str = "m", size: str = "1:1", image_size: str = "", line: int = 100, answer: int = 1000
) -> BatchRequest[int]:
    recipe = Recipe("a fox", model=model, size=size, image_size=image_size)
    return BatchRequest(item, recipe, "/v1/images/generations", line, answer)


REQUESTS = st.lists(
    st.builds(
        a_batch_request,
        st.integers(),
        model=st.sampled_from(["m", "n"]),
        size=st.sampled_from(["1:1", "16:9"]),
        image_size=st.sampled_from(["", "2K"]),
        line=st.integers(1, 400),
        answer=st.integers(1, EXPECTED_BYTES // 3),
    ),
    max_size=60,
)


@given(REQUESTS, st.integers(1, 50), st.integers(400, 2000))
def test_no_request_is_lost_or_doubled_and_no_job_exceeds_a_limit(
    requests: list[BatchRequest[int]], most: int, line_bytes: int
) -> None:
    jobs = split(requests, most_requests=most, most_line_bytes=line_bytes)
    assert sorted(map(id, (one for job in jobs for one in job))) == sorted(map(id, requests))
    for job in jobs:
        assert 0 < len(job) <= most
        assert sum(one.line_bytes for one in job) <= line_bytes
        assert sum(one.answer_bytes for one in job) <= EXPECTED_BYTES
        assert len({one.alike for one in job}) == 1
        positions = [next(at for at, other in enumerate(requests) if other is one) for one in job]
        assert positions == sorted(positions)


@given(REQUESTS)
def test_a_job_is_begun_only_where_the_last_one_of_its_kind_is_full(requests: list[BatchRequest[int]]) -> None:
    jobs = split(requests, most_requests=50, most_line_bytes=10_000)
    for kind in {one.alike for one in requests}:
        of_kind = [job for job in jobs if job[0].alike == kind]
        for job, following in itertools.pairwise(of_kind):
            whole = [*job, following[0]]
            assert (
                len(whole) > 50
                or sum(one.line_bytes for one in whole) > 10_000
                or sum(one.answer_bytes for one in whole) > EXPECTED_BYTES
            )


def test_a_request_over_a_limit_is_a_job_of_its_own() -> None:
    huge = a_batch_request(1, answer=EXPECTED_BYTES + 1)
    jobs = split([a_batch_request(0), huge, a_batch_request(2)], most_requests=50, most_line_bytes=1000)
    assert [[one.item for one in job] for job in jobs] == [[0], [1], [2]]


def test_a_job_holds_fewer_images_of_more_pixels() -> None:
    """A result of 122 images in 2K could be downloaded, of 150 not."""
    assert EXPECTED_BYTES // expected_bytes(1024, 1024) > 50
    assert 30 < EXPECTED_BYTES // expected_bytes(2048, 2048) < 50
    assert EXPECTED_BYTES // expected_bytes(4096, 4096) < 10
