"""The capabilities and prices of models: a dated table, which the project can extend and override.

Unknown models are allowed, since a model may be newer than the table; their price is unknown.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from reconciler.core.digest import Json
from reconciler.core.errors import MAX_PROBLEMS
from reconciler.core.money.cost import CURRENCY, Cost
from reconciler.core.suggest import did_you_mean
from reconciler.core.value import field, replace, value


@value
class FreePixels:
    """Limits on freely chosen sizes, in pixels: sides are divisible by `multiple` and at most `longest`, the area is
    `least` to `most`, the ratio at most `steepest`:1."""

    multiple: int = 16
    least: int = 1
    most: int = 8_294_400
    longest: int = 3840
    steepest: int = 3


@value
class Model:
    """One row. An empty field, or None, is unknown, and gives no errors.

    `gives` are the formats that can be requested, `usually_gives` the one that was observed whatever was requested.
    `pixels` is the fixed pixel size of each ratio. `prices` are keyed by image size, pixels/quality, or "" for all;
    `tokens` are prices of a million tokens (text in, image in, image out). `batch` is the share of a price that a
    request in a batch costs. `retires_at` are the dates of providers that
    retire it on another day than `retires`, by their type. `succeeds` are the models that it replaces under another
    name: their images stay up to date.
    """

    name: str
    series: str = ""
    ratios: tuple[str, ...] = ()
    image_sizes: tuple[str, ...] = ()
    pixels: Mapping[str, str] = field(default_factory=dict)
    free_pixels: FreePixels | None = None
    qualities: tuple[str, ...] = ()
    references: int | None = None
    least_references: int = 0
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    usually_gives: str = ""
    seed: bool | None = None
    transparent: bool | None = None
    turns: bool | None = None
    mask: bool | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    tokens: Mapping[str, Decimal] = field(default_factory=dict)
    batch: Decimal | None = None
    currency: str = "USD"
    retires: str = ""
    retires_at: Mapping[str, str] = field(default_factory=dict)
    succeeds: tuple[str, ...] = ()

    def retirement(self, provider_type: str) -> str:
        """The day from which a provider of this type does not have it any more, as 2027-03-15; "" is unknown."""
        return self.retires_at.get(provider_type, self.retires)


@value
class RowProblem:
    """An error in a row of the project: the way to the field, below the model's row."""

    model: str
    field: tuple[str, ...]
    fact: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{'.'.join(('models', self.model, *self.field))}: {self.fact}{hint}"


@value
class ModelTable:
    """Models by name, the date of the data, and the errors in the project's own rows. `listed` are the built-in rows;
    their prices are the minimum for rows of the project."""

    models: Mapping[str, Model]
    date: str
    basis: str
    problems: tuple[RowProblem, ...] = ()
    listed: Mapping[str, Model] = field(default_factory=dict)

    def find(self, name: str) -> Model | None:
        """The row of a model; None if it is unknown."""
        return self.models.get(name)

    def series(self, name: str) -> str:
        """gemini, gpt, seedream or qwen, by the table or by how the name begins; "" is unknown."""
        row = self.models.get(name)
        if row is not None and row.series:
            return row.series
        short = name.rpartition("/")[2].lower()
        return next((series for prefix, series in _PREFIXES if short.startswith(prefix)), "")


_PREFIXES = (
    ("gemini", "gemini"),
    ("gpt-image", "gpt"),
    ("chatgpt-image", "gpt"),
    ("doubao-see", "seedream"),
    ("seedream", "seedream"),
    ("seededit", "seedream"),
    ("qwen-image", "qwen"),
)


def model_table(overrides: Mapping[str, Json] | None = None) -> ModelTable:
    """The built-in table with the project's rows (`models:` in reconciler.yaml) over it, field by field."""
    table = _built_in()
    if not overrides:
        return table
    models = dict(table.models)
    problems: list[RowProblem] = []
    for name, row in overrides.items():
        try:
            models[name] = _not_cheaper(_merged(models.get(name, Model(name)), row), models.get(name))
        except _RowError as wrong:
            problems.append(RowProblem(name, wrong.field, wrong.fact, wrong.hint))
            if len(problems) >= MAX_PROBLEMS:
                break
    return replace(table, models=models, problems=tuple(problems))


@functools.cache
def _built_in() -> ModelTable:
    data = json.loads(Path(__file__).with_name("models.json").read_bytes())
    models = {name: _merged(Model(name), row) for name, row in data["models"].items()}
    return ModelTable(models, data["date"], data["basis"], listed=models)


