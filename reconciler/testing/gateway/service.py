"""Decide the response to a request and the charge for it. No sockets."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.testing.gateway import error_responses, faults, image_responses, injection
from reconciler.testing.gateway.batch_job import BilledLine
from reconciler.testing.gateway.batches import BatchDesk
from reconciler.testing.gateway.capabilities import MODELS, AcceptedRequest, InvalidRequest, accept
from reconciler.testing.gateway.custom_api import CustomApi
from reconciler.testing.gateway.parsed_request import ParsedRequest
from reconciler.testing.gateway.rules import Rules
from reconciler.testing.gateway.wire import Request, Response

IMAGES = "/v1/images/(generations|edits)"
NATIVE = "/v1beta/models/[^/:]+:generateContent"
PAID = {"gravitex": f"{IMAGES}|{NATIVE}", "gemini": NATIVE, "openai": IMAGES, "local": IMAGES}
LISTS = {"gravitex": "/v1/models", "gemini": "/v1beta/models", "openai": "/v1/models", "local": "/v1/models"}
OTHER_HOST = "other_host"
KEY = "sk-fake-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a gateway. `delay`: seconds before each image. `size`: bytes to pad each image to.

    `pace`: seconds between the bytes of a slow response. `retry_after`: seconds in the Retry-After of a 429. `gateway`:
    gravitex behaves as its documentation ("documented") or as its published source ("source"). `rate`: bytes a second
    of all downloads of batch results together; 0 is no limit.
    """

    key: str = KEY
    seed: int | None = None
    delay: float = 0.0
    size: int = 0
    pace: float = 1.0
    retry_after: float = 7.0
    gateway: str = "documented"
    rate: float = 0.0
    apis: Mapping[str, CustomApi] = field(default_factory=dict)
    """Further dialects by name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A response and the way it is sent. `amount` is the charge; None: nothing is charged."""

    response: Response
    send: injection.Send = injection.whole
    kind: str = "paid"
    fault: str = "ok"
    wanted: str = ""
    amount: str | None = None
    lines: tuple[BilledLine, ...] = ()
    """The requests of a batch that this request creates."""


