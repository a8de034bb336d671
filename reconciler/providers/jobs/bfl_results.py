"""What the API of Black Forest Labs answers about a request. Source: its pages on integration and on errors."""

from __future__ import annotations

from reconciler.core.digest import Json
from reconciler.core.jobs import JobAccepted, JobNotFound
from reconciler.core.outcome import BadOutput, Refused
from reconciler.providers.http.origins import Base, WebOrigin
from reconciler.providers.jobs.api import JobApi, JobDone, JobWorks, LookState, json_of, text_of
from reconciler.providers.responses.api_error import api_error_of
from reconciler.providers.responses.reply import Reply

_KEPT = 600
"""Seconds after which the URL of an image ends."""
_DOMAIN = ".bfl.ai"


def _own(origin: WebOrigin, base: Base) -> bool:
    """Requests are answered by regional servers."""
    regional = base.origin.host.endswith(_DOMAIN) and origin.scheme == "https" and origin.host.endswith(_DOMAIN)
    return origin == base.origin or (regional and origin.port == base.origin.port)


def _accepted(value: Json) -> JobAccepted | None:
    found = value if isinstance(value, dict) else {}
    job, url = text_of(found.get("id")), text_of(found.get("polling_url"))
    return JobAccepted(job, url) if job else None


def _state(reply: Reply) -> LookState:
    found = json_of(reply)
    status, fault = text_of(found.get("status")), f"{reply.status} {api_error_of(reply)}".strip()
    if reply.status == 404 or status == "Task not found":
        return JobNotFound(status or fault)
    if not 200 <= reply.status < 300:
        return JobWorks(f"cannot look at the job: {fault}")
    match status:
        case "Ready":
            return JobDone()
        case "Request Moderated" | "Content Moderated":
            return Refused(f"{status}, which is not charged")
        case "Error" | "Failed":
            return BadOutput(f"the job failed: {fault}")
        case _:
            return JobWorks(f"the job is {status.lower() or 'not done yet'}")


BFL_RESULTS = JobApi(accepted=_accepted, state=_state, own=_own, results_live=_KEPT)