def successions(table: ModelTable) -> dict[str, frozenset[str]]:
    """The models that each model succeeds, also through others."""
    direct = {name: row.succeeds for name, row in table.models.items() if row.succeeds}
    found: dict[str, frozenset[str]] = {}
    for name, olds in direct.items():
        seen: set[str] = set()
        pending = list(olds)
        while pending:
            old = pending.pop()
            if old not in seen and old != name:
                seen.add(old)
                pending += direct.get(old, ())
        found[name] = frozenset(seen)
    return found


def _not_cheaper(row: Model, listed: Model | None) -> Model:
    """The row, no token price and no share of a batch below that of the built-in table: responses are charged to the
    budget by them."""
    if listed is not None and row.batch is not None and row.batch != listed.batch:
        row = replace(row, batch=max(row.batch, Decimal(1) if listed.batch is None else listed.batch))
    if listed is None or not listed.tokens:
        return row
    if row.currency != listed.currency:
        return replace(row, tokens=listed.tokens, prices={}, currency=listed.currency)
    tokens = {kind: max(price, row.tokens.get(kind, price)) for kind, price in listed.tokens.items()}
    return replace(row, tokens={**row.tokens, **tokens})


class _RowError(ValueError):
    """An invalid row."""

    def __init__(self, fact: str, *field: str, hint: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.field = field
        self.hint = hint


def _merged(base: Model, row: Json) -> Model:
    if not isinstance(row, Mapping):
        raise _RowError("not a mapping")
    known: dict[str, str] = {name: kind for name, kind in Model.__annotations__.items() if name != "name"}
    changes: dict[str, object] = {}
    for name, given in row.items():
        kind = known.get(name)
        if kind is None:
            raise _RowError("there is no such field", name, hint=did_you_mean(name, known))
        changes[name] = _value(name, kind, given)
    if CURRENCY.fullmatch(str(changes.get("currency", "USD"))) is None:
        raise _RowError("not three capital letters", "currency")
    return replace(base, **changes)


def _value(name: str, kind: str, given: Json) -> object:
    """One field, parsed as the type of its annotation."""
    if kind.startswith("str") and isinstance(given, str):
        return given
    if kind.startswith("bool") and (given is None or isinstance(given, bool)):
        return given
    if kind.startswith("int") and isinstance(given, int) and not isinstance(given, bool):
        return given
    if kind.startswith("tuple") and isinstance(given, list) and all(isinstance(item, str) for item in given):
        return tuple(given)
    if kind == "Mapping[str, str]" and isinstance(given, Mapping):
        return {key: str(item) for key, item in given.items()}
    if kind == "Mapping[str, Decimal]" and isinstance(given, Mapping):
        return {str(key): _amount(item, name, str(key)) for key, item in given.items()}
    if kind.startswith("Decimal"):
        return _share(given, name)
    if kind.startswith("FreePixels") and isinstance(given, Mapping):
        return _free(given)
    raise _RowError(f"not {_KINDS.get(kind, 'a mapping')}", name)


_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "int | None": "a whole number",
    "bool | None": "true or false",
    "tuple[str, ...]": "a list of strings",
}


def _free(given: Mapping[str, Json]) -> FreePixels:
    known = set(FreePixels.__match_args__)
    numbers = {name: item for name, item in given.items() if isinstance(item, int) and not isinstance(item, bool)}
    if numbers.keys() != given.keys() or not numbers.keys() <= known or any(item < 1 for item in numbers.values()):
        raise _RowError(f"not whole numbers under {', '.join(sorted(known))}", "free_pixels")
    return FreePixels(**numbers)


_DEAREST = Decimal(10**9)


def _amount(value: Json, *field: str) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    sane = amount.is_finite() and 0 <= amount < _DEAREST and (not amount or amount > 1 / _DEAREST)
    if isinstance(value, bool) or not sane:
        raise _RowError("not an amount", *field)
    return amount


def _share(given: Json, name: str) -> Decimal:
    share = _amount(given, name)
    if not 0 < share <= 1:
        raise _RowError("not a share between 0 and 1", name, hint='half the price is "0.5"')
    return share


def cost_of_usage(row: Model | None, usage: Mapping[str, Json]) -> Cost | None:
    """The price of a response by its token counts; None if the model has no token prices, or a count is missing."""
    details = usage.get("input_tokens_details")
    if row is None or not row.tokens or not isinstance(details, Mapping):
        return None
    counts = {
        "text": details.get("text_tokens"),
        "image": details.get("image_tokens"),
        "out": usage.get("output_tokens"),
    }
    amount = Decimal(0)
    for kind, count in counts.items():
        if kind not in row.tokens or not isinstance(count, int) or isinstance(count, bool) or count < 0:
            return None
        amount += row.tokens[kind] * count / 1_000_000
    return Cost(amount, row.currency)
