"""Keep a plan in a file, and do later what it says or less: an asset of which anything has changed stops the whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, Json, content_hash, recipe_key
from reconciler.core.errors import ProjectError
from reconciler.core.plan.actions import Conflict, Consent, Generate, Hold, Keep, NotSelected
from reconciler.core.plan.plan import Plan, Step
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.workspace import PlannedProject, budgeted
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import reason_text
from reconciler.store import disk
from reconciler.store.documents.project import LOCK_FILE

_OPTIONS = ("include", "exclude", "replace", "draft", "candidates", *(each.name.lower() for each in Consent))
"""What a plan was asked for with, and an apply of it must not be asked for with something else."""
_LIMITS = ("max_cost", "max_images")
_MANY = 10**9


def write_plan(path: Path, prospect: PlannedProject, plan: Plan, *, given: Mapping[str, Any]) -> None:
    """Write the plan as JSON, over an older plan at most. ProjectError if something else is there."""
    if os.path.lexists(path) and _parsed(path) is None:
        raise ProjectError(f"{printable(str(path))} is there and is no plan", hint="choose another name, or delete it")
    document = plan_json(plan) | {"behind": prospect.behind, "lock": _lock_digest(prospect)}
    document["options"] = {name: _plain(given.get(name)) for name in (*_OPTIONS, *_LIMITS)}
    promised = {step.asset: recorded_step(step, prospect.seen.files) for step in plan.steps}
    document["steps"] = [step | promised[AssetId(step["asset"])] for step in document["steps"]]
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"
    disk.write_atomic(path, text.encode("utf-8", "surrogatepass"))


def recorded_step(step: Step, files: Mapping[str, ContentHash]) -> dict[str, Json]:
    """What must be the same when a step is done as it was when it was planned."""
    action = step.action
    if isinstance(action, Hold | Conflict | Keep):
        return {"action": type(action).__name__.lower()}
    told: dict[str, Json] = {"action": type(action).__name__.lower(), "output": step.output}
    if step.spec is not None:
        told["asked"] = _asked(step.spec, files)
    if isinstance(action, Generate):
        return told | {
            "provider": step.spec.provider if step.spec is not None else None,
            "recipe": action.key,
            "cost": None if action.cost is None else str(action.cost),
            "replacing": action.replacing,
            "vacates": action.old_path,
        }
    return told | {
        "content": action.content,
        "replacing": getattr(action, "replacing", None),
        "vacates": getattr(action, "old_path", None),
    }


def _asked(spec: Spec, files: Mapping[str, ContentHash]) -> str:
    """A digest of the spec's words and of what it refers to: a recipe has no key before its pictures are made."""
    pictures: list[Json] = [
        files.get(reference.path) if isinstance(reference, FileReference) else f"asset {reference.asset}"
        for reference in spec.pictures()
    ]
    return recipe_key({"words": spec.base_recipe.manifest(), "pictures": pictures})


