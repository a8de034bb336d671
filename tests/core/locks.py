"""Lockfiles and entries for tests: builders with defaults, and strategies for all that may be in one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash, recipe_key
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry, Made
from reconciler.core.value import replace


def a_entry(prompt: str = "a sword", **changes: Any) -> LockEntry:
    """An entry whose key fits. `data` stands for the bytes that were got, `at` for when."""
    data, at = changes.pop("data", prompt), changes.pop("at", "2026-11-22T16:00:00Z")
    recipe = changes.pop("recipe", {"prompt": prompt})
    entry = LockEntry(
        output="assets/sword.png",
        content=content_hash(data.encode()),
        image=ImageFacts("png", 64, 48, 100 + len(data)),
        key=recipe_key(recipe),
        recipe=recipe,
        made=Made("draft", at),
    )
    return replace(entry, **changes)


def a_lock(**entries: LockEntry) -> Lock:
    """A lock without answers."""
    return Lock({AssetId(asset): entry for asset, entry in entries.items()})


def a_refusal(prompt: str = "a ghost", *, message: str = "no ghosts", at: str = "2026-11-22T16:05:00Z") -> Answer:
    """A refusal of this prompt."""
    return Answer(recipe_key({"prompt": prompt}), message, at)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ids = st.text(min_size=1, max_size=6).map(AssetId)
contents = st.binary(max_size=4).map(content_hash)
images = st.builds(ImageFacts, st.sampled_from(FORMATS), *[st.integers(1, 10**9)] * 3)
mades = st.builds(
    Made,
    provider=st.text(max_size=6),
    at=st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}"),
    model=st.text(max_size=6),
    request=st.text(max_size=6),
    cost=st.sampled_from(["", "0.134 USD"]),
    usage=st.dictionaries(st.text(max_size=4), json_values, max_size=2),
    via=st.sampled_from(["", "", "batch"]),
)
recipes = st.dictionaries(
    st.sampled_from(["prompt", "model", "params", "references", "turns"]), json_values, max_size=4
)


@st.composite
def _entries(draw: st.DrawFn) -> LockEntry:
    recipe = draw(recipes)
    name = draw(st.text(st.characters(categories=["L", "N", "Zs"], exclude_characters=" "), min_size=1, max_size=5))
    output = f"assets/x{name}y.png"
    original = draw(st.none() | contents)
    return LockEntry(output, draw(contents), draw(images), recipe_key(recipe), recipe, draw(mades), original)


entries = _entries()
keys = st.binary(max_size=4).map(
    lambda data: RecipeKey("r1:" + ContentHash(content_hash(data)).removeprefix("sha256:"))
)
answers = st.builds(
    Answer,
    keys,
    message=st.text(max_size=12),
    at=st.just("2026-11-22T16:05:00Z"),
    kind=st.sampled_from(AnswerKind),
    content=st.none() | contents,
    cost=st.sampled_from(["", "0.134 USD"]),
    attempt=st.sampled_from(["", "0f1e2d3c"]),
    earlier=st.dictionaries(st.sampled_from(["4b5a6978", "8796a5b4"]), st.sampled_from(["", "0.039 USD"])),
)
locks = st.builds(Lock, st.dictionaries(ids, entries, max_size=3), st.dictionaries(ids, answers, max_size=2))

# Few names and few values, so that the things drawn meet each other.
few_ids = st.sampled_from([AssetId("a"), AssetId("b"), AssetId("c#ö")])
few_entries = st.builds(
    lambda prompt, data, at, cost: a_entry(prompt, data=data, made=Made("gravitex", at, cost=cost)),
    *(st.sampled_from(pair) for pair in ("xy", "12", ("2026-01", "2026-02"), ("", "1 USD"))),
)
few_answers = st.builds(
    lambda prompt, message, at, kind: replace(a_refusal(prompt, message=message, at=at), kind=kind),
    *(st.sampled_from(pair) for pair in ("xy", "vw", ("2026-01", "2026-02"), tuple(AnswerKind))),
)
few_locks = st.builds(Lock, st.dictionaries(few_ids, few_entries), st.dictionaries(few_ids, few_answers))
