"""Check a recipe against the capabilities of its model before anything is paid, and look up its price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from reconciler.core.images.pixel_size import SIDES
from reconciler.core.images.sniff import pixels_of, ratio_of
from reconciler.core.money.cost import Cost
from reconciler.core.recipe import Recipe
from reconciler.core.value import replace
from reconciler.providers.models.sizes import asked_pixels, given_image_size, given_pixels, near_ratio
from reconciler.providers.models.table import Model, ModelTable

OURS = frozenset({"model", "prompt", "contents", "image", "images", "image[]", "mask", "n", "stream", "partial_images"})
"""Parameters that a spec may not pass: it has fields of its own for them, or they change the number of images."""
CANDIDATES = frozenset(
    {"candidateCount", "candidate_count", "numberOfImages", "batch_size", "sequential_image_generation"}
)
"""Parameters that may request several images; a value other than 1 or disabled is an error."""


_SAME = 1.25
"""The factor within which the area of an image is as asked: models round sides to blocks."""
_NEAR = 2
"""The factor within which a size in pixels can be meant for the ratio that it has."""


def problems(recipe: Recipe, table: ModelTable, *, own_api: bool = True) -> tuple[str, ...]:
    """Fields that the model does not support, each as `field: fact`. An unknown model gives none but those of
    parameters. Without `own_api` a gateway is between, and `doubts` are no problems."""
    row = table.find(recipe.model)
    found = list(parameter_problems(recipe))
    if row is not None:
        found += [*_size(recipe, row), *_pictures(recipe, row), *_look(recipe, row)]
        found += _words(recipe, row) if own_api else ()
    return tuple(found)


def doubts(recipe: Recipe, table: ModelTable) -> tuple[str, ...]:
    """Fields that the model does not support at the API of its vendor. They are sent as written: a gateway may know
    better."""
    row = table.find(recipe.model)
    return () if row is None else tuple(_words(recipe, row))


def _words(recipe: Recipe, row: Model) -> Iterator[str]:
    """Words of the vendor's API, and its advice."""
    if recipe.image_size and row.image_sizes and recipe.image_size.upper() not in row.image_sizes:
        yield f"image_size: {row.name} makes {_listed(row.image_sizes)}, not {recipe.image_size}"
    count = len(recipe.images()) - (recipe.mask is not None)
    if row.references and count > row.references:
        yield f"references: {row.name} takes at most {row.references}, not {count}"
    if row.qualities and recipe.quality and recipe.quality not in row.qualities:
        yield f"quality: {row.name} knows {_listed(row.qualities)}, not {recipe.quality}"


def other_pixels(recipe: Recipe, row: Model) -> tuple[str, bool]:
    """The fact that a model that takes ratios gives other pixels than a size in pixels asks for, else ""; and whether
    they are so many more or fewer that the size cannot be meant."""
    pixels = pixels_of(recipe.size)
    ratio = near_ratio(recipe.size, row.ratios) if pixels and row.ratios else ""
    if not pixels or not ratio:
        return "", False
    width, height = given_pixels(recipe, row)
    share = width * height / (pixels[0] * pixels[1])
    if 1 / _SAME <= share <= _SAME:
        return "", False
    size = given_image_size(recipe, row)
    fact = f"{row.name} gives about {width}x{height} for the ratio {ratio} at {size}, not {recipe.size}"
    return f'size: {fact} (write size: "{ratio}")', not 1 / _NEAR <= share <= _NEAR


def parameter_problems(recipe: Recipe) -> Iterator[str]:
    """Parameters that no model may be given, each as `params.NAME: fact`."""
    inner = recipe.params.get("generationConfig")
    for name, value in (*recipe.params.items(), *(inner.items() if isinstance(inner, Mapping) else ())):
        if name in OURS:
            yield f"params.{name}: not a parameter: a spec has its own fields for it, and one request makes one image"
        elif name in CANDIDATES and value not in (1, "disabled", None):
            yield f"params.{name}: one request makes one image"


def _size(recipe: Recipe, row: Model) -> Iterator[str]:
    if recipe.size in ("", "auto"):
        return
    fact, wrong = other_pixels(recipe, row)
    if wrong:
        yield fact
    pixels, ratio = pixels_of(recipe.size), ratio_of(recipe.size)
    if row.ratios and recipe.size not in row.ratios and not (pixels and near_ratio(recipe.size, row.ratios)):
        yield f"size: {row.name} makes the ratios {_listed(row.ratios)}, not {recipe.size}"
    if row.pixels and recipe.size not in row.pixels and recipe.size not in row.pixels.values():
        sizes = _listed(tuple(f"{name} ({size})" for name, size in row.pixels.items()))
        yield f"size: {row.name} makes {sizes}, not {recipe.size}"
    free = row.free_pixels
    if free is None or ratio is None:
        return
    width, height = pixels or ratio
    if max(width, height) > free.steepest * min(width, height):
        yield f"size: {row.name} makes ratios up to {free.steepest}:1, not {recipe.size}"
    elif pixels and (width % free.multiple or height % free.multiple):
        yield f"size: {row.name} makes sides that are multiples of {free.multiple}, not {recipe.size}"
    elif pixels and not (free.least <= width * height <= free.most and max(width, height) <= free.longest):
        yield f"size: {row.name} makes {free.least} to {free.most} pixels, {free.longest} a side, not {recipe.size}"


