"""What Replicate answers about predictions. Source: its HTTP API, and its pages on the lifecycle and data retention."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.core.digest import Json
from reconciler.core.jobs import JobAccepted, JobNotFound
from reconciler.core.outcome import BadOutput, NotSent, Refused
from reconciler.providers.jobs.api import JobApi, JobDone, JobWorks, LookState, Sent, json_of, text_of
from reconciler.providers.responses.api_error import ApiError, api_error_of
from reconciler.providers.responses.reply import Reply

_SKEW = timedelta(seconds=60)
_KEPT = 3600
"""Seconds after which inputs and outputs are deleted."""


def _accepted(value: Json) -> JobAccepted | None:
    found = value if isinstance(value, dict) else {}
    urls = found.get("urls")
    job, url = text_of(found.get("id")), text_of(urls.get("get")) if isinstance(urls, dict) else ""
    return JobAccepted(job, url) if job else None


def _state(reply: Reply) -> LookState:
    found = json_of(reply)
    status, fault = text_of(found.get("status")), f"{reply.status} {api_error_of(reply)}".strip()
    if reply.status == 404:
        return JobNotFound(fault)
    if not 200 <= reply.status < 300:
        return JobWorks(f"cannot look at the job: {fault}")
    message = text_of(found.get("error")) or "no reason given"
    match status:
        case "succeeded" if found.get("output"):
            return JobDone()
        case "succeeded":
            return BadOutput("the job succeeded, and its output was deleted or is empty")
        case "failed":
            failed = f"the job failed: {message}"
            return Refused(failed) if _declines(message) else BadOutput(failed)
        case "canceled":
            return BadOutput(f"the job was cancelled at the provider: {message}")
        case "aborted":
            return NotSent(f"the job was given up before it began: {message}", final=True)
        case _:
            return JobWorks(f"the job is {status or 'not done yet'}")


def _declines(message: str) -> bool:
    return ApiError(message).refusal or "NSFW" in message


def _listed(value: Json, sent: Sent, since: datetime) -> tuple[JobAccepted, ...]:
    """The predictions with the very input of a request. Image data in an input is not listed as it was sent: such a
    request is never found."""
    results = value.get("results") if isinstance(value, dict) else None
    entries = [entry for entry in results if isinstance(entry, dict)] if isinstance(results, list) else []
    jobs = (_accepted(entry) for entry in entries if entry.get("input") == sent.get("input") and _is_new(entry, since))
    return tuple(job for job in jobs if job is not None)


def _is_new(entry: Mapping[str, Json], since: datetime) -> bool:
    """Whether a prediction was created after a point in time, by clocks that differ a little."""
    try:
        return datetime.fromisoformat(text_of(entry.get("created_at"))) > since - _SKEW
    except (ValueError, TypeError):
        return False


PREDICTIONS = JobApi(accepted=_accepted, state=_state, results_live=_KEPT, listing="/v1/predictions", listed=_listed)
