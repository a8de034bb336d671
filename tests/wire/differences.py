"""Every difference between what we send and what the official SDKs send, with its reason. Any other one is a bug."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.wire.cases import GOOGLE, OPENAI

ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where (a pattern over whole paths of `seen.flat`), what we say, what the SDK says (patterns too), and why."""

    sdk: str
    where: str
    ours: str
    theirs: str
    why: str
    cases: str = ".*"


@dataclass(frozen=True, slots=True)
class Renamed:
    """A field that the SDK says under another name: `theirs` is a pattern over paths. The values must be the same."""

    sdk: str
    theirs: str
    ours: str
    why: str
    cases: str = ".*"


DIFFERENCES = (
    Difference(OPENAI, r"(json|part)\.n", "1", r"\(absent\)",
               "one call buys one picture, whatever a server's own default is"),
    Difference(OPENAI, r"part\.n\.type", "", r"\(absent\)", "the same, in a form"),
    Difference(OPENAI, r"(json|part)\.output_format", "png", r"\(absent\)",
               "the output's suffix says png; the service's default may change, the file's name does not"),
    Difference(OPENAI, r"part\.output_format\.type", "", r"\(absent\)", "the same, in a form"),
    Difference(OPENAI, r"file\..*\.filename", r"image-\d\.(png|jpeg|webp)", r"(red|blue|green)\.(png|jpg|webp)",
               "how a user names files is nobody's business; the number is that of `image 1` in the prompt"),
    Difference(GOOGLE, r".*\.inlineData\.data\.base64", "standard", "url-safe",
               "Google reads both alphabets; the gateway's page and Google's own examples have the standard one"),
    Difference(GOOGLE, "key", r"\['authorization'\]", r"\['authorization', 'x-goog-api-key'\]",
               "the gateway wants a Bearer key; the SDK cannot leave its own header out, we send the key once",
               "native through the gateway"),
    Difference(GOOGLE, "path", r"/v1beta/models/(.*)", r"/v1/models/(.*)",
               "the SDK's default since 3.0; v1beta is what the gateway serves and where preview models are",
               "native, the SDK's own version"),
)  # fmt: skip

RENAMED = (
    Renamed(GOOGLE, r"(.*\.inlineData)\.mime_type", r"\1.mimeType",
            "proto's JSON takes both; `mimeType` is what the API's reference writes"),
    Renamed(OPENAI, r"(file\.image)(\.0\..*)", r"\1[]\2",
            "the gateway documents `image[]` whatever the number of pictures; OpenAI's own API is told `image`",
            "gateway, gpt, one picture"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One difference as it was found."""

    where: str
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """What is not the same on both sides and not in the table, and the rows of the table that were needed."""

    unexplained: tuple[Found, ...]
    needed: frozenset[Difference | Renamed]


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any], *, sdk: str, case: str) -> Compared:
    """Two requests as `seen.flat` tells them, field by field."""
    renamed = [row for row in RENAMED if row.sdk == sdk and re.fullmatch(row.cases, case)]
    rows = [row for row in DIFFERENCES if row.sdk == sdk and re.fullmatch(row.cases, case)]
    needed: set[Difference | Renamed] = {
        row for row in renamed if any(re.fullmatch(row.theirs, path) for path in theirs)
    }
    named = {_name(path, renamed): value for path, value in theirs.items()}
    unexplained = []
    for path in sorted({*ours, *named}):
        found = Found(path, ours.get(path, ABSENT), named.get(path, ABSENT))
        if found.ours == found.theirs:
            continue
        allowed = [row for row in rows if _allows(row, found)]
        needed.update(allowed)
        if not allowed:
            unexplained.append(found)
    return Compared(tuple(unexplained), frozenset(needed))


def _name(path: str, rows: Iterable[Renamed]) -> str:
    for row in rows:
        path = re.sub(f"^{row.theirs}$", row.ours, path)
    return path


def _allows(row: Difference, found: Found) -> bool:
    pairs = ((row.where, found.where), (row.ours, found.ours), (row.theirs, found.theirs))
    return all(re.fullmatch(pattern, str(value)) for pattern, value in pairs)
