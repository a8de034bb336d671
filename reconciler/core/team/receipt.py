"""A receipt: the signed statement that an image answers a recipe, so that nobody else need buy one.

The payload is the line that the store keeps of the image, with the recipe key. The envelope holds it in base64 beside
the signature, so what was signed is what is read, byte by byte. The bytes of the image need no signature: their name is
their hash.
"""

from __future__ import annotations

import base64
import json
import re

from reconciler.core.digest import RECIPE_PREFIX, RecipeKey
from reconciler.core.ports import StoredImage
from reconciler.core.recipe_record import decode_record, encode_record
from reconciler.core.reviews.verdict import person_problem
from reconciler.core.team.layout import ReceiptName
from reconciler.core.value import value

RECEIPT_VERSION = 1
RECEIPT_NAMESPACE = "reconciler-receipt"
"""Keeps a signature for one purpose from being used for another."""
MAX_RECEIPT = 128 << 10
"""The most bytes of an envelope."""
_DOMAIN = b"reconciler-receipt 1\n"
_FIELDS = {"v", "payload", "by", "sig"}
_KEY = re.compile(rf"{RECIPE_PREFIX}[0-9a-f]{{64}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


@value
class Receipt:
    """This image answers this recipe."""

    key: RecipeKey
    stored: StoredImage


@value
class Envelope:
    """A payload, who says that they have signed it, and the body of their SSH signature ("": not signed)."""

    payload: bytes
    by: str
    signature: str = ""


@value
class BadReceipt:
    """Why a receipt does not count; `by` is who is said to have made it, "" if nobody is."""

    fact: str
    by: str = ""


def encode_payload(receipt: Receipt) -> bytes:
    """The line of the store with the recipe key before it."""
    line = encode_record(receipt.stored).rstrip(b"\n")
    return b'{"key":' + json.dumps(receipt.key).encode() + b"," + line[1:]


def decode_payload(payload: bytes) -> Receipt | BadReceipt:
    """The receipt that a payload holds."""
    stored = decode_record(payload)
    if stored is None:
        return BadReceipt("its payload is not of this version, or damaged")
    key = json.loads(payload).get("key")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        return BadReceipt("it names no recipe")
    return Receipt(RecipeKey(key), stored)


def receipt_text(payload: bytes) -> bytes:
    """The bytes that a signature is made over."""
    return _DOMAIN + payload


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes of the object in the team's store."""
    body = {
        "by": envelope.by,
        "payload": base64.b64encode(envelope.payload).decode(),
        "sig": envelope.signature,
        "v": RECEIPT_VERSION,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def decode_envelope(data: bytes) -> Envelope | BadReceipt:
    """The envelope in an object, whoever has written it."""
    if len(data) > MAX_RECEIPT:
        return BadReceipt("it is too large")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return BadReceipt("it is not JSON")
    if not isinstance(body, dict):
        return BadReceipt("it is no receipt")
    version = body.get("v")
    if type(version) is int and version > RECEIPT_VERSION:
        return BadReceipt(f"its version {version} is newer than {RECEIPT_VERSION}: upgrade reconciler")
    payload, by, signature = body.get("payload"), body.get("by"), body.get("sig")
    if version != RECEIPT_VERSION or isinstance(version, bool) or body.keys() != _FIELDS:
        return BadReceipt("it is no receipt")
    if not (isinstance(payload, str) and isinstance(by, str) and isinstance(signature, str)):
        return BadReceipt("it is no receipt")
    if person_problem(by):
        return BadReceipt("it does not say who has made it")
    if not (_BASE64.fullmatch(payload) and _BASE64.fullmatch(signature)):
        return BadReceipt("it is damaged")
    try:
        return Envelope(base64.b64decode(payload, validate=True), by, signature)
    except ValueError:
        return BadReceipt("it is damaged")


def named_receipt(envelope: Envelope, name: ReceiptName) -> Receipt | BadReceipt:
    """The receipt in an envelope, if it says what the name of its object says."""
    receipt = decode_payload(envelope.payload)
    if isinstance(receipt, Receipt) and (receipt.key, receipt.stored.content) != (name.key, name.content):
        return BadReceipt("it is of another image")
    return receipt
