"""Google's Batch API: a file of requests, one job, and a file of results."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from reconciler.core.batches.jobs import BatchJob, JobState, LineAnswer
from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.providers.batches.api import (
    JOBS_A_PAGE,
    BatchApi,
    NewBatch,
    ResponseHeaders,
    json_count,
    json_object,
    json_string,
)
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import (
    Attachment,
    Piece,
    RawFile,
    RequestJson,
    WireRequest,
    json_pieces,
    json_request,
)

_STATES = {
    "SUCCEEDED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "EXPIRED": JobState.EXPIRED,
    "CANCELLED": JobState.CANCELLED,
}
_HTTP_STATUS = {3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401}
"""The status of the HTTP response for the number of a Google error."""


def _endpoint(base: Base, wire: WireRequest) -> str | Rejected:
    if not wire.url.endswith(":generateContent"):
        return Rejected("a batch takes generateContent requests alone")
    return f"/v1beta/{wire.url.removeprefix(base.url('/v1beta/'))}"


def _line(base: Base, attempt: str, wire: WireRequest) -> tuple[Piece, ...]:
    return (*json_pieces({"key": attempt, "request": wire.json}), b"\n")


def _upload(base: Base, name: str, file: Attachment) -> WireRequest:
    headers = (
        ("Content-Type", "application/json"),
        ("X-Goog-Upload-Protocol", "resumable"),
        ("X-Goog-Upload-Command", "start"),
        ("X-Goog-Upload-Header-Content-Length", str(file.size)),
        ("X-Goog-Upload-Header-Content-Type", "application/jsonl"),
    )
    body = json_request("", {"file": {"displayName": f"{name}.jsonl"}})
    return WireRequest("POST", f"{_root(base)}/upload/v1beta/files", headers, body.pieces)


def _upload_rest(base: Base, headers: ResponseHeaders, file: Attachment) -> WireRequest | Rejected:
    """The bytes go where the server says, if that is the same server."""
    where = headers.get("x-goog-upload-url", "")
    if not where.startswith(f"{base.origin}/"):
        return Rejected(f"the file would be uploaded to {where or 'nowhere'}, which is not {base.origin}")
    fields = (("X-Goog-Upload-Offset", "0"), ("X-Goog-Upload-Command", "upload, finalize"))
    return WireRequest("POST", where, (("Content-Type", "application/jsonl"), *fields), (RawFile(file),))


def _root(base: Base) -> str:
    """The address below which upload/ and download/ lie, beside the path of the API."""
    return f"{base.origin}{base.path.removesuffix('/v1beta')}"


def _uploaded(value: Json) -> str:
    return json_string(json_object(json_object(value).get("file")).get("name"))


def _create(base: Base, new: NewBatch) -> WireRequest:
    model = quote(new.model.removeprefix("models/"), safe="")
    body: dict[str, RequestJson] = {"batch": {"displayName": new.name, "inputConfig": {"fileName": new.upload}}}
    return json_request(base.url(f"/v1beta/models/{model}:batchGenerateContent"), body)


def _look(base: Base, job: str) -> WireRequest:
    return WireRequest("GET", base.url(f"/v1beta/{_path(job)}"))


def _listing(base: Base, token: str) -> WireRequest:
    after = f"&pageToken={quote(token, safe='')}" if token else ""
    return WireRequest("GET", base.url(f"/v1beta/batches?pageSize={JOBS_A_PAGE}{after}"))


def _cancel(base: Base, job: str) -> WireRequest:
    return json_request(base.url(f"/v1beta/{_path(job)}:cancel"), {})


def _results(base: Base, file: str) -> WireRequest:
    return WireRequest("GET", f"{_root(base)}/download/v1beta/{_path(file)}:download?alt=media")


def _path(name: str) -> str:
    """`batches/123` as a part of a URL."""
    return "/".join(quote(part, safe="") for part in name.split("/"))


def _job(value: Json) -> BatchJob | None:
    body = json_object(value)
    name = json_string(body.get("name"))
    if not name.startswith("batches/"):
        return None
    told = json_object(body.get("metadata")) or body
    state = json_string(told.get("state")).rpartition("_STATE_")[2]
    output = json_object(body.get("response")) or json_object(told.get("output")) or json_object(told.get("dest"))
    file = json_string(output.get("responsesFile")) or json_string(output.get("fileName"))
    counts = json_object(told.get("batchStats"))
    done = json_count(counts.get("successfulRequestCount")) + json_count(counts.get("failedRequestCount"))
    message = json_string(json_object(body.get("error")).get("message"))
    known = _STATES.get(state)
    if known is None:
        known = JobState.FAILED if body.get("done") is True and message else JobState.WORKING
    return BatchJob(
        name,
        json_string(told.get("displayName")),
        known,
        (file,) if file else (),
        message,
        done,
        json_count(counts.get("requestCount")),
    )


def _page(value: Json) -> tuple[tuple[BatchJob, ...], str] | None:
    if not isinstance(value, Mapping) or "error" in value:
        return None
    listed = value.get("operations", value.get("batches", []))
    if not isinstance(listed, list):
        return None
    return tuple(job for each in listed if (job := _job(each)) is not None), json_string(value.get("nextPageToken"))


def _answer(value: Json) -> LineAnswer | None:
    body = json_object(value)
    attempt = json_string(body.get("key"))
    if not attempt:
        return None
    if isinstance(body.get("response"), Mapping):
        return LineAnswer(attempt, 200, body["response"])
    error = json_object(body.get("error") or body.get("status"))
    number = json_count(error.get("code"))
    return LineAnswer(attempt, _HTTP_STATUS.get(number, number if number > 99 else 500), {"error": error})


GEMINI_BATCHES = BatchApi(
    most_bytes=1_900_000_000,
    endpoint=_endpoint,
    line=_line,
    upload=_upload,
    upload_rest=_upload_rest,
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
