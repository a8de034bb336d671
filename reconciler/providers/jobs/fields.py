"""The fields of a request for a job that all three APIs share. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reconciler.core.digest import Json
from reconciler.providers.http.request import Base64File, RequestJson, data_uri
from reconciler.providers.requests.prepared import PreparedRequest

_REFERENCE = re.compile(r"reference ([1-9][0-9]{0,2})")
ALL = "references"
"""The parameter that stands for the list of all reference images."""
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def model_path(model: str) -> str:
    """A model as a part of a URL. ValueError if it is none: it comes from a spec."""
    if not _MODEL.fullmatch(model) or len(model) > 200:
        raise ValueError(f'model "{model[:80]}" is not a name of letters, digits, ".", "-" and "/"')
    return model


def with_images(
    ready: PreparedRequest,
    fields: Mapping[str, Json],
    *,
    default: Callable[[tuple[Base64File, ...]], Mapping[str, RequestJson]],
    encode: Callable[..., Base64File] = data_uri,
) -> dict[str, RequestJson]:
    """The fields and the parameters of the spec over them, with reference images in their places.

    A parameter `reference 2` is the second reference image, `references` the list of all. Images that no parameter
    places go where `default` says. A null or empty parameter removes a field. ValueError for a reference that the spec
    does not have, and for a mask or a conversation.
    """
    if ready.turns:
        raise ValueError("turns: this API takes one prompt, not a conversation")
    if ready.mask is not None:
        raise ValueError("mask: place it as a reference: `params: {mask_url: reference 2}`")
    images = tuple(encode(file) for file in ready.references)
    params = {name: _placed(value, images) for name, value in ready.recipe.params.items()}
    placed = any(_is_image(value) for value in ready.recipe.params.values())
    beside = default(images) if images and not placed else {}
    merged: dict[str, RequestJson] = {"prompt": ready.prompt, **fields, **beside, **params}
    return {name: value for name, value in merged.items() if value is not None and value != ""}


def _is_image(value: Json) -> bool:
    return isinstance(value, str) and (value == ALL or _REFERENCE.fullmatch(value) is not None)


def _placed(value: Json, images: tuple[Base64File, ...]) -> RequestJson:
    if not isinstance(value, str) or not _is_image(value):
        return value
    if value == ALL:
        return images
    number = int(value.partition(" ")[2])
    if number > len(images):
        raise ValueError(f"params: {value}: the spec has {len(images)} references")
    return images[number - 1]
