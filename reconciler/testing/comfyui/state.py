"""The jobs of a fake ComfyUI server: a queue, one worker, a history, the images that it has made."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.testing.gateway.pictures import picture

FAULTS = ("oom", "no_image", "lost_file", "wrong_size", "interrupted")
"""How a job goes wrong: out of memory, no image, an image that is deleted, one of another size, a cancellation."""
_CORE = ("CLIPTextEncode", "CheckpointLoaderSimple", "EmptyLatentImage", "KSampler", "LoadImage", "PreviewImage")
CLASSES: dict[str, dict[str, Any]] = {
    **{name: {"name": name, "python_module": "nodes"} for name in (*_CORE, "SaveImage", "VAEDecode")},
    "FaceDetailer": {"name": "FaceDetailer", "python_module": "custom_nodes.ComfyUI-Impact-Pack"},
    "FluxProUltraImageNode": {
        "name": "FluxProUltraImageNode",
        "python_module": "comfy_api_nodes.nodes_bfl",
        "api_node": True,
    },
}
"""The classes of nodes that the server has, as `/object_info` describes them."""
CHECKPOINTS = ("toy.safetensors",)


@dataclass
class ComfyJob:
    """One job: `state` is pending, running, success, error or interrupted."""

    name: str
    number: int
    workflow: Mapping[str, Any]
    state: str = "pending"
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None


class ComfyState:
    """All that the server knows. Its methods are called with the lock held, or take it."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.jobs: list[ComfyJob] = []
        self.faults: list[str] = []
        self.images: dict[str, bytes] = {}
        self.uploads: list[tuple[str, bytes]] = []
        self.held = False
        self.closed = False

    def queue(self, workflow: Mapping[str, Any], name: str) -> ComfyJob:
        """Add a job. A second one of the same name is not refused, as by ComfyUI."""
        with self.lock:
            job = ComfyJob(name or str(uuid.uuid4()), len(self.jobs), workflow)
            self.jobs.append(job)
            self.lock.notify_all()
            return job

    def named(self, name: str) -> ComfyJob | None:
        """The latest job of a name, those of the history first."""
        with self.lock:
            found = [job for job in self.jobs if job.name == name]
            ended = [job for job in found if job.state not in ("pending", "running")]
            return (ended or found)[-1] if found else None

    def cancel(self, name: str) -> bool:
        """Whether there was something to cancel."""
        with self.lock:
            for job in self.jobs:
                if job.name == name and job.state in ("pending", "running"):
                    job.state = "interrupted"
                    self.lock.notify_all()
                    return True
        return False

    def work(self) -> None:
        """Run one job after the other, in a thread of its own."""
        while True:
            with self.lock:
                self.lock.wait_for(lambda: self.closed or any(job.state == "pending" for job in self.jobs))
                if self.closed:
                    return
                job = next(job for job in self.jobs if job.state == "pending")
                job.state = "running"
                self.lock.notify_all()
                while self.held and job.state == "running" and not self.closed:
                    self.lock.wait()
                if job.state == "running" and not self.closed:
                    self._run(job, self.faults.pop(0) if self.faults else "")
                self.lock.notify_all()

    def _run(self, job: ComfyJob, fault: str) -> None:
        node, sampler = _first(job.workflow, "SaveImage"), _first(job.workflow, "KSampler")
        if fault == "oom":
            kind = str(job.workflow[sampler]["class_type"]) if sampler else ""
            job.error = {
                "prompt_id": job.name,
                "node_id": sampler,
                "node_type": kind,
                "exception_type": "torch.OutOfMemoryError",
                "exception_message": "Allocation on device 0 would exceed allowed memory. (out of memory)",
            }
            job.state = "error"
            return
        if fault == "interrupted":
            job.state = "interrupted"
            return
        name = f"ComfyUI_{job.number + 1:05}_.png"
        if fault != "no_image":
            width, height = size_of(job.workflow) if fault != "wrong_size" else (64, 16)
            drawn = {key: each for key, each in job.workflow.items() if each["class_type"] != "SaveImage"}
            mark = hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).digest()[:16]
            if fault != "lost_file":
                self.images[name] = picture("png", width, height, mark).data
            job.outputs[node] = {"images": [{"filename": name, "subfolder": "", "type": "output"}]}
        job.state = "success"


def size_of(workflow: Mapping[str, Any]) -> tuple[int, int]:
    """The size of the image that a workflow draws."""
    node = _first(workflow, "EmptyLatentImage")
    inputs = workflow[node]["inputs"] if node else {}
    return int(inputs.get("width", 512)), int(inputs.get("height", 512))


def _first(workflow: Mapping[str, Any], kind: str) -> str:
    return next((name for name, node in workflow.items() if node["class_type"] == kind), "")
