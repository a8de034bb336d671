"""Read `reconciler.keys`: the keys whose receipts are believed, in the form of allowed_signers (ssh-keygen(1)).

Stricter than ssh-keygen: no patterns of names, no certificates, no options but `namespaces`. A reader of the file sees
who is believed.
"""

from __future__ import annotations

import base64
import re

from reconciler.core.errors import Place, Problem
from reconciler.core.reviews.verdict import person_problem
from reconciler.core.team.receipt import RECEIPT_NAMESPACE
from reconciler.core.team.settings import KEYS_FILE
from reconciler.core.team.ssh_signature import ED25519, BadSignature, public_bytes
from reconciler.core.value import value

MAX_KEYS_FILE = 1 << 20
"""The most bytes of the file."""
_OPTIONS = re.compile(r'namespaces="([^"]*)"')
_HINT = f'write `you@example.com namespaces="{RECEIPT_NAMESPACE}" {ED25519} AAAA…`'
_LONGEST = 4_000


@value
class TeamKeys:
    """The names that each key may sign for, by its 32 bytes."""

    names: dict[bytes, tuple[str, ...]]

    def signer(self, key: bytes) -> str:
        """The first name that a key may sign for; "" for a key that is not listed."""
        return next(iter(self.names.get(key, ())), "")


def read_keys(data: bytes) -> tuple[TeamKeys, tuple[Problem, ...]]:
    """The keys of the file, and what is wrong in it. A line that is wrong lists nobody."""
    names: dict[bytes, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            continue
        found = _read_line(text)
        if isinstance(found, str):
            problems.append(Problem(Place(KEYS_FILE, number), "", found, _HINT))
            continue
        key, listed = found
        names[key] = tuple(dict.fromkeys((*names.get(key, ()), *listed)))
    return TeamKeys(names), tuple(problems)


def _read_line(text: str) -> tuple[bytes, tuple[str, ...]] | str:
    """A key and the names that it may sign for, none if the line is for another purpose; or what is wrong."""
    if len(text) > _LONGEST:
        return "the line is too long"
    words = text.split()
    if len(words) < 3:
        return "is not a name, a kind of key and a key"
    names, rest = tuple(words[0].split(",")), words[1:]
    for name in names:
        if any(each in name for each in '*?!"'):
            return "has a pattern of names, and each name must be written out"
        if person_problem(name):
            return f"{person_problem(name)}"
    if options := _OPTIONS.fullmatch(rest[0]):
        rest = rest[1:]
        if RECEIPT_NAMESPACE not in options[1].split(","):
            return f"is not for receipts: namespaces has no {RECEIPT_NAMESPACE}"
    if len(rest) < 2 or rest[0] != ED25519:
        return f"has an option or a kind of key that receipts cannot have: only {ED25519} signs them"
    try:
        return public_bytes(base64.b64decode(rest[1], validate=True)), names
    except (BadSignature, ValueError):
        return "has a damaged key"
