"""`type: comfyui`: each way in which a server fails, and jobs that are found again."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Rejected, Stop
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.core.seed import free_attempt
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.core.value import replace
from reconciler.engine.references import LocalReferences
from reconciler.providers.comfyui.declaration import COMFYUI
from reconciler.providers.connect import connect
from reconciler.providers.keys import key_for
from reconciler.providers.models.table import model_table
from reconciler.providers.secret import NO_KEY_SENT, NoKey
from reconciler.testing.comfyui import FakeComfy, a_workflow, running_comfyui
from reconciler.testing.comfyui.routes import RouteAnswer
from reconciler.testing.memory_ports import MemorySpool
from reconciler.testing.outcomes import check_outcome
from tests.core.test_workflows import template

RECIPE = Recipe("a sword", size="64x48")
KEY = RECIPE.key()


def a_request(nodes: dict[str, Any], images: int = 0) -> ImageRequest:
    attempt = free_attempt(KEY, images)
    return ImageRequest(AssetId("a"), RECIPE, KEY, attempt=attempt, workflow=template(nodes).text)


@pytest.fixture
def comfy() -> Iterator[FakeComfy]:
    with running_comfyui() as server:
        yield server


@pytest.fixture
def old() -> Iterator[FakeComfy]:
    with running_comfyui(old=True) as server:
        yield server


class Drawing:
    """A provider of one run, and its spool."""

    def __init__(self, folder: Path, comfy: FakeComfy, *, charges: bool = False, total: float = 60) -> None:
        traits = replace(COMFYUI.traits, free=False) if charges else COMFYUI.traits
        timeouts = Timeouts(connect=5, write=5, first_byte=5, idle=5, total=total)
        settings = ProviderSettings(
            "comfy", "comfyui", base_url=comfy.origin, timeouts=timeouts, traits=traits, charges=charges
        )
        self.comfy, self.spool = comfy, MemorySpool(folder)
        self.provider = connect(
            settings, environ={}, spool=self.spool, references=LocalReferences(), models=model_table()
        )

    def one(self, nodes: dict[str, Any] | None = None, *, images: int = 0, **fields: Any) -> Outcome:
        request = a_request(nodes or a_workflow(), images)
        for path in self.spool.left():  # those of earlier images
            path.unlink()
        outcome = asyncio.run(self.provider.generate(replace(request, **fields)))
        check_outcome(outcome, self.spool)
        return outcome


def test_an_old_server_draws_too(tmp_path: Path, old: FakeComfy) -> None:
    outcome = Drawing(tmp_path, old).one()
    assert isinstance(outcome, Done), outcome
    assert any(request.startswith("GET /history/") for request in old.requests)


def test_a_server_is_asked_about_its_nodes_once_a_run(tmp_path: Path, comfy: FakeComfy) -> None:
    drawing = Drawing(tmp_path, comfy)
    drawing.one()
    drawing.one(images=1)
    asked = [request for request in comfy.requests if "object_info" in request or "system_stats" in request]
    assert len(asked) == len(set(asked)) == 1 + len({node["class_type"] for node in a_workflow().values()})


def test_the_id_of_an_attempt_is_the_id_of_its_job(tmp_path: Path, comfy: FakeComfy) -> None:
    first = Drawing(tmp_path, comfy).one()
    assert [job.name for job in comfy.jobs] == [str(uuid.UUID(hex=free_attempt(KEY, 0)))]
    again = Drawing(tmp_path / "next", comfy).one()
    assert isinstance(first, Done), first
    assert isinstance(again, Done), again
    assert (first.spooled.content, len(comfy.jobs)) == (again.spooled.content, 1), "the next run takes its image"


@pytest.mark.parametrize("fault", ["oom", "interrupted"])
def test_a_job_that_has_failed_is_not_taken_by_the_next_run(tmp_path: Path, comfy: FakeComfy, fault: str) -> None:
    comfy.faults.append(fault)
    failed = Drawing(tmp_path, comfy).one()
    if fault == "oom":
        assert isinstance(failed, BadOutput), failed
        assert failed.message.startswith('"Sampler": Allocation on device 0')
    else:
        assert isinstance(failed, NotSent), failed
    assert isinstance(Drawing(tmp_path / "next", comfy).one(), Done)
    assert [job.state for job in comfy.jobs] == ["error" if fault == "oom" else fault, "success"]
    assert len({job.name for job in comfy.jobs}) == 2


def test_an_image_that_the_server_has_deleted_is_drawn_again(tmp_path: Path, comfy: FakeComfy) -> None:
    comfy.faults.append("lost_file")
    assert isinstance(Drawing(tmp_path, comfy).one(), BadOutput)
    assert isinstance(Drawing(tmp_path / "next", comfy).one(), Done)
    assert len(comfy.jobs) == 2


def test_an_image_of_another_size_is_a_mismatch(tmp_path: Path, comfy: FakeComfy) -> None:
    comfy.faults.extend(["wrong_size", "no_image"])
    assert isinstance(Drawing(tmp_path, comfy).one(), Mismatched)
    none = Drawing(tmp_path, comfy).one(images=1)
    assert isinstance(none, BadOutput), none
    assert none.message == "the workflow has ended, and gave no image"


def test_a_refused_workflow_names_its_nodes_by_title(tmp_path: Path, comfy: FakeComfy) -> None:
    nodes = a_workflow()
    nodes["4"]["inputs"]["ckpt_name"] = "none.safetensors"
    outcome = Drawing(tmp_path, comfy).one(nodes)
    assert isinstance(outcome, Rejected), outcome
    assert "\"Load Checkpoint\": Value not in list: ckpt_name: 'none.safetensors'" in outcome.message
    nodes["4"]["class_type"] = "NoSuchLoader"
    outcome = Drawing(tmp_path, comfy).one(nodes)
    assert isinstance(outcome, Rejected), outcome
    assert 'no node NoSuchLoader ("Load Checkpoint")' in outcome.message
    assert comfy.jobs == []


def test_node_packs_are_recorded(tmp_path: Path, comfy: FakeComfy) -> None:
    nodes = a_workflow()
    nodes["12"] = {"class_type": "FaceDetailer", "inputs": {"image": ["8", 0]}, "_meta": {"title": "Face"}}
    nodes["9"]["inputs"]["images"] = ["12", 0]
    outcome = Drawing(tmp_path, comfy).one(nodes)
    assert isinstance(outcome, Done), outcome
    assert outcome.usage == {"comfyui": "0.3.76", "pytorch": "2.9.1", "node_packs": "ComfyUI-Impact-Pack"}


def test_a_lost_reply_is_looked_up_and_never_queued_twice(tmp_path: Path, comfy: FakeComfy) -> None:
    comfy.lose_replies("/prompt")
    outcome = Drawing(tmp_path, comfy).one()
    assert isinstance(outcome, Done), outcome
    assert len(comfy.jobs) == 1


@pytest.mark.parametrize(
    ("charges", "answers", "kind"),
    [
        (False, {"/prompt": RouteAnswer(0)}, NotSent),
        (True, {"/prompt": RouteAnswer(0)}, InDoubt),
        (True, {"/prompt": RouteAnswer(500, b"oops")}, InDoubt),
        (False, {"/prompt": RouteAnswer(403, b"no")}, Rejected),
        (False, {"/prompt": RouteAnswer(302, b"http://127.0.0.1:1/")}, NotSent),
        (False, {"/prompt": RouteAnswer(200, b"[]")}, NotSent),
        (False, {"/object_info": RouteAnswer(500)}, Rejected),
        (False, {"/object_info": RouteAnswer(0)}, NotSent),
        (False, {"/view": RouteAnswer(302, b"http://127.0.0.1:1/")}, BadOutput),
        (False, {"/view": RouteAnswer(200, b"<html>")}, BadOutput),
        (False, {"/view": RouteAnswer(200)}, BadOutput),
        (False, {"/view": RouteAnswer(0)}, NotSent),
        (True, {"/view": RouteAnswer(0)}, InDoubt),
    ],
    ids=str,
)
def test_an_answer_that_is_none_has_its_outcome(
    tmp_path: Path, comfy: FakeComfy, charges: bool, answers: dict[str, RouteAnswer], kind: type
) -> None:
    comfy.answers.update(answers)
    outcome = Drawing(tmp_path, comfy, charges=charges).one()
    assert isinstance(outcome, kind), outcome
    if isinstance(outcome, Rejected) and "403" in outcome.message:
        assert outcome.stop is Stop.BAD_KEY


JOB = {"id": "x", "status": "completed", "execution_status": {"status_str": "success"}}


def ended(*images: Any) -> dict[str, Any]:
    return {**JOB, "outputs": {"1": {"images": [*images]}}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b" " * (9 << 20),
        {**JOB, "outputs": []},
        {**JOB, "status": {"a": 1}},
        ended({"filename": ["../../etc/passwd"], "type": "output"}),
        ended({"filename": "x", "type": "/etc"}),
        ended({"filename": "x" * 9_000, "type": "temp"}),
        ended("x"),
        {"status": "failed", "execution_error": {"exception_message": "\x1b[31m::error::\u202e" * 99}},
    ],
    ids=range(10),
)
def test_no_answer_about_a_job_does_harm(tmp_path: Path, comfy: FakeComfy, body: Any) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    comfy.answers["/api/jobs"] = comfy.answers["/history"] = RouteAnswer(200, data)
    outcome = Drawing(tmp_path, comfy, total=2).one()
    assert isinstance(outcome, BadOutput | NotSent), outcome
    assert len(outcome.message) < 700


def test_a_path_out_of_the_folder_goes_to_the_server_alone(tmp_path: Path, comfy: FakeComfy) -> None:
    image = {"filename": "../../x y&type=input.png", "subfolder": "..\\..", "type": "output"}
    body = json.dumps({**JOB, "outputs": {"1": {"images": [image]}}}).encode()
    comfy.answers["/api/jobs"] = RouteAnswer(200, body)
    assert isinstance(Drawing(tmp_path, comfy).one(), BadOutput)
    assert comfy.views[-1] == {"filename": [image["filename"]], "subfolder": [image["subfolder"]], "type": ["output"]}


def test_a_server_that_forgets_a_job_is_told(tmp_path: Path, comfy: FakeComfy) -> None:
    comfy.hold()
    drawing = Drawing(tmp_path, comfy)

    async def forgotten() -> Outcome:
        call = asyncio.create_task(drawing.provider.generate(a_request(a_workflow())))
        await asyncio.to_thread(comfy.wait_for_job)
        comfy.forget()
        return await call

    outcome = asyncio.run(forgotten())
    assert isinstance(outcome, NotSent), outcome
    assert "was it started again?" in outcome.message


def test_a_request_that_is_repeated_takes_the_job_of_the_one_in_doubt(tmp_path: Path, comfy: FakeComfy) -> None:
    earlier, later = uuid.uuid4().hex, uuid.uuid4().hex
    assert isinstance(Drawing(tmp_path, comfy, charges=True).one(attempt=earlier), Done)
    outcome = Drawing(tmp_path / "next", comfy, charges=True).one(attempt=later, retry_of=(earlier,))
    assert isinstance(outcome, Done), outcome
    assert (outcome.cost, len(comfy.jobs)) == (None, 1)


@pytest.mark.parametrize(
    ("url", "trusted", "allowed"),
    [
        ("http://127.0.0.1:8188", "", True),
        ("http://comfyui:8188", "", False),
        ("http://comfyui:8188", "http://comfyui:8188", True),
        ("https://comfy.example.com", "", True),
        ("http://example.com", "http://example.com", False),
    ],
)
def test_prompts_go_over_no_open_network_that_the_user_does_not_trust(url: str, trusted: str, allowed: bool) -> None:
    settings = ProviderSettings("comfy", "comfyui", base_url=url, traits=COMFYUI.traits)
    key = key_for(settings, {"RECONCILER_TRUSTED_ORIGINS": trusted})
    refused = isinstance(key, NoKey) or url == "http://example.com"
    assert refused != allowed
    assert refused or key is NO_KEY_SENT
