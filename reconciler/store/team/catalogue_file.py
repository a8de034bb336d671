"""`.reconciler/team/catalogue.json`: what this checkout knows of its team's store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.digest import ContentHash, Json, RecipeKey
from reconciler.core.errors import DiskError, LockfileError
from reconciler.core.lock.entry import answer_json, read_answer
from reconciler.core.lock.json_shape import UPGRADE, Shape, a_content, a_key, compact_json, shaped
from reconciler.core.ports import StoredImage
from reconciler.core.recipe_record import decode_record, encode_record
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.team.catalogue import Catalogue, KnownRecipe
from reconciler.core.team.claim import claim_json, claim_of_json
from reconciler.core.value import replace
from reconciler.store import disk
from reconciler.store.state.state_dir import STATE
from reconciler.store.team.team_folder import make_team_folder, team_folder

_NAME = "catalogue.json"
CATALOGUE = f"{STATE}/team/{_NAME}"
CATALOGUE_VERSION = 1
"""The version of the file; tests/formats has one."""
_BYTES = 4 << 10
"""The most bytes for each asset that a project may have."""
_AGAIN = "`reconciler fetch` writes it anew"


def most_catalogue(assets: int) -> int:
    """The most bytes of the catalogue of a project that may have so many assets."""
    return _BYTES * max(assets, MAX_ASSETS)


def read_catalogue(root: Path, url: str, *, most: int) -> Catalogue:
    """The catalogue of this store; an empty one if there is none, or if it is another store's. LockfileError;
    DiskError for one of more than `most` bytes."""
    found = last_catalogue(root, most=most)
    return found if found is not None and found.url == url else Catalogue(url)


def last_catalogue(root: Path, *, most: int) -> Catalogue | None:
    """The catalogue of whichever store it is; None if there is none. LockfileError."""
    path = team_folder(root) / _NAME
    with disk.naming_errors("read", path):
        try:
            data = disk.plain_bytes(path, most=most, hint=_AGAIN)
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        return decode_catalogue(data)
    except LockfileError as error:
        raise LockfileError(f"{CATALOGUE}: {error.fact}", hint=error.hint or _AGAIN) from error


def write_catalogue(root: Path, catalogue: Catalogue, *, most: int) -> None:
    """Replace the catalogue. One of more than `most` bytes names the newest image of each recipe alone.

    DiskError if that is too large as well.
    """
    path, data = make_team_folder(root) / _NAME, encode_catalogue(catalogue)
    if len(data) > most:
        newest = {key: replace(recipe, images=recipe.images[-1:]) for key, recipe in catalogue.recipes.items()}
        data = encode_catalogue(replace(catalogue, recipes=newest))
    if len(data) > most:
        fact = f"the catalogue of the team's store would have {len(data) >> 20} MiB, more than {most >> 20}"
        raise DiskError(fact, hint="ask about fewer assets: `reconciler fetch ID`")
    disk.write_atomic(path, data)


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """The bytes of the file: sorted, so the same knowledge gives the same bytes."""
    contents: dict[str, Json] = dict(catalogue.contents.items())
    recipes: dict[str, Json] = {key: _recipe_json(recipe) for key, recipe in catalogue.recipes.items()}
    head: dict[str, Json] = {"catalogue": CATALOGUE_VERSION, "url": catalogue.url, "contents": contents}
    return compact_json({**head, "recipes": recipes}).encode() + b"\n"


def _recipe_json(recipe: KnownRecipe) -> Json:
    fields: dict[str, Json] = {"at": recipe.at}
    if recipe.images:
        fields["images"] = [json.loads(encode_record(image)) for image in recipe.images]
    if recipe.open:
        fields["open"] = [claim_json(claim) for claim in recipe.open]
    if recipe.answer is not None:
        fields["answer"] = answer_json(recipe.answer)
    return fields


_SHAPE = Shape({"catalogue": int, "url": str, "contents": dict, "recipes": dict})
_RECIPE = Shape({"at": str}, {"images": list, "open": list, "answer": dict})


def decode_catalogue(data: bytes) -> Catalogue:
    """The catalogue that `encode_catalogue` wrote. LockfileError, without a place, for anything else."""
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"not a catalogue: {str(error)[:200]}") from error
    version = value.get("catalogue") if isinstance(value, dict) else None
    if type(version) is int and version > CATALOGUE_VERSION:
        raise LockfileError(f"version {version} of a catalogue", hint=f"{UPGRADE}; or {_AGAIN}")
    fields = shaped(value, _SHAPE)
    contents = {_content(name): _text(at, "contents") for name, at in fields["contents"].items()}
    recipes = {a_key(key, "recipes"): _recipe(recipe, RecipeKey(key)) for key, recipe in fields["recipes"].items()}
    return Catalogue(fields["url"], recipes, contents)


def _content(name: str) -> ContentHash:
    return a_content(name, "contents")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise LockfileError(f"{name}: not a string")
    return value


def _recipe(value: Json, key: RecipeKey) -> KnownRecipe:
    fields: Mapping[str, Any] = shaped(value, _RECIPE, "recipes")
    images = tuple(_image(record) for record in fields.get("images", ()))
    claims = tuple(claim_of_json(claim) for claim in fields.get("open", ()))
    if any(claim.key != key for claim in claims):
        raise LockfileError("recipes: a claim of another recipe")
    answer = read_answer(fields["answer"]) if "answer" in fields else None
    if answer is not None and answer.key != key:
        raise LockfileError("recipes: an answer of another recipe")
    return KnownRecipe(fields["at"], images, claims, answer)


def _image(record: Json) -> StoredImage:
    image = decode_record(compact_json(record).encode()) if isinstance(record, dict) else None
    if image is None:
        raise LockfileError("recipes: not an image")
    return image