def _pictures(recipe: Recipe, row: Model) -> Iterator[str]:
    count = len(recipe.images()) - (recipe.mask is not None)
    if row.references == 0 and count:
        yield f"references: {row.name} takes none"
    if count < row.least_references:
        yield f"references: {row.name} edits pictures and needs at least {row.least_references}"
    if row.mask is False and recipe.mask is not None:
        yield f"mask: {row.name} takes none"
    if row.turns is False and recipe.turns:
        yield f"turns: {row.name} takes one prompt, not a conversation"


def _look(recipe: Recipe, row: Model) -> Iterator[str]:
    if row.transparent is False and recipe.background == "transparent":
        yield f"background: {row.name} makes no transparent pictures"
    elif recipe.background == "transparent" and recipe.format == "jpeg":
        yield "background: jpeg cannot be transparent"
    if row.seed is False and "seed" in recipe.params:
        yield f"params.seed: {row.name} takes none"


def warnings(recipe: Recipe, table: ModelTable, today: date, provider_type: str = "") -> tuple[str, ...]:
    """Warnings: a retired model. A format that it does not return is none: the image is converted."""
    row = table.find(recipe.model)
    if row is None:
        return ()
    found = []
    retires = row.retirement(provider_type)
    if retires and retires <= today.isoformat():
        found.append(f"model: {row.name} was to be retired on {retires} (table of {table.date})")
    return tuple(found)


def price(recipe: Recipe, table: ModelTable, *, quality_sets_size: bool = False) -> Cost | None:
    """The list price of one image; None is unknown. `quality_sets_size`: the server reads quality `high` as size 2K.

    The project's own rows may raise the price and never lower it: they come from a file that a pull request can change,
    and consent and budgets rest on it.
    """
    row, listed = table.find(recipe.model), table.listed.get(recipe.model)
    ours = None if row is None else _price(recipe, row, quality_sets_size=quality_sets_size)
    least = None
    if listed is not None and listed is not row:
        least = _price(recipe, listed, quality_sets_size=quality_sets_size)
    if ours is None or least is None:
        return ours or least
    return ours if ours.currency == least.currency and ours.amount >= least.amount else least


def batch_price(single: Cost | None, recipe: Recipe, table: ModelTable) -> Cost | None:
    """The price of one image in a batch, where `single` is that of the image alone; None is unknown."""
    row = table.find(recipe.model)
    if single is None or row is None or row.batch is None:
        return None
    return replace(single, amount=single.amount * row.batch)


def _price(recipe: Recipe, row: Model, *, quality_sets_size: bool) -> Cost | None:
    quality = recipe.quality or "auto"
    try:
        width, height = asked_pixels(recipe, row) or (0, 0)
    except ValueError:
        return None
    for key in (f"{width}x{height}/{quality}", f"{_image_size(recipe)}/{quality}", f"{width}x{height}"):
        if key in row.prices:
            return Cost(row.prices[key], row.currency)
    large = quality_sets_size and row.series == "gemini" and recipe.quality in ("hd", "high", "2K")
    sizes = {_image_size(recipe)} | ({"2K"} if large else set())
    found = [_price_of_size(size, row) for size in sizes]
    known = [cost for cost in found if cost is not None]
    return max(known, key=lambda cost: cost.amount) if len(known) == len(found) else None


def _image_size(recipe: Recipe) -> str:
    return recipe.image_size.upper() or "1K"


def _price_of_size(size: str, row: Model) -> Cost | None:
    """The price of an image size. Between two sizes of the list, that of the larger one is an upper bound."""
    amount = row.prices.get(size, row.prices.get(""))
    if amount is not None:
        return Cost(amount, row.currency)
    order = [name for name in SIDES if name in row.prices or name == size]
    at = order.index(size) if size in order else 0
    if 0 < at < len(order) - 1:
        return Cost(row.prices[order[at + 1]], row.currency, at_most=True)
    return None


def _listed(message: tuple[str, ...]) -> str:
    return ", ".join(message)
