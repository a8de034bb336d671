"""One wanted image as a value, with defaults, styles, variables and the matrix filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.digest import AssetId, ContentHash, Json
from reconciler.core.errors import Place, Problem
from reconciler.core.mismatch import HOLD, OnMismatch
from reconciler.core.recipe import ImagePart, Recipe, TextPart, Turn
from reconciler.core.specs.document import Document, Path
from reconciler.core.value import field, replace, value


@value
class FileReference:
    """A picture in a file below the project root."""

    path: str


@value
class AssetReference:
    """The image of another asset: an edge of the graph."""

    asset: AssetId


Reference = FileReference | AssetReference


@value
class DerivedFields:
    """What a spec says about the files that are derived from its image: names of rules, the focus in thousandths from
    the left and from the top, the alternative text (None: none is written), and the borders of a nine-slice sprite
    (left, top, right, bottom, in pixels). None of it is part of the recipe."""

    rules: tuple[str, ...] = ()
    focus: tuple[int, int] | None = None
    alt: str | None = None
    borders: tuple[int, int, int, int] | None = None


@value
class WorkflowUse:
    """A workflow file and its use: `fill` maps inputs of nodes (`title.input`) to fields of the recipe, and `take_from`
    is the title of the node whose image is taken, "" for the only one that saves one.

    `template` is for the provider. It is known once the file was read.
    """

    path: str
    fill: tuple[tuple[str, str], ...] = ()
    take_from: str = ""
    template: str = field(default="", compare=False, repr=False)


@value
class SpecTurn:
    """One turn of a conversation, its pictures still by name."""

    role: str
    parts: tuple[TextPart | FileReference | AssetReference, ...]


@value
class RightsFields:
    """What a spec says about the rights to its image and where it comes from: a licence (an SPDX id, a URL or words),
    a source, and the line to show beside the image. "" where nothing is written."""

    license: str = ""
    source: str = ""
    credit: str = ""


NO_RIGHTS = RightsFields()


@value
class Origin:
    """The place where a value was written, and the layer (`the spec`, `style flat-v2`, …)."""

    layer: str
    document: Document
    path: Path

    @property
    def place(self) -> Place:
        return self.document.place(self.path)

    @property
    def value(self) -> Json:
        """The value as written."""
        found = self.document.value
        for step in self.path:
            found = found[step]  # type: ignore[index]  # the path of a value that was read from there
        return found


@value
class Spec:
    """One asset as wanted. `base_recipe` is the recipe without its pictures, whose contents are known only later."""

    id: AssetId
    output: str
    base_recipe: Recipe
    references: tuple[Reference, ...] = ()
    mask: Reference | None = None
    turns: tuple[SpecTurn, ...] = ()
    provider: str = "draft"
    description: str = ""
    tags: tuple[str, ...] = ()
    freeze: bool = False
    ignore_changes: frozenset[str] = frozenset()
    derived: DerivedFields | None = None
    rights: RightsFields = NO_RIGHTS
    on_mismatch: OnMismatch = HOLD
    workflow: WorkflowUse | None = None
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict, compare=False)
    picture_origins: tuple[Origin, ...] = field(default=(), compare=False)
    """Where each of `pictures()` was written; empty for a spec that was not read from a file."""
    file: str = field(default="", compare=False)
    """The file that describes this asset."""

    def pictures(self) -> tuple[Reference, ...]:
        """Every picture that this spec refers to, in the order of `Recipe.images()`."""
        if not (self.references or self.mask or self.turns):
            return ()
        in_turns = (part for turn in self.turns for part in turn.parts if not isinstance(part, TextPart))
        return (*self.references, *((self.mask,) if self.mask else ()), *in_turns)

    def upstreams(self) -> tuple[AssetId, ...]:
        """The assets whose images this one needs, each once, in order."""
        if not (self.references or self.mask or self.turns):
            return ()
        return tuple(dict.fromkeys(ref.asset for ref in self.pictures() if isinstance(ref, AssetReference)))

    @property
    def template(self) -> str:
        """The template of its workflow; "" if it has none."""
        return self.workflow.template if self.workflow is not None else ""

    def family(self) -> str:
        """The names of its styles, or else its tags: what it has in common with the assets that should look like it."""
        styles = self.origins.get("style", ())
        named = styles[-1].value if styles else ""
        return " ".join(map(str, named)) if isinstance(named, list) else str(named or "") or " ".join(self.tags)

    def picture_problem(self, reference: Reference, fact: str, hint: str = "") -> Problem:
        """A problem with one of the pictures, where it was first written."""
        for one, origin in zip(self.pictures(), self.picture_origins, strict=False):
            if one == reference:
                return origin.document.problem(origin.path, fact, hint)
        return Problem(self.place("references"), "references", fact, hint)

    def place(self, name: str) -> Place:
        """The place where a field was written, or the nearest known place."""
        for key in (name, "prompt", ""):
            if self.origins.get(key):
                return self.origins[key][-1].place
        return Place(self.id)


def build_recipe(spec: Spec, content_of: Callable[[Reference], ContentHash | None]) -> Recipe | None:
    """The complete recipe, or None while a picture that it needs has no content yet."""
    if not (spec.references or spec.mask or spec.turns):
        return spec.base_recipe
    contents = {ref: content_of(ref) for ref in spec.pictures()}
    if not contents:
        return replace(spec.base_recipe, turns=tuple(Turn(turn.role, _texts(turn)) for turn in spec.turns))
    known = {ref: content for ref, content in contents.items() if content is not None}
    if len(known) < len(contents):
        return None
    return replace(
        spec.base_recipe,
        references=tuple(known[ref] for ref in spec.references),
        mask=known[spec.mask] if spec.mask else None,
        turns=tuple(
            Turn(turn.role, tuple(p if isinstance(p, TextPart) else ImagePart(known[p]) for p in turn.parts))
            for turn in spec.turns
        ),
    )


def _texts(turn: SpecTurn) -> tuple[TextPart, ...]:
    return tuple(part for part in turn.parts if isinstance(part, TextPart))
