"""Look a job up at a ComfyUI server, by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reconciler.providers.comfyui.answers import ComfyJobState, JobAbsent, history_state, job_state, queue_state
from reconciler.providers.comfyui.server import ComfyServer, JsonAnswer, Lost


async def job_at(server: ComfyServer, name: str, titles: Mapping[str, str]) -> ComfyJobState | Lost:
    """The state of a job. An old server tells it in two places, and a job may pass from one to the other."""
    answered = await server.job(name)
    if isinstance(answered, Lost):
        return answered
    if answered.status == 200:
        state = job_state(answered.body, titles)
        if state is not None:
            return state
    if answered.status == 404 and isinstance(answered.body, dict) and "error" in answered.body:
        return JobAbsent()
    for ended in (True, False, True):
        told = await (server.history(name) if ended else server.queued())
        read = partial(_state, name=name, titles=titles, ended=ended)
        found = _told(told, read)
        if not isinstance(found, JobAbsent):
            return found
    return JobAbsent()


def _state(body: Any, *, name: str, titles: Mapping[str, str], ended: bool) -> ComfyJobState | None:
    return history_state(body, name, titles) if ended else queue_state(body, name)


def _told(answered: JsonAnswer | Lost, read: Callable[[Any], ComfyJobState | None]) -> ComfyJobState | Lost:
    """The state in an answer. An answer of another shape is none."""
    if isinstance(answered, Lost):
        return answered
    state = read(answered.body) if answered.status == 200 else None
    return state if state is not None else Lost(f"the server answers {answered.status}, and not with a job", sent=True)
