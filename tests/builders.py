"""Specs, recipes, entries, locks, documents and whole spec trees for tests: a test states only what matters to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.events import Requested
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Answer, Lock, LockEntry, Made
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import Action
from reconciler.core.plan.decide import Facts
from reconciler.core.plan.observed import Observed
from reconciler.core.plan.plan import AssetStep, Plan, Step, plan
from reconciler.core.plan.policy import Policy, gate
from reconciler.core.ports import StoredImage
from reconciler.core.recipe import Recipe
from reconciler.core.specs.document import Document
from reconciler.core.specs.expand import Expansion, SpecTree, expand
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import AssetReference, FileReference, Spec
from reconciler.core.traits import Traits
from reconciler.core.value import replace
from reconciler.providers.registry import REGISTRY
from reconciler.store.documents.project import default_providers
from reconciler.store.yaml.loader import parse

PROVIDERS = {name: settings for name, settings in default_providers(REGISTRY).items() if name != "openai"}
AT = "2026-11-22T16:00:00Z"
PICTURE = ImageFacts("png", 64, 48, 100)


def bytes_of(name: str) -> ContentHash:
    """The hash of the bytes that a test calls by this name."""
    return content_hash(name.encode())


def an_asset(identity: str) -> AssetReference:
    return AssetReference(AssetId(identity))


def a_file(path: str) -> FileReference:
    return FileReference(path)


def a_recipe(prompt: str = "a sword", **fields: Any) -> Recipe:
    return Recipe(prompt, **fields)


def a_spec(identity: str = "sword", *, prompt: str = "a sword", **fields: Any) -> Spec:
    """A spec on a paid provider. `base_recipe` are recipe fields beside the prompt, the rest are fields of Spec."""
    base_recipe = Recipe(prompt, **fields.pop("base_recipe", {}))
    given = {"output": f"assets/{identity}.png", "provider": "gravitex", **fields}
    return Spec(AssetId(identity), base_recipe=base_recipe, **given)


def an_entry(of: Spec | Recipe, *, got: str = "made", provider: str = "gravitex", **changes: Any) -> LockEntry:
    """What the lock holds once this was made and gave the bytes called `got`."""
    recipe = of.base_recipe if isinstance(of, Spec) else of
    output = of.output if isinstance(of, Spec) else "assets/sword.png"
    entry = LockEntry(output, bytes_of(got), PICTURE, recipe.key(), recipe.manifest(), Made(provider, AT))
    return replace(entry, **changes)


def a_lock(entries: Mapping[Any, LockEntry] | None = None, *, refused: Mapping[str, Recipe] | None = None) -> Lock:
    """Ids are strings, or those of another lock, or both: one type for the keys would allow only one of them."""
    refusals = {AssetId(name): Answer(recipe.key(), "I will not", AT) for name, recipe in (refused or {}).items()}
    return Lock({AssetId(name): entry for name, entry in (entries or {}).items()}, refusals)


def a_stored(got: str = "stored", *, provider: str = "gravitex") -> StoredImage:
    return StoredImage(bytes_of(got), PICTURE, Made(provider, AT))


def a_request(identity: str = "sword", *, key: RecipeKey | None = None, attempt: str = "1") -> Requested:
    return Requested(attempt, AssetId(identity), key or a_recipe().key(), "gravitex", "0.1 USD", AT)


def seen(outputs: Mapping[str, Any] | None = None, *, sources: Iterable[tuple[str, str]] = (), **rest: Any) -> Observed:
    """What is there: `outputs` are names of bytes by path; `sources` say which (bytes, path) can be had for nothing."""
    there = {path: bytes_of(what) if isinstance(what, str) else what for path, what in (outputs or {}).items()}
    return Observed(there, sources={(bytes_of(got), path): "the store" for got, path in sources}, **rest)


def planned(
    specs: Iterable[Spec],
    lock: Lock | None = None,
    observed: Observed | None = None,
    *,
    policy: Policy | None = None,
    price: Callable[[Spec, Recipe], Cost | None] = lambda spec, recipe: None,
    more: Mapping[str, Traits] | None = None,
) -> Plan:
    """The plan of these specs, sorted by id as `expand` gives them. `more` are the traits of further providers."""
    rules = policy or Policy()

    def gated(facts: Facts, action: Action) -> Action:
        return gate(facts, action, rules)

    wanted = {spec.id: spec for spec in sorted(specs, key=lambda one: one.id)}
    traits = {spec.provider: Traits() for spec in wanted.values()} | dict(Settings(providers=PROVIDERS).traits())
    traits |= more or {}
    return plan(
        wanted,
        lock or Lock(),
        observed or Observed(),
        traits=traits,
        price=price,
        gate=gated,
    )


def the_step(made: Plan, identity: str = "sword") -> Step:
    (step,) = (step for step in made.steps if step.asset == identity)
    return step


def the_asset_step(made: Plan, identity: str = "sword") -> AssetStep:
    step = the_step(made, identity)
    assert isinstance(step, AssetStep)
    return step


def the_action(made: Plan, identity: str = "sword") -> Action:
    return the_step(made, identity).action


def a_document(text: str, *, file: str = "specs/sword.yaml") -> Document:
    """A file as the loader gives it, places included."""
    return parse(text.encode(), file=file)


def some_settings(**changes: Any) -> Settings:
    return replace(Settings(providers=PROVIDERS), **changes)


def a_tree(files: Mapping[str, str]) -> SpecTree:
    """The specs folder, from its files' text by path below it."""
    documents = {name: a_document(text, file=f"specs/{name}") for name, text in files.items()}
    styles = documents.pop("_styles.yaml", None)
    defaults = {n.removesuffix("_defaults.yaml").rstrip("/"): d for n, d in documents.items() if "_defaults" in n}
    specs = {name: document for name, document in documents.items() if "_defaults" not in name}
    return SpecTree(specs, defaults, styles)


def expanded(files: Mapping[str, str] | str, *, project: str = "", **settings: Any) -> Expansion:
    """The assets of a specs folder, or of the one file `sword.yaml`. `project` is the text of reconciler.yaml."""
    tree = a_tree({"sword.yaml": files} if isinstance(files, str) else files)
    document = a_document(project, file="reconciler.yaml") if project else None
    if document is not None and isinstance(document.value, Mapping):
        settings = {"defaults": document.value.get("defaults", {}), **settings}
    return expand(some_settings(**settings), document, tree)


def the_asset(files: Mapping[str, str] | str, **rest: Any) -> Spec:
    """The only asset of a specs folder without problems."""
    found = expanded(files, **rest)
    assert not found.problems, "\n".join(map(str, found.problems))
    (spec,) = found.specs.values()
    return spec
