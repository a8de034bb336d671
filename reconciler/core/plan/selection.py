"""Select assets by patterns: the same in every command.

A pattern is an id, a glob over ids or outputs, `tag:NAME` (a glob too), a spec file (`icons/items`, with or without
the folder of the specs and the suffix), a folder of specs or outputs, or the path of an output. An id comes first: a
pattern that is one selects nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate

from reconciler.core.digest import AssetId
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.specs.spec import Spec
from reconciler.core.value import value

_GLOB = re.compile(r"[*?\[]")


@value
class Selectable:
    """What patterns can match of an asset. `output` and `file` are paths below the project; "" if there is none."""

    asset: AssetId
    output: str = ""
    tags: tuple[str, ...] = ()
    file: str = ""


def selectable_spec(spec: Spec) -> Selectable:
    return Selectable(spec.id, spec.output, spec.tags, spec.file)


def selectable_step(step: Step) -> Selectable:
    return selectable_spec(step.spec) if isinstance(step, AssetStep) else Selectable(step.asset, step.output)


def is_glob(pattern: str) -> bool:
    """Whether a pattern may match nothing without being a mistake: a glob, or a tag."""
    return pattern.startswith("tag:") or _GLOB.search(pattern) is not None


def matching(pattern: str, assets: Sequence[Selectable]) -> frozenset[AssetId]:
    """The assets that one pattern selects."""
    if pattern.startswith("tag:"):
        tag = re.compile(translate(pattern[4:])).match
        return frozenset(one.asset for one in assets if any(map(tag, one.tags)))
    if any(one.asset == pattern for one in assets):
        return frozenset((AssetId(pattern),))
    plain = pattern.removeprefix("./")
    if _GLOB.search(plain):
        glob = re.compile(translate(plain)).match
        return frozenset(one.asset for one in assets if glob(one.asset) or glob(one.output))
    folder = plain if plain.endswith("/") else f"{plain}/"
    return frozenset(one.asset for one in assets if _is_at(one, plain, folder))


def _is_at(one: Selectable, plain: str, folder: str) -> bool:
    return bool(plain) and (
        plain in (one.output, one.file)
        or one.asset.startswith((f"{plain}#", folder))
        or one.output.startswith(folder)
        or one.file.startswith(folder)
    )


def select(
    specs: Mapping[AssetId, Spec],
    others: Iterable[Selectable],
    *,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> frozenset[AssetId] | None:
    """The selected assets with all their upstreams, less the excluded ones; None for everything. `others` have no
    spec."""
    if not include and not exclude:
        return None
    assets = (*map(selectable_spec, specs.values()), *others)
    every = frozenset(one.asset for one in assets)
    chosen = set(frozenset().union(*(matching(each, assets) for each in include)) if include else every)
    stack = [identity for identity in chosen if identity in specs]
    while stack:
        for up in specs[stack.pop()].upstreams():
            if up in specs and up not in chosen:
                chosen.add(up)
                stack.append(up)
    return frozenset(chosen.difference(*(matching(each, assets) for each in exclude)))
