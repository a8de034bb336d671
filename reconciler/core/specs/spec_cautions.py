"""Find specs that are valid and probably not what was meant: one recipe for several assets, a template's left-overs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.recipe import TextPart, comparable
from reconciler.core.specs.document import Path, field_name
from reconciler.core.specs.spec import Spec

_LEFT_OVER = re.compile(r"(?<!\$)\{\{\s*[A-Za-z_][\w-]*\s*\}\}|(?<![${])\{[A-Za-z_][\w-]*\}(?!\})")
_SHOWN = 4


def spec_cautions(specs: Mapping[AssetId, Spec]) -> Iterator[Caution]:
    """The cautions about valid specs."""
    yield from _shared_recipes(specs)
    yield from _left_overs(specs)


def _shared_recipes(specs: Mapping[AssetId, Spec]) -> Iterator[Caution]:
    """Assets with one recipe get one image. Those of one matrix are told of together."""
    first: dict[str, Spec] = {}
    by_prompt: dict[str, list[Spec]] = {}  # few have a namesake: the others cost one look-up
    for spec in specs.values():
        prompt = comparable(spec.base_recipe.prompt)
        if first.setdefault(prompt, spec) is not spec:
            by_prompt.setdefault(prompt, [first[prompt]]).append(spec)
    groups: dict[object, list[Spec]] = {}
    for alike in by_prompt.values():
        for spec in alike:
            recipe = (spec.base_recipe.key(), spec.references, spec.mask, spec.turns)
            groups.setdefault(recipe, []).append(spec)
    matrices: dict[tuple[str, Path], list[list[Spec]]] = {}
    for group in groups.values():
        if len(group) > 1:
            writers = {_written_at(spec) for spec in group}
            if len(writers) == 1:
                matrices.setdefault(writers.pop(), []).append(group)
            else:
                yield _of_several(group)
    for alike_groups in matrices.values():
        yield _of_one_matrix(alike_groups)


def _written_at(spec: Spec) -> tuple[str, Path]:
    """The mapping that describes an asset: the assets of a matrix have it in common."""
    origins = spec.origins.get("", ())
    return (spec.file, origins[-1].path) if origins else (spec.id, ())


def _of_one_matrix(groups: Sequence[Sequence[Spec]]) -> Caution:
    first = groups[0][0]
    assets = sum(map(len, groups))
    origin = first.origins[""][-1]
    path = (*origin.path, "matrix")
    several = "" if len(groups) == 1 else f", and so on for {len(groups):,} recipes"
    fact = f"assets with one recipe get one image ({_names(groups[0])}{several})"
    hint = "use every axis in the prompt; for several images of one prompt, write take: ${…} with numbers from 1"
    return Caution(fact, assets, place=origin.document.place(path), field=field_name(path), hint=hint)


def _of_several(group: Sequence[Spec]) -> Caution:
    fact = f"assets with one recipe get one image: {_names(group)}"
    hint = "if each should have an image of its own, give them different values of take:"
    return Caution(fact, len(group), place=group[0].place("prompt"), field="prompt", hint=hint)


def _names(group: Sequence[Spec]) -> str:
    more = f" and {len(group) - _SHOWN:,} more" if len(group) > _SHOWN else ""
    return ", ".join(spec.id for spec in group[:_SHOWN]) + more


def _left_overs(specs: Mapping[AssetId, Spec]) -> Iterator[Caution]:
    """`{name}` and `{{name}}` in a text that is sent: the placeholders of other templates."""
    found: dict[tuple[str, str, str], tuple[Spec, int]] = {}
    for spec in specs.values():
        for field, text in _texts_with_braces(spec):
            match = _LEFT_OVER.search(text)
            if match is not None:
                key = (match[0], field, spec.file)
                first, assets = found.get(key, (spec, 0))
                found[key] = (first, assets + 1)
    for (left, field, _), (spec, assets) in found.items():
        fact = f"{left} is sent as it is"
        hint = f"write ${{{left.strip('{} ')}}} for a variable"
        yield Caution(fact, assets, place=spec.place(field), field=field, hint=hint)


def _texts_with_braces(spec: Spec) -> list[tuple[str, str]]:
    prompt = spec.base_recipe.prompt
    found = [("prompt", prompt)] if "{" in prompt else []
    for turn in spec.turns:
        found += [("turns", part.text) for part in turn.parts if isinstance(part, TextPart) and "{" in part.text]
    return found