@value
class SavedPlan:
    """A plan from a file. `steps` are its promises by asset, `options` what it was made with."""

    path: Path
    steps: Mapping[AssetId, Mapping[str, Json]]
    options: Mapping[str, Any]
    lock: str

    def given(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options to look with: those of the plan. Only limits may be said anew."""
        said = [name for name in _OPTIONS if options.get(name)]
        if said:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in said)
            raise ProjectError(f"{names} cannot be said of a plan that is made already", hint="say it to `plan -o`")
        limits = {name: self.options.get(name) if options.get(name) is None else options[name] for name in _LIMITS}
        cost = limits["max_cost"]
        limits["max_cost"] = Decimal(cost) if isinstance(cost, str) else cost  # `_sane` has read it
        return {**options, **{name: self.options.get(name) or options.get(name) for name in _OPTIONS}, **limits}

    def held_to(self, prospect: PlannedProject, given: Mapping[str, Any]) -> tuple[PlannedProject, tuple[str, ...]]:
        """The part of the plan now that the file names, and what a person should know of the rest.

        ProjectError that names every asset of which the file does not say what is true now.
        """
        known = [step for step in prospect.plan.steps if not isinstance(step.action, Keep)]
        others = tuple(step.asset for step in known if step.asset not in self.steps)
        part = replace(prospect, plan=Plan(tuple(_left_out(step, others) for step in prospect.plan.steps)))
        now = budgeted(part, given["max_cost"], given["max_images"])
        wrong = [line for step in now.steps for line in self._differences(step, prospect.seen.files)]
        if wrong:
            changed = f"; {LOCK_FILE} has changed since it was made" if _lock_digest(prospect) != self.lock else ""
            fact = "\n".join((f"{printable(str(self.path))} does not say what would be done now:", *wrong))
            raise ProjectError(fact, hint=f"nothing was done: look at a new plan{changed}")
        notes = (f"not in the plan, and left alone: {', '.join(map(printable, others))}",) if others else ()
        due = {step.asset for step in known}
        done = [asset for asset in self.steps if asset not in due]
        return part, (*notes, *((f"{len(done)} of the plan's steps need not be done any more",) if done else ()))

    def _differences(self, step: Step, files: Mapping[str, ContentHash]) -> Iterator[str]:
        before, now = self.steps.get(step.asset), recorded_step(step, files)
        if before is None or isinstance(step.action, Keep):
            return
        if before.get("action") != now["action"]:
            why = reason_text(step.action.reason)
            yield f"  {printable(step.asset)}: the plan says {before.get('action')}, now it is {now['action']} ({why})"
            return
        for field, message in _FIELDS.items():
            was, new = before.get(field), now.get(field)
            late = field == "recipe" and was is None  # it had no key before its pictures; `asked` holds
            if field in now and was != new and not late:
                yield f"  {printable(step.asset)}: {message}: {_shown(was)} in the plan, {_shown(new)} now"


_FIELDS = {
    "asked": "what its spec asks for has changed",
    "recipe": "its recipe has changed",
    "provider": "its provider has changed",
    "cost": "its price has changed",
    "output": "its output has moved",
    "replacing": "its output holds something else",
    "content": "other bytes would be put in place",
    "vacates": "it would leave another path",
}


def _left_out(step: Step, others: tuple[AssetId, ...]) -> Step:
    return replace(step, action=Keep(NotSelected())) if step.asset in others else step


def _shown(value: Json) -> str:
    text = "nothing" if value is None else str(value)
    head, _, digest = text.partition(":")
    return f"{head}:{digest[:12]}" if head in ("r1", "sha256") else printable(text)


def read_plan(path: Path) -> SavedPlan:
    """The plan that `write_plan` wrote. ProjectError for anything else."""
    document = _parsed(path)
    if document is None:
        raise ProjectError(f"{printable(str(path))} is no plan", hint="`reconciler plan -o FILE` writes one")
    steps = {AssetId(step["asset"]): step for step in document["steps"]}
    return SavedPlan(path, steps, document["options"], document["lock"])


def _parsed(path: Path) -> dict[str, Any] | None:
    """The document of a plan file; None for what is none."""
    try:
        with disk.naming_errors("read", path):
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may never end
                return None
            document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("plan") != 1:
        return None
    steps, options = document.get("steps"), document.get("options")
    whole = isinstance(steps, list) and isinstance(options, dict) and isinstance(document.get("lock"), str)
    named = whole and all(isinstance(step, dict) and isinstance(step.get("asset"), str) for step in steps or ())
    return document if named and _sane(options) else None


def _sane(options: Any) -> bool:
    """Whether each option is what the command line could have said."""
    lists, flags = _OPTIONS[:3], [name for name in _OPTIONS[3:] if name != "candidates"]
    counts = (options.get("candidates"), options.get("max_images"))
    cost = options.get("max_cost")
    return (
        all(_is_words(options.get(name) or []) for name in lists)
        and all(options.get(name) in (None, True, False) for name in flags)
        and all(count is None or (type(count) is int and 0 <= count < _MANY) for count in counts)
        and options.get("candidates") != 0
        and (cost is None or (isinstance(cost, str) and _is_money(cost)))
    )


def _is_money(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 <= amount < _MANY


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _lock_digest(prospect: PlannedProject) -> str:
    path = prospect.wanted.project.root / LOCK_FILE
    with disk.naming_errors("read", path):
        return content_hash(path.read_bytes()) if os.path.lexists(path) else ""


def _plain(value: Any) -> Json:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Decimal) else value
