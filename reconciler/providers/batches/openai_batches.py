"""OpenAI's Batch API: a file of requests, one job, and a file of results and one of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from reconciler.core.batches.jobs import BatchJob, JobState, LineAnswer
from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.providers.batches.api import (
    JOBS_A_PAGE,
    BatchApi,
    NewBatch,
    json_count,
    json_object,
    json_string,
    no_second_request,
)
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import (
    Attachment,
    Base64File,
    Part,
    Piece,
    RequestJson,
    WireRequest,
    form_request,
    json_pieces,
    json_request,
)

FILES = "/v1/files"
JOBS_PATH = "/v1/batches"
NONCE = "reconciler"
"""The key in the metadata of a job under which its name is found again."""
_STATES = {
    "completed": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "expired": JobState.EXPIRED,
    "cancelled": JobState.CANCELLED,
}


def _endpoint(base: Base, wire: WireRequest) -> str | Rejected:
    if not wire.json:
        return Rejected("a batch takes JSON, and this request is a form")
    return f"/v1/{wire.url.removeprefix(base.url('/v1/'))}"


def _line(base: Base, attempt: str, wire: WireRequest) -> tuple[Piece, ...]:
    endpoint = _endpoint(base, wire)
    named: dict[str, RequestJson] = {
        "custom_id": attempt,
        "method": "POST",
        "url": str(endpoint),
        "body": _with_image_urls(wire.json),
    }
    return (*json_pieces(named), b"\n")


def _with_image_urls(body: Mapping[str, RequestJson]) -> Mapping[str, RequestJson]:
    """The body with its images as this API takes them in JSON: each an object with a URL."""
    image, mask = body.get("image"), body.get("mask")
    if image is None:
        return body
    images = [image] if isinstance(image, Base64File) else list(image) if isinstance(image, Sequence) else []
    kept: dict[str, RequestJson] = {name: value for name, value in body.items() if name not in ("image", "mask")}
    kept["images"] = [{"image_url": each} for each in images]
    return kept if mask is None else {**kept, "mask": {"image_url": mask}}


def _upload(base: Base, name: str, file: Attachment) -> WireRequest:
    parts = (Part("purpose", "batch"), Part("file", file, f"{name}.jsonl"))
    return form_request(base.url(FILES), parts, boundary=f"reconciler-{name}-{file.content[-16:]}")


def _uploaded(value: Json) -> str:
    return json_string(json_object(value).get("id"))


def _create(base: Base, new: NewBatch) -> WireRequest:
    body: dict[str, RequestJson] = {
        "input_file_id": new.upload,
        "endpoint": new.endpoint,
        "completion_window": "24h",
        "metadata": {NONCE: new.name},
    }
    return json_request(base.url(JOBS_PATH), body)


def _look(base: Base, job: str) -> WireRequest:
    return WireRequest("GET", base.url(f"{JOBS_PATH}/{quote(job, safe='')}"))


def _listing(base: Base, token: str) -> WireRequest:
    after = f"&after={quote(token, safe='')}" if token else ""
    return WireRequest("GET", base.url(f"{JOBS_PATH}?limit={JOBS_A_PAGE}{after}"))


def _cancel(base: Base, job: str) -> WireRequest:
    return json_request(base.url(f"{JOBS_PATH}/{quote(job, safe='')}/cancel"), {})


def _results(base: Base, file: str) -> WireRequest:
    return WireRequest("GET", base.url(f"{FILES}/{quote(file, safe='')}/content"))


def _job(value: Json) -> BatchJob | None:
    body = json_object(value)
    if body.get("object", "batch") != "batch" or not json_string(body.get("id")):
        return None
    counts = json_object(body.get("request_counts"))
    files = tuple(filter(None, (json_string(body.get("output_file_id")), json_string(body.get("error_file_id")))))
    errors = json_object(body.get("errors")).get("data")
    messages = [json_string(json_object(error).get("message")) for error in errors] if isinstance(errors, list) else []
    return BatchJob(
        json_string(body["id"]),
        json_string(json_object(body.get("metadata")).get(NONCE)),
        _STATES.get(json_string(body.get("status")), JobState.WORKING),
        files,
        "; ".join(filter(None, messages[:3])),
        json_count(counts.get("completed")) + json_count(counts.get("failed")),
        json_count(counts.get("total")),
    )


def _page(value: Json) -> tuple[tuple[BatchJob, ...], str] | None:
    data = json_object(value).get("data")
    if not isinstance(data, list):
        return None
    jobs = tuple(job for each in data if (job := _job(each)) is not None)
    more = json_object(value).get("has_more") is True
    last = json_string(json_object(value).get("last_id")) or (jobs[-1].job if jobs else "")
    return jobs, last if more else ""


def _answer(value: Json) -> LineAnswer | None:
    body = json_object(value)
    attempt = json_string(body.get("custom_id"))
    if not attempt:
        return None
    response, error = body.get("response"), body.get("error")
    if isinstance(response, Mapping):
        status = json_count(response.get("status_code"))
        return LineAnswer(attempt, status, response.get("body"), json_string(response.get("request_id")))
    return LineAnswer(attempt, 0, {"error": error if isinstance(error, Mapping) else {"message": json_string(error)}})


OPENAI_BATCHES = BatchApi(
    most_bytes=190_000_000,
    endpoint=_endpoint,
    line=_line,
    upload=_upload,
    upload_rest=no_second_request,
    uploaded=_uploaded,
    create=_create,
    look=_look,
    listing=_listing,
    cancel=_cancel,
    results=_results,
    job=_job,
    page=_page,
    answer=_answer,
)
