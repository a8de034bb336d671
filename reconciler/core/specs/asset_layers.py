"""The layers of one asset, weakest first, and the value that each field has in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from reconciler.core.digest import Json
from reconciler.core.errors import MAX_PROBLEMS, Problem
from reconciler.core.specs.document import Document
from reconciler.core.specs.layers import Layer, LayeredField, Substitution, is_literal, merged, nearest, strongest
from reconciler.core.specs.settings import Settings


class AssetLayers:
    """The defaults, the styles, the asset itself, and the overrides of its matrix.

    Problems collect in `problems`, those of variables in `filled`.
    """

    def __init__(
        self,
        settings: Settings,
        above: Sequence[Layer],
        own: Layer,
        *,
        styles: Document | None,
        overrides: Sequence[Layer] = (),
    ) -> None:
        self.settings = settings
        self.own = own
        self.problems: list[Problem] = []
        self.base = (*above, own, *overrides)
        self.styles = self._style_layers(styles)
        self.layers = (*above, *self.styles, own, *overrides)
        self.strongest = strongest(self.layers)
        self.filled = Substitution({})

    def field(self, name: str) -> LayeredField | None:
        """The strongest layer's value of a field, as written."""
        return self.strongest[name].field(name) if name in self.strongest else None

    def value(self, name: str, default: Json) -> Json:
        """The strongest layer's value of a field, as written; `default` where no layer has one."""
        return self.strongest[name].fields[name] if name in self.strongest else default

    def merged(self, name: str) -> dict[str, LayeredField]:
        """A mapping field, merged key by key."""
        return merged(self.layers, name) if name in self.strongest else {}

    def text(self, name: str) -> str:
        """A text field with its variables filled in; "" where no layer has it."""
        layer = self.strongest.get(name)
        if layer is None:
            return ""
        value = layer.fields[name]
        if isinstance(value, str) and is_literal(value):
            self.filled.size += len(value)
            return value
        return self.filled.text(layer.field(name))

    def whole_text(self, each: LayeredField) -> str | None:
        """The text of a field, or None if one of its variables is wrong: its text is unknown then."""
        before = len(self.filled.problems)
        text = self.filled.text(each)
        return text if len(self.filled.problems) == before else None

    def report(self, each: LayeredField, fact: str, hint: str = "") -> None:
        """A problem with a field, where it was written."""
        origin = each.origin
        self.problems.append(origin.document.problem(origin.path, fact, hint))

    def report_unknown(self, each: LayeredField, fact: str, name: str, names: Collection[str], hint: str = "") -> None:
        """The problem of a name that is none of `names`, where it was written."""
        if len(self.problems) < MAX_PROBLEMS:
            origin = each.origin
            self.problems.append(origin.document.unknown(origin.path, fact, name, names, hint))

    def report_asset(self, fact: str, hint: str, field: str = "") -> None:
        """A problem with the asset as a whole, or with a field that it need not have written."""
        self.report(LayeredField(None, self.own, (field,) if field else ()), fact, hint)

    def _style_layers(self, styles: Document | None) -> tuple[Layer, ...]:
        chosen = nearest(self.base, "style")
        if chosen is None:
            return ()
        known = cast(Mapping[str, Mapping[str, Json]], (styles.value if styles else None) or {})
        names = [chosen.value] if isinstance(chosen.value, str) else list(cast(Sequence[str], chosen.value))
        layers = []
        for name in names:
            if styles is None or name not in known:
                hint = "styles are written in _styles.yaml at the top of the specs"
                self.report_unknown(chosen, f'no style is called "{name}"', str(name), known, hint)
                continue
            layers.append(Layer(f"style {name}", styles, (str(name),), known[str(name)]))
        return tuple(layers)
