"""Derivations from YAML texts, and what is on the disk, for tests of derived files."""

from __future__ import annotations

from collections.abc import Container, Mapping

from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.derived_plan import (
    DerivedLocks,
    DerivedPlan,
    FileStep,
    Sources,
    plan_derived,
)
from reconciler.core.derived.read import read_derivation
from reconciler.core.derived.wanted import Derivation
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import Problem
from reconciler.core.plan.observed import Found
from reconciler.core.specs.expand import SpecTree, expand
from reconciler.core.specs.settings import Settings
from reconciler.store.schemas.validate import schema_problems
from reconciler.store.yaml.loader import parse
from tests.builders import PROVIDERS, bytes_of

LADDER = """\
web:
  widths: [320, 640]
  formats: [webp, jpeg]
  output: img/${name}-${width}.${ext}
"""
HERO = "prompt: A lighthouse\nderive: [web]\n"


def derived(specs: Mapping[str, str], rules: str = "", bundles: str = "") -> tuple[Derivation, tuple[Problem, ...]]:
    """What these files derive, and every problem: of the schemas if there are any."""
    settings = Settings(providers=PROVIDERS)
    documents = {
        kind: parse(text.encode(), file=f"specs/_{kind}.yaml")
        for kind, text in (("derive", rules), ("bundles", bundles))
        if text
    }
    wrong = [problem for kind, document in documents.items() for problem in schema_problems(kind, document)]
    parsed = {f"{name}.yaml": parse(text.encode(), file=f"specs/{name}.yaml") for name, text in specs.items()}
    wrong += [problem for document in parsed.values() for problem in schema_problems("spec", document)]
    if wrong:
        return Derivation(), tuple(wrong)
    tree = SpecTree(parsed, derive=documents.get("derive"), bundles=documents.get("bundles"))
    expanded = expand(settings, None, tree)
    assert not expanded.problems, expanded.problems
    return read_derivation(settings, tree, expanded.specs, partial=False)


def a_derivation(specs: Mapping[str, str] | None = None, rules: str = LADDER, bundles: str = "") -> Derivation:
    found, problems = derived({"hero": HERO} if specs is None else specs, rules, bundles)
    assert not problems, "\n".join(map(str, problems))
    return found


def sources(**contents: str) -> Sources:
    """The images of assets, each by the name of its bytes."""
    return Sources({AssetId(name): bytes_of(content) for name, content in contents.items()})


def planned_files(
    derivation: Derivation,
    *,
    images: Sources | None = None,
    lock: DerivedLock | None = None,
    local: DerivedLock | None = None,
    found: Mapping[str, Found] | Mapping[str, ContentHash] | None = None,
    built: bool = True,
    restorable: frozenset[ContentHash] = frozenset(),
    protected: Container[str] = (),
) -> DerivedPlan:
    return plan_derived(
        derivation,
        DerivedLocks(lock or DerivedLock(), local or DerivedLock()),
        sources(hero="hero") if images is None else images,
        found or {},
        restorable=lambda line, _: line.content in restorable,
        protected=protected,
        built=built,
    )


def made_lock(plan: DerivedPlan) -> tuple[DerivedLock, dict[str, ContentHash]]:
    """The lock and the files after a plan was carried out: the bytes of a file are called as its path and key."""
    sets: dict[str, dict[str, DerivedLine]] = {}
    found: dict[str, ContentHash] = {}
    for step in plan.steps:
        for each in step.files:
            key = each.key or step.key
            if step.wanted is not None and key is not None:
                content = bytes_of(f"{each.path} {key}")
                sets.setdefault(step.name, {})[each.path] = DerivedLine(key, content, 10, "1 pillow 1", 32, 18)
                found[each.path] = content
    return DerivedLock(sets), found


def steps_by_path(plan: DerivedPlan) -> dict[str, FileStep]:
    return {each.path: each for step in plan.steps for each in step.files}
