"""A ComfyUI server over real sockets, without models: it draws patterns, and keeps a list of its jobs.

In a test::

    from reconciler.testing.comfyui import running_comfyui

    with running_comfyui() as comfy:
        provider = make(base_url=comfy.origin)
        comfy.hold()                 # jobs stay in the queue until comfy.release()
        comfy.faults.append("oom")   # the next job fails; see `FAULTS`
        comfy.jobs                   # every job that was queued, with its state and its workflow

The routes have the shapes of `server.py` and `comfy_execution/jobs.py` of ComfyUI: `/prompt`, `/api/jobs/{id}` and its
`/cancel`, `/history/{id}`, `/queue`, `/interrupt`, `/view`, `/upload/image`, `/object_info/{class}`, `/system_stats`.
`running_comfyui(old=True)` is a server without `/api/jobs` that chooses the ids of its jobs itself.
"""

from __future__ import annotations

from reconciler.testing.comfyui.server import FakeComfy, running_comfyui
from reconciler.testing.comfyui.state import FAULTS, ComfyJob
from reconciler.testing.comfyui.workflows import FILL, a_workflow

__all__ = ["FAULTS", "FILL", "ComfyJob", "FakeComfy", "a_workflow", "running_comfyui"]
