"""Read the rules of `specs/_derive.yaml`: for each, the operations and encodings of all its files in normal form.

The document has passed its JSON Schema. The checks here are those that a schema cannot express.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from typing import Any, cast

from reconciler.core.derived.operations import (
    CENTRE,
    ColourKey,
    Crop,
    Encoding,
    Operation,
    Pad,
    Palette,
    Resize,
    Trim,
)
from reconciler.core.derived.template import Template, read_template
from reconciler.core.errors import Place, Problem
from reconciler.core.specs.document import Document
from reconciler.core.value import field, replace, value

QUALITY = {"avif": 55, "webp": 78, "jpeg": 80, "png": 0}
EXTENSIONS = {"avif": "avif", "webp": "webp", "jpeg": "jpg", "png": "png"}
LARGEST = 16_384
"""Pixels of a side after a density has multiplied it."""


@value
class SizeVariant:
    """One size of a rule: its width (0: none is written) and density, and the operations in order. Their focus is the
    middle; `Rule.focused` gives them that of an asset."""

    width: int
    density: int
    operations: tuple[Operation, ...]


@value
class Rule:
    """How files are derived from one picture. `output` is None for a rule that only bundles use."""

    name: str
    variants: tuple[SizeVariant, ...]
    encodings: tuple[Encoding, ...]
    output: Template | None
    commit: bool = True
    place: Place | None = field(default=None, compare=False, repr=False)

    def focused(self, variant: SizeVariant, focus: tuple[int, int] | None) -> tuple[Operation, ...]:
        """The operations of a size with the focus of an asset in those that crop."""
        if focus in (None, CENTRE):
            return variant.operations
        return tuple(
            replace(each, focus=focus) if isinstance(each, Crop) or _covers(each) else each
            for each in variant.operations
        )


def _covers(each: Operation) -> bool:
    return isinstance(each, Resize) and each.fit == "cover" and bool(each.width and each.height)


def read_rules(document: Document) -> tuple[dict[str, Rule], tuple[Problem, ...]]:
    """All rules by name, and all problems in them. A rule with a problem is left out."""
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for name, given in cast(Mapping[str, Mapping[str, Any]], document.value).items():
        rule, wrong = _rule(document, name, given)
        problems += wrong
        if not wrong:
            rules[name] = rule
    return rules, tuple(problems)


def _rule(document: Document, name: str, given: Mapping[str, Any]) -> tuple[Rule, list[Problem]]:
    problems = list(_contradictions(document, name, given))
    encodings = tuple(dict.fromkeys(_encoding(given, one) for one in given["formats"]))
    template = None
    if "output" in given:
        template, wrong = read_template(given["output"], document, (name, "output"))
        problems += wrong
        problems += _indistinct(document, name, given, template)
    if problems:
        return Rule(name, (), encodings, template), problems
    variants = tuple(dict.fromkeys(_variants(given)))
    for one in variants:
        if any(isinstance(each, Resize) and max(each.width, each.height) > LARGEST for each in one.operations):
            fact = f"makes a side of more than {LARGEST:,} pixels at density {one.density}"
            problems.append(document.problem((name,), fact, "write a smaller size, or fewer densities"))
            break
    return Rule(name, variants, encodings, template, bool(given.get("commit", True)), document.place((name,))), problems


def _contradictions(document: Document, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    resizes = [each for each in given.get("ops", ()) if "resize" in each]
    if "widths" in given and ("densities" in given or "size" in given):
        other = "densities" if "densities" in given else "size"
        yield document.problem((name, "widths"), f"stands beside {other}", "write one of the two")
    if "densities" in given and "size" not in given and not resizes:
        hint = "write size: 256x256, or a resize among ops"
        yield document.problem((name, "densities"), "has no size to multiply", hint)
    if "size" in given and resizes:
        yield document.problem((name, "size"), "stands beside a resize among ops", "write one of the two")
    if "widths" in given and resizes:
        yield document.problem((name, "widths"), "stands beside a resize among ops", "write one of the two")
    if "aspect" in given and "size" in given:
        yield document.problem((name, "aspect"), "stands beside size, which has a ratio", "remove one of the two")
    for index, each in enumerate(given.get("ops", ())):
        key = each.get("key", {})
        if key.get("from", ColourKey().from_) >= key.get("to", ColourKey().to):
            hint = "a pixel is transparent up to from, and opaque from to on"
            yield document.problem((name, "ops", index, "key"), "from must be less than to", hint)
        resize = each.get("resize")
        if resize is not None and "size" in resize and ("width" in resize or "height" in resize):
            yield document.problem((name, "ops", index, "resize", "size"), "stands beside width or height")
        if resize is not None and not {"size", "width", "height"} & resize.keys():
            yield document.problem((name, "ops", index, "resize"), "has no size", "write size: 64x64")
    for format_ in given.get("quality", {}):
        if format_ not in given["formats"]:
            fact = f"{format_} is not among the formats"
            yield document.problem((name, "quality", format_), fact, "remove it, or add the format")


def _indistinct(document: Document, name: str, given: Mapping[str, Any], template: Template) -> Iterator[Problem]:
    """Problems of a name that several files of one asset would have."""
    path = (name, "output")
    if len(given.get("widths", ())) > 1 and not template.uses("width"):
        yield document.problem(path, "gives several widths one name", "write ${width} in it")
    if len(given.get("densities", ())) > 1 and not (template.uses("at") or template.uses("density")):
        yield document.problem(path, "gives several densities one name", "write ${at} in it")
    if len(set(given["formats"])) > 1 and not (template.uses("ext") or template.uses("format")):
        yield document.problem(path, "gives several formats one name", "end it in .${ext}")
    if not (template.uses("id") or template.uses("name")):
        yield document.problem(path, "gives every asset one name", "write ${id} or ${name} in it")
    if template.uses("width") and "widths" not in given:
        yield document.problem(path, "has ${width}, and the rule has no widths", "write widths: [640, 1280]")


def _encoding(given: Mapping[str, Any], format_: str) -> Encoding:
    lossless = bool(given.get("lossless")) and format_ == "webp"
    quality = 0 if lossless else int(given.get("quality", {}).get(format_, QUALITY[format_]))
    background = str(given.get("background", "#ffffff")).lower() if format_ == "jpeg" else "#ffffff"
    return Encoding(format_, quality, lossless, background)


def _variants(given: Mapping[str, Any]) -> Iterator[SizeVariant]:
    before = tuple(_operations(given.get("ops", ())))
    shared = {"filter": given.get("filter", "lanczos"), "enlarge": bool(given.get("enlarge", False))}
    aspect = _pair(given["aspect"], ":") if "aspect" in given else None
    for width in given.get("widths", ()):
        height = max(1, round(width * aspect[1] / aspect[0])) if aspect else 0
        fit = given.get("fit", "cover") if aspect else "inside"
        yield SizeVariant(width, 1, (*before, Resize(width, height, fit, **shared)))
    if "widths" in given:
        return
    if aspect is not None:
        divisor = gcd(*aspect)
        before = (*before, Crop((aspect[0] // divisor, aspect[1] // divisor)))
    for density in given.get("densities", (1,)):
        operations = tuple(_dense(each, density) for each in before)
        if "size" in given:
            width, height = (side * density for side in _pair(given["size"], "x"))
            operations = (*operations, Resize(width, height, given.get("fit", "inside"), **shared))
        yield SizeVariant(0, density, operations)


def _operations(given: Sequence[Mapping[str, Any]]) -> Iterator[Operation]:
    for each in given:
        ((name, fields),) = each.items()
        match name:
            case "key":
                default = ColourKey()
                yield ColourKey(
                    str(fields.get("colour", default.colour)).lower(),
                    fields.get("from", default.from_),
                    fields.get("to", default.to),
                )
            case "trim":
                yield Trim(fields.get("threshold", Trim().threshold), fields.get("padding", 0))
            case "pad":
                yield Pad(fields["pixels"], str(fields.get("colour", "")).lower())
            case "resize":
                yield _resize(fields)
            case _:
                listed = fields["colours"] if isinstance(fields["colours"], list) else ()
                colours = tuple(dict.fromkeys(each.lower() for each in listed))
                yield Palette(len(colours) or fields["colours"], fields.get("dither", "none"), colours)


def _resize(fields: Mapping[str, Any]) -> Resize:
    width, height = (
        _pair(fields["size"], "x") if "size" in fields else (fields.get("width", 0), fields.get("height", 0))
    )
    enlarge = bool(fields.get("enlarge", False))
    return Resize(width, height, fields.get("fit", "inside"), fields.get("filter", "lanczos"), enlarge=enlarge)


def _dense(each: Operation, density: int) -> Operation:
    """The operation at a density: its lengths in pixels of the result are multiplied."""
    if isinstance(each, Resize):
        return replace(each, width=each.width * density, height=each.height * density)
    return replace(each, pixels=each.pixels * density) if isinstance(each, Pad) else each


def _pair(text: str, sign: str) -> tuple[int, int]:
    first, _, second = text.partition(sign)
    return int(first), int(second)
