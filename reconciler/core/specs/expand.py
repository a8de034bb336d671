"""Expand files to assets: fill in defaults, styles, variables and the matrix, and collect every problem of every file.

The documents have passed their JSON Schema already. The checks here are those that a schema cannot express.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import MAX_PROBLEMS, Place, Problem, first_problems
from reconciler.core.specs import matrix as matrices
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.context import Context, mapping
from reconciler.core.specs.document import Document, Path, as_text
from reconciler.core.specs.fields import read_asset
from reconciler.core.specs.layers import Layer, LayeredField, Substitution, merged, nearest
from reconciler.core.specs.paths import is_unicode
from reconciler.core.specs.room import Room, asset_count, has_matrix
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec
from reconciler.core.text import is_hidden
from reconciler.core.value import field, value

_ID_PART = re.compile(r"(?!\s)[^\x00-\x1f\x7f\ud800-\udfff#*?\[\]\\]+(?<!\s)")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


@value
class SpecTree:
    """The documents of the specs folder. Names are paths below it, with `/`; `defaults` is by folder, "" the top."""

    specs: Mapping[str, Document]
    defaults: Mapping[str, Document] = field(default_factory=dict)
    styles: Document | None = None


@value
class Expansion:
    """Every asset in the order of ids, every problem, and the ids of the files with problems. `room` is what further
    assets may have."""

    specs: Mapping[AssetId, Spec]
    problems: tuple[Problem, ...]
    broken: tuple[str, ...]
    room: Room = field(compare=False)


def expand(settings: Settings, project: Document | None, tree: SpecTree) -> Expansion:
    """All assets of a project. An asset with a problem is left out, and its problems are in the result."""
    context = Context(settings, project, tree.defaults, tree.styles)
    problems: set[Problem] = set()
    found: dict[AssetId, Spec] = {}
    broken: list[str] = []
    assets_left = settings.asset_limit
    room = Room.of(settings)
    for name, document in sorted(tree.specs.items()):
        if room.exceeded or len(problems) >= MAX_PROBLEMS:  # reported once, for the first file that exceeds it
            broken.append(name.rpartition(".")[0])
            continue
        wanted = asset_count(document)
        if wanted > assets_left:
            problems.add(_too_many(document, wanted, settings))
            broken.append(name.rpartition(".")[0])
            continue
        assets_left -= wanted
        specs, wrong = expand_file(context, name, document, room)
        problems.update(wrong)
        if wrong:
            broken.append(name.rpartition(".")[0])
        for spec in specs:
            if spec.id in found:
                first = found[spec.id].file
                fact = f'two assets have the id "{spec.id}" (the other is in {first})'
                problems.add(Problem(spec.place("id"), "", fact, "rename one of them"))
            found[spec.id] = spec
    return Expansion(dict(sorted(found.items())), tuple(sorted(problems)), tuple(broken), room)


def expand_file(
    context: Context, name: str, document: Document, room: Room
) -> tuple[tuple[Spec, ...], tuple[Problem, ...]]:
    """The assets of one file, and its problems."""
    file_id = name.rpartition(".")[0]
    if not _PLAIN_PATH.fullmatch(file_id):
        if not is_unicode(file_id):
            return (), (Problem(Place(document.file), "", "the file's name is not valid UTF-8", "rename it in UTF-8"),)
        if not all(map(_is_id_part, file_id.split("/"))):
            hint = "rename it without # * ? [ ] \\ and without invisible characters"
            return (), (Problem(Place(document.file), "", "the file's name cannot be an id", hint),)
    if not room.takes_entries(context, name, document):
        fact = f"with this file the fields of all assets have more than {Room.of(context.settings).entries:,} entries"
        hint = "an asset has those of its defaults and styles, too: shorten their lists, or ask for fewer assets"
        return (), (document.problem((), fact, hint),)
    above = context.layers_above(name.rpartition("/")[0])
    body = mapping(document.value)
    specs: list[Spec] = []
    problems: list[Problem] = []
    for template, layer, file_layers in _assets(document, file_id, body):
        for identity, values in _variants(layer, template, problems):
            asset = AssetLayers(context.settings, (*above, *file_layers), layer, styles=context.styles)
            spec = read_asset(asset, identity, values)
            problems.extend(asset.problems)
            if len(problems) >= MAX_PROBLEMS:
                return (), tuple(problems)
            if spec is not None and not room.takes_text(spec):
                fact = f"with this file the assets have more than {Room.of(context.settings).text:,} characters of text"
                return (), (*problems, document.problem((), fact, "shorten the prompts, or ask for fewer assets"))
            if spec is not None:
                specs.append(spec)
    return tuple(specs), tuple(problems)


def _assets(
    document: Document, file_id: str, body: Mapping[str, Json]
) -> Iterator[tuple[str, Layer, tuple[Layer, ...]]]:
    """Each asset of a file: the template of its id, its own layer, and the file's defaults."""
    if "assets" not in body:
        yield file_id, Layer("the spec", document, (), body), ()
        return
    shared: tuple[Layer, ...] = ()
    if "defaults" in body:
        shared = (Layer("the file's defaults", document, ("defaults",), mapping(body["defaults"])),)
    for key, asset in mapping(body["assets"]).items():
        yield f"{file_id}#{key}", Layer("the spec", document, ("assets", key), mapping(asset)), shared


