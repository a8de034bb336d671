"""Workflow files of a pull request: huge, deep, cyclic, elsewhere; and servers that answer with anything about jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.testing.comfyui import FILL, a_workflow, running_comfyui
from reconciler.testing.comfyui.routes import RouteAnswer
from tests.hostile.case import CANARY, Case
from tests.hostile.world import start, write

READ = ("validate", "check", "plan", "explain sword")
_SETTINGS = """provider: comfy
providers: {comfy: {type: comfyui, base_url: SERVER, timeouts: {connect: 2, first_byte: 2, idle: 2, total: 4}}}
"""
_OFFLINE = _SETTINGS.replace("SERVER", "'http://127.0.0.1:9'")
Nodes = dict[str, Any]


def _spec(more: str = "", fill: dict[str, str] | None = None) -> str:
    targets = json.dumps(FILL if fill is None else fill)
    return f"prompt: A sword\nsize: 64x64\nworkflow: workflows/w.json\nfill: {targets}\n{more}"


def _with(make: Callable[[], bytes], spec: str, root: Path) -> None:
    start(root, project=_OFFLINE, spec=spec)
    write(root, "workflows/w.json", make())


def _nodes(make: Callable[[], Nodes]) -> Callable[[], bytes]:
    return lambda: json.dumps(make()).encode()


def _chain(count: int) -> Nodes:
    """Nodes that each need the one before twice: 2 to the power of `count` ways lead to the image."""
    nodes: Nodes = {"n0": {"class_type": "A", "inputs": {}}}
    for number in range(1, count):
        before = [f"n{number - 1}", 0]
        nodes[f"n{number}"] = {"class_type": "A", "inputs": {"x": before, "y": before}}
    return {**nodes, "out": {"class_type": "SaveImage", "inputs": {"images": [f"n{count - 1}", 0]}}}


def _many() -> Nodes:
    return {str(number): {"class_type": "A"} for number in range(100_000)}


def _cycle() -> Nodes:
    nodes = _chain(5_000)
    nodes["n0"]["inputs"]["x"] = ["n4999", 0]
    return nodes


def _named(text: str) -> Nodes:
    nodes = a_workflow()
    nodes["7"]["_meta"]["title"], nodes["7"]["class_type"] = text, text
    return {
        **nodes,
        text: nodes.pop("7"),
        "3": {**nodes["3"], "inputs": {**nodes["3"]["inputs"], "negative": [text, 0]}},
    }


def _many_uses(root: Path) -> None:
    """10,000 assets that each fill a workflow of 3,000 nodes in another way."""
    start(root, project=f"{_OFFLINE}limits: {{assets: 10000}}\n", spec=None)
    nodes = _chain(3_000)
    nodes["n0"]["inputs"] = {f"i{number}": 1 for number in range(10_000)}
    nodes["n0"]["_meta"] = {"title": "T"}
    write(root, "workflows/w.json", json.dumps(nodes))
    for number in range(10_000):
        text = f"prompt: x\nworkflow: workflows/w.json\nfill: {{T.i{number}: prompt}}\n"
        write(root, f"specs/s{number}.yaml", text)


def _many_files(root: Path) -> None:
    start(root, project=_OFFLINE, spec=None)
    data = b" " * (3 << 20) + json.dumps(a_workflow()).encode()
    for number in range(40):
        write(root, f"workflows/w{number}.json", data)
        write(root, f"specs/s{number}.yaml", _spec().replace("w.json", f"w{number}.json"))


def _link(root: Path) -> None:
    start(root, project=_OFFLINE, spec=_spec())
    (root / "workflows").mkdir()
    (root / "workflows/w.json").symlink_to("../../secret.txt")


def _dots() -> str:
    return _spec(fill={**FILL, **{"." * 900 + str(number): "prompt" for number in range(200)}})


@contextmanager
def _answering(path: str, body: bytes, status: int) -> Iterator[str]:
    with running_comfyui() as comfy:
        comfy.answers[path] = RouteAnswer(status, body)
        yield comfy.origin


def _server(path: str, body: bytes, status: int = 200) -> dict[str, Any]:
    def build(root: Path) -> None:
        start(root, project=_SETTINGS, spec=_spec())
        write(root, "workflows/w.json", json.dumps(a_workflow()))

    return {"build": build, "server": partial(_answering, path, body, status)}


def _job(image: Any) -> bytes:
    status = {"status_str": "success", "messages": []}
    told = {"id": "x", "status": "completed", "execution_status": status, "outputs": {"1": {"images": [image]}}}
    return json.dumps(told).encode()


_HIDDEN = "\n::error file=x::INJ\x1b[31m\u202e##[error]"
_ERROR = json.dumps({"error": {"message": _HIDDEN * 50}, "node_errors": {"1": {"errors": [{"message": _HIDDEN}]}}})
_APPLY = ("apply --yes", "check", "show sword")

CASES = (
    Case("workflow: 100,000 nodes", partial(_with, _nodes(_many), _spec()), READ, says={"check": "more than 10,000"}),
    Case("workflow: 9,999 nodes in a chain", partial(_with, _nodes(partial(_chain, 9_998)), _spec(fill={})), READ),
    Case("workflow: a cycle", partial(_with, _nodes(_cycle), _spec(fill={})), READ, says={"check": "its own result"}),
    Case("workflow: nested lists", partial(_with, lambda: b"[" * 3_000_000, _spec()), READ),
    Case("workflow: 5 MiB", partial(_with, lambda: b" " * (5 << 20), _spec()), READ, says={"check": "larger than 4"}),
    Case("workflow: 10,000 ways to fill it", _many_uses, ("check",), says={"check": "are too large"}),
    Case("workflow: 40 files of 3 MiB", _many_files, ("check",), says={"check": "the other workflows are larger"}),
    Case("workflow: a link to a secret", _link, READ, says={"check": "a link that leaves the project"}),
    Case("workflow: targets of dots", partial(_with, _nodes(a_workflow), _dots()), READ),
    Case("workflow: hidden text in titles", partial(_with, _nodes(partial(_named, _HIDDEN)), _spec()), READ),
    Case(
        "workflow: a title with a workflow command is missing",
        partial(_with, _nodes(partial(_named, "::error::x")), _spec(fill={**FILL, "::error::y.text": "prompt"})), READ,
    ),
    Case("comfyui: hidden text in an error", commands=_APPLY, **_server("/prompt", _ERROR.encode(), 400)),
    Case("comfyui: lists in lists", commands=_APPLY, **_server("/api/jobs", b"[" * (2 << 20))),
    Case("comfyui: 20 MiB about a job", commands=_APPLY, **_server("/api/jobs", b'{"a":"' + b"x" * (20 << 20))),
    Case(
        "comfyui: an image elsewhere", commands=_APPLY,
        **_server("/api/jobs", _job({"filename": f"../../{CANARY[:3]}.txt", "subfolder": "/etc", "type": "output"})),
    ),
    Case("comfyui: a redirect", commands=_APPLY, **_server("/view", b"http://169.254.169.254/latest", 302)),
    Case("comfyui: nodes of any shape", commands=_APPLY, **_server("/object_info", b'{"KSampler": [[[1]]]}')),
)  # fmt: skip
