"""Save a plan in a file, and hold a later apply to it. Any step that no longer matches stops the apply."""

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
from reconciler.core.json_text import json_text
from reconciler.core.plan.actions import ClaimedElsewhere, Conflict, Consent, Generate, Hold, Keep, NotSelected
from reconciler.core.plan.plan import AssetStep, Plan, Step
from reconciler.core.plan.policy import Policy
from reconciler.core.plan.selection import is_glob
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.options import PlanOptions, Selection, SpendingLimits
from reconciler.project.planning import PlannedProject, within_limits
from reconciler.report.formats import counted
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import reason_text
from reconciler.store import disk
from reconciler.store.documents.project import LOCK_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:  # few plans are divided
    from reconciler.core.plan.shard import Shard

_LISTS = ("include", "exclude", "replace")
_FLAGS = ("draft", *(each.name.lower() for each in Consent))
_MANY = 10**9
_MOST_GLOBS = 100
_LONGEST_GLOB = 1_000
"""A glob is compared with every asset. Ids and paths are looked up, however many a plan names."""
_MOST = 64 << 20
"""Bytes. A plan of 20,000 assets has a third of them."""


def write_plan(path: Path, planned: PlannedProject, plan: Plan, *, options: PlanOptions) -> None:
    """Write the plan as JSON. An older plan is overwritten; ProjectError for any other file. An image that another
    checkout is making is none of its steps: an apply of the file does nothing about it."""
    if os.path.lexists(path) and _parsed(path) is None:
        fact = f"{printable(str(path))} exists and is not a saved plan"
        raise ProjectError(fact, hint="choose another name, or delete it")
    document = plan_json(plan) | {"behind": planned.behind, "lock": _lock_digest(planned)}
    document["options"] = _options_json(options)
    promised = {step.asset: recorded_step(step, planned.seen.files) for step in plan.steps}
    ours = [step for step in document["steps"] if step["reason"] != ClaimedElsewhere.__name__]
    document["steps"] = [step | promised[AssetId(step["asset"])] for step in ours]
    text = json_text(document, indent=2) + "\n"
    disk.write_atomic(path, text.encode("utf-8", "surrogatepass"))


def recorded_step(step: Step, files: Mapping[str, ContentHash]) -> dict[str, Json]:
    """The facts of a step that must be the same when it is carried out as when it was planned."""
    action = step.action
    if not isinstance(step, AssetStep) or isinstance(action, Hold | Conflict | Keep):
        return {"action": type(action).__name__.lower()}
    facts: dict[str, Json] = {
        "action": type(action).__name__.lower(),
        "output": step.output,
        "asked": _spec_digest(step.spec, files),
    }
    if isinstance(action, Generate):
        return facts | {
            "provider": step.spec.provider,
            "recipe": action.key,
            "cost": None if action.cost is None else str(action.cost),
            "replacing": action.replacing,
            "vacates": action.old_path,
        }
    return facts | {
        "content": action.content,
        "replacing": getattr(action, "replacing", None),
        "vacates": getattr(action, "old_path", None),
    }


def _spec_digest(spec: Spec, files: Mapping[str, ContentHash]) -> str:
    """A digest of the recipe fields and references of a spec. A recipe has no key before its references exist."""
    pictures: list[Json] = [
        files.get(reference.path) if isinstance(reference, FileReference) else f"asset {reference.asset}"
        for reference in spec.pictures()
    ]
    return recipe_key({"words": spec.base_recipe.manifest(), "pictures": pictures})


@value
class SavedPlan:
    """A plan from a file. `steps` are its recorded steps by asset, `options` the options it was made with."""

    path: Path
    steps: Mapping[AssetId, Mapping[str, Json]]
    options: PlanOptions
    lock: str

    def options_with(self, given: PlanOptions) -> PlanOptions:
        """The options of the saved plan. Only limits may be replaced."""
        names = [name for name, value in _selection_json(given.selection).items() if value]
        if names:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
            raise ProjectError(
                f"{options} cannot be combined with a saved plan", hint="pass them to `reconciler plan -o` instead"
            )
        saved, limits = self.options.limits, given.limits
        limits = SpendingLimits(
            saved.max_cost if limits.max_cost is None else limits.max_cost,
            saved.max_images if limits.max_images is None else limits.max_images,
        )
        return replace(self.options, limits=limits)

    def held_to(self, planned: PlannedProject, limits: SpendingLimits) -> tuple[PlannedProject, tuple[str, ...]]:
        """The part of the current plan that is also in the file, and notes for people about the rest.

        ProjectError with every step of the current plan that does not match the file.
        """
        known = [step for step in planned.plan.steps if not isinstance(step.action, Keep)]
        others = tuple(step.asset for step in known if step.asset not in self.steps)
        part = replace(planned, plan=Plan(tuple(_left_out(step, others) for step in planned.plan.steps)))
        now = within_limits(part, limits)
        wrong = [line for step in now.steps for line in self._differences(step, planned.seen.files)]
        if wrong:
            changed = f"; {LOCK_FILE} has changed since the last" if _lock_digest(planned) != self.lock else ""
            fact = f"{self.path} does not match the current plan:"
            raise ProjectError(fact, hint=f"nothing was done; save a new plan{changed}", lines=wrong)
        notes = (f"not in the saved plan, so not done: {', '.join(map(printable, others))}",) if others else ()
        due = {step.asset for step in known}
        done = [asset for asset in self.steps if asset not in due]
        return part, (*notes, *((f"{counted(len(done), 'saved step')} already done",) if done else ()))

    def _differences(self, step: Step, files: Mapping[str, ContentHash]) -> Iterator[str]:
        before, now = self.steps.get(step.asset), recorded_step(step, files)
        if before is None or isinstance(step.action, Keep):
            return
        if before.get("action") != now["action"]:
            reason = reason_text(step.action.reason)
            yield f"  {printable(step.asset)}: {before.get('action')} in the plan, {now['action']} now ({reason})"
            return
        for field, message in _FIELDS.items():
            was, new = before.get(field), now.get(field)
            late = field == "recipe" and was is None  # no key before its references existed; `asked` has them
            if field in now and was != new and not late:
                yield f"  {printable(step.asset)}: {message}: {_shown(was)} in the plan, {_shown(new)} now"


