"""Read the answers of a ComfyUI server: states of jobs, errors of nodes, files of images. Pure.

An answer may be anything: everything but the expected shape is an unknown state, and text is shown on one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.text import one_line
from reconciler.core.value import value

_SHOWN_ERRORS = 3
_TEXT = 300
_NAME = 1_000
_KINDS = ("output", "temp", "input")


@value
class JobWaits:
    """The job waits or runs."""

    running: bool


@value
class JobFinished:
    """The job has ended well. `outputs` are the results of its nodes, by their ids."""

    outputs: Mapping[str, Any]


@value
class JobFailed:
    """The job has ended without a result. `cancelled`: somebody has stopped it."""

    message: str
    cancelled: bool = False


@value
class JobAbsent:
    """The server does not know the job."""


ComfyJobState = JobWaits | JobFinished | JobFailed | JobAbsent


@value
class ServerImage:
    """An image on the server, as `/view` takes it: a name, a folder below that of its kind, and the kind."""

    name: str
    folder: str
    kind: str


def job_state(body: Any, titles: Mapping[str, str]) -> ComfyJobState | None:
    """The state of a job as `/api/jobs/{id}` tells it; None for anything else."""
    if not isinstance(body, Mapping):
        return None
    match body.get("status"):
        case "pending":
            return JobWaits(running=False)
        case "in_progress":
            return JobWaits(running=True)
        case "completed":
            return _ended({"outputs": body.get("outputs"), "status": body.get("execution_status")}, titles)
        case "failed" | "error":
            status = body.get("execution_status")
            told = _error_in(status, titles) if isinstance(status, Mapping) else None
            return told or JobFailed(_execution_error(body.get("execution_error"), titles))
        case "cancelled" | "interrupted":
            return JobFailed("it was cancelled on the server", cancelled=True)
        case _:
            return None


def history_state(body: Any, name: str, titles: Mapping[str, str]) -> ComfyJobState | None:
    """The state of a job as `/history/{id}` tells it: absent while it has not ended; None for anything else."""
    if not isinstance(body, Mapping):
        return None
    found = body.get(name)
    if found is None:
        return JobAbsent()
    return _ended(found, titles) if isinstance(found, Mapping) else None


def queue_state(body: Any, name: str) -> ComfyJobState | None:
    """The state of a job as `/queue` tells it: absent if it neither runs nor waits; None for anything else."""
    if not isinstance(body, Mapping):
        return None
    for key, running in (("queue_running", True), ("queue_pending", False)):
        jobs = body.get(key)
        if not isinstance(jobs, list):
            return None
        if any(isinstance(job, list) and len(job) > 1 and job[1] == name for job in jobs):
            return JobWaits(running)
    return JobAbsent()


def _ended(job: Mapping[str, Any], titles: Mapping[str, str]) -> ComfyJobState | None:
    """An entry of the history. `status` is absent on servers of 2023."""
    status = job.get("status")
    if isinstance(status, Mapping):
        wrong = _error_in(status, titles)
        if wrong is not None:
            return wrong
    outputs = job.get("outputs")
    return JobFinished(outputs) if isinstance(outputs, Mapping) else None


def _error_in(status: Mapping[str, Any], titles: Mapping[str, str]) -> JobFailed | None:
    messages = status.get("messages")
    for entry in messages if isinstance(messages, list) else ():
        if not isinstance(entry, list) or len(entry) < 2:
            continue
        if entry[0] == "execution_interrupted":
            return JobFailed("it was cancelled on the server", cancelled=True)
        if entry[0] == "execution_error":
            return JobFailed(_execution_error(entry[1], titles))
    return JobFailed("the server says error, and not which") if status.get("status_str") == "error" else None


def _execution_error(told: Any, titles: Mapping[str, str]) -> str:
    if not isinstance(told, Mapping):
        return "the server says error, and not which"
    where = _node_name(str(told.get("node_id", "")), str(told.get("node_type", "")), titles)
    what = one_line(str(told.get("exception_message") or told.get("exception_type") or "an error"), _TEXT)
    return f"{where}: {what}" if where else what


def workflow_refusal(body: Any, titles: Mapping[str, str]) -> str:
    """The message of a workflow that the server refuses (400), with the titles of the nodes that are wrong."""
    if not isinstance(body, Mapping):
        return "the server gives no reason"
    errors = [*_node_errors(body.get("node_errors"), titles)]
    if errors:
        more = f"; {len(errors) - _SHOWN_ERRORS} more errors" if len(errors) > _SHOWN_ERRORS else ""
        return "; ".join(errors[:_SHOWN_ERRORS]) + more
    error = body.get("error")
    if isinstance(error, Mapping):
        parts = (str(error.get(name) or "") for name in ("message", "details"))
        return one_line(": ".join(part for part in parts if part), _TEXT) or "the server gives no reason"
    return one_line(str(error or ""), _TEXT) or "the server gives no reason"


def _node_errors(errors: Any, titles: Mapping[str, str]) -> Iterator[str]:
    for name, node in errors.items() if isinstance(errors, Mapping) else ():
        told = node.get("errors") if isinstance(node, Mapping) else None
        for error in told if isinstance(told, list) else ():
            if isinstance(error, Mapping):
                where = _node_name(str(name), str(node.get("class_type", "")), titles)
                what = ": ".join(str(error[key]) for key in ("message", "details") if error.get(key))
                yield f"{where}: {one_line(what, _TEXT)}"


def _node_name(name: str, kind: str, titles: Mapping[str, str]) -> str:
    """The title of a node, which its author knows; else its class."""
    title = titles.get(name) or kind
    return f'"{one_line(title, _TEXT)}"' if title else ""


def server_image(outputs: Mapping[str, Any], node: str) -> ServerImage | str:
    """The first image of a node, or the reason that there is none."""
    given = outputs.get(node)
    images = given.get("images") if isinstance(given, Mapping) else None
    if not isinstance(images, list) or not images:
        return "the workflow has ended, and gave no image"
    first = images[0]
    if not isinstance(first, Mapping):
        return "the server names no file of the image"
    name, folder, kind = (first.get(key, "") for key in ("filename", "subfolder", "type"))
    texts = (name, folder, kind)
    if not all(isinstance(text, str) and len(text) <= _NAME for text in texts) or not name or kind not in _KINDS:
        return "the server names no file of the image"
    return ServerImage(name, folder, kind)


def is_paid(described: Any) -> bool:
    """Whether nodes of a class call a service that costs money, by their description."""
    return isinstance(described, Mapping) and bool(described.get("api_node"))


def pack_of(described: Any) -> str:
    """The node pack that a class comes from; "" for one of ComfyUI itself."""
    module = described.get("python_module") if isinstance(described, Mapping) else None
    if not isinstance(module, str) or not module.startswith("custom_nodes."):
        return ""
    return one_line(module.removeprefix("custom_nodes."), 100)


def versions_in(body: Any) -> dict[str, str]:
    """The versions that `/system_stats` tells, for the lockfile."""
    system = body.get("system") if isinstance(body, Mapping) else None
    if not isinstance(system, Mapping):
        return {}
    names = {"comfyui_version": "comfyui", "pytorch_version": "pytorch"}
    return {names[key]: one_line(told, 60) for key in names if isinstance(told := system.get(key), str) and told}
