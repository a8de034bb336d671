"""Read the fields of one asset out of its layers into a Spec, or say all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import Problem
from reconciler.core.images.sniff import FORMATS
from reconciler.core.recipe import Recipe, TextPart
from reconciler.core.specs.document import Document
from reconciler.core.specs.layers import (
    Layer,
    LayeredField,
    Origins,
    Substitution,
    as_text,
    every,
    is_literal,
    merged,
    nearest,
    strongest,
)
from reconciler.core.specs.paths import BadPath, bad_suffix, image_format, in_folder, project_path
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.sizes import BadSize, named_size, wanted_size
from reconciler.core.specs.spec import AssetReference, FileReference, Origin, Reference, Spec, SpecTurn
from reconciler.core.suggest import did_you_mean
from reconciler.core.value import replace

_NO_SPACE_BEFORE = (",", ".", ";", ":", "!", "?", ")")
_WITH_ALPHA = ("png", "webp", "avif")


class AssetFields:
    """The fields of one asset. `problems` fills up while `read` goes through them."""

    def __init__(self, settings: Settings, above: Sequence[Layer], own: Layer, *, styles: Document | None) -> None:
        self.settings = settings
        self.own = own
        self.problems: list[Problem] = []
        self.base = (*above, own)
        self.styles = self._style_layers(styles)
        self.layers = (*above, *self.styles, own)
        self.says = strongest(self.layers)
        self.filled = Substitution({})
        self.pictures: list[Origin] = []

    def read(self, identity: AssetId, matrix: dict[str, str]) -> Spec | None:
        """The asset, or None when `problems` says why not."""
        variables = {name: as_text(each.value) for name, each in self._merged("vars").items()} | matrix
        self.filled = Substitution(variables)
        format_ = self._format()
        output = self._output(identity, variables, format_)
        model = self._text("model")
        provider = self._provider(model)
        base_recipe = Recipe(
            prompt=self._prompt(),
            model=model,
            size=self._size("size", wanted_size),
            image_size=self._size("image_size", named_size),
            quality=self._text("quality"),
            format=format_ or image_format(output) or "png",
            background=self._background(),
            params={name: self.filled.fill(each) for name, each in self._merged("params").items()},
            take=int(cast(int, self._value("take", 1))),  # 2.0 is an integer to a schema
        )
        references, mask, turns = self._references(), self._mask(), self._turns()
        spec = Spec(
            id=identity,
            output=output,
            base_recipe=base_recipe,
            references=references,
            mask=mask,
            turns=turns,
            provider=provider,
            description=self._text("description"),
            tags=self._tags(),
            freeze=bool(self._value("freeze", False)),
            ignore_changes=frozenset(cast(Sequence[str], self._value("ignore_changes", ()))),
            origins=Origins(self.own, self.layers),
            picture_origins=tuple(self.pictures),
            file=self.own.document.file,
        )
        self._check(spec)
        self.problems.extend(self.filled.problems)
        return None if self.problems else spec

    def _style_layers(self, styles: Document | None) -> tuple[Layer, ...]:
        chosen = nearest(self.base, "style")
        if chosen is None:
            return ()
        known = cast(Mapping[str, Mapping[str, Json]], (styles.value if styles else None) or {})
        names = [chosen.value] if isinstance(chosen.value, str) else list(cast(Sequence[str], chosen.value))
        layers = []
        for name in names:
            if styles is None or name not in known:
                hint = did_you_mean(str(name), known) or "styles are written in _styles.yaml at the top of the specs"
                self._report(chosen, f'no style is called "{name}"', hint)
                continue
            layers.append(Layer(f"style {name}", styles, (str(name),), known[str(name)]))
        return tuple(layers)

    def _report(self, each: LayeredField, fact: str, hint: str = "") -> None:
        origin = each.origin
        self.problems.append(origin.document.problem(origin.path, fact, hint))

    def _merged(self, name: str) -> dict[str, LayeredField]:
        return merged(self.layers, name) if name in self.says else {}

    def _field(self, name: str) -> LayeredField | None:
        return self.says[name].field(name) if name in self.says else None

    def _value(self, name: str, default: Json) -> Json:
        return self.says[name].fields[name] if name in self.says else default

    def _text(self, name: str) -> str:
        layer = self.says.get(name)
        if layer is None:
            return ""
        value = layer.fields[name]
        return value if isinstance(value, str) and is_literal(value) else self.filled.text(layer.field(name))

    def _whole(self, each: LayeredField) -> str | None:
        """The text of a field, or None where a variable of its own is wrong: what it holds is not known then."""
        before = len(self.filled.problems)
        text = self.filled.text(each)
        return text if len(self.filled.problems) == before else None

    def _prompt(self) -> str:
        """Prefixes, the prompt and suffixes, a space between; styles stand between the asset and its defaults."""
        if "prompt_prefix" not in self.says and "prompt_suffix" not in self.says:
            return self._text("prompt")
        prompt = [self.says["prompt"].field("prompt")] if "prompt" in self.says else []
        pieces = [*reversed(self._around("prompt_prefix")), *prompt, *self._around("prompt_suffix")]
        if len(pieces) == 1:
            return self.filled.text(pieces[0])
        text = ""
        for piece in (self.filled.text(piece).strip() for piece in pieces):
            glue = " " if text and piece and not piece.startswith(_NO_SPACE_BEFORE) else ""
            text += glue + piece
        return text

    def _around(self, name: str) -> list[LayeredField]:
        """What the styles say, and outside of them the asset or its nearest default."""
        outer = nearest(self.base, name)
        return [*every(self.styles, name), *((outer,) if outer else ())]

    def _size(self, name: str, normal: Callable[[str], str | BadSize]) -> str:
        if name not in self.says:
            return ""
        before = len(self.filled.problems)
        size = normal(self._text(name))
        if isinstance(size, str):
            return size
        if len(self.filled.problems) == before:  # else a variable is wrong, and what it holds is not known
            self._report(self.says[name].field(name), size.fact, size.hint)
        return ""

    def _format(self) -> str:
        """The format that is asked for in so many words, or ""."""
        each = self._field("format")
        if each is None:
            return ""
        text = self._whole(each)
        if text is None:
            return ""
        normal = "jpeg" if text == "jpg" else text
        if normal not in FORMATS:
            self._report(each, f'"{text}" is not an image format', f"write {', '.join(FORMATS)}")
        return normal

    def _background(self) -> str:
        text = self._text("background")
        return "" if text == "auto" else text

    def _provider(self, model: str) -> str:
        each = self._field("provider")
        name = self.settings.provider if each is None else self._whole(each)
        if name is None:
            return ""
        settings = self.settings.provider_settings(name)
        if settings is None:
            if each is not None:
                hint = did_you_mean(name, self.settings.providers)
                self._report(each, f'no provider is called "{name}"', hint)
        elif settings.traits.needs_model and not model:
            hint = "write model: here, in _defaults.yaml, or under defaults: in reconciler.yaml"
            self._report(LayeredField(None, self.own), f"has no model, and the provider {name} needs one", hint)
        return name

    def _output(self, identity: AssetId, variables: Mapping[str, str], format_: str) -> str:
        flat = identity.replace("#", "/")
        written = self._field("output")
        if written is not None:
            return self._written_output(written, {"id": flat, "name": flat.rpartition("/")[2], **variables}, format_)
        suffix = "jpg" if self._value("format", "") == "jpg" else format_ or "png"
        path = project_path(f"{self.settings.outputs}/{flat}.{suffix}")
        if isinstance(path, BadPath):
            self._report(LayeredField(None, self.own), path.fact, path.hint)
            return ""
        return path

    def _written_output(self, written: LayeredField, variables: Mapping[str, str], format_: str) -> str:
        filled = Substitution(variables)
        text = filled.text(written)
        if filled.problems:
            self.problems.extend(filled.problems)
            return ""
        path = project_path(text)
        if isinstance(path, BadPath):
            self._report(written, path.fact, path.hint)
            return ""
        found = image_format(path)
        wrong = bad_suffix(path) if found is None else None
        if in_folder(path, self.settings.specs):
            self._report(written, f'"{path}" lies in the folder of the specs', "keep pictures in a folder of their own")
        if wrong is not None:
            self._report(written, wrong.fact, wrong.hint)
        elif format_ and found != format_ and format_ in FORMATS:
            self._report(written, f'"{path}" is named {found}, and the format is {format_}', "make them agree")
        return path

    def _reference(self, each: LayeredField) -> Reference | None:
        origin = each.origin
        if isinstance(each.value, dict):
            named = self._whole(replace(each, value=each.value["asset"]))
            self.pictures.append(origin)
            return None if named is None else AssetReference(AssetId(named))
        text = self._whole(each)
        if text is None:
            return None
        path = project_path(text)
        if isinstance(path, BadPath):
            self._report(each, path.fact, path.hint)
            return None
        wrong = bad_suffix(path)
        if wrong is not None:
            self._report(each, wrong.fact, "refer to a .png, .jpg, .webp or .avif")
        self.pictures.append(origin)
        return FileReference(path)

    def _references(self) -> tuple[Reference, ...]:
        """The asset's own (or its nearest default's), then those of its styles."""
        if "references" not in self.says:
            return ()
        own = nearest(self.base, "references")
        found: list[Reference] = []
        for each in (*((own,) if own else ()), *every(self.styles, "references")):
            for index, value in enumerate(cast(Sequence[Json], each.value)):
                reference = self._reference(each.below(index, value))
                if reference is not None:
                    found.append(reference)
        return tuple(found)

    def _mask(self) -> Reference | None:
        each = self._field("mask")
        return None if each is None else self._reference(each)

    def _turns(self) -> tuple[SpecTurn, ...]:
        each = self._field("turns")
        if each is None:
            return ()
        turns = []
        for index, turn in enumerate(cast(Sequence[Mapping[str, Json]], each.value)):
            written = each.below(index, turn).below("parts", turn["parts"])
            parts = [self._part(written.below(at, part)) for at, part in enumerate(cast(Sequence[Json], turn["parts"]))]
            turns.append(SpecTurn(str(turn["role"]), tuple(part for part in parts if part is not None)))
        return tuple(turns)

    def _part(self, each: LayeredField) -> TextPart | Reference | None:
        part = cast(Mapping[str, Json], each.value)
        if "text" in part:
            return TextPart(self.filled.text(each.below("text", part["text"])))
        return self._reference(each.below("image", part["image"]))

    def _tags(self) -> tuple[str, ...]:
        if "tags" not in self.says:
            return ()
        tags: dict[str, None] = {}
        for layer in self.layers:
            tags |= dict.fromkeys(cast(Sequence[str], layer.fields.get("tags", ())))
        return tuple(tags)

    def _check(self, spec: Spec) -> None:
        """What only the whole asset can show."""
        if not spec.turns and not as_text(self._value("prompt", "")).strip():
            prompt = self._field("prompt")
            fact = "has no prompt" if prompt is None else "is empty"
            self._report(prompt or LayeredField(None, self.own), fact, "write prompt: what to draw")
        if spec.base_recipe.background == "transparent" and spec.base_recipe.format not in _WITH_ALPHA:
            fact = f"{spec.base_recipe.format} has no alpha channel, and the background is to be transparent"
            self._report(self.says["background"].field("background"), fact, f"use {', '.join(_WITH_ALPHA)}")
        for reference in spec.pictures():
            if isinstance(reference, FileReference) and reference.path == spec.output:
                each = LayeredField(None, self.own, ("output",))
                self._report(each, "the output is one of its own references", "rename one")
            if isinstance(reference, AssetReference) and reference.asset == spec.id:
                fact, hint = "the asset refers to itself", "name another asset"
                self.problems.append(spec.picture_problem(reference, fact, hint))
