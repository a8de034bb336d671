"""All that is known of one asset, as one value for programs and as lines for people. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.text import one_line, printable
from reconciler.report.formats import Printed, document, separated
from reconciler.report.plan_json import step_json
from reconciler.report.plan_text import describe

_WIDTH = 100


def asset_json(step: Step, now: datetime, *, elsewhere: tuple[str, ...]) -> dict[str, Any]:
    """One asset for programs. `elsewhere` are the places, other than its output, that have the locked bytes."""
    told: dict[str, Any] = {"asset": step.asset, "state": state_json(step, now), "output": step.output}
    if isinstance(step, AssetStep):
        told["spec"] = str(step.spec.place(""))
        told["provider"] = step.spec.provider
        told["description"] = step.spec.description
        told["tags"] = list(step.spec.tags)
    entry = locked_entry(step)
    told["locked"] = _entry_json(entry, elsewhere) if entry is not None else None
    if entry is not None and isinstance(step, AssetStep) and step.origin is not None:
        told["locked"]["under"] = step.origin
    return told


def state_json(step: Step, now: datetime) -> dict[str, Any]:
    """What plan says of it, with what a person can do."""
    text = describe(step, now)
    told = {name: value for name, value in step_json(step).items() if name not in ("asset", "output")}
    return told | {"words": text.reason, "hint": text.hint}


def _entry_json(entry: LockEntry, elsewhere: tuple[str, ...]) -> dict[str, Any]:
    image, made = entry.image, entry.made
    return {
        "output": entry.output,
        "content": entry.content,
        "image": {"format": image.format, "width": image.width, "height": image.height, "bytes": image.size},
        "made": {
            "at": made.at,
            "provider": made.provider,
            "model": made.model,
            "cost": made.cost,
            "request": made.request,
            "usage": dict(made.usage),
        },
        "recipe": {"key": entry.key, **entry.recipe},
        "elsewhere": list(elsewhere),
    }


def show_text(facts: Sequence[Mapping[str, Any]]) -> Printed:
    """The assets for people. `facts` are values of `asset_json`."""
    return separated(map(asset_lines, facts))


def show_json(facts: Sequence[Mapping[str, Any]]) -> Printed:
    """The same for programs."""
    return document({"show": 1, "assets": facts})


def asset_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """One asset for people."""
    yield printable(told["asset"])
    yield from _rows(_facts(told))
    if told["state"]["hint"]:
        yield f"  hint: {told['state']['hint']}"


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", told["state"]["words"]
    if told.get("spec"):
        yield "spec", told["spec"]
    if told.get("description"):
        yield "description", told["description"]
    if told.get("tags"):
        yield "tags", ", ".join(told["tags"])
    yield "output", told["output"]
    locked = told["locked"]
    if locked is None:
        yield "locked", "nothing yet"
        return
    if locked["output"] != told["output"]:
        yield "locked at", locked["output"]
    if locked.get("under"):
        yield "locked as", locked["under"]
    yield "content", locked["content"]
    image = locked["image"]
    yield "image", f"{image['format']}, {image['width']}x{image['height']} pixels, {image['bytes']:,} bytes"
    made = locked["made"]
    if made["provider"] == "adopted":
        yield "adopted", f"on {made['at']}"
    else:
        yield "made", ", ".join(filter(None, (made["at"], f"by {made['provider']}", made["model"], made["cost"])))
    if made["request"]:
        yield "request", made["request"]
    yield "recipe", locked["recipe"]["key"]
    if locked["recipe"].get("prompt"):
        yield "prompt", locked["recipe"]["prompt"]
    yield "also in", ", ".join(locked["elsewhere"]) or "nowhere else that was found"


def _rows(facts: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, value in facts:
        yield f"  {name:<12} {one_line(value, _WIDTH)}"
