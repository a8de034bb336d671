"""Recipe fields, added in memory: run as a script, since the modules derive their lists when they are imported."""

from __future__ import annotations

import json
import sys
import types
from datetime import UTC, datetime
from pathlib import Path

import reconciler

LAST_FIELD = "    take: int = 1\n"
ADDED_FIELDS = """\
    seed_hint: str = ""
    seed_scale: float = 1.0
    seed_tiled: bool = False
    seed_weights: Mapping[str, Json] = field(default_factory=dict)
"""


def add_to_recipe() -> None:
    """`reconciler.core.recipe` with more fields, before any other module imports it."""
    path = Path(reconciler.__file__).parent / "core/recipe.py"
    source = path.read_text()
    assert LAST_FIELD in source
    module = types.ModuleType("reconciler.core.recipe")
    sys.modules[module.__name__] = module
    wider = source.replace(LAST_FIELD, LAST_FIELD + ADDED_FIELDS)
    exec(compile(wider, path, "exec"), module.__dict__)


add_to_recipe()

from reconciler.core.plan.actions import Generate, Ignored, Keep, RecipeChanged  # noqa: E402 - after the field is there
from reconciler.core.plan.plan import AssetStep  # noqa: E402 - after the field is there
from reconciler.core.recipe import IGNORABLE_FIELDS, Recipe  # noqa: E402 - after the field is there
from reconciler.core.specs.expand import SpecTree, expand  # noqa: E402 - after the field is there
from reconciler.core.specs.settings import ProviderSettings, Settings  # noqa: E402 - after the field is there
from reconciler.core.specs.spec import Spec  # noqa: E402 - after the field is there
from reconciler.core.traits import Traits  # noqa: E402 - after the field is there
from reconciler.report.explain import explanation  # noqa: E402 - after the field is there
from reconciler.report.plan_text import describe  # noqa: E402 - after the field is there
from tests.builders import a_document, a_lock, an_entry, planned, seen  # noqa: E402 - after the field is there

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(providers={"draft": ProviderSettings("draft", "draft", traits=Traits(needs_model=False))})


def spec(own: str, defaults: str) -> Spec:
    tree = SpecTree({"sword.yaml": a_document(own)}, {"": a_document(defaults, file="specs/_defaults.yaml")})
    found = expand(SETTINGS, None, tree)
    assert not found.problems
    (only,) = found.specs.values()
    return only


def step(wanted: Spec, locked: Spec) -> AssetStep:
    lock = a_lock({"sword": an_entry(locked, provider="draft")})
    (found,) = planned([wanted], lock, seen({wanted.output: "made"})).asset_steps
    return found


old = spec("{prompt: x}", "seed_hint: a-${n}\nvars: {n: 7}")
new = spec("{prompt: x, seed_hint: b}", "seed_hint: a-${n}\nvars: {n: 7}")
ignoring = spec("{prompt: x, seed_hint: b, ignore_changes: [seed_hint]}", "seed_hint: a-${n}\nvars: {n: 7}")
typed = "{prompt: x, seed_scale: 2.0, seed_tiled: true, seed_weights: {a: 1.0}}"
changed = step(new, old)
assert isinstance(changed.action, Generate)
assert isinstance(changed.action.reason, RecipeChanged)
explained = explanation(changed, NOW, recipe=new.base_recipe, content_of=lambda _: None, project=a_document("{}"))
print(
    json.dumps(
        {
            "manifests": [old.base_recipe.manifest(), new.base_recipe.manifest(), Recipe("x").manifest()],
            "typed": spec(typed, "seed_weights: {a: 7, b: 2}").base_recipe.manifest(),
            "keys": len({old.base_recipe.key(), new.base_recipe.key(), Recipe("x").key()}),
            "explain": [one for one in explained["fields"] if one["field"] == "seed_hint"],
            "plan": describe(changed, NOW).details,
            "ignorable": "seed_hint" in IGNORABLE_FIELDS,
            "ignored": isinstance(step(ignoring, old).action, Keep)
            and isinstance(step(ignoring, old).action.reason, Ignored),
        }
    )
)
