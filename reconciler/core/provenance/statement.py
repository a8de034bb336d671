"""The statement of a release: every shipped file by its hash, and where it comes from. in-toto Statement v1, and DSSE
where it is signed.

A file has one line of ASCII, in one form: another byte anywhere makes it another statement, or none. Without a
signature it proves nothing by itself; then it is compared with what the project says.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.digest import ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.provenance.record import FileOrigin, UsedPicture
from reconciler.core.specs.paths import project_path
from reconciler.core.text import COMMAND
from reconciler.core.value import value

MOST_STATEMENT = 256 << 20
"""The most bytes of a statement that are read."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://reconciler.dev/ai-image/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
RELEASE_NAMESPACE = "reconciler-release"
"""Keeps a signature of a release from being used for anything else."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSIONED = re.compile(r"https://reconciler\.dev/ai-image/v[0-9]+")
_MAKE = "`reconciler release manifest` writes one"


@value
class Statement:
    """A statement that was read. `subjects` are hashes by path; `text` is its canonical form; `signature` is the body
    of an SSH signature in base64, "" for none."""

    subjects: Mapping[str, str]
    text: str
    signature: str = ""
    has_prompts: bool = False

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pre_authentication(self.text)


def statement_text(origins: Iterable[FileOrigin], others: Mapping[str, ContentHash], *, prompts: bool) -> str:
    """The statement in its canonical form. `others` are further files, by path, with their content hashes."""
    files = {one.path: one for one in origins}
    contents = {path: one.content for path, one in files.items()} | dict(others)
    return _canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": path, "digest": {"sha256": content.partition(":")[2]}}
                for path, content in sorted(contents.items())
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "images": {path: _image(one, prompts=prompts) for path, one in files.items()},
                "prompts": prompts,
            },
        }
    )


def signed_text_of(statement: str, signature: str) -> str:
    """A DSSE envelope around a statement."""
    payload = base64.b64encode(statement.encode("ascii")).decode("ascii")
    return _canonical({"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": signature}]})


def pre_authentication(statement: str) -> bytes:
    """The bytes that DSSE signs: type and payload, each with its length."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(statement)} {statement}".encode("ascii")


def read_statement(data: bytes) -> Statement:
    """A statement or an envelope in the form in which this module writes them. ProjectError for anything else."""
    try:
        text = data.decode("ascii").removesuffix("\n")
        document = json.loads(text)
        signature = ""
        if isinstance(document, dict) and "payloadType" in document:
            _same(text, document)
            text, signature = _opened(document)
            document = json.loads(text)
        _same(text, document)
        return Statement(_subjects(document), text, signature, document["predicate"]["prompts"] is True)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise _refused("it is not a statement of a release") from error


def _opened(envelope: Mapping[str, Any]) -> tuple[str, str]:
    """The payload and the signature of an envelope."""
    payload = base64.b64decode(envelope["payload"], validate=True)
    ((signature,),) = ([each["sig"] for each in envelope["signatures"]],)
    again = base64.b64encode(base64.b64decode(signature, validate=True)).decode("ascii")
    if envelope["payloadType"] != PAYLOAD_TYPE or signature != again:
        raise ValueError
    if base64.b64encode(payload).decode("ascii") != envelope["payload"]:
        raise ValueError
    return payload.decode("ascii"), signature


def _subjects(document: Mapping[str, Any]) -> dict[str, str]:
    kind = document["predicateType"]
    if document["_type"] != STATEMENT_TYPE or kind != PREDICATE_TYPE:
        if isinstance(kind, str) and _VERSIONED.fullmatch(kind):
            raise _refused("it was written by a newer version of reconciler", "update image-reconciler")
        raise ValueError
    found: dict[str, str] = {}
    for each in document["subject"]:
        path, digest = each["name"], each["digest"]["sha256"]
        if path in found or project_path(path) != path or not _SHA256.fullmatch(digest):
            raise ValueError
        found[path] = digest
    return found


def _same(text: str, document: Any) -> None:
    """Refuse a document in another form than ours: a byte in it was changed, or another program wrote it."""
    if _canonical(document) != text:
        raise ValueError


def _refused(fact: str, hint: str = _MAKE) -> ProjectError:
    return ProjectError(f"the statement is refused: {fact}", hint=hint)


def _canonical(document: Any) -> str:
    """One line of ASCII, in which no text is a command to a CI service that shows it."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return re.sub(COMMAND, r"#\\u0023", text) if "##" in text else text


def _image(one: FileOrigin, *, prompts: bool) -> dict[str, Any]:
    """What the statement says of one image; only what is known."""
    made, terms = one.made, one.terms
    found: dict[str, Any] = {
        "assets": list(one.assets),
        "generated": one.disclosure,
        "digitalSourceType": one.term,
        "derivedFrom": one.set_name,
        "model": one.model,
        "provider": made.provider if made is not None else "",
        "at": made.at if made is not None else "",
        "editedFrom": made.edited if made is not None else "",
        "convertedFrom": one.original,
        "recipe": one.key,
        "references": [_reference(each) for each in one.used],
        "license": one.rights.license,
        "source": one.rights.source,
        "credit": one.rights.credit,
        "alt": one.alt,
        "terms": {"vendor": terms.vendor, "url": terms.url, "read": terms.read} if terms is not None else None,
        "prompt": one.prompt if prompts else "",
        "review": _review(one),
    }
    return {name: said for name, said in found.items() if said not in ("", None, [], {})}


def _reference(each: UsedPicture) -> dict[str, str]:
    named = {"asset": each.asset or "", "path": each.path, "digitalSourceType": each.term}
    return {"content": each.content, **{name: text for name, text in named.items() if text}}


def _review(one: FileOrigin) -> dict[str, Any]:
    verdicts = [{"by": each.by, "at": each.at, "verdict": each.judgement.value} for each in one.standing.verdicts]
    return {"state": one.standing.state.value, "verdicts": verdicts} if verdicts else {}
