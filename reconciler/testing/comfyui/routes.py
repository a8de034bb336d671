"""The routes of a fake ComfyUI server. Source of the shapes: server.py, execution.py and comfy_execution/jobs.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.testing.comfyui.state import CHECKPOINTS, CLASSES, ComfyJob, ComfyState

_STATUS = {"pending": "pending", "running": "in_progress", "success": "completed", "error": "failed"}
_PART = re.compile(rb'name="(\w+)"(?:; filename="([^"]*)")?')


@dataclass(frozen=True)
class Exchange:
    """A request: the path behind the name of its route, the query, the body. `old`: the server has no `/api/jobs`."""

    state: ComfyState
    old: bool
    rest: str
    query: Mapping[str, list[str]]
    body: bytes
    content_type: str


@dataclass(frozen=True)
class RouteAnswer:
    """A response. A status of 0 closes the connection."""

    status: int
    body: bytes = b""
    kind: str = "application/json"


def _json(value: Any, status: int = 200) -> RouteAnswer:
    return RouteAnswer(status, json.dumps(value).encode())


def _post_prompt(to: Exchange) -> RouteAnswer:
    given = json.loads(to.body)
    workflow = given["prompt"]
    error, nodes = _invalid(workflow)
    if error is not None:
        return _json({"error": error, "node_errors": nodes}, 400)
    job = to.state.queue(workflow, "" if to.old else given.get("prompt_id", ""))
    return _json({"prompt_id": job.name, "number": job.number, "node_errors": {}})


def _get_api(to: Exchange) -> RouteAnswer:
    job = to.state.named(to.rest.removeprefix("jobs/"))
    if job is None:
        return _json({"error": "Job not found"}, 404)
    told = {"id": job.name, "status": _STATUS.get(job.state, "failed"), "priority": job.number}
    if job.state in ("success", "error", "interrupted"):
        told |= {"outputs": job.outputs, "execution_status": _status(job), "outputs_count": len(job.outputs)}
        told |= {"execution_error": job.error} if job.error else {}
    return _json(told)


def _post_api(to: Exchange) -> RouteAnswer:
    name = to.rest.removeprefix("jobs/").removesuffix("/cancel")
    return _json({"cancelled": to.state.cancel(name)})


def _get_history(to: Exchange) -> RouteAnswer:
    job = to.state.named(to.rest)
    if job is None or job.state in ("pending", "running"):
        return _json({})
    prompt = [job.number, job.name, job.workflow, {"client_id": "reconciler"}, [*job.outputs]]
    return _json({job.name: {"prompt": prompt, "outputs": job.outputs, "status": _status(job), "meta": {}}})


def _get_queue(to: Exchange) -> RouteAnswer:
    jobs: dict[str, list[Any]] = {"queue_running": [], "queue_pending": []}
    for job in to.state.jobs:
        key = f"queue_{job.state}"
        if key in jobs:
            jobs[key].append([job.number, job.name, job.workflow, {}, [*job.outputs]])
    return _json(jobs)


def _post_queue(to: Exchange) -> RouteAnswer:
    for name in json.loads(to.body).get("delete", ()):
        job = to.state.named(name)
        if job is not None and job.state == "pending":
            to.state.cancel(name)
    return RouteAnswer(200)


def _post_interrupt(to: Exchange) -> RouteAnswer:
    for job in to.state.jobs:
        if job.state == "running":
            to.state.cancel(job.name)
    return RouteAnswer(200)


def _get_view(to: Exchange) -> RouteAnswer:
    data = to.state.images.get(to.query["filename"][0])
    return RouteAnswer(404) if data is None else RouteAnswer(200, data, "image/png")


def _post_upload(to: Exchange) -> RouteAnswer:
    boundary = b"--" + to.content_type.partition("boundary=")[2].encode()
    for part in to.body.split(boundary):
        head, _, data = part.partition(b"\r\n\r\n")
        found = _PART.search(head)
        if found is not None and found[1] == b"image":
            name = found[2].decode()
            to.state.uploads.append((name, data[:-2]))
            return _json({"name": name, "subfolder": "", "type": "input"})
    return RouteAnswer(400)


def _get_object_info(to: Exchange) -> RouteAnswer:
    return _json({to.rest: CLASSES[to.rest]} if to.rest in CLASSES else {})


def _get_system_stats(to: Exchange) -> RouteAnswer:
    system = {"os": "posix", "comfyui_version": "0.3.76", "python_version": "3.13.9", "pytorch_version": "2.9.1"}
    memory = {"vram_total": 33_607_909_376, "vram_free": 21_474_836_480}
    return _json({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **memory}]})


def _status(job: ComfyJob) -> dict[str, Any]:
    """`status` of an entry of the history."""
    if job.state == "success":
        return {"status_str": "success", "completed": True, "messages": [["execution_success", {}]]}
    event = "execution_error" if job.error else "execution_interrupted"
    return {"status_str": "error", "completed": False, "messages": [["execution_start", {}], [event, job.error or {}]]}


def _invalid(workflow: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The error of a workflow that is not queued, and those of its nodes, as `validate_prompt` has them."""
    for name, node in workflow.items():
        if node["class_type"] not in CLASSES:
            message = f"Cannot execute because node {node['class_type']} does not exist."
            details = f"Node ID '#{name}'"
            return {"type": "invalid_prompt", "message": message, "details": details, "extra_info": {}}, {}
        checkpoint = node["inputs"].get("ckpt_name", CHECKPOINTS[0])
        if checkpoint not in CHECKPOINTS:
            details = f"ckpt_name: '{checkpoint}' not in {list(CHECKPOINTS)}"
            wrong = {"type": "value_not_in_list", "message": "Value not in list", "details": details, "extra_info": {}}
            nodes = {name: {"errors": [wrong], "dependent_outputs": ["9"], "class_type": node["class_type"]}}
            message = "Prompt outputs failed validation"
            error = {"type": "prompt_outputs_failed_validation", "message": message, "details": "", "extra_info": {}}
            return error, nodes
    return None, {}


ROUTES: dict[str, Callable[[Exchange], RouteAnswer]] = {
    "post prompt": _post_prompt,
    "get api": _get_api,
    "post api": _post_api,
    "get history": _get_history,
    "get queue": _get_queue,
    "post queue": _post_queue,
    "post interrupt": _post_interrupt,
    "get view": _get_view,
    "post upload": _post_upload,
    "get object_info": _get_object_info,
    "get system_stats": _get_system_stats,
}
"""The function of each route, by the method and the first part of the path."""
