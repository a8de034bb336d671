"""Jobs of providers at the command line: submitted once, waited for or left, collected by the next apply."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.events import Accepted, Requested
from reconciler.core.value import replace
from reconciler.testing.job_server import JobServer
from tests.cli.conftest import Said, Scratch

MODELS = {"fal": "fal-ai/flux/dev", "replicate": "black-forest-labs/flux-dev", "bfl": "flux-2-pro"}


class JobProject(Scratch):
    """`queue` is a provider with jobs, at the fake of its API."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], server: JobServer) -> None:
        super().__init__(root, capsys)
        self.server = server

    def set_up(self, *, project: dict[str, Any] | None = None, **prompts: str) -> None:
        model = MODELS[self.server.api]
        provider = {"type": self.server.api, "base_url": self.server.url, "api_key_env": "JOB_KEY"}
        whole = {
            "provider": "queue",
            "providers": {"queue": provider},
            "defaults": {"model": model, "size": "1024x1024"},
            "models": {model: {"prices": {"": "0.03"}}},
        }
        self.write("reconciler.yaml", json.dumps(whole | (project or {})))
        for name, prompt in prompts.items():
            self.write(f"specs/{name}.yaml", json.dumps({"prompt": prompt}))

    def apply(self, *arguments: str) -> Said:
        return self.run("apply", "--yes", *arguments)

    def steps(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.done("plan", "--format", "json").json["steps"]
        return {step["asset"]: step for step in found if step["action"] != "keep"}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[JobServer]:
    with JobServer(getattr(request, "param", "fal")) as running:
        yield running


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: JobServer
) -> JobProject:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("JOB_KEY", server.key)
    monkeypatch.setenv("RECONCILER_TRUSTED_KEYS", "JOB_KEY")
    monkeypatch.chdir(tmp_path)
    return JobProject(tmp_path, capsys, server)


