"""What came back, as facts: the values that outcomes are decided on."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import Json
from reconciler.core.value import field, value


@value
class JsonReply:
    """A complete JSON body; its long strings are marks."""

    value: Json


@value
class TextReply:
    """A complete body that is not JSON. `why` is what the reader says of it."""

    text: str
    why: str = "not JSON"


@value
class RawPicture:
    """A complete body that begins as a picture does."""


@value
class Nothing:
    """A complete body of no bytes."""


@value
class Cut:
    """A body that ended in the middle."""


@value
class TooLarge:
    """A body that went on beyond the limit, in bytes, and was left."""

    limit: int


ReplyBody = JsonReply | TextReply | RawPicture | Nothing | Cut | TooLarge


@value
class Reply:
    """One HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: ReplyBody


@value
class ImageReply:
    """An answer that says it holds a picture: base64 (or the mark of it), an address, or the body itself.

    `model` and `request` are as the far side names them, `message` what the model said beside the picture.
    """

    base64: str = ""
    url: str = ""
    model: str = ""
    request: str = ""
    message: str = ""
    usage: Mapping[str, Json] = field(default_factory=dict)
