"""Text that a terminal or a CI log would obey, wherever it can come from."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from tests.hostile.case import Case
from tests.hostile.world import entry, lock, png, start, write

NASTY = (
    "s\n::error file=x::INJ", "::warning::x", "##[error]x", "\x1b[2J\x1b]0;title\x07", "\x9b2J", "\u202egnp", "\u2066x\u2069", "a\u200bb",
    "\x7f", "\u2028::error::x", "\x85::error::x", "\r::error::x", "\U000e0041", "\ufeffx", "a\u00adb", "::add-mask::x", "\u061cx",
    "x ##vso[task.setvariable variable=PATH]y", "##teamcity[message text='x']",
)  # fmt: skip
FIELDS = (
    "prompt",
    "model",
    "size",
    "style",
    "description",
    "output",
    "provider",
    "quality",
    "format",
    "references",
    "tags",
    "nonsense",
)
COMMANDS = (
    "validate",
    "plan",
    "plan --format json",
    "check",
    "check --format json",
    "explain sword",
    "show sword",
    "explain sword --format json",
    "graph",
    "provenance --format md",
    "release manifest",
)


def _field(field: str, value: str, root: Path) -> None:
    body = {"prompt": "A sword", field: [value] if field in ("style", "references", "tags") else value}
    start(root, spec=json.dumps(body) + "\n")


def _key(value: str, root: Path) -> None:
    start(root, spec="assets: {" + json.dumps(value) + ": {prompt: x}}\n")


def _project(field: str, value: str, root: Path) -> None:
    start(root, project=f"provider: draft\n{field}: {json.dumps(value)}\n")


def _file_name(value: str, root: Path) -> None:
    start(root)
    write(root, f"specs/{value}.yaml", "prompt: 7\n")


def _lock_value(value: str, root: Path) -> None:
    start(root)
    picture = png()
    made = {"at": value, "provider": value, "model": value, "request": value, "cost": value}
    locked = entry("assets/sword.png", picture, prompt="A sword") | {"made": made}
    refused = {value: {"key": "r1:" + "0" * 64, "words": value, "at": value}}
    lock(root, {"sword": locked, value: entry("assets/y.png", picture)}, refused=refused)
    write(root, "assets/sword.png", picture)


def _models(value: str, root: Path) -> None:
    start(
        root,
        project=f"provider: gravitex\nmodels: {{{json.dumps(value)}: {{prices: 7}}}}\ndefaults: {{model: {json.dumps(value)}}}\n",
    )


def _names(value: str) -> str:
    return ascii(value)[1:-1]


def _plan_file(value: str, root: Path) -> None:
    start(root)
    step = {"asset": value, "action": value, "output": value, "asked": value}
    write(root, "p.json", json.dumps({"plan": 1, "steps": [step], "options": {"include": [value]}, "lock": value}))


CASES = (
    *(Case(f"spec {field}: {_names(value)}", partial(_field, field, value), COMMANDS[:4]) for field in FIELDS for value in NASTY[:6]),
    *(Case(f"spec prompt, shown: {_names(value)}", partial(_field, "prompt", value), COMMANDS) for value in NASTY),
    *(Case(f"asset key: {_names(value)}", partial(_key, value), COMMANDS) for value in NASTY),
    *(Case(f"project {field}: {_names(value)}", partial(_project, field, value), COMMANDS[:5]) for field in ("specs", "outputs", "provider", "nonsense")
      for value in NASTY[:8]),
    *(Case(f"file name: {_names(value)}", partial(_file_name, value), COMMANDS[:5]) for value in NASTY if "/" not in value),
    *(Case(f"lockfile: {_names(value)}", partial(_lock_value, value), (*COMMANDS, "costs", "costs --format json", "recover", "prune --yes"))
      for value in NASTY),
    *(Case(f"model: {_names(value)}", partial(_models, value), (*COMMANDS[:5], "providers")) for value in NASTY[:8]),
    *(Case(f"plan file: {_names(value)}", partial(_plan_file, value), ("apply --plan p.json --yes",)) for value in NASTY[:8]),
)  # fmt: skip
