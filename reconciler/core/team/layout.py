"""The names of the objects in the team's store.

    format.json                                 {"store":1}
    objects/ab/<sha256>                         bytes, verbatim
    receipts/ab/<recipe key>/<sha256>.json      an image answers a recipe, signed
    claims/ab/<recipe key>/<n>.json             somebody is about to buy an image for a recipe
    claims/ab/<recipe key>/<n>.end.json         how that ended
    roots/<project>/<branch>.json               the contents that a branch needs; the only object that is replaced
    gc/<time>.json                              what a collection of garbage is going to delete
    probe.txt                                   the first of the two writes that test the server

Keys and hashes are their 64 hex digits. A name that has none of these forms is ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from reconciler.core.digest import RECIPE_PREFIX, ContentHash, RecipeKey, content_of_hex, hex_of
from reconciler.core.value import value

FORMAT_NAME = "format.json"
FORMAT_BYTES = b'{"store":1}\n'
OBJECTS, RECEIPTS, CLAIMS, ROOTS, DOOMED = "objects/", "receipts/", "claims/", "roots/", "gc/"
PROBE_NAME = "probe.txt"
"""Written twice, which tells whether the server refuses the second writer."""
LONGEST_NAME = 512
"""The most characters of a name."""
MAX_CLAIM = 99_999
"""The highest number of a claim on one recipe."""

_HEX = "[0-9a-f]{64}"
_OBJECT = re.compile(rf"objects/([0-9a-f]{{2}})/({_HEX})")
_RECEIPT = re.compile(rf"receipts/([0-9a-f]{{2}})/({_HEX})/({_HEX})\.json")
_CLAIM = re.compile(rf"claims/([0-9a-f]{{2}})/({_HEX})/([1-9][0-9]{{0,4}})(\.end)?\.json")
_ROOT = re.compile(
    r"roots/([0-9a-z][0-9a-z-]{0,79})/((?:[0-9A-Za-z_-][0-9A-Za-z._-]*/)*[0-9A-Za-z_-][0-9A-Za-z._-]*)\.json"
)
_NAME = re.compile(r"(?:[0-9A-Za-z_-][0-9A-Za-z._-]*/)*[0-9A-Za-z_-][0-9A-Za-z._-]*")


@value
class ReceiptName:
    """A receipt: this content answers this recipe."""

    key: RecipeKey
    content: ContentHash


@value
class ClaimName:
    """A claim on a recipe, or its end."""

    key: RecipeKey
    number: int
    ended: bool


def is_format(data: bytes) -> bool:
    """Whether `format.json` says that the layout is this one. Keys that are not known change nothing."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and type(body.get("store")) is int and body["store"] == 1


def object_name(content: ContentHash) -> str:
    """The name of the bytes with this hash."""
    digits = hex_of(content)
    return f"{OBJECTS}{digits[:2]}/{digits}"


def receipts_of(key: RecipeKey) -> str:
    """The prefix of all receipts for a recipe."""
    digits = hex_of(key)
    return f"{RECEIPTS}{digits[:2]}/{digits}/"


def receipt_name(key: RecipeKey, content: ContentHash) -> str:
    """The name of the receipt that says that this content answers this recipe."""
    return f"{receipts_of(key)}{hex_of(content)}.json"


def claims_of(key: RecipeKey) -> str:
    """The prefix of all claims on a recipe and of their ends."""
    digits = hex_of(key)
    return f"{CLAIMS}{digits[:2]}/{digits}/"


def claim_name(key: RecipeKey, number: int) -> str:
    """The name of a claim; the first has the number 1."""
    return f"{claims_of(key)}{number}.json"


def claim_end_name(key: RecipeKey, number: int) -> str:
    """The name of the end of a claim."""
    return f"{claims_of(key)}{number}.end.json"


def root_name(project: str, branch: str) -> str:
    """The name of the list of contents that a branch of a project needs. Both are in the alphabet of names."""
    return f"{ROOTS}{project}/{branch}.json"


def object_of(name: str) -> ContentHash | None:
    """The content that an object's name says; None for any other name."""
    found = _OBJECT.fullmatch(name)
    return content_of_hex(found[2]) if found and found[2].startswith(found[1]) else None


def receipt_of(name: str) -> ReceiptName | None:
    """What the name of a receipt says; None for any other name."""
    found = _RECEIPT.fullmatch(name)
    if found is None or not found[2].startswith(found[1]):
        return None
    return ReceiptName(RecipeKey(RECIPE_PREFIX + found[2]), content_of_hex(found[3]))


def claim_of(name: str) -> ClaimName | None:
    """What the name of a claim, or of an end, says; None for any other name."""
    found = _CLAIM.fullmatch(name)
    if found is None or not found[2].startswith(found[1]):
        return None
    return ClaimName(RecipeKey(RECIPE_PREFIX + found[2]), int(found[3]), found[4] is not None)


def short_root(name: str) -> str:
    """A root as people name it: `art-1a2b3c/main`."""
    return name.removeprefix(ROOTS).removesuffix(".json")


def project_of_root(name: str) -> str | None:
    """The project whose root an object is; None for any other name."""
    found = _ROOT.fullmatch(name)
    return found[1] if found else None


def is_name(name: str) -> bool:
    """Whether an object of ours can have this name: parts of letters, digits, `.`, `_`, `-`, none hidden or empty."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def own_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names that can be ours, sorted, each once: what a listing of a server is cut down to."""
    return tuple(sorted({name for name in names if is_name(name)}))
