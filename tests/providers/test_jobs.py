"""The providers with jobs, over real sockets: what is accepted is looked up, and never asked for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.jobs import JobAccepted, JobNotFound, Jobs, Unknown
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    Mismatched,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Running,
    Stop,
    Throttled,
)
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.core.value import replace
from reconciler.engine.references import LocalReferences
from reconciler.providers.connect import connect_jobs
from reconciler.providers.http.origins import Base, parse_base
from reconciler.providers.jobs.api import is_own_url
from reconciler.providers.jobs.bfl_results import BFL_RESULTS
from reconciler.providers.jobs.fal_queue import FAL_QUEUE
from reconciler.providers.models.table import model_table
from reconciler.testing.job_server import JobServer
from reconciler.testing.memory_ports import MemorySpool
from reconciler.testing.outcomes import check_outcome
from reconciler.testing.requests import some_references

MODELS = {"fal": "fal-ai/flux/dev", "replicate": "black-forest-labs/flux-dev", "bfl": "flux-2-pro"}
IMPATIENT = Timeouts(connect=2, write=5, first_byte=2, idle=2, total=4)
SHARED = LocalReferences()


@pytest.fixture(params=MODELS)
def server(request: pytest.FixtureRequest) -> Iterator[JobServer]:
    with JobServer(request.param) as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path) -> MemorySpool:
    return MemorySpool(tmp_path / "spool")


def connected(server: JobServer, spool: MemorySpool, *, key: str | None = None, url: str = "") -> Jobs:
    settings = ProviderSettings(
        server.api, server.api, base_url=url or server.url, api_key_env="JOB_KEY", timeouts=IMPATIENT
    )
    environ = {"JOB_KEY": server.key if key is None else key, "RECONCILER_TRUSTED_KEYS": "JOB_KEY"}
    jobs = connect_jobs(settings, environ=environ, spool=spool, references=SHARED, models=model_table())
    assert jobs is not None
    return jobs


def wanted(server: JobServer, fault: str = "", **fields: object) -> ImageRequest:
    prompt = f"a cat job:{fault}" if fault else "a cat"
    recipe = Recipe(prompt, **{"model": MODELS[server.api], "size": "1024x1024", **fields})  # type: ignore[arg-type]  # any field
    return ImageRequest(AssetId("cat"), recipe, recipe.key(), attempt="a1")


def submitted(jobs: Jobs, request: ImageRequest) -> JobAccepted:
    job = asyncio.run(jobs.submit(request))
    assert isinstance(job, JobAccepted), job
    return job


def looks(jobs: Jobs, request: ImageRequest, job: JobAccepted, count: int) -> list[Outcome | JobNotFound]:
    async def look() -> list[Outcome | JobNotFound]:
        return [await jobs.collect(request, job) for _ in range(count)]

    return asyncio.run(look())


def ended(jobs: Jobs, request: ImageRequest, job: JobAccepted) -> Outcome:
    found = (looks(jobs, request, job, 1)[0] for _ in range(8))
    return next(outcome for outcome in found if not isinstance(outcome, Running | JobNotFound))


def test_a_job_is_submitted_once_looked_at_and_its_image_fetched(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server)
    job = submitted(jobs, request)
    assert job.job == "job-0"
    assert job.url.startswith(server.url)
    assert isinstance(looks(jobs, request, job, 1)[0], Running)
    assert spool.left() == set(), "no answer of a look stays"
    outcome = ended(jobs, request, job)
    check_outcome(outcome, spool)
    assert isinstance(outcome, Done)
    assert outcome.request == "job-0"
    assert (outcome.image.width, outcome.image.height) == (1024, 1024)
    assert server.billed == ["a cat"]
    assert server.with_key["files"] == 0, "no key goes with the download"


def test_another_process_collects_a_job_as_often_as_it_likes(server: JobServer, spool: MemorySpool) -> None:
    request = wanted(server, "quick")
    job = submitted(connected(server, spool), request)
    first = ended(connected(server, spool), request, job)
    second = ended(connected(server, spool), request, job)
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert first.spooled.content == second.spooled.content
    assert len(server.billed) == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [("refused", Rejected), ("busy", Throttled), ("reply_lost", InDoubt), ("elsewhere", InDoubt)]
)
def test_a_request_that_gives_no_job(server: JobServer, spool: MemorySpool, fault: str, kind: type[Outcome]) -> None:
    outcome = asyncio.run(connected(server, spool).submit(wanted(server, fault)))
    assert type(outcome) is kind, outcome
    assert spool.left() == set()
    assert len(server.billed) == (kind is InDoubt)


@pytest.mark.parametrize("fault", ["html", "redirect", "cut"])
def test_a_look_that_says_nothing_ends_nothing(server: JobServer, spool: MemorySpool, fault: str) -> None:
    jobs, request = connected(server, spool), wanted(server, fault)
    job = submitted(jobs, request)
    assert isinstance(looks(jobs, request, job, 1)[0], Running)
    assert isinstance(ended(jobs, request, job), Done)
    assert len(server.billed) == 1


def test_a_server_that_is_gone_for_a_while_ends_nothing(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server, "quick")
    job = submitted(jobs, request)
    server.__exit__(None, None, None)
    outcome = looks(jobs, request, job, 1)[0]
    assert isinstance(outcome, Running)
    assert "cannot look at the job" in outcome.message
    server._server = type(server._server)(("127.0.0.1", 0), server._server.RequestHandlerClass)  # for the fixture's end
    server._thread = type(server._thread)(target=server._server.serve_forever, args=(0.02,), daemon=True)
    server._thread.start()


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("failed", {"fal": BadOutput, "replicate": BadOutput, "bfl": BadOutput}),
        ("moderated", {"fal": Refused, "replicate": Refused, "bfl": Refused}),
        ("free", {"fal": NotSent, "replicate": NotSent, "bfl": Refused}),
        ("page", {"fal": BadOutput, "replicate": BadOutput, "bfl": BadOutput}),
    ],
)
def test_a_job_that_ends_without_an_image(
    server: JobServer, spool: MemorySpool, fault: str, kinds: dict[str, type[Outcome]]
) -> None:
    jobs, request = connected(server, spool), wanted(server, fault)
    outcome = ended(jobs, request, submitted(jobs, request))
    check_outcome(outcome, spool)
    assert type(outcome) is kinds[server.api], outcome
    if isinstance(outcome, NotSent):
        assert outcome.final, "the next run may ask again, this one does not"


def test_a_job_that_the_server_does_not_know_is_neither_running_nor_ended(
    server: JobServer, spool: MemorySpool
) -> None:
    jobs, request = connected(server, spool), wanted(server, "gone")
    (found,) = looks(jobs, request, submitted(jobs, request), 1)
    assert isinstance(found, JobNotFound)
    assert "404" in found.message
    assert spool.left() == set()


def test_an_image_that_cannot_be_fetched_now_is_fetched_later(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server, "late_file")
    job = submitted(jobs, request)
    told = [outcome for outcome in looks(jobs, request, job, 6) if isinstance(outcome, Running)]
    assert any("could not be downloaded" in outcome.message for outcome in told)
    assert isinstance(ended(jobs, request, job), Done)


def test_an_image_whose_url_has_ended_is_paid_for_and_lost(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server, "no_file")
    job = submitted(jobs, request)
    assert bool(job.expires) == (server.api != "fal"), "fal does not say how long it keeps an image"
    assert all(isinstance(outcome, Running) for outcome in looks(jobs, request, job, 5))
    over = JobAccepted(job.job, job.url, f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
    outcome = ended(jobs, request, over)
    check_outcome(outcome, spool)
    assert isinstance(outcome, BadOutput)


def test_an_image_of_another_ratio_is_a_mismatch(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server, "square", size="16:9")
    assert isinstance(ended(jobs, request, submitted(jobs, request)), Mismatched)


def test_no_key_goes_to_a_job_of_another_server(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool), wanted(server)
    for url in (
        "https://elsewhere.example/job-0",
        server.url.replace("127.0.0.1", "127.0.0.2") + "/job-0",
        "",
        "/job-0",
    ):
        outcome = looks(jobs, request, JobAccepted("job-0", url), 1)[0]
        assert isinstance(outcome, Running), url
        assert outcome.wait == float("inf"), "another look is of no use"
    assert server.requests == []


def test_without_a_key_nothing_is_sent_and_nothing_ends(server: JobServer, spool: MemorySpool) -> None:
    jobs, request = connected(server, spool, key=""), wanted(server)
    refused = asyncio.run(jobs.submit(request))
    assert isinstance(refused, Rejected)
    assert refused.stop is Stop.BAD_KEY
    assert "JOB_KEY is not set" in refused.message
    assert isinstance(looks(jobs, request, JobAccepted("job-0", server.url + "/job-0"), 1)[0], Running)
    assert server.requests == []


def test_a_wrong_key_stops_the_lane_and_ends_no_job(server: JobServer, spool: MemorySpool) -> None:
    request = wanted(server, "quick")
    job = submitted(connected(server, spool), request)
    wrong = connected(server, spool, key="fk-wrong-wrong-wrong")
    refused = asyncio.run(wrong.submit(request))
    assert isinstance(refused, Rejected)
    assert refused.stop is Stop.BAD_KEY
    assert isinstance(looks(wrong, request, job, 1)[0], Running)


def test_a_lost_reply_is_found_where_the_api_lists_jobs(server: JobServer, spool: MemorySpool) -> None:
    async def story(fault: str, *, again: bool = False) -> object:
        jobs, request = connected(server, spool), wanted(server, fault)
        if again:
            await jobs.submit(request)
        assert isinstance(await jobs.submit(request), InDoubt)
        return await jobs.find(request)

    found = asyncio.run(story("reply_lost"))
    if server.api == "replicate":
        assert isinstance(found, JobAccepted)
        assert found.job == "job-0"
        server.jobs[0].created = "2020-01-01T00:00:00.000Z"
        assert asyncio.run(story("reply_lost")) == replace(found, job="job-1", url=found.url[:-1] + "1"), "an older one"
        twins = asyncio.run(story("reply_lost", again=True))
        assert isinstance(twins, Unknown), "two of them are listed: neither is certainly this one"
    else:
        assert isinstance(found, Unknown)


def test_references_go_where_the_spec_says(server: JobServer, spool: MemorySpool, tmp_path: Path) -> None:
    contents = some_references(tmp_path / "refs", 2, SHARED)
    jobs = connected(server, spool)
    placed = {"first": "reference 1", "all": "references", "seed": 7, "prompt_upsampling": None}
    submitted(jobs, wanted(server, references=contents, params=placed))
    sent = server.jobs[0].body.get("input", server.jobs[0].body)
    assert sent["first"] == sent["all"][0] != sent["all"][1]
    assert sent["seed"] == 7
    assert "prompt_upsampling" not in sent
    beyond = asyncio.run(jobs.submit(wanted(server, references=contents, params={"first": "reference 3"})))
    assert isinstance(beyond, Rejected)
    unplaced = asyncio.run(jobs.submit(wanted(server, references=contents)))
    if server.api == "replicate":
        assert isinstance(unplaced, Rejected), "each of its models has another name for it"
    else:
        names = {"fal": {"image_urls"}, "bfl": {"input_image", "input_image_2"}}[server.api]
        assert names <= server.jobs[-1].body.keys()


@pytest.mark.parametrize("model", ["../../x", "a b/c", "", "x" * 300 + "/y", "https://evil.example/x", "a/../b"])
def test_a_model_of_a_spec_cannot_change_the_address(server: JobServer, spool: MemorySpool, model: str) -> None:
    assert isinstance(asyncio.run(connected(server, spool).submit(wanted(server, model=model))), Rejected)
    assert server.requests == []


def test_only_servers_of_the_api_are_looked_at() -> None:
    home, fal = parse_base("https://api.bfl.ai"), parse_base("https://queue.fal.run")
    assert isinstance(home, Base)
    assert isinstance(fal, Base)
    for url, own in {
        "https://api.eu1.bfl.ai/v1/get_result?id=1": True,
        "https://api.bfl.ai/v1/get_result?id=1": True,
        "http://api.eu1.bfl.ai/v1/get_result?id=1": False,
        "https://api.eu1.bfl.ai:8443/v1/x": False,
        "https://evilbfl.ai/v1/x": False,
        "https://api.bfl.ai.evil.example/v1/x": False,
        "https://api.bfl.ai@evil.example/v1/x": False,
        "https://api.bfl.ai": False,
    }.items():
        assert is_own_url(url, home, BFL_RESULTS) is own, url
    assert is_own_url("https://queue.fal.run/fal-ai/flux/requests/1/status", fal, FAL_QUEUE)
    assert not is_own_url("https://fal.run/x", fal, FAL_QUEUE)
    other = parse_base("https://gateway.example")
    assert isinstance(other, Base)
    assert not is_own_url("https://api.eu1.bfl.ai/v1/x", other, BFL_RESULTS), "a key for another server stays there"
