"""A response as values, from which the outcome is decided."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import Json
from reconciler.core.value import field, value


@value
class JsonReply:
    """A complete JSON body; its long strings are replaced by marks (see `json_stream.Frame`)."""

    value: Json


@value
class TextReply:
    """A complete body that is not JSON. `why` is the error of the parser."""

    text: str
    why: str = "not JSON"


@value
class RawPicture:
    """A complete body that begins with the signature of an image format."""


@value
class Nothing:
    """An empty body."""


@value
class Cut:
    """A body that ended early."""


@value
class TooLarge:
    """A body that exceeded `limit` bytes; the rest was not read."""

    limit: int


ReplyBody = JsonReply | TextReply | RawPicture | Nothing | Cut | TooLarge


@value
class Reply:
    """One HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: ReplyBody


@value
class ImageReply:
    """A response that holds an image: as base64 (or its mark), as a URL, or, if both are "", as the body itself.

    `model` and `request` are as reported by the server; `message` is the text of the model beside the image.
    """

    base64: str = ""
    url: str = ""
    model: str = ""
    request: str = ""
    message: str = ""
    usage: Mapping[str, Json] = field(default_factory=dict)