_FIELDS = {
    "asked": "its spec has changed",
    "recipe": "its recipe has changed",
    "provider": "its provider has changed",
    "cost": "its price has changed",
    "output": "its output has moved",
    "replacing": "its output has other content",
    "content": "its content has changed",
    "vacates": "its old path has changed",
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
        raise ProjectError(f"{printable(str(path))} is not a saved plan", hint="`reconciler plan -o FILE` writes one")
    steps = {AssetId(step["asset"]): step for step in document["steps"]}
    return SavedPlan(path, steps, _options(document["options"]), document["lock"])


def _parsed(path: Path) -> dict[str, Any] | None:
    """The document of a plan file; None if it is not one."""
    try:
        with disk.naming_errors("read", path), open(path, "rb", opener=_without_waiting) as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST:  # a device may never end
                return None
            data = stream.read()
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("plan") != 1:
        return None
    steps, options = document.get("steps"), document.get("options")
    whole = isinstance(steps, list) and isinstance(options, dict) and isinstance(document.get("lock"), str)
    named = whole and all(isinstance(step, dict) and isinstance(step.get("asset"), str) for step in steps or ())
    return document if named and _sane(options) else None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to opens at once."""
    return os.open(path, flags | os.O_NONBLOCK)


def _sane(options: Any) -> bool:
    """Whether the command line could have given each option."""
    counts = (options.get("candidates"), options.get("max_images"))
    cost = options.get("max_cost")
    return (
        all(_is_texts(options.get(name) or []) for name in _LISTS)
        and all(options.get(name) in (None, True, False) for name in _FLAGS)
        and all(count is None or (type(count) is int and 0 <= count < _MANY) for count in counts)
        and options.get("candidates") != 0
        and ("shard" not in options or _shard(options["shard"]) is not None)
        and (cost is None or (isinstance(cost, str) and _is_money(cost)))
    )


def _options_json(options: PlanOptions) -> dict[str, Json]:
    cost = options.limits.max_cost
    limits = {"max_cost": None if cost is None else str(cost), "max_images": options.limits.max_images}
    return {**_selection_json(options.selection), **limits}


def _selection_json(selection: Selection) -> dict[str, Json]:
    """The options of the command line that select and allow, by name."""
    given = selection.policy.consents
    return {
        "include": list(selection.include),
        "exclude": list(selection.exclude),
        "replace": list(selection.replace),
        "draft": selection.drafts_only,
        "candidates": selection.candidates,
        **({"shard": str(selection.shard)} if selection.shard is not None else {}),
        **{each.name.lower(): each in given for each in Consent},
    }


def _options(document: Mapping[str, Any]) -> PlanOptions:
    """The options of a plan file that `_sane` has accepted."""
    include, exclude, replaced = (tuple(document.get(name) or ()) for name in _LISTS)
    consents = frozenset(each for each in Consent if document.get(each.name.lower()))
    policy = Policy(consents=consents)
    cost = document.get("max_cost")
    return PlanOptions(
        Selection(
            include,
            exclude,
            replaced,
            policy,
            bool(document.get("draft")),
            document.get("candidates"),
            _shard(document.get("shard")),
        ),
        SpendingLimits(None if cost is None else Decimal(cost), document.get("max_images")),
    )


def _shard(text: Any) -> Shard | None:
    """The shard of a plan file; None if there is none, or what cannot be one."""
    if not isinstance(text, str):
        return None
    from reconciler.core.plan.shard import parse_shard  # noqa: PLC0415 - few plans are divided

    return parse_shard(text)


def _is_money(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 <= amount < _MANY


def _is_texts(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return False
    globs = set(filter(is_glob, value))
    return len(globs) <= _MOST_GLOBS and max(map(len, globs), default=0) <= _LONGEST_GLOB


def _lock_digest(planned: PlannedProject) -> str:
    path = planned.loaded.project.root / LOCK_FILE
    return content_hash(disk.plain_bytes(path)) if os.path.lexists(path) else ""
