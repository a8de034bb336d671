"""Expand files to assets: fill in defaults, styles, variables and the matrix, and collect every problem of every file.

The documents have passed their JSON Schema already. The checks here are those that a schema cannot express.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from reconciler.core.cautions import Caution, first_cautions
from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import MAX_PROBLEMS, Place, Problem, Problems
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.context import Context, mapping
from reconciler.core.specs.document import Document, Path
from reconciler.core.specs.fields import read_asset
from reconciler.core.specs.layers import Layer
from reconciler.core.specs.paths import is_unicode
from reconciler.core.specs.room import Room, asset_count
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec
from reconciler.core.specs.spec_cautions import spec_cautions
from reconciler.core.specs.variants import is_id_part, variants
from reconciler.core.value import field, replace, value

_PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


@value
class SpecTree:
    """The documents of the specs folder. Names are paths below it, with `/`; `defaults` is by folder, "" the top.
    `derive` and `bundles` are the rules and the bundles of derived files."""

    specs: Mapping[str, Document]
    defaults: Mapping[str, Document] = field(default_factory=dict)
    styles: Document | None = None
    derive: Document | None = None
    bundles: Document | None = None


@value
class Expansion:
    """Every asset in the order of ids, every problem, and the ids of the files with problems. `room` is what further
    assets may have. The cautions are those of specs without problems."""

    specs: Mapping[AssetId, Spec]
    problems: tuple[Problem, ...]
    broken: tuple[str, ...]
    room: Room = field(compare=False)
    cautions: tuple[Caution, ...] = ()


def expand(settings: Settings, project: Document | None, tree: SpecTree) -> Expansion:
    """All assets of a project. An asset with a problem is left out, and its problems are in the result."""
    context = Context(settings, project, tree.defaults, tree.styles)
    problems = Problems()
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
            problems.update([_too_many(document, wanted, settings)])
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
                problems.update([Problem(spec.place("id"), "", fact, "rename one of them")])
            found[spec.id] = spec
    ordered = dict(sorted(found.items()))
    cautions = () if problems else first_cautions(chain(context.usage.cautions(), spec_cautions(ordered)))
    return Expansion(ordered, tuple(sorted(problems)), tuple(broken), room, cautions)


def expand_file(
    context: Context, name: str, document: Document, room: Room
) -> tuple[tuple[Spec, ...], tuple[Problem, ...]]:
    """The assets of one file, and its problems."""
    file_id = name.rpartition(".")[0]
    if not _PLAIN_PATH.fullmatch(file_id):
        if not is_unicode(file_id):
            return (), (Problem(Place(document.file), "", "the file's name is not valid UTF-8", "rename it in UTF-8"),)
        if not all(map(is_id_part, file_id.split("/"))):
            hint = "rename it without # * ? [ ] \\ and without invisible characters"
            return (), (Problem(Place(document.file), "", "the file's name cannot be an id", hint),)
    if not room.takes_entries(context, name, document):
        fact = f"with this file the fields of all assets have more than {Room.of(context.settings).entries:,} entries"
        hint = "an asset has those of its defaults and styles, too: shorten their lists, or ask for fewer assets"
        return (), (document.problem((), fact, hint),)
    above = context.layers_above(name.rpartition("/")[0])
    body = mapping(document.value)
    specs: list[Spec] = []
    problems = Problems()
    for template, layer, file_layers in _assets(document, file_id, body):
        made = variants(layer, template, already=len(problems))
        problems.update(made.problems)
        used: set[str] = set()
        for one in made.variants:
            asset = AssetLayers(
                context.settings, (*above, *file_layers), layer, styles=context.styles, overrides=one.overrides
            )
            spec = read_asset(asset, one.id, one.values)
            asset.filled.used |= made.used
            used |= asset.filled.used
            context.usage.note(asset)
            problems.update(replace(problem, asset=one.id) for problem in asset.problems)
            if len(problems) >= MAX_PROBLEMS:
                return (), tuple(problems)
            if not room.takes_text(asset.filled.size):
                fact = f"with this file the assets have more than {Room.of(context.settings).text:,} characters of text"
                return (), (
                    *problems,
                    document.problem((), fact, "shorten the prompts, or ask for fewer assets"),
                )
            if spec is not None:
                specs.append(spec)
        if made.variants and specs and not problems:
            problems.update(context.usage.note_matrix(layer, used, len(made.variants)))
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


def _too_many(document: Document, wanted: int, settings: Settings) -> Problem:
    path: Path = ("matrix",) if ("matrix",) in document.marks else ()
    fact = f"asks for {wanted:,} assets, and the project may have {settings.asset_limit:,}"
    return document.problem(path, fact, "raise limits: {assets: …} in reconciler.yaml if that is meant")