def _variants(layer: Layer, template: str, problems: list[Problem]) -> Iterator[tuple[AssetId, matrices.Combination]]:
    """The assets that one mapping stands for: itself, or one for each combination of its matrix."""
    if not has_matrix(layer.fields):
        problem = _bad_plain_id(layer, template)
        if problem is not None:
            problems.append(problem)
            return
        yield AssetId(template), {}
        return
    seen: set[str] = set()
    matrix = mapping(layer.fields["matrix"])
    slips = first_problems(_bad_matrix(layer, matrix), len(problems))
    problems.extend(slips)
    if slips:
        return
    combinations = matrices.combinations(matrix)
    if isinstance(combinations, matrices.TooMuch):
        fact = f"its {combinations.field} entries take too long to match with its combinations"
        path = (*layer.path, "matrix", combinations.field)
        problems.append(layer.document.problem(path, fact, "write fewer of them, or several assets"))
        return
    if not combinations:
        problems.append(layer.document.problem((*layer.path, "matrix"), "leaves no combination", "exclude less"))
        return
    for combination in combinations:
        identity, wrong = _matrix_id(layer, template, combination)
        if not wrong and identity in seen:
            hint = "use every ${…} of the matrix in the id"
            wrong = (layer.document.problem(_id_path(layer), f'two combinations have the id "{identity}"', hint),)
        problems.extend(wrong)
        if wrong:
            return
        seen.add(identity)
        yield AssetId(identity), combination


def _bad_matrix(layer: Layer, matrix: Mapping[str, Json]) -> Iterator[Problem]:
    """Report duplicate values, an exclude that can never match (which costs money), and an empty matrix."""
    axes = matrices.axes(matrix)
    for name, values in axes.items():
        known: set[str] = set()
        for index, text in enumerate(map(as_text, values)):
            if text in known:
                path: Path = (*layer.path, "matrix", name, index)
                yield layer.document.problem(path, f'"{text}" is listed twice', "remove one")
            known.add(text)
    allowed = {name: matrices.values_of(values) for name, values in axes.items()}
    texts = {name: frozenset(map(as_text, values)) for name, values in axes.items()}
    for index, pattern in enumerate(matrices.entries(matrix, "exclude")):
        for key, named in pattern.items():
            path = (*layer.path, "matrix", "exclude", index, key)
            if key not in axes:
                yield layer.document.unknown(path, "the matrix has no axis of this name", key, axes)
            elif not matrices.is_among(named, allowed[key]):
                text = as_text(named)
                yield layer.document.unknown(path, f'"{text}" is not a value of {key}', text, texts[key])


def _matrix_id(layer: Layer, template: str, values: matrices.Combination) -> tuple[str, tuple[Problem, ...]]:
    """The id of one combination: the template filled in, or the values joined by `-` where it names none."""
    own = nearest((layer,), "id")
    path = _id_path(layer)
    if own is None and "${" not in template:
        joined = "-".join(map(as_text, values.values()))
        if not _PLAIN.fullmatch(joined):
            hint = "give an id: with ${…}"
            return "", (layer.document.problem(path, f'"{joined}" cannot be part of an id', hint),)
        return f"{template}{'-' if '#' in template else '#'}{joined}", ()
    variables = Substitution({key: each.value for key, each in merged((layer,), "vars").items()} | values)
    if own is None:
        file_id, _, key = template.partition("#")
        part = variables.text(LayeredField(key, layer))
    else:
        file_id = template
        part = variables.text(own)
        if "#" in template:
            problem = layer.document.problem(path, "an asset under assets: has its key as id", "write ${…} in the key")
            return "", (problem,)
    if variables.problems:
        return "", tuple(variables.problems)
    if not _is_id_part(part):
        return "", (layer.document.problem(path, f'"{part}" cannot be part of an id'),)
    return f"{file_id}#{part}", ()


def _bad_plain_id(layer: Layer, template: str) -> Problem | None:
    key = template.partition("#")[2]
    if "id" in layer.fields:
        fact = "an id is for a matrix only: the id of an asset is its file's path, # and its key"
        return layer.document.problem((*layer.path, "id"), fact, "rename the file or the key")
    if "#" in template and not _is_id_part(key):
        return layer.document.problem(layer.path, f'"{key}" cannot be part of an id', "leave out # * ? [ ] \\")
    if "${" in key:
        return layer.document.problem(layer.path, "${…} in a key needs a matrix", "add matrix: or write the name out")
    return None


def _is_id_part(text: str) -> bool:
    return _ID_PART.fullmatch(text) is not None and (text.isascii() or not any(map(is_hidden, text)))


def _id_path(layer: Layer) -> Path:
    return (*layer.path, "id") if "id" in layer.fields else (*layer.path, "matrix")


def _too_many(document: Document, wanted: int, settings: Settings) -> Problem:
    path: Path = ("matrix",) if ("matrix",) in document.marks else ()
    fact = f"asks for {wanted:,} assets, and the project may have {settings.asset_limit:,}"
    return document.problem(path, fact, "raise limits: {assets: …} in reconciler.yaml if that is meant")
