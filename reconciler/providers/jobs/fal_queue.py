"""What the queue of fal.ai answers. Source: its documentation of the queue, of request errors and of billing."""

from __future__ import annotations

from reconciler.core.digest import Json
from reconciler.core.jobs import JobAccepted, JobNotFound
from reconciler.core.outcome import BadOutput, NotSent, Refused
from reconciler.providers.jobs.api import JobApi, JobDone, JobResult, JobWorks, LookState, json_of, text_of
from reconciler.providers.responses.api_error import api_error_of
from reconciler.providers.responses.reply import Reply

_LOOK_AGAIN = frozenset({401, 402, 403, 408, 423, 425, 429})
"""Statuses that are about this look, and say nothing about the job."""


def _accepted(value: Json) -> JobAccepted | None:
    found = value if isinstance(value, dict) else {}
    job, url = text_of(found.get("request_id")), text_of(found.get("status_url"))
    return JobAccepted(job, url) if job else None


def _state(reply: Reply) -> LookState:
    found = json_of(reply)
    status, fault = text_of(found.get("status")), f"{reply.status} {api_error_of(reply)}".strip()
    if reply.status == 404:
        return JobNotFound(fault)
    if not 200 <= reply.status < 300:
        return JobWorks(f"cannot look at the job: {fault}")
    if status == "COMPLETED":
        return JobResult(text_of(found.get("response_url")))
    if status == "FAILED":
        return BadOutput(f"the job failed: {fault}")
    if status in ("CANCELED", "CANCELLED"):
        return BadOutput("the job was cancelled at the provider")
    return JobWorks(f"the job is {status.replace('_', ' ').lower() or 'not done yet'}")


def _result(reply: Reply) -> LookState:
    """An error of the server is not charged, one of the request may be."""
    error = api_error_of(reply)
    fault = f"{reply.status} {error}".strip()
    if 200 <= reply.status < 300:
        return JobDone()
    if reply.status == 404:
        return JobNotFound(fault)
    if reply.status in _LOOK_AGAIN or 300 <= reply.status < 400:
        return JobWorks(f"cannot fetch the result: {fault}")
    if reply.status < 500:
        return Refused(fault) if error.refusal or _declines(reply) else BadOutput(f"the job failed: {fault}")
    told = text_of(json_of(reply).get("error_type")) or reply.headers.get("x-fal-error-type", "")
    if told:
        return NotSent(f"the job failed and is not charged: {fault} ({told})", final=True)
    return JobWorks(f"cannot fetch the result: {fault}")


def _declines(reply: Reply) -> bool:
    """Whether one of the listed errors of a request is that of a content filter."""
    detail = json_of(reply).get("detail")
    entries = [entry for entry in detail if isinstance(entry, dict)] if isinstance(detail, list) else []
    return any("content_policy" in text_of(entry.get("type")) for entry in entries)


FAL_QUEUE = JobApi(accepted=_accepted, state=_state, result=_result)
