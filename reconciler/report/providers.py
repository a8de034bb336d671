"""The providers and the models as JSON and as text. Pure; neither ever contains a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.providers.http.origins import BadBase
from reconciler.providers.keys import base_of, key_for, key_variable
from reconciler.providers.models.table import Model, ModelTable
from reconciler.providers.secret import NoKey
from reconciler.report.formats import Printed, document


def provider_json(settings: ProviderSettings, environ: Mapping[str, str], *, chosen: str) -> dict[str, Any]:
    """One provider: its origin, and whether its key is set. Never contains the key or anything derived from it."""
    result: dict[str, Any] = {"name": settings.name, "type": settings.type, "default": settings.name == chosen}
    traits = settings.traits
    key = key_for(settings, environ)
    lacks = key if isinstance(key, NoKey) else NoKey("")
    result |= {
        "origin": "" if traits.local else _origin(settings),
        "key": {
            "variable": key_variable(settings) if traits.needs_key else "",
            "ready": not lacks.reason,
            "why": lacks.reason,
            "hint": lacks.hint,
        },
    }
    if traits.free:
        return result
    return result | {
        "concurrency": settings.concurrency,
        "requests_per_minute": settings.requests_per_minute,
    }


def _origin(settings: ProviderSettings) -> str:
    base = base_of(settings)
    return "cannot be used" if isinstance(base, BadBase) else f"{base.origin}{base.path}"


@value
class ProviderFacts:
    """The providers as `provider_json` has them, and the table of models."""

    providers: tuple[Mapping[str, Any], ...]
    table: ModelTable


def providers_text(facts: ProviderFacts) -> Printed:
    """The table of providers for people."""
    return Printed(tuple(provider_lines(facts.providers)))


def providers_json(facts: ProviderFacts) -> Printed:
    """Providers and models for programs."""
    return document({"providers": facts.providers, **models_json(facts.table)})


def models_text(table: ModelTable) -> Printed:
    """The table of models for people."""
    return Printed(tuple(model_lines(table)))


def models_document(table: ModelTable) -> Printed:
    """The models for programs."""
    return document(models_json(table))


def provider_lines(providers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The table of providers; the default one is marked."""
    rows = [("", "NAME", "TYPE", "ORIGIN", "KEY", "LIMITS")]
    for one in providers:
        mark = "*" if one["default"] else ""
        rows.append((mark, one["name"], one["type"], one["origin"] or "this machine", _key(one), _limits(one)))
    yield from _table(rows)
    for one in providers:
        key = one["key"]
        if key["why"] and key["why"] != f"{key['variable']} is not set":
            yield f"{printable(one['name'])}: {printable(key['why'])}"
            yield from (f"  hint: {hint}" for hint in (key["hint"],) if hint)
    yield "* is the default provider"


def _key(one: Mapping[str, Any]) -> str:
    key = one["key"]
    if not key["variable"]:
        return "none needed"
    if key["ready"]:
        return f"{key['variable']} is set"
    return str(key["why"]) if key["why"] == f"{key['variable']} is not set" else f"{key['variable']} is not sent"


def _limits(one: Mapping[str, Any]) -> str:
    if "concurrency" not in one:
        return "free" if one["origin"] else "free, offline"
    rate = f", {one['requests_per_minute']} a minute" if one["requests_per_minute"] else ""
    return f"{one['concurrency']} at once{rate}"


def models_json(table: ModelTable) -> dict[str, Any]:
    """The table of models: the capabilities and prices that are known."""
    return {"date": table.date, "basis": table.basis, "models": [_model_json(row) for row in _rows_of(table)]}


def _rows_of(table: ModelTable) -> Iterable[Model]:
    return (table.models[name] for name in sorted(table.models))


def _model_json(row: Model) -> dict[str, Any]:
    return {
        "name": row.name,
        "series": row.series,
        "ratios": list(row.ratios),
        "image_sizes": list(row.image_sizes),
        "qualities": list(row.qualities),
        "references": row.references,
        "formats": list(row.gives),
        "prices": {key: str(price) for key, price in row.prices.items()},
        "currency": row.currency,
        "retires": row.retires,
    }


def model_lines(table: ModelTable) -> Iterator[str]:
    """The models with the price of an image."""
    rows = [("", "MODEL", "SERIES", "PRICE OF AN IMAGE", "REFERENCES", "RETIRES")]
    for row in _rows_of(table):
        count = "" if row.references is None else f"up to {row.references}" if row.references else "none"
        rows.append(("", row.name, row.series, _price(row), count, row.retires))
    yield from _table(rows)
    yield f"{table.basis}; other models are allowed, and their price is unknown"


def _price(row: Model) -> str:
    amounts = sorted(set(row.prices.values()))
    if not amounts:
        return "per token" if row.tokens else "unknown"
    if len(amounts) == 1:
        return f"{amounts[0]} {row.currency}"
    return f"{amounts[0]} to {amounts[-1]} {row.currency}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{printable(cell):<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
