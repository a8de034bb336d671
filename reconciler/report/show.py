"""The state, spec and lock entry of one asset, as JSON and as text. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.lock.entry import ADOPTED, IMPORTED, answer_json
from reconciler.core.lock.lockfile import Answer, Lock, LockEntry
from reconciler.core.plan.actions import Generate, Hold
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.text import one_line, printable
from reconciler.report.formats import Printed, document, separated
from reconciler.report.plan_json import step_json
from reconciler.report.plan_text import describe

_WIDTH = 100


def answer_of(step: Step, lock: Lock) -> Answer | None:
    """The recorded answer for which a step is held, or the last one of its asset."""
    otherwise = step.action.otherwise if isinstance(step.action, Hold) else None
    key = otherwise.key if isinstance(otherwise, Generate) else None
    known = (answer for answer in lock.answers.values() if answer.key == key)
    return next(known, lock.answers.get(step.asset))


def asset_json(
    step: Step,
    now: datetime,
    *,
    elsewhere: tuple[str, ...],
    answer: Answer | None = None,
    review: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One asset for programs. `elsewhere` are the places besides its output that hold the locked bytes; `answer` is a
    response without an image to lock; `review` is the result of the reviews of the locked image."""
    result: dict[str, Any] = {"asset": step.asset, "state": state_json(step, now), "output": step.output}
    if isinstance(step, AssetStep):
        result["spec"] = str(step.spec.place(""))
        result["provider"] = step.spec.provider
        result["description"] = step.spec.description
        result["tags"] = list(step.spec.tags)
        rights = step.spec.rights
        given = {"license": rights.license, "source": rights.source, "credit": rights.credit}
        result |= {name: text for name, text in given.items() if text}
    entry = locked_entry(step)
    result["locked"] = _entry_json(entry, elsewhere) if entry is not None else None
    if entry is not None and isinstance(step, AssetStep) and step.origin is not None:
        result["locked"]["under"] = step.origin
    if review is not None:
        result["review"] = review
    if answer is not None:
        result["answered"] = answer_json(answer)
    return result


def state_json(step: Step, now: datetime) -> dict[str, Any]:
    """Its step of the plan, with the next commands."""
    text = describe(step, now)
    result = {name: value for name, value in step_json(step).items() if name not in ("asset", "output")}
    return result | {"words": text.reason, "hint": text.hint}


def _entry_json(entry: LockEntry, elsewhere: tuple[str, ...]) -> dict[str, Any]:
    image, made = entry.image, entry.made
    return {
        "output": entry.output,
        "content": entry.content,
        **({"original": entry.original} if entry.original is not None else {}),
        "image": {"format": image.format, "width": image.width, "height": image.height, "bytes": image.size},
        "made": {
            "at": made.at,
            "provider": made.provider,
            "model": made.model,
            "cost": made.cost,
            "request": made.request,
            "edited": made.edited,
            "via": made.via,
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


def asset_lines(asset: Mapping[str, Any]) -> Iterator[str]:
    """One asset for people."""
    yield printable(asset["asset"])
    yield from _rows(_facts(asset))
    if asset["state"]["hint"]:
        yield f"  hint: {asset['state']['hint']}"


def _facts(asset: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", asset["state"]["words"]
    if asset.get("spec"):
        yield "spec", asset["spec"]
    if asset.get("description"):
        yield "description", asset["description"]
    if asset.get("tags"):
        yield "tags", ", ".join(asset["tags"])
    yield from ((name, asset[name]) for name in ("license", "source", "credit") if asset.get(name))
    yield "output", asset["output"]
    if answer := asset.get("answered"):
        cost = answer.get("cost", "price unknown")
        yield "answered", f"{answer['outcome']}, {answer['at']}, {cost}: {answer['words']}"
        if answer.get("content"):
            yield "its bytes", answer["content"]
    locked = asset["locked"]
    if locked is None:
        yield "locked", "nothing yet"
        return
    if locked["output"] != asset["output"]:
        yield "locked at", locked["output"]
    if locked.get("under"):
        yield "locked as", locked["under"]
    yield "content", locked["content"]
    if locked.get("original"):
        yield "converted", f"from {locked['original']}"
    yield from _review_rows(asset.get("review"))
    image = locked["image"]
    yield "image", f"{image['format']}, {image['width']}x{image['height']} pixels, {image['bytes']:,} bytes"
    made = locked["made"]
    if made["provider"] == ADOPTED:
        yield "adopted", f"on {made['at']}"
    elif made["provider"] == IMPORTED:
        yield "imported", ", ".join(filter(None, (f"on {made['at']}", made["model"])))
    else:
        yield "made", ", ".join(filter(None, (made["at"], f"by {made['provider']}", made["model"], made["cost"])))
    if made["edited"]:
        yield "edited", f"by hand, from {made['edited']}"
    if made["via"]:
        yield "via", made["via"]
    if made["request"]:
        yield "request", made["request"]
    yield "recipe", locked["recipe"]["key"]
    if locked["recipe"].get("prompt"):
        yield "prompt", locked["recipe"]["prompt"]
    yield "also in", ", ".join(locked["elsewhere"]) or "no other place"


def _review_rows(review: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Who approved or rejected the locked image, and every note."""
    if review is None:
        return
    yield "review", review["words"] or "nobody has approved or rejected it"
    for note in review["notes"]:
        yield "note", f"{note['at'][:10]} {note['by']}: {note['note']}"
    for one in review["uncounted"]:
        yield "not counted", f"{one['verdict']} by {one['by']} ({one['place']}): {one['why']}"


def _rows(facts: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, value in facts:
        yield f"  {name:<12} {one_line(value, _WIDTH)}"