@pytest.mark.parametrize("server", MODELS, indirect=True)
def test_an_apply_submits_looks_and_locks(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:quick", cat="a cat job:quick")
    said = project.apply()
    assert said.code == 0, said
    assert sorted(project.server.billed) == ["a cat job:quick", "a lighthouse job:quick"]
    assert {entry["made"]["cost"] for entry in project.lock.values()} == {"0.03 USD"}
    assert {entry["made"]["provider"] for entry in project.lock.values()} == {"queue"}
    assert project.run("check").code == 0
    assert project.apply().code == 0
    assert len(project.server.billed) == 2


def test_detached_jobs_wait_and_the_next_apply_collects_them(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:quick", cat="a cat job:quick")
    left = project.apply("--detach")
    assert left.code == 0, left
    assert "submitted 2" in left.out
    assert "2 jobs go on at queue; the next apply collects them" in left.err
    assert not (project.root / "assets/hero.png").exists()

    plan = project.done("plan").out
    assert "waiting: accepted by the provider, not collected yet" in plan
    assert "at queue, submitted " in plan
    assert "0.03 USD counted as spent" in plan
    steps = project.steps()
    assert {step["action"] for step in steps.values()} == {"hold"}
    assert steps["hero"]["waiting"][0]["cost"] == "0.03 USD"
    assert steps["hero"]["waiting"][0]["job"].startswith("job-")
    assert project.run("check").code == 2
    assert "job-" in project.done("explain", "hero").out
    listed = project.done("recover")
    assert "2 requests accepted; counted as spent: 0.06 USD" in listed.out
    assert len(project.done("recover", "--format", "json").json["waiting"]) == 2
    assert "waiting: 2 accepted requests, 0.06 USD counted as spent" in project.done("costs").out

    said = project.apply()
    assert said.code == 0, said
    assert "hero: collected" in said.err
    assert len(project.server.billed) == 2, "nothing was bought again"
    assert {entry["made"]["cost"] for entry in project.lock.values()} == {"0.03 USD"}
    assert project.run("check").code == 0


def test_a_job_that_still_runs_is_held_and_never_bought_again(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    for arguments in (("--detach",), ("--detach", "--replace", "hero"), ("--detach", "--retry-in-doubt")):
        said = project.apply(*arguments)
        assert said.code == 3, said
        assert "1 job goes on at queue; the next apply collects it" in said.err
    assert len(project.server.billed) == 1


def test_a_recipe_that_another_asset_waits_for_is_not_bought(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    project.set_up(twin="a lighthouse job:slow")
    assert project.steps()["twin"]["reason"] == "Awaited"
    assert project.apply("--detach").code == 3
    assert len(project.server.billed) == 1


def test_what_waits_counts_as_spent(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    project.set_up(cat="a cat job:slow")
    said = project.apply("--detach", "--max-cost", "0.05")
    assert said.code == 3, said
    assert "over budget" in said.err
    assert len(project.server.billed) == 1
    assert project.apply("--detach", "--max-cost", "0.07").code == 3
    assert len(project.server.billed) == 2


def test_an_image_that_the_spec_does_not_want_any_more_is_kept(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:quick")
    project.apply("--detach")
    project.set_up(hero="a windmill job:quick")
    assert project.steps()["hero"]["reason"] == "Awaited"
    assert project.apply().code == 0
    assert project.server.billed == ["a lighthouse job:quick", "a windmill job:quick"]
    project.set_up(hero="a lighthouse job:quick")
    assert project.steps()["hero"]["action"] == "restore", "it was paid for once"
    assert project.apply().code == 0
    assert len(project.server.billed) == 2


def test_a_job_of_an_asset_without_a_spec_is_collected_all_the_same(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:quick")
    project.apply("--detach")
    (project.root / "specs/hero.yaml").unlink()
    project.set_up(cat="a cat job:quick")
    assert project.steps()["hero"]["reason"] == "Awaited"
    assert project.apply().code == 0
    assert not project.steps()
    project.set_up(hero="a lighthouse job:quick")
    assert project.steps()["hero"]["action"] == "restore"


def test_a_job_that_is_gone_is_in_doubt_and_not_bought_again(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:gone")
    assert project.apply("--detach").code == 0
    said = project.apply("--detach")
    assert said.code == 3, said
    assert "the provider does not know job job-0 yet: 404" in said.err
    assert project.steps()["hero"]["reason"] == "Awaited", "just after its acceptance, it may not be known everywhere"
    _, accepted = project.journal()
    assert isinstance(accepted, Accepted)
    project.journal(replace(accepted, at="2026-11-22T16:00:00Z"))
    said = project.apply("--detach")  # which looks once
    assert said.code == 3, said
    assert "job job-0 is gone, and may have been charged" in said.err
    assert project.steps()["hero"]["reason"] == "Doubtful"
    for command in (("recover",), ("plan",), ("explain", "hero")):
        assert "job job-0, which it does not know any more" in project.run(*command).out, "a person can look there"
    assert project.done("recover", "--format", "json").json["in_doubt"][0]["lost_job"] == "job-0"
    assert project.apply().code == 3
    assert len(project.server.billed) == 1
    assert project.apply("--detach", "--retry-in-doubt").code == 3, "the first one is in doubt until this one ends"
    assert len(project.server.billed) == 2


@pytest.mark.parametrize(
    ("fault", "reason", "consent"),
    [("failed", "WasFailed", "--retry-failed"), ("moderated", "WasRefused", "--retry-refused")],
)
def test_a_job_that_failed_is_not_bought_again_by_itself(
    project: JobProject, fault: str, reason: str, consent: str
) -> None:
    project.set_up(hero=f"a lighthouse job:{fault}")
    project.apply("--detach")
    for _ in range(2):
        project.apply("--detach")
        project.apply()
    assert project.steps()["hero"]["reason"] == reason
    assert len(project.server.billed) == 1
    project.apply("--detach", consent)
    assert len(project.server.billed) == 2


def test_a_failure_that_is_not_charged_may_be_asked_for_again(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:free")
    said = project.apply()
    assert said.code == 1
    assert "the job failed and is not charged" in said.err
    assert len(project.server.billed) == 1, "not by the same run"
    assert project.steps()["hero"]["action"] == "generate"


def test_a_lost_reply_is_in_doubt_where_jobs_cannot_be_listed(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:reply_lost")
    assert project.apply().code == 3
    assert project.apply().code == 3
    assert len(project.server.billed) == 1
    assert project.steps()["hero"]["reason"] == "Doubtful"


@pytest.mark.parametrize("server", ["replicate"], indirect=True)
def test_a_lost_reply_is_found_where_jobs_can_be_listed(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:reply_lost")
    assert project.apply().code == 0
    assert len(project.server.billed) == 1


def test_a_job_can_be_forgotten(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    assert "forgotten: hero (queue" in project.done("recover", "--forget", "hero").out
    assert project.steps()["hero"]["action"] == "generate"
    project.done("recover")


def test_without_its_key_or_its_provider_a_job_goes_on_waiting(
    project: JobProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.set_up(hero="a lighthouse job:quick")
    project.apply("--detach")
    monkeypatch.delenv("JOB_KEY")
    said = project.apply()
    assert said.code == 3, said
    assert "JOB_KEY is not set" in said.err
    project.set_up(project={"provider": "draft", "providers": {}, "models": {}}, hero="a lighthouse job:quick")
    said = project.apply()
    assert said.code == 3, said
    assert "queue is no provider with jobs any more" in said.err
    assert project.steps()["hero"]["reason"] == "Awaited"


@pytest.mark.parametrize("server", ["bfl"], indirect=True)
def test_jobs_whose_images_die_within_minutes_are_not_left_alone(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:quick")
    said = project.apply("--detach")
    assert said.code == 1
    assert "queue deletes an image minutes after it was made" in said.err
    assert project.server.billed == []


def test_detach_needs_a_provider_with_jobs(project: JobProject) -> None:
    project.set_up(hero="a lighthouse")
    project.set_up(project={"provider": "gravitex", "defaults": {"model": "gemini-2.5-flash-image"}})
    said = project.apply("--detach")
    assert said.code == 1
    assert "gravitex gives its images with the response, not as jobs" in said.err


def test_the_journal_keeps_what_waits_and_its_recipe(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    requested, accepted = project.journal()
    assert isinstance(requested, Requested)
    assert isinstance(accepted, Accepted)
    assert accepted.recipe["prompt"] == "a lighthouse job:slow"
    assert accepted.url.startswith(project.server.url)


def test_no_key_goes_to_the_url_of_a_journal_that_somebody_changed(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    _, accepted = project.journal()
    assert isinstance(accepted, Accepted)
    with JobServer("fal", key=project.server.key) as other:
        project.journal(replace(accepted, url=f"{other.url}/m/requests/job-0/status"))
        said = project.apply()
        assert said.code == 3
        assert "the job was accepted by another server" in said.err
        assert other.requests == []


def waited_for(server: JobServer, jobs: int, looks: int) -> None:
    """Until the server has accepted so many jobs, and has been asked about each so often."""
    end = time.monotonic() + 30
    while not (len(server.jobs) >= jobs and all(job.looks >= looks for job in server.jobs)):
        assert time.monotonic() < end, server.requests
        time.sleep(0.01)


def finished(server: JobServer) -> None:
    """All jobs are done at the next look."""
    for job in server.jobs:
        job.looks = 2_000_000


def test_an_apply_that_is_killed_in_mid_job_is_finished_by_the_next(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow", cat="a cat job:slow")
    with project.start("apply", "--yes") as process:
        waited_for(project.server, 2, 1)
        process.kill()
    assert project.run("check").code == 2
    assert {step["reason"] for step in project.steps().values()} == {"Awaited"}
    finished(project.server)
    said = project.apply()
    assert said.code == 0, said
    assert len(project.server.billed) == 2
    assert project.run("check").code == 0


def test_a_second_ctrl_c_leaves_the_jobs_to_the_next_apply(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow", cat="a cat job:slow")
    with project.start("apply", "--yes") as process:
        waited_for(project.server, 2, 1)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "Ctrl-C again stops at once" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "2 jobs go on at queue; the next apply collects them" in said
    assert "in doubt" not in said
    assert project.done("recover", "--format", "json").json["in_doubt"] == []
    finished(project.server)
    assert project.apply().code == 0
    assert len(project.server.billed) == 2


def test_ctrl_c_while_jobs_are_collected_leaves_them_where_they_are(project: JobProject) -> None:
    project.set_up(hero="a lighthouse job:slow")
    project.apply("--detach")
    with project.start("apply", "--yes") as process:
        waited_for(project.server, 1, 1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "1 job goes on at queue; the next apply collects it" in said
    finished(project.server)
    assert project.apply().code == 0
    assert len(project.server.billed) == 1


@pytest.mark.parametrize("server", ["fal", "replicate"], indirect=True)
def test_another_account_that_does_not_know_a_job_gives_up_no_image(
    project: JobProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its key, the job is a stranger's: its server answers 404, as if it were gone."""
    project.set_up(hero="a lighthouse job:quick")
    assert project.apply("--detach").code == 0
    server, jobs = project.server, list(project.server.jobs)
    own, server.key = server.key, "fk-another-account"
    monkeypatch.setenv("JOB_KEY", server.key)
    server.jobs.clear()
    said = project.apply()
    assert said.code == 3, said
    assert "it was accepted with another key" in said.err
    assert project.steps()["hero"]["reason"] == "Awaited"
    server.key = own
    server.jobs.extend(jobs)
    monkeypatch.setenv("JOB_KEY", own)
    assert project.apply().code == 0
    assert len(server.billed) == 1
    assert own not in (project.root / ".reconciler/journal").read_text()
