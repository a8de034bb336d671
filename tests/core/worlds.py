"""Small projects with a history, drawn by hypothesis: they are made, then specs, files, store and lock are changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.lock.lockfile import Lock, LockEntry, Made
from reconciler.core.plan.actions import Adopt, Asked, Conflict, Generate, Hold, Keep, Move, Restore, UpstreamChanged
from reconciler.core.plan.observed import Blocked, Observed, Rejection, Rejections
from reconciler.core.plan.plan import AssetStep, Plan, Step
from reconciler.core.plan.policy import Policy
from reconciler.core.ports import StoredImage
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import Cascade
from reconciler.core.specs.spec import AssetReference, FileReference, Reference, Spec, build_recipe
from reconciler.core.value import replace
from tests.builders import AT, PICTURE, a_file, a_lock, a_request, a_spec, an_asset, bytes_of, planned

REFERENCE_FILE = "refs/coast.png"
COAST = bytes_of("coast")


@dataclass(repr=False)
class World:
    """A project: what is wanted, what the lock says, what lies where. `held` are the bytes in the store."""

    specs: dict[AssetId, Spec] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    outputs: dict[str, ContentHash | Blocked] = field(default_factory=dict)
    stored: dict[RecipeKey, tuple[StoredImage, ...]] = field(default_factory=dict)
    held: set[ContentHash] = field(default_factory=set)
    doubts: dict[AssetId, Any] = field(default_factory=dict)
    rejected: dict[ContentHash, RecipeKey] = field(default_factory=dict)
    made: int = 0

    def __repr__(self) -> str:
        specs = [
            f"{s.id}: {s.base_recipe.prompt!r} {[str(r) for r in s.references]} by {s.provider} to {s.output}"
            f"{' frozen' * s.freeze} {','.join(s.ignore_changes)}"
            for s in self.specs.values()
        ]
        lock = [
            f"{name}: {entry.recipe} by {entry.made.provider} at {entry.output} is {entry.content[7:13]}"
            for name, entry in self.lock.entries.items()
        ]
        files = [f"{path}: {there[7:13] if isinstance(there, str) else there}" for path, there in self.outputs.items()]
        held, stored = sorted(one[7:13] for one in self.held), {k[3:9]: len(v) for k, v in self.stored.items()}
        rest = [f"held {held}", f"stored {stored}", f"doubts {self.doubts}", f"refused {self.lock.answers}"]
        rest.append(f"rejected {sorted(one[7:13] for one in self.rejected)}")
        return "\n  ".join(["", *specs, "lock", *lock, "files", *files, *rest])

    def next_made(self) -> int:
        """A number that no bytes here were made from."""
        self.made += 1
        return self.made

    def seen(self) -> Observed:
        paths = {entry.output for entry in self.lock.entries.values()}
        sources = {(content, path): "the store" for content in self.held for path in paths}
        stored = {key: kept for key, images in self.stored.items() if (kept := self._held(images))}
        return Observed(
            dict(self.outputs), {REFERENCE_FILE: COAST}, stored, sources, dict(self.doubts), rejected=self.rejections()
        )

    def rejections(self) -> Rejections:
        why = Rejection("ada@x.org", AT)
        return Rejections(dict.fromkeys(self.rejected, why), dict.fromkeys(self.rejected.values(), why))

    def plan(self, policy: Policy = Policy()) -> Plan:  # noqa: B008 - a frozen value
        return planned(self.specs.values(), self.lock, self.seen(), policy=policy)

    def known(self) -> set[ContentHash]:
        """Every content that is not only a person's."""
        return self.held | {entry.content for entry in self.lock.entries.values()}

    def _held(self, images: tuple[StoredImage, ...]) -> tuple[StoredImage, ...]:
        return tuple(image for image in images if image.content in self.held)