class Service:
    """Chooses a response for each request. `urls` is filled by the server as it opens its listeners."""

    def __init__(self, options: Options, rules: Rules, urls: Mapping[str, str], seed: int) -> None:
        self._options, self._rules, self._urls, self._seed = options, rules, urls, seed
        self._marks = 0
        self._paid_paths = PAID | {name: api.path for name, api in options.apis.items()}
        self._models_paths = LISTS | {name: api.models_path for name, api in options.apis.items()}
        self._keyless = {"local", *(name for name, api in options.apis.items() if api.key_header is None)}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._line = injection.PacedLine(options.rate)
        self.batches = {name: self._desk(name) for name in ("gemini", "openai")}

    def _desk(self, dialect: str) -> BatchDesk:
        return BatchDesk(dialect, self._drawn, lambda: self._urls[dialect])

    def _drawn(self, dialect: str, parsed: ParsedRequest) -> tuple[Response, str, str | None]:
        """One request of a batch, drawn as if it had come alone."""
        decision = self.paid(dialect, parsed, key_ok=True, request_id=f"{self._marks:012}")
        return decision.response, decision.wanted, decision.amount

    def is_paid(self, dialect: str, request: Request) -> bool:
        """Whether a request asks for an image."""
        path = self._paid_paths.get(dialect)
        return path is not None and request.method == "POST" and re.fullmatch(path, request.path) is not None

    def paid(self, dialect: str, parsed: ParsedRequest, *, key_ok: bool | None, request_id: str) -> Decision:
        """The response to a request for an image, with the fault that the rules choose."""
        if not key_ok and dialect not in self._keyless:
            return Decision(error_responses.by_fault("401", dialect, request_id, wait=0))
        try:
            accepted = accept(dialect, parsed, gateway=self._options.gateway)
            fault = self._rules.choose(parsed.prompt)
        except InvalidRequest as error:
            error_body = error_responses.ErrorResponse(error.status, error.message, error.code, "invalid_request_error")
            return Decision(error_responses.error_response(dialect, error_body, request_id))
        except ValueError as error:
            return Decision(
                error_responses.error_response(
                    dialect, error_responses.ErrorResponse(400, str(error), "no_such_fault"), request_id
                )
            )
        return Decision(
            self._respond(dialect, accepted, fault, parsed.prompt, request_id),
            injection.SENDERS.get(fault, injection.whole),
            fault=fault,
            wanted=str(accepted),
            amount=accepted.amount if faults.charged(fault, dialect, accepted.route) else None,
        )

    def _respond(self, dialect: str, accepted: AcceptedRequest, fault: str, prompt: str, request_id: str) -> Response:
        publish = self._publisher(dialect)
        api = self._options.apis.get(dialect)
        payload = api.payload if api else dict
        context = image_responses.ResponseContext(
            dialect, request_id, prompt, self._options.size, self._mark, publish, payload
        )
        native = accepted.route == "native"
        if native and (fault == "prompt_blocked" or (fault == "moderation_blocked" and dialect == "gemini")):
            return image_responses.blocked(context, "PROHIBITED_CONTENT" if fault == "prompt_blocked" else "SAFETY")
        if fault in faults.FINISH and not native:
            fault = "502_empty_response" if dialect == "gravitex" else "moderation_blocked"
        if fault == "prompt_blocked" and dialect not in {"gravitex", "gemini"}:
            fault = "moderation_blocked"
        if fault in error_responses.RESPONSES:
            return error_responses.by_fault(fault, dialect, request_id, wait=self._options.retry_after)
        if fault == "redirect_307":
            return Response(307, (("Location", f"{self._urls[OTHER_HOST]}/v1/stolen"),), ())
        return image_responses.compose(accepted, fault, context)

    def _mark(self) -> bytes:
        self._marks += 1
        return hashlib.sha256(f"{self._seed}:{self._marks}".encode()).hexdigest()[:16].encode()

    def _publisher(self, dialect: str) -> Callable[[str, str, bytes], str]:
        def publish(how: str, form: str, data: bytes) -> str:
            name = f"/files/{how}/{len(self._files) + 1}.{form}"
            self._files[name] = (form, data)
            origin = {"by_relative_url": "", "url_foreign": self._urls[OTHER_HOST]}.get(how, self._urls[dialect])
            return origin + name

        return publish

    def free(self, dialect: str, request: Request, *, key_ok: bool | None, request_id: str) -> Decision:
        """The response to any other request: a list of models, an image by its URL, a misdirected request."""
        if dialect in self.batches and (key_ok or "upload_id=" in request.target):  # Google's address is a key itself
            reply = self.batches[dialect].serve(request)
            if reply is not None:
                send = self._line.send if reply.send == "whole" else injection.SENDERS[reply.send]
                return Decision(reply.response, send, kind="batch", lines=reply.lines)
        how = request.path.split("/")[2] if request.path.startswith("/files/") else ""
        found = self._files.get(request.path)
        if dialect not in self._paid_paths:
            body = self._file("", *found) if found else _json({"data": []})
            return Decision(body, kind="misdirected")
        if found and request.method == "GET" and how != "url_dead":
            send = injection.SENDERS["endless"] if how == "url_endless" else injection.whole
            return Decision(self._file(how, *found), send, kind="fetch", fault=how)
        if how:
            return Decision(error_responses.by_fault("404_html", dialect, request_id, wait=0), kind="fetch", fault=how)
        if request.method == "GET" and request.path in {self._models_paths[dialect], "/v1beta/models"}:
            allowed = key_ok or dialect in self._keyless
            refused = error_responses.by_fault("401", dialect, request_id, wait=0)
            return Decision(_models(request.path) if allowed else refused, kind="list")
        return Decision(error_responses.by_fault("404", dialect, request_id, wait=0), kind="other")

    def _file(self, how: str, form: str, data: bytes) -> Response:
        if how == "url_redirect":
            return Response(302, (("Location", f"{self._urls[OTHER_HOST]}/files/elsewhere"),), ())
        if how == "url_html":
            return Response(200, (("Content-Type", "text/html"),), (image_responses.PAGE,))
        return Response(200, (("Content-Type", f"image/{form}"),), (data,), (hashlib.sha256(data).hexdigest(),))


def _models(path: str) -> Response:
    if path.startswith("/v1beta"):
        return _json({"models": [{"name": f"models/{name}", "displayName": name} for name in MODELS]})
    return _json({"object": "list", "data": [{"id": name, "object": "model", "owned_by": "fake"} for name in MODELS]})


def _json(body: Any) -> Response:
    return Response(200, (("Content-Type", "application/json"),), (json.dumps(body).encode(),))