class Apply:
    """A plan carried out as engine/apply does it, in memory. It asserts what apply relies on."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world = world
        self.contents = {identity: entry.content for identity, entry in world.lock.entries.items()}
        self.cut_off = False
        for step in plan.steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        if not isinstance(step, AssetStep):
            return
        match step.action:
            case Keep() | Hold() | Conflict():
                pass
            case Generate():
                self._generate(step, step.action)
            case Adopt(content=content):
                assert self.world.outputs[step.output] == content
                self._publish(step, self._entry(step, self._image(step, content)))
            case Restore(content=content) | Move(content=content):
                if step.entry is not None and step.entry.content == content:
                    entry = replace(step.entry, output=step.output)
                else:
                    entry = self._entry(step, self._image(step, content))
                self._place(step, content)
                self._publish(step, entry)

    def _generate(self, step: AssetStep, action: Generate) -> None:
        recipe = self._recipe(step.spec)
        assert action.key in (None, recipe.key()), "the plan priced another recipe"
        same = step.entry is not None and step.entry.key == recipe.key()
        if isinstance(action.reason, UpstreamChanged) and same:
            self.cut_off = True
            return
        maker = "draft" if step.spec.provider == "draft" else "gravitex"
        had = [i for i in self.world.stored.get(recipe.key(), ()) if i.content in self.world.held]
        had = [image for image in had if image.made.provider in (maker, "gravitex")]
        had = [image for image in had if image.content not in self.world.rejected]
        if action.key is None and not had and maker != "draft" and recipe.key() in self.world.rejected.values():
            return  # held, as in Recipes.require_consent
        if had and action.after and not isinstance(action.reason, Asked):
            image = had[-1]
        else:
            data = f"{recipe.key()}" if maker == "draft" else f"{recipe.key()} {self.world.next_made()}"
            image = StoredImage(content_hash(data.encode()), PICTURE, Made(maker, AT))
        self.world.held.add(image.content)
        self.world.stored[recipe.key()] = (*self.world.stored.get(recipe.key(), ()), image)
        for asset, (request,) in [*self.world.doubts.items()]:
            if asset == step.asset or request.key == recipe.key():
                del self.world.doubts[asset]
        self._place(step, image.content)
        self._publish(step, self._entry(step, image))

    def _place(self, step: AssetStep, content: ContentHash) -> None:
        action: Any = step.action
        outputs, held = self.world.outputs, self.world.held
        there = outputs.get(step.output)
        if there != content:
            assert there == action.replacing, "apply would find something in the way"
            own = outputs.get(step.entry.output) == content if step.entry else False
            assert content in held or own or content in outputs.values(), "apply would not find the bytes"
            if isinstance(there, str):
                held.add(there)
            outputs[step.output] = content
            held.add(content)
        if action.old_path is not None and action.old_path != step.output:
            assert step.entry is not None
            if outputs.get(action.old_path) == step.entry.content:
                del outputs[action.old_path]
                held.add(step.entry.content)

    def _publish(self, step: AssetStep, entry: LockEntry) -> None:
        entries = dict(self.world.lock.entries)
        if step.origin is not None:
            del entries[step.origin]
        refusals = dict(self.world.lock.answers)
        if not entry.made.placeholder and step.asset in refusals and refusals[step.asset].key == entry.key:
            del refusals[step.asset]  # a placeholder, or another recipe, is no answer to what was refused
        self.world.lock = Lock({**entries, step.asset: entry}, refusals)
        self.contents[step.asset] = entry.content

    def _image(self, step: AssetStep, content: ContentHash) -> StoredImage:
        for entry in self.world.lock.entries.values():
            if entry.content == content:
                return StoredImage(content, entry.image, entry.made)
        images = itertools.chain.from_iterable(self.world.stored.values())
        return next(image for image in images if image.content == content)

    def _entry(self, step: AssetStep, image: StoredImage) -> LockEntry:
        recipe = self._recipe(step.spec)
        return LockEntry(step.output, image.content, image.image, recipe.key(), recipe.manifest(), image.made)

    def _recipe(self, spec: Spec) -> Recipe:
        recipe = build_recipe(spec, self._picture)
        assert recipe is not None, "apply would be blocked"
        return recipe

    def _picture(self, reference: Reference) -> ContentHash | None:
        return COAST if isinstance(reference, FileReference) else self.contents.get(reference.asset)


IDS = [AssetId(name) for name in "abcdef"]
PATHS = [f"assets/{name}.png" for name in "abcdefgh"]
PROMPTS = ["a fox", "an owl"]
Change = Callable[[World, Any], None]


def _pick(draw: Any, world: World) -> Spec | None:
    return draw(st.sampled_from(sorted(world.specs.values(), key=lambda spec: spec.id))) if world.specs else None


def _free(world: World, draw: Any) -> str:
    taken = {spec.output for spec in world.specs.values()}
    return str(draw(st.sampled_from([path for path in PATHS if path not in taken])))


def _add(world: World, draw: Any) -> None:
    unused = [identity for identity in IDS if identity not in world.specs]
    if not unused:
        return
    identity = draw(st.sampled_from(unused))
    ups = draw(st.lists(st.sampled_from(sorted(world.specs)), max_size=2, unique=True)) if world.specs else []
    references = (*(an_asset(up) for up in ups), *draw(st.sampled_from([(), (), (a_file(REFERENCE_FILE),)])))
    provider = draw(st.sampled_from(["draft", "gravitex"]))
    prompt = draw(st.sampled_from(PROMPTS))
    world.specs[identity] = a_spec(
        identity, prompt=prompt, output=_free(world, draw), references=references, provider=provider
    )


def _edit(world: World, draw: Any) -> None:
    spec = _pick(draw, world)
    if spec is None:
        return
    fields: Any = {
        "base_recipe": lambda: replace(spec.base_recipe, prompt=draw(st.sampled_from(PROMPTS))),
        "provider": lambda: draw(st.sampled_from(["draft", "gravitex"])),
        "freeze": lambda: not spec.freeze,
        "ignore_changes": lambda: frozenset(draw(st.sampled_from([(), ("prompt",), ("references",)]))),
        "references": lambda: spec.references[1:],
    }
    name = draw(st.sampled_from(sorted(fields)))
    world.specs[spec.id] = replace(spec, **{name: fields[name]()})


def _rename(world: World, draw: Any) -> None:
    spec = _pick(draw, world)
    unused = [identity for identity in IDS if identity not in world.specs]
    if spec is None or not unused:
        return
    new = draw(st.sampled_from(unused))
    del world.specs[spec.id]
    world.specs[new] = replace(spec, id=new)
    for one in list(world.specs.values()):
        renamed = tuple(an_asset(new) if ref == AssetReference(spec.id) else ref for ref in one.references)
        world.specs[one.id] = replace(one, references=renamed)


def _move(world: World, draw: Any) -> None:
    spec = _pick(draw, world)
    if spec is not None:
        world.specs[spec.id] = replace(spec, output=_free(world, draw))


def _swap(world: World, draw: Any) -> None:
    one, other = _pick(draw, world), _pick(draw, world)
    if one and other and one.id != other.id:
        world.specs[one.id] = replace(one, output=other.output)
        world.specs[other.id] = replace(other, output=one.output)


def _drop(world: World, draw: Any) -> None:
    spec = _pick(draw, world)
    if spec is not None:
        del world.specs[spec.id]
        for one in list(world.specs.values()):
            kept = tuple(ref for ref in one.references if ref != AssetReference(spec.id))
            world.specs[one.id] = replace(one, references=kept)


def _touch(world: World, draw: Any) -> None:
    """Something happens to a file: it goes, a person writes it, or a copy of another picture is put there."""
    path = draw(st.sampled_from(PATHS))
    known = sorted(content for content in world.outputs.values() if isinstance(content, str))
    now = draw(st.sampled_from([None, None, bytes_of(f"painted {world.next_made()}"), Blocked("a directory"), *known]))
    world.outputs.pop(path, None)
    if now is not None:
        world.outputs[path] = now


def _lose(world: World, draw: Any) -> None:
    """The store loses bytes, or is not there at all (a fresh clone)."""
    world.held = draw(st.sampled_from([set(), set(sorted(world.held)[1:])]))


def _forget(world: World, draw: Any) -> None:
    """The lock loses an entry: a merge went wrong."""
    world.lock = replace(world.lock, entries=dict(itertools.islice(world.lock.entries.items(), 1, None)))


def _doubt(world: World, draw: Any) -> None:
    identity = draw(st.sampled_from(IDS))
    world.doubts[identity] = (a_request(identity, key=Recipe(draw(st.sampled_from(PROMPTS))).key()),)


def _refuse(world: World, draw: Any) -> None:
    refused = a_lock(refused={draw(st.sampled_from(IDS)): Recipe(draw(st.sampled_from(PROMPTS)))})
    world.lock = replace(world.lock, answers=refused.answers)


def _reject(world: World, draw: Any) -> None:
    """A reviewer rejects a locked image, or a candidate."""
    found = {entry.content: entry.key for entry in world.lock.entries.values()}
    found |= {image.content: key for key, images in world.stored.items() for image in images}
    if found:
        content = draw(st.sampled_from(sorted(found)))
        world.rejected[content] = found[content]


MOVES: list[Change] = [_rename, _move, _swap]
EDITS: list[Change] = [_add, _edit, _edit, _drop]
CHANGES: list[Change] = [*MOVES, *EDITS, _touch, _touch, _lose, _forget, _doubt, _refuse, _reject, _reject]

policies = st.builds(
    Policy,
    consents=st.just(frozenset()),
    cascade=st.sampled_from(Cascade),
    selected=st.none() | st.frozensets(st.sampled_from(IDS)),
)


@st.composite
def worlds(draw: st.DrawFn, changes: Sequence[Change] = CHANGES) -> World:
    """A project that was made once, and what became of it."""
    world = World()
    for _ in range(draw(st.integers(1, 4))):
        _add(world, draw)
    Apply(world, world.plan())
    for change in draw(st.lists(st.sampled_from(changes), max_size=8)):
        change(world, draw)
    return world
